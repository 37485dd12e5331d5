//! Entity tags (RFC 9110, section 8.8.3): the version of an answer.

use std::fmt;

/// The longest tag that is kept. Bitbucket's have 35 characters.
const MAX_LENGTH: usize = 256;

/// What an answer calls its version, as it was sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EntityTag(String);

impl EntityTag {
    /// A tag, if it is one: a quoted text, with `W/` before it if it is weak.
    pub fn new(text: &str) -> Option<Self> {
        let opaque = text.strip_prefix("W/").unwrap_or(text);
        let inner = opaque.strip_prefix('"')?.strip_suffix('"')?;
        let is_tag = text.len() <= MAX_LENGTH
            && inner
                .bytes()
                .all(|byte| byte.is_ascii_graphic() && byte != b'"');
        is_tag.then(|| Self(text.to_owned()))
    }

    /// As it was sent.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for EntityTag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_is_a_quoted_text() {
        for (text, fine) in [
            (r#""abc""#, true),
            (r#"W/"abc""#, true),
            (r#""""#, true),
            ("abc", false),
            (r#"""#, false),
            (r#""a"b""#, false),
            (r#""a b""#, false),
            ("*", false),
            ("", false),
        ] {
            assert_eq!(EntityTag::new(text).is_some(), fine, "{text}");
        }
        assert_eq!(EntityTag::new(&format!("\"{}\"", "x".repeat(300))), None);
    }
}
