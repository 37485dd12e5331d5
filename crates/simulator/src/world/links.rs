//! The roots that links start with.

use std::fmt::Write as _;

/// Where the simulator can be reached.
#[derive(Debug, Clone)]
pub(crate) struct Links {
    /// The REST root, without a slash at the end.
    pub(crate) api: String,
    /// The root of pages and git, without a slash at the end.
    pub(crate) web: String,
    /// The root of the file store, another origin, without a slash at the end.
    pub(crate) storage: String,
}

/// Braces as they stand in a link: `{…}` becomes `%7B…%7D`.
pub(crate) fn braces(uuid: &str) -> String {
    uuid.replace('{', "%7B").replace('}', "%7D")
}

/// The name of a ref as it stands in a link: percent-encoded but for its slashes.
pub(crate) fn ref_name(name: &str) -> String {
    let mut encoded = String::new();
    for byte in name.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~/!$&'()*+,;=:@".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            // Writing to a String cannot fail.
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
    encoded
}

/// The REST root in what was recorded.
pub(crate) const RECORDED_API: &str = "https://api.bitbucket.org/2.0";

/// Lets every link below the REST root lead to the simulator.
pub(crate) fn rewrite(value: &mut serde_json::Value, links: &Links) {
    use serde_json::Value;
    match value {
        Value::String(text) => {
            if let Some(rest) = text.strip_prefix(RECORDED_API) {
                *text = format!("{}{rest}", links.api);
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| rewrite(item, links)),
        Value::Object(object) => object.values_mut().for_each(|item| rewrite(item, links)),
        _ => {}
    }
}
