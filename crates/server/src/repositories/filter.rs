//! Which pull requests or issues somebody looks for: the filter as it stands in addresses.

use bucketload_archive::DiscussionFilter;
use url::form_urlencoded::{self, Serializer};

/// A longer text finds nothing.
const MAX_TEXT_CHARS: usize = 200;

/// What somebody looks for. What cannot be read is left out, and shows in the page.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Chosen {
    /// As Bitbucket calls it.
    pub(crate) state: Option<String>,
    /// A part of the title, or `#` and the number.
    pub(crate) text: String,
    pub(crate) author: String,
    /// Where the page before ended.
    pub(crate) before: Option<i64>,
}

fn cleaned(text: &str) -> String {
    let text = text.trim().chars().take(MAX_TEXT_CHARS);
    text.filter(|one| !one.is_control()).collect()
}

impl Chosen {
    /// Reads what stands in a query.
    pub(crate) fn read(query: &[u8]) -> Self {
        let mut chosen = Self::default();
        for (name, value) in form_urlencoded::parse(query) {
            let value = cleaned(&value);
            match &*name {
                "state" => chosen.state = Some(value).filter(|state| !state.is_empty()),
                "q" => chosen.text = value,
                "author" => chosen.author = value,
                "before" => chosen.before = value.parse().ok(),
                _ => {}
            }
        }
        chosen
    }

    /// Whether everything is shown, from its beginning.
    pub(crate) fn is_plain(&self) -> bool {
        *self == Self::default()
    }

    /// Whether titles or names are looked through, which goes some way at a time.
    pub(crate) fn is_search(&self) -> bool {
        self.id().is_none() && !(self.text.is_empty() && self.author.is_empty())
    }

    /// The same with another state, from its beginning.
    pub(crate) fn with_state(&self, state: Option<&str>) -> Self {
        Self {
            state: state.map(ToOwned::to_owned),
            before: None,
            ..self.clone()
        }
    }

    /// The address of this list, or of its page that begins below a number.
    pub(crate) fn address(&self, path: &str, before: Option<i64>) -> String {
        let mut query = Serializer::new(String::new());
        let texts = [("q", &self.text), ("author", &self.author)];
        let state = self.state.iter().map(|state| ("state", state));
        for (name, value) in state.chain(texts.into_iter().filter(|(_, text)| !text.is_empty())) {
            query.append_pair(name, value);
        }
        if let Some(before) = before {
            query.append_pair("before", &before.to_string());
        }
        match query.finish() {
            query if query.is_empty() => path.to_owned(),
            query => format!("{path}?{query}"),
        }
    }

    fn id(&self) -> Option<i64> {
        self.text.strip_prefix('#')?.parse().ok()
    }

    /// What it asks of the archive.
    pub(crate) fn filter(&self, limit: u32) -> DiscussionFilter {
        let some = |text: &String| (!text.is_empty()).then(|| text.clone());
        let id = self.id();
        DiscussionFilter {
            id,
            state: self.state.clone(),
            text: some(&self.text).filter(|_| id.is_none()),
            author: some(&self.author),
            before: self.before,
            limit,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_is_its_address() {
        let chosen = Chosen::read(b"q=+tea%26pot%0A&state=on+hold&author=Anna&before=x");
        assert_eq!(chosen.text, "tea&pot");
        assert_eq!(chosen.before, None);
        let address = chosen.address("issues", None);
        assert_eq!(address, "issues?state=on+hold&q=tea%26pot&author=Anna");
        let (_, query) = address.split_once('?').unwrap();
        assert_eq!(Chosen::read(query.as_bytes()), chosen);
        assert!(chosen.is_search() && !chosen.is_plain());
        let numbered = Chosen::read(b"q=%2317");
        let filter = numbered.filter(9);
        assert_eq!((filter.id, filter.text), (Some(17), None));
        assert!(!numbered.is_search());
        assert_eq!(Chosen::read(b"q=17").filter(9).id, None);
        assert_eq!(Chosen::default().address("issues", None), "issues");
    }
}
