//! People as objects show them, beside the accounts that have a UUID.

use std::collections::BTreeSet;

use bucketload_model::{AccountId, AccountUuid};
use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::{FORMER_USER, LONGEST_NAME_BYTES, NameKind};
use crate::IssueOrigin;

/// Fields of an issue export with one person, and with many.
const PERSON_FIELDS: [&str; 3] = ["user", "reporter", "assignee"];
const PEOPLE_FIELDS: [&str; 2] = ["watchers", "voters"];

/// Whom some objects tell of: accounts without a UUID, people whom only an export of issues
/// names, and those whom a rendered text mentions.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PeopleMet {
    pub(crate) names: BTreeSet<MetName>,
    newest: Option<DateTime<Utc>>,
}

/// A name, and whose.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct MetName {
    /// The UUID or the account id; empty where the name is all that is known.
    pub(crate) person: String,
    pub(crate) kind: NameKind,
    pub(crate) name: String,
    pub(crate) account_id: Option<String>,
    pub(crate) is_former: bool,
}

/// What an account's object may say beside its ids and names.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct AccountState {
    #[serde(default)]
    account_status: Option<Value>,
    #[serde(default)]
    username: Option<Value>,
}

impl PeopleMet {
    /// Takes in an object as it was sent. What is no JSON tells of nobody.
    pub fn learn(&mut self, source: &str, origin: IssueOrigin) {
        let Ok(object) = serde_json::from_str::<Value>(source) else {
            return;
        };
        if origin == IssueOrigin::IssueExport {
            self.learn_usernames(&object);
            self.learn_time(&object);
        }
        self.walk(&object, origin);
    }

    /// When the latest of the objects of an export was written or changed: the export, and
    /// with it the names in it, is at least as new.
    pub const fn newest(&self) -> Option<DateTime<Utc>> {
        self.newest
    }

    fn learn_time(&mut self, object: &Value) {
        let times = ["created_on", "updated_on"].into_iter().filter_map(|name| {
            let text = object.get(name)?.as_str()?;
            Some(DateTime::parse_from_rfc3339(text).ok()?.to_utc())
        });
        self.newest = times.chain(self.newest).max();
    }

    /// The older form of an export has nothing but the name of an account.
    fn learn_usernames(&mut self, object: &Value) {
        let one = PERSON_FIELDS.iter().filter_map(|name| object.get(name));
        let many = PEOPLE_FIELDS.iter().filter_map(|name| object.get(name));
        let many = many.filter_map(Value::as_array).flatten();
        let names: Vec<_> = one.chain(many).filter_map(Value::as_str).collect();
        for name in names {
            self.add(None, NameKind::Username, name, false);
        }
    }

    fn walk(&mut self, value: &Value, origin: IssueOrigin) {
        match value {
            Value::Array(list) => list.iter().for_each(|one| self.walk(one, origin)),
            Value::Object(fields) => {
                self.learn_account(fields, origin);
                for (name, one) in fields {
                    match one {
                        Value::String(html) if name == "html" => self.learn_mentions(html),
                        other => self.walk(other, origin),
                    }
                }
            }
            _ => {}
        }
    }

    /// Accounts with a UUID have rows of their own.
    fn learn_account(&mut self, fields: &Map<String, Value>, origin: IssueOrigin) {
        let text = |name| fields.get(name).and_then(Value::as_str);
        let is_account = match origin {
            IssueOrigin::Bitbucket => matches!(text("type"), Some("user" | "team" | "app_user")),
            IssueOrigin::IssueExport => fields.contains_key("account_id"),
        };
        let has_uuid = text("uuid").is_some_and(|uuid| uuid.parse::<AccountUuid>().is_ok());
        if !is_account || has_uuid {
            return;
        }
        let id = text("account_id").filter(|id| id.parse::<AccountId>().is_ok());
        // Bitbucket leaves the UUID out of accounts that are gone; an export has none ever.
        let is_former = origin == IssueOrigin::Bitbucket;
        for kind in [NameKind::DisplayName, NameKind::Nickname] {
            self.add(id, kind, text(kind.name()).unwrap_or_default(), is_former);
        }
    }

    fn learn_mentions(&mut self, html: &str) {
        for (id, name) in rendered_mentions(html) {
            self.add(Some(id), NameKind::Mention, &name, false);
        }
    }

    fn add(&mut self, id: Option<&str>, kind: NameKind, name: &str, is_former: bool) {
        let id = id.map(ToOwned::to_owned);
        let person = id.clone().unwrap_or_default();
        self.names
            .extend(MetName::new(person, id, kind, name, is_former));
    }
}

impl MetName {
    /// A name, if it is one.
    pub(crate) fn new(
        person: String,
        account_id: Option<String>,
        kind: NameKind,
        name: &str,
        is_former: bool,
    ) -> Option<Self> {
        let is_name = !name.trim().is_empty() && name.len() <= LONGEST_NAME_BYTES;
        is_name.then(|| Self {
            person,
            kind,
            // As the database keeps it, so that each is there once.
            name: name.replace('\0', "\u{FFFD}"),
            account_id,
            is_former: is_former || name == FORMER_USER,
        })
    }
}

impl AccountState {
    pub(crate) fn of(source: &str) -> Self {
        serde_json::from_str(source).unwrap_or_default()
    }

    /// “Currently the only possible value is "active", but more values may be added.”
    pub(crate) fn is_former(&self) -> bool {
        let status = self.account_status.as_ref().and_then(Value::as_str);
        status.is_some_and(|status| status != "active")
    }

    pub(crate) fn username(&self) -> Option<&str> {
        self.username.as_ref()?.as_str()
    }
}

/// Account ids and names of `<span class="ap-mention" data-atlassian-id="557058:…">@Anna</span>`,
/// which is how Bitbucket renders a mention.
fn rendered_mentions(html: &str) -> impl Iterator<Item = (&str, String)> {
    html.split("<span ").skip(1).filter_map(|span| {
        let (attributes, rest) = span.split_once('>')?;
        let class = attribute(attributes, "class")?;
        let id = attribute(attributes, "data-atlassian-id")?;
        let is_mention = class.split(' ').any(|name| name == "ap-mention");
        let id = Some(id).filter(|id| is_mention && id.parse::<AccountId>().is_ok())?;
        let text = rest.split('<').next()?;
        // Not worth looking at; the letters of one name may be written as five each.
        let text = Some(text).filter(|text| text.len() <= 6 * LONGEST_NAME_BYTES)?;
        let name = unescaped(text.trim().trim_start_matches('@'));
        Some((id, name))
    })
}

fn attribute<'a>(attributes: &'a str, name: &str) -> Option<&'a str> {
    let value = attributes.split_once(&format!("{name}=\""))?.1;
    Some(value.split_once('"')?.0)
}

/// Text out of HTML. The ampersand last: what it begins then is no letter of the markup.
fn unescaped(text: &str) -> String {
    text.replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&quot;", "\"")
        .replace("&#39;", "'")
        .replace("&#x27;", "'")
        .replace("&amp;", "&")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn met(source: &str, origin: IssueOrigin) -> Vec<(String, NameKind, String, bool)> {
        let mut met = PeopleMet::default();
        met.learn(source, origin);
        let names = met.names.into_iter();
        names
            .map(|one| (one.person, one.kind, one.name, one.is_former))
            .collect()
    }

    #[test]
    fn a_rendered_mention_tells_a_name() {
        let source = r#"{"content": {"html": "<p>Ask <span class=\"ap-mention\" data-atlassian-id=\"557058:ab\">@Anna &amp; K&#39;o &amp;lt;</span>, <span data-atlassian-id=\"712020:cd\" class=\"x ap-mention\">@Jo</span> and <span class=\"no-ap-mention\" data-atlassian-id=\"557058:no\">@No</span> <span class=\"ap-mention\" data-atlassian-id=\"<b>\">@No</span>"}}"#;
        let expected = [("557058:ab", "Anna & K'o &lt;"), ("712020:cd", "Jo")];
        let expected = expected.map(|(id, name)| {
            let (id, name) = (id.to_owned(), name.to_owned());
            (id, NameKind::Mention, name, false)
        });
        assert_eq!(met(source, IssueOrigin::Bitbucket), expected);
    }

    #[test]
    fn accounts_without_a_uuid_are_people_who_are_gone() {
        let source = r#"{
            "author": {"type": "user", "display_name": "Anna", "nickname": "an"},
            "user": {"type": "user", "display_name": "Former user", "account_id": "557058:ab"},
            "reviewer": {"type": "user", "uuid": "{7b764bc5-c3f3-4910-a90b-4cdc229a66b7}",
                "display_name": "Has rows of her own"},
            "repository": {"type": "repository", "display_name": null}
        }"#;
        let expected = [
            ("", NameKind::DisplayName, "Anna", true),
            ("", NameKind::Nickname, "an", true),
            ("557058:ab", NameKind::DisplayName, FORMER_USER, true),
        ];
        let expected =
            expected.map(|(id, kind, name, former)| (id.into(), kind, name.into(), former));
        assert_eq!(met(source, IssueOrigin::Bitbucket), expected);
    }

    #[test]
    fn exports_of_issues_name_people_in_two_ways() {
        let newer = r#"{"reporter": {"display_name": "Anna", "account_id": "557058:ab"},
            "assignee": null, "voters": [{"display_name": "Jo", "account_id": null}]}"#;
        let expected = [
            ("", NameKind::DisplayName, "Jo", false),
            ("557058:ab", NameKind::DisplayName, "Anna", false),
        ];
        let expected =
            expected.map(|(id, kind, name, former)| (id.into(), kind, name.into(), former));
        assert_eq!(met(newer, IssueOrigin::IssueExport), expected);

        let older = r#"{"user": "anna", "watchers": ["jo", "anna", ""], "content": "@anna"}"#;
        let named = met(older, IssueOrigin::IssueExport);
        let named: Vec<_> = named.iter().map(|one| (one.1, one.2.as_str())).collect();
        assert_eq!(
            named,
            [(NameKind::Username, "anna"), (NameKind::Username, "jo")]
        );
        // Bitbucket itself has texts of other meaning in such fields.
        assert_eq!(met(older, IssueOrigin::Bitbucket), []);
    }

    #[test]
    fn the_newest_object_tells_how_old_an_export_is() {
        let mut met = PeopleMet::default();
        for source in [
            r#"{"created_on": "2019-03-06T21:16:08.338105+00:00", "updated_on": null}"#,
            r#"{"created_on": "2012-01-01T00:00:00Z", "updated_on": "2020-05-06T00:00:00Z"}"#,
            r#"{"created_on": "soon"}"#,
            "no JSON",
        ] {
            met.learn(source, IssueOrigin::IssueExport);
        }
        let newest = met.newest().map(|time| time.to_rfc3339());
        assert_eq!(newest.as_deref(), Some("2020-05-06T00:00:00+00:00"));
    }

    #[test]
    fn what_is_longer_than_any_name_is_none() {
        for name in ["", " ", &"a".repeat(LONGEST_NAME_BYTES + 1)] {
            let name = MetName::new(String::new(), None, NameKind::Nickname, name, false);
            assert_eq!(name, None);
        }
    }
}
