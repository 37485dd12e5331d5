//! Addresses in texts.

use std::ops::Range;

use bucketload_model::RepositoryName;
use url::Url;

/// What an address without a host is below, as in Bitbucket's own pages.
const ROOT: &str = "https://bitbucket.org/";

/// Longer ones no server takes.
const LONGEST_BYTES: usize = 8 * 1024;

/// Reads an address of the web as a text has it, in the form in which images are known by
/// theirs. One with a user in it is none: it would be kept and shown.
pub fn address(link: &str) -> Option<Url> {
    let link = link.trim();
    if link.len() > LONGEST_BYTES {
        return None;
    }
    let mut url = match Url::parse(link) {
        Ok(url) => url,
        // Others are relative to a page that is not known here.
        Err(_) if link.starts_with('/') => Url::parse(ROOT).ok()?.join(link).ok()?,
        Err(_) => return None,
    };
    let is_web = matches!(url.scheme(), "http" | "https") && url.host().is_some();
    if !is_web || !url.username().is_empty() || url.password().is_some() {
        return None;
    }
    url.set_fragment(None);
    if url.host_str() == Some("bitbucket.org") && url.port().is_none() {
        // As in old texts; it is one address.
        url.set_scheme("https").ok()?;
    }
    Some(url)
}

/// The places in a text where something stands that begins as one of `beginnings`, and may be
/// an address that nothing marks as one. What ends a sentence is none of it.
///
/// A text may be nothing but beginnings: the end is looked for once for all that share it.
pub fn bare_addresses(text: &str, beginnings: &[&str]) -> impl Iterator<Item = Range<usize>> {
    let mut end = 0;
    text.match_indices("http").filter_map(move |(at, _)| {
        let rest = &text[at..];
        if !beginnings.iter().any(|begin| rest.starts_with(begin)) {
            return None;
        }
        if at >= end {
            let whole = rest.find(ends_an_address).unwrap_or(rest.len());
            let link = rest[..whole].trim_end_matches(is_of_the_sentence);
            end = at + link.len();
        }
        Some(at..end)
    })
}

fn ends_an_address(letter: char) -> bool {
    letter.is_whitespace() || matches!(letter, '<' | '>' | '"' | ')' | ']' | '|' | '}')
}

fn is_of_the_sentence(letter: char) -> bool {
    matches!(letter, '.' | ',' | ';' | ':' | '!' | '?' | '\'' | '*' | '_')
}

/// Whether an address is that of a file of the repository itself, which comes home with its
/// history or its downloads.
pub(super) fn is_of_repository(url: &Url, name: &RepositoryName) -> bool {
    let is_ours = matches!(url.host_str(), Some("bitbucket.org" | "bytebucket.org"));
    let below = format!("/{}/{}/", name.workspace, name.slug);
    let Some(rest) = url.path().strip_prefix(below.as_str()) else {
        return false;
    };
    is_ours
        && ["raw/", "src/", "downloads/"]
            .iter()
            .any(|list| rest.starts_with(list))
}

/// An image that somebody pasted into a text: `/repo/<hash>/images/<number>-<name>`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Pasted {
    /// Stands for the repository.
    pub(super) hash: String,
    /// `<number>-<name>`, as people read it.
    pub(crate) name: String,
}

impl Pasted {
    /// What an address says of one, by its path alone.
    pub(crate) fn of(url: &Url) -> Option<Self> {
        let parts: Vec<&str> = url.path_segments()?.collect();
        let ["repo", hash, "images", name] = parts.as_slice() else {
            return None;
        };
        let is_hash = !hash.is_empty() && hash.chars().all(|c| c.is_ascii_alphanumeric());
        let (number, rest) = name.split_once('-')?;
        let is_number = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
        (is_hash && is_number && !rest.is_empty()).then(|| Self {
            hash: (*hash).to_owned(),
            name: decoded(name),
        })
    }
}

/// A segment of a path without its percent signs.
pub(super) fn decoded(segment: &str) -> String {
    let mut bytes = Vec::with_capacity(segment.len());
    let mut rest = segment.as_bytes();
    while let [first, tail @ ..] = rest {
        let digits = tail
            .get(..2)
            .and_then(|pair| std::str::from_utf8(pair).ok());
        let digits = digits.filter(|pair| pair.bytes().all(|byte| byte.is_ascii_hexdigit()));
        match digits.and_then(|pair| u8::from_str_radix(pair, 16).ok()) {
            Some(byte) if *first == b'%' => {
                bytes.push(byte);
                rest = &tail[2..];
            }
            _ => {
                bytes.push(*first);
                rest = tail;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_those_of_the_web() {
        for (link, expected) in [
            (
                " https://example.org/a b.png#top ",
                Some("https://example.org/a%20b.png"),
            ),
            (
                "http://bitbucket.org/repo/x/images/1-a",
                Some("https://bitbucket.org/repo/x/images/1-a"),
            ),
            (
                "/repo/x/images/1-a.png",
                Some("https://bitbucket.org/repo/x/images/1-a.png"),
            ),
            ("//example.org/a.png", Some("https://example.org/a.png")),
            ("http://example.org/a.png", Some("http://example.org/a.png")),
            ("images/a.png", None),
            ("data:image/png;base64,AAAA", None),
            ("file:///etc/passwd", None),
            ("javascript:alert(1)", None),
            ("https://ann:s3cret@example.org/a.png", None),
            ("https://", None),
            ("", None),
        ] {
            let found = address(link);
            assert_eq!(found.as_ref().map(Url::as_str), expected, "{link}");
        }
        assert_eq!(
            address(&format!("https://example.org/{}", "x".repeat(9000))),
            None
        );
    }

    #[test]
    fn bare_addresses_end_where_the_sentence_does() {
        let text = "See *https://a.example/b_c?d=(e)*. Or http://b.example/!\nhttps://";
        let found = |beginnings: &[&str]| -> Vec<&str> {
            let places = bare_addresses(text, beginnings);
            places.map(|place| &text[place]).collect()
        };
        let all = [
            "https://a.example/b_c?d=(e",
            "http://b.example/",
            "https://",
        ];
        assert_eq!(found(&["https://", "http://"]), all);
        assert_eq!(found(&["http://b"]), [all[1]]);
    }

    /// Looked at from each beginning on, this would take hours.
    #[test]
    fn a_text_of_nothing_but_beginnings_is_read_once() {
        let count = 1_000_000;
        let text = "https://".repeat(count) + &".".repeat(count);
        let places = bare_addresses(&text, &["https://"]);
        assert_eq!(places.filter(|place| place.end == 8 * count).count(), count);
    }

    #[test]
    fn files_of_the_repository_come_home_otherwise() {
        let name = "teapots/kettle".parse().unwrap();
        for (url, expected) in [
            ("https://bitbucket.org/teapots/kettle/raw/main/a.png", true),
            ("https://bytebucket.org/teapots/kettle/raw/main/a.png", true),
            ("https://bitbucket.org/teapots/kettle/downloads/a.png", true),
            (
                "https://bitbucket.org/teapots/kettle-2/raw/main/a.png",
                false,
            ),
            ("https://example.org/teapots/kettle/raw/main/a.png", false),
            ("https://bitbucket.org/repo/x/images/1-a.png", false),
        ] {
            assert_eq!(
                is_of_repository(&url.parse().unwrap(), &name),
                expected,
                "{url}"
            );
        }
    }

    #[test]
    fn pasted_images_are_known_by_their_path() {
        let of = |url: &str| Pasted::of(&url.parse().unwrap());
        let pasted = of("https://bitbucket.org/repo/oAndzz/images/5-Screenshot%20from%2010:59.png");
        let pasted = pasted.unwrap();
        assert_eq!(pasted.hash, "oAndzz");
        assert_eq!(pasted.name, "5-Screenshot from 10:59.png");
        for other in [
            "repo/x/images/544",
            "repo/x/images/a-b.png",
            "repo/x/images/",
            "repo/x/images/1-a/b",
            "repo//images/1-a",
            "a/b/images/1-a",
        ] {
            assert_eq!(
                of(&format!("https://bitbucket.org/{other}")),
                None,
                "{other}"
            );
        }
    }

    #[test]
    fn percent_signs_are_read_where_they_mean_something() {
        assert_eq!(decoded("a%20b%C3%BC"), "a bü");
        assert_eq!(decoded("100%"), "100%");
        assert_eq!(decoded("%zz%+1%2"), "%zz%+1%2");
        assert_eq!(decoded("%ff"), "\u{FFFD}");
    }
}
