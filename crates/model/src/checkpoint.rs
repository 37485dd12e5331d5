//! Where a stage goes on after an interruption.

use serde::{Deserialize, Serialize};

/// Where a stage goes on. Saved in the transaction that stores what is before it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Checkpoint {
    /// Everything before this page of the list is stored.
    NextPage(String),
    /// The whole list is stored.
    EndOfList,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_stored_form_stays_readable() {
        for (checkpoint, text) in [
            (
                Checkpoint::NextPage("https://x/?page=2".into()),
                r#"{"next_page":"https://x/?page=2"}"#,
            ),
            (Checkpoint::EndOfList, r#""end_of_list""#),
        ] {
            assert_eq!(serde_json::to_string(&checkpoint).unwrap(), text);
            assert_eq!(
                serde_json::from_str::<Checkpoint>(text).unwrap(),
                checkpoint
            );
        }
    }
}
