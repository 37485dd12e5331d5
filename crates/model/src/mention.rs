//! Mentions of people in the texts that people write.

use std::ops::Range;

use crate::{AccountId, AccountUuid};

/// The longest nickname that is looked for.
const LONGEST_NICKNAME: usize = 64;

/// The longest that is looked for between braces: one letter more than an account id.
const LONGEST_IN_BRACES: usize = 129;

/// Whom a text mentions, as it says so.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Mention {
    /// `@{557058:…}`, which is how Bitbucket's editor writes it.
    Account(AccountId),
    /// `@{…}` with the UUID of the account.
    Uuid(AccountUuid),
    /// `@nickname` or `@{nickname}`, as older texts have it. Nicknames are not unique.
    Nickname(String),
}

impl Mention {
    /// What stands between the braces of a mention.
    fn in_braces(text: &str) -> Option<Self> {
        if let Ok(uuid) = format!("{{{text}}}").parse() {
            return Some(Self::Uuid(uuid));
        }
        // A word of letters alone is a nickname, though an account id could be one.
        let is_digits = text.len() == 24 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        match text.parse() {
            Ok(id) if is_digits || text.contains(':') => Some(Self::Account(id)),
            _ => (1..=LONGEST_NICKNAME)
                .contains(&text.len())
                .then(|| Self::Nickname(text.to_owned())),
        }
    }
}

/// The mentions in a text as it was written, each with its place in it.
///
/// Where a text quotes code, an `@` there is taken for a mention, too: whoever shows the text
/// replaces what names somebody, and leaves the rest. For the same reason one may begin within
/// another, as in `@{see @anna}`.
pub fn mentions(text: &str) -> impl Iterator<Item = (Range<usize>, Mention)> {
    text.match_indices('@').filter_map(|(at, _)| {
        let after = text.get(at + 1..)?;
        let (length, mention) = match after.strip_prefix('{') {
            Some(inner) => braced(inner)?,
            // In the middle of a word, such as an address, it mentions nobody.
            None if text.get(..at)?.ends_with(is_of_a_word) => return None,
            None => plain(after)?,
        };
        Some((at..at + 1 + length, mention))
    })
}

/// A mention and its length, from behind the first brace.
fn braced(inner: &str) -> Option<(usize, Mention)> {
    // A UUID may come with braces of its own.
    let (inner, braces) = match inner.strip_prefix('{') {
        Some(uuid) => (uuid, "}}"),
        None => (inner, "}"),
    };
    // No further than anybody's id: a text may be nothing but open braces.
    let mut letters = inner.char_indices().take(LONGEST_IN_BRACES);
    let (end, _) =
        letters.find(|(_, letter)| matches!(letter, '{' | '}') || letter.is_control())?;
    let (text, rest) = inner.split_at_checked(end)?;
    let mention = Mention::in_braces(text).filter(|_| rest.starts_with(braces))?;
    Some((text.len() + 2 * braces.len(), mention))
}

fn plain(after: &str) -> Option<(usize, Mention)> {
    let end = after.find(|c| !is_of_a_word(c)).unwrap_or(after.len());
    // The end of a sentence is none of a name.
    let name = after.get(..end)?.trim_end_matches(['.', '-']);
    let is_name = (1..=LONGEST_NICKNAME).contains(&name.len());
    is_name.then(|| (name.len(), Mention::Nickname(name.to_owned())))
}

fn is_of_a_word(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '_' | '-' | '.')
}

#[cfg(test)]
mod tests {
    use super::*;

    const UUID: &str = "9ce6f1f3-6d7f-4a3e-9c4e-2d1f3ea1a5b0";

    fn found(text: &str) -> Vec<(&str, Mention)> {
        let found = mentions(text);
        found.map(|(place, who)| (&text[place], who)).collect()
    }

    fn account(id: &str) -> Mention {
        Mention::Account(id.parse().unwrap())
    }

    fn nickname(name: &str) -> Mention {
        Mention::Nickname(name.to_owned())
    }

    #[test]
    fn every_shape_of_a_mention_is_found_where_it_stands() {
        let of_2018 = format!("557058:{UUID}");
        let uuid = Mention::Uuid(format!("{{{UUID}}}").parse().unwrap());
        let digits = "5b10a2844c20165700ede21f";
        let text = format!(
            "Ask @{{{of_2018}}}, @{{{UUID}}} or @{{{{{UUID}}}}}; cc @{{{digits}}}, @{{anna k}} and @anna.k."
        );
        let expected = [
            (format!("@{{{of_2018}}}"), account(&of_2018)),
            (format!("@{{{UUID}}}"), uuid.clone()),
            (format!("@{{{{{UUID}}}}}"), uuid),
            (format!("@{{{digits}}}"), account(digits)),
            ("@{anna k}".to_owned(), nickname("anna k")),
            ("@anna.k".to_owned(), nickname("anna.k")),
        ];
        let found = found(&text);
        let found: Vec<_> = found
            .into_iter()
            .map(|(text, who)| (text.to_owned(), who))
            .collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn one_may_begin_within_another() {
        let within = [
            ("@{see @anna}", nickname("see @anna")),
            ("@anna", nickname("anna")),
        ];
        assert_eq!(found("@{see @anna}"), within);
    }

    #[test]
    fn an_address_a_brace_left_open_and_a_lone_sign_mention_nobody() {
        for text in [
            "anna@example.com",
            "@",
            "@{",
            "@{anna",
            "@{}",
            "@{a\nb}",
            "@ x",
            "a @.",
        ] {
            assert_eq!(found(text), [], "{text:?}");
        }
        assert_eq!(found("é@{anna}ü"), [("@{anna}", nickname("anna"))]);
        let long = format!("@{}", "a".repeat(65));
        assert_eq!(found(&long), []);
    }
}
