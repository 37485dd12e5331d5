//! Names that others gave to files, as headers may have them (RFC 6266, RFC 8187).

use axum::http::HeaderValue;

/// Longer ones some file systems do not take.
const LONGEST_CHARS: usize = 150;

/// Says that a file is to be kept, and under which name.
pub(crate) fn attachment(name: &str) -> HeaderValue {
    let name = safe(name);
    let plain: String = name
        .chars()
        .map(|one| match one {
            '"' | '\\' | '%' => '_',
            one if one.is_ascii() => one,
            _ => '_',
        })
        .collect();
    let encoded: String = name.bytes().map(encoded).collect();
    let value = format!("attachment; filename=\"{plain}\"; filename*=UTF-8''{encoded}");
    HeaderValue::from_str(&value).unwrap_or_else(|_| HeaderValue::from_static("attachment"))
}

/// A byte as it may stand in the value of a parameter.
fn encoded(byte: u8) -> String {
    if byte.is_ascii_alphanumeric() || b"!#$&+-.^_`|~".contains(&byte) {
        char::from(byte).into()
    } else {
        format!("%{byte:02X}")
    }
}

/// A name that is a name, and no path, no line of its own, and not written backwards.
fn safe(name: &str) -> String {
    let letters = name.chars().take(LONGEST_CHARS).map(|one| match one {
        '/' | '\\' | ':' | '<' | '>' | '|' | '?' | '*' => '_',
        one if one.is_control() || turns(one) => '_',
        one => one,
    });
    let name: String = letters.collect();
    let name = name
        .trim()
        .trim_start_matches('.')
        .trim_end_matches(['.', ' ']);
    if name.is_empty() {
        "file".to_owned()
    } else {
        name.to_owned()
    }
}

/// Letters that turn the direction of what follows, or cannot be seen.
const fn turns(letter: char) -> bool {
    matches!(
        letter,
        '\u{200B}'..='\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2066}'..='\u{2069}' | '\u{FEFF}'
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_stays_a_name() {
        for (name, plain, encoded) in [
            ("a b.png", "a b.png", "a%20b.png"),
            ("Übersicht.pdf", "_bersicht.pdf", "%C3%9Cbersicht.pdf"),
            ("../../escape.txt", "_.._escape.txt", "_.._escape.txt"),
            (
                "line\r\nSet-Cookie: x",
                "line__Set-Cookie_ x",
                "line__Set-Cookie_%20x",
            ),
            ("photo\u{202E}gpj.exe", "photo_gpj.exe", "photo_gpj.exe"),
            (
                "a\"; filename=\"b.exe",
                "a_; filename=_b.exe",
                "a%22%3B%20filename%3D%22b.exe",
            ),
            ("100%.log", "100_.log", "100%25.log"),
            ("...", "file", "file"),
        ] {
            let expected = format!("attachment; filename=\"{plain}\"; filename*=UTF-8''{encoded}");
            assert_eq!(attachment(name), expected, "{name:?}");
        }
        let long = attachment(&"ß".repeat(4_000));
        assert!(long.len() < 1_200);
    }
}
