//! The query string of a request, kept in order so that `next` can repeat it.

/// Decoded `name=value` pairs in the order they came.
#[derive(Debug, Clone, Default)]
pub(crate) struct Params(Vec<(String, String)>);

impl Params {
    pub(crate) fn parse(query: Option<&str>) -> Self {
        Self(
            url::form_urlencoded::parse(query.unwrap_or_default().as_bytes())
                .into_owned()
                .collect(),
        )
    }

    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.0
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    }

    pub(crate) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0
            .iter()
            .filter(move |(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    }

    /// The query string without these parameters.
    pub(crate) fn without(&self, names: &[&str]) -> String {
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        for (name, value) in self
            .0
            .iter()
            .filter(|(name, _)| !names.contains(&name.as_str()))
        {
            query.append_pair(name, value);
        }
        query.finish()
    }

    /// The query string without the cursor, and with `cursor` put in its place at the end.
    pub(crate) fn with_cursor(&self, cursor: Option<(&str, &str)>) -> String {
        let mut query = self.without(&["page", "ctx"]);
        if let Some((name, value)) = cursor {
            let separator = if query.is_empty() { "" } else { "&" };
            // Cursors are letters and digits.
            query.push_str(&[separator, name, "=", value].concat());
        }
        query
    }
}
