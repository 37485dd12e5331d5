//! Which imports somebody looks at: the filter as it stands in addresses and forms.

use bucketload_archive::ImportFilter;
use bucketload_model::{ImportId, ImportState, WorkspaceSlug};
use url::form_urlencoded::{self, Serializer};

/// A text longer than that finds nothing.
const MAX_TEXT_CHARS: usize = 200;

/// A filter that somebody chose. What cannot be read is left out, and shows in the page.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Chosen {
    pub(crate) states: Vec<ImportState>,
    pub(crate) workspace: Option<WorkspaceSlug>,
    pub(crate) text: String,
    /// Where the page before ended.
    pub(crate) before: Option<ImportId>,
}

impl Chosen {
    /// Reads what stands in a query or a form.
    pub(crate) fn read(text: &[u8]) -> Self {
        let mut chosen = Self::default();
        for (name, value) in form_urlencoded::parse(text) {
            match &*name {
                "state" => chosen.states.extend(value.parse::<ImportState>()),
                "workspace" => chosen.workspace = value.parse().ok(),
                "q" => {
                    let text = value.trim().chars().take(MAX_TEXT_CHARS);
                    chosen.text = text.filter(|one| !one.is_control()).collect();
                }
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

    /// The same imports, with the fields by name.
    pub(crate) fn fields(&self) -> Vec<(&'static str, String)> {
        let mut fields: Vec<(&'static str, String)> = self
            .states
            .iter()
            .map(|state| ("state", state.name().to_owned()))
            .collect();
        if let Some(workspace) = &self.workspace {
            fields.push(("workspace", workspace.to_string()));
        }
        if !self.text.is_empty() {
            fields.push(("q", self.text.clone()));
        }
        fields
    }

    /// The address of this list, or of its page that begins behind an import.
    pub(crate) fn address(&self, path: &str, before: Option<ImportId>) -> String {
        let mut query = Serializer::new(String::new());
        for (name, value) in self.fields() {
            query.append_pair(name, &value);
        }
        if let Some(before) = before {
            query.append_pair("before", &before.to_string());
        }
        match query.finish() {
            query if query.is_empty() => path.to_owned(),
            query => format!("{path}?{query}"),
        }
    }

    /// The same with other states.
    pub(crate) fn with_states(&self, states: &[ImportState]) -> Self {
        Self {
            states: states.to_vec(),
            before: None,
            ..self.clone()
        }
    }

    /// What it asks of the archive: the latest import of each repository.
    pub(crate) fn filter(&self, limit: Option<u32>) -> ImportFilter {
        ImportFilter {
            states: self.states.clone(),
            workspace: self.workspace.clone(),
            text: (!self.text.is_empty()).then(|| self.text.clone()),
            only_latest: true,
            before: self.before,
            limit,
            ..ImportFilter::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_is_its_address() {
        let query = b"q=+tea%26pot%0A&state=running&state=failed&state=x&workspace=a&before=1";
        let chosen = Chosen::read(query);
        assert_eq!(chosen.states, [ImportState::Running, ImportState::Failed]);
        assert_eq!(chosen.text, "tea&pot");
        assert_eq!(chosen.before, None);
        let address = chosen.address("/imports", None);
        assert_eq!(
            address,
            "/imports?state=running&state=failed&workspace=a&q=tea%26pot"
        );
        let (_, query) = address.split_once('?').unwrap();
        assert_eq!(Chosen::read(query.as_bytes()), chosen);
        assert!(!chosen.is_plain());
        assert!(Chosen::read(b"page=2").is_plain());
        assert_eq!(Chosen::default().address("/imports", None), "/imports");
    }
}
