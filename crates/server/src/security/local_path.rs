//! Where to go on after a sign-in: a page of ours, and never another site's.

use url::Url;

/// Any address will do: only whether it is left again is looked at.
const SOMEWHERE: &str = "http://here.invalid";

const MAX_CHARS: usize = 500;

/// The path and query of one of our own pages, or the first page for anything else.
///
/// A browser reads `//host`, `/\host` and `\t//host` as other sites, so what the URL
/// standard makes of the text decides, not what it looks like.
pub(crate) fn local_path(text: &str) -> String {
    let first_page = || "/".to_owned();
    let is_plain = text.len() <= MAX_CHARS
        && text.starts_with('/')
        && !text.contains('\\')
        && !text.chars().any(char::is_control);
    if !is_plain {
        return first_page();
    }
    let Ok(base) = Url::parse(SOMEWHERE) else {
        return first_page();
    };
    match base.join(text) {
        // A path of two slashes would be another site in the header that it goes into.
        Ok(url) if url.origin() == base.origin() && !url.path().starts_with("//") => {
            url[url::Position::BeforePath..url::Position::AfterQuery].to_owned()
        }
        _ => first_page(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_pages_are_kept() {
        for path in [
            "/",
            "/account",
            "/administration/audit?before=ab",
            "/a/b?c=d%2F",
        ] {
            assert_eq!(local_path(path), path);
        }
        assert_eq!(local_path("/account#tokens"), "/account");
        assert_eq!(local_path("/a/../account"), "/account");
    }

    #[test]
    fn other_sites_are_not() {
        for text in [
            "",
            "account",
            "https://evil.example",
            "//evil.example",
            "///evil.example",
            "/\\evil.example",
            "\\\\evil.example",
            "/\t/evil.example",
            "/\n/evil.example",
            "\t//evil.example",
            " //evil.example",
            "javascript:alert(1)",
            "data:text/html,x",
            "/..//evil.example",
            "/./\u{2f}evil.example",
            "/.//evil.example",
            "/%09/../..//evil.example",
            "http:evil.example",
            &format!("/{}", "a".repeat(MAX_CHARS)),
        ] {
            assert_eq!(local_path(text), "/", "{text:?}");
        }
    }
}
