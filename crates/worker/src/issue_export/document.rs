//! The list of issues in an export: `db-2.0.json`, or `db-1.0.json` in older ones.
//!
//! Both are read leniently: people are objects in the one and names in the other, texts are
//! strings or objects, and what is not needed here is not looked at.

use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

/// An export's lists, each object as it was written.
#[derive(Debug, Deserialize)]
pub(super) struct Document<'a> {
    #[serde(borrow)]
    pub(super) issues: Vec<&'a RawValue>,
    #[serde(borrow, default)]
    pub(super) comments: Vec<&'a RawValue>,
    /// Changes. Each is carried by a comment, mostly one without text.
    #[serde(borrow, default)]
    pub(super) logs: Vec<&'a RawValue>,
    #[serde(borrow, default)]
    pub(super) attachments: Vec<&'a RawValue>,
    #[serde(borrow, default)]
    pub(super) components: Vec<&'a RawValue>,
    #[serde(borrow, default)]
    pub(super) milestones: Vec<&'a RawValue>,
    #[serde(borrow, default)]
    pub(super) versions: Vec<&'a RawValue>,
    /// What new issues begin with.
    #[serde(borrow, default)]
    pub(super) meta: Option<&'a RawValue>,
}

/// An object of an export: its fields, and as it was written.
#[derive(Debug)]
pub(crate) struct Entry<'a> {
    fields: Value,
    pub(crate) source: &'a str,
}

/// The objects of a list, and in words those that are none.
#[derive(Debug, Default)]
pub(super) struct Entries<'a> {
    pub(super) items: Vec<Entry<'a>>,
    pub(super) unreadable: Vec<String>,
}

impl<'a> Document<'a> {
    pub(super) fn parse(text: &'a str) -> Result<Self, serde_json::Error> {
        serde_json::from_str(text)
    }

    /// The attachments, those of the same name in the order in which they were made: the
    /// old address of each has the time in it.
    pub(super) fn attachments(&self) -> Entries<'a> {
        let mut entries = read(&self.attachments, "attachment", &["issue"]);
        entries.items.sort_by(|one, other| {
            let order = |entry: &Entry<'_>| {
                let text = |name| entry.text(name).map(ToOwned::to_owned);
                (
                    entry.number("issue"),
                    text("filename"),
                    text("url"),
                    text("path"),
                )
            };
            order(one).cmp(&order(other))
        });
        entries
    }
}

/// Reads a part of a list. Each object has to have whole numbers in the fields `numbers`.
pub(super) fn read<'a>(list: &[&'a RawValue], what: &str, numbers: &[&str]) -> Entries<'a> {
    let mut entries = Entries::default();
    for raw in list {
        let source = raw.get();
        let entry = Entry::parse(source);
        let problem = match &entry {
            Err(error) => Some(error.to_string()),
            Ok(entry) => numbers
                .iter()
                .find(|name| entry.number(name).is_none())
                .map(|name| format!("it has no number “{name}”")),
        };
        match (entry, problem) {
            (Ok(entry), None) => entries.items.push(entry),
            (_, problem) => {
                let excerpt: String = source.chars().take(80).collect();
                let problem = problem.unwrap_or_default();
                entries
                    .unreadable
                    .push(format!("{what} {excerpt}: {problem}"));
            }
        }
    }
    entries
}

impl<'a> Entry<'a> {
    pub(crate) fn parse(source: &'a str) -> Result<Self, serde_json::Error> {
        serde_json::from_str(source).map(|fields| Self { fields, source })
    }

    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        self.fields.get(name)?.as_str()
    }

    pub(super) fn number(&self, name: &str) -> Option<i64> {
        self.fields.get(name)?.as_i64()
    }

    /// The name of a person: an object in the newer form, the name alone in the older one.
    pub(crate) fn person(&self, name: &str) -> Option<&str> {
        let person = self.fields.get(name)?;
        person.as_str().or_else(|| {
            let name = person.get("display_name")?;
            name.as_str()
        })
    }

    /// Where an attachment lies in the export.
    pub(super) fn path(&self) -> Option<&str> {
        self.text("path")
    }
}
