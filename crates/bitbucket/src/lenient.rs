//! Reading fields that may be missing, null or of another type than documented.

use serde::{Deserialize, Deserializer, de::DeserializeOwned};
use serde_json::value::RawValue;

/// Reads a field; anything unexpected reads as absent.
///
/// The object's verbatim source keeps what was really there. The field is taken
/// as text first: a number that fits no type or half a surrogate pair is no
/// mistake of the object around it.
pub(crate) fn scalar<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: DeserializeOwned,
{
    let text = Option::<Box<RawValue>>::deserialize(deserializer)?;
    Ok(text.and_then(|text| serde_json::from_str(text.get()).ok()))
}

/// A nested object: its text as sent, and its typed form where it has one.
#[derive(Debug, Clone)]
pub struct Loose<T> {
    /// The typed form; absent where the object is not what is documented.
    pub value: Option<T>,
    /// The text as sent.
    pub source: Box<RawValue>,
}

impl<'de, T: DeserializeOwned> Deserialize<'de> for Loose<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let source = Box::<RawValue>::deserialize(deserializer)?;
        Ok(Self {
            value: serde_json::from_str(source.get()).ok(),
            source,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Deserialize)]
    struct Sample {
        #[serde(default, deserialize_with = "scalar")]
        title: Option<String>,
        nested: Option<Loose<Vec<u8>>>,
    }

    fn read(text: &str) -> Sample {
        serde_path_to_error::deserialize(&mut serde_json::Deserializer::from_str(text)).unwrap()
    }

    #[test]
    fn unexpected_types_read_as_absent_and_keep_their_text() {
        let sample = read(r#"{"title": {"raw": "x"}, "nested": {"not": "a list"}}"#);
        assert_eq!(sample.title, None);
        let nested = sample.nested.unwrap();
        assert_eq!(nested.value, None);
        assert_eq!(nested.source.get(), r#"{"not": "a list"}"#);
    }

    #[test]
    fn expected_missing_and_null() {
        let sample = read(r#"{"title": "x", "nested": [1, 2]}"#);
        assert_eq!(sample.title.as_deref(), Some("x"));
        assert_eq!(sample.nested.unwrap().value, Some(vec![1, 2]));
        let sample = read(r#"{"title": null, "nested": null}"#);
        assert!(sample.title.is_none() && sample.nested.is_none());
        let sample = read("{}");
        assert!(sample.title.is_none() && sample.nested.is_none());
    }
}
