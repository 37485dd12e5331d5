//! Fields, in the shapes that Bitbucket and its exports give them.

use bucketload_model::Mention;
use serde_json::Value;

use super::Account;
use crate::text::Text;

/// A text in a field, or in one of a field's own.
pub(crate) fn text_at<'a>(value: &'a Value, path: &[&str]) -> Option<&'a str> {
    let found = path.iter().try_fold(value, |value, name| value.get(name))?;
    found.as_str().filter(|text| !text.is_empty())
}

pub(super) fn owned(value: &Value, path: &[&str]) -> Option<String> {
    text_at(value, path).map(ToOwned::to_owned)
}

/// What somebody wrote: an object with the markup beside it, or the text alone.
pub(super) fn written(value: &Value, name: &str) -> Option<Text> {
    let field = value.get(name)?;
    let (raw, markup) = match field.as_str() {
        Some(raw) => (raw, None),
        None => (text_at(field, &["raw"])?, text_at(field, &["markup"])),
    };
    (!raw.trim().is_empty()).then(|| Text::new(raw, markup))
}

/// Somebody: an object of Bitbucket's, one of an export, or a bare username.
pub(super) fn account(value: Option<&Value>) -> Option<Account> {
    let value = value?;
    if let Some(name) = value.as_str() {
        return Some(Account {
            name: Some(name.to_owned()),
            key: Some(Mention::Nickname(name.to_owned())),
        });
    }
    let first = |names: [&str; 3]| names.into_iter().find_map(|name| text_at(value, &[name]));
    let uuid = text_at(value, &["uuid"]).and_then(|uuid| uuid.parse().ok());
    let account_id = text_at(value, &["account_id"]).and_then(|id| id.parse().ok());
    let account = Account {
        name: first(["display_name", "nickname", "username"]).map(ToOwned::to_owned),
        key: uuid
            .map(Mention::Uuid)
            .or_else(|| account_id.map(Mention::Account)),
    };
    (account.name.is_some() || account.key.is_some()).then_some(account)
}

/// A line, or any other number that counts.
pub(super) fn number(value: &Value, name: &str) -> Option<u64> {
    value.get(name)?.as_u64()
}

pub(super) fn is_set(value: &Value, name: &str) -> bool {
    value.get(name).and_then(Value::as_bool) == Some(true)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn people_come_in_three_shapes() {
        let uuid = "{7b764bc5-c3f3-4910-a90b-000000000001}";
        let read = |value: Value| account(Some(&value));
        let anna = read(json!({"display_name": "Anna", "uuid": uuid, "account_id": "1:a"}));
        let anna = anna.unwrap();
        assert_eq!(anna.name.as_deref(), Some("Anna"));
        assert_eq!(anna.key, Some(Mention::Uuid(uuid.parse().unwrap())));
        let exported = read(json!({"display_name": "Anna", "account_id": "557058:a"})).unwrap();
        assert!(matches!(exported.key, Some(Mention::Account(_))));
        let bare = read(json!("anna")).unwrap();
        assert_eq!(bare.key, Some(Mention::Nickname("anna".to_owned())));
        for nobody in [json!(null), json!({}), json!(7), json!({"uuid": "no"})] {
            assert_eq!(read(nobody), None);
        }
    }

    #[test]
    fn what_is_written_comes_in_two_shapes() {
        let object = json!({
            "a": {"raw": "x", "markup": "creole"}, "b": "y", "c": {"raw": null}, "d": " ",
        });
        assert_eq!(written(&object, "a"), Some(Text::new("x", Some("creole"))));
        assert_eq!(written(&object, "b"), Some(Text::new("y", None)));
        for name in ["c", "d", "e"] {
            assert_eq!(written(&object, name), None, "{name}");
        }
    }
}
