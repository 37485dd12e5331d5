//! Mentions and bare addresses in plain text.

use std::ops::Range;

use bucketload_model::{Mention, mentions};
use bucketload_worker::{bare_addresses, web_address};
use maud::{Markup, html};

use super::{Surroundings, Wanted, links};

/// What begins an address that nothing marks as one.
const SCHEMES: [&str; 2] = ["https://", "http://"];

/// A part of a text.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Piece<'a> {
    Plain(&'a str),
    /// A mention of somebody who has this name.
    Person(&'a str),
    /// An address, as it was typed.
    Address(&'a str),
}

/// Bare addresses and their places.
fn addresses(text: &str) -> impl Iterator<Item = Range<usize>> {
    bare_addresses(text, &SCHEMES).filter(|place| {
        let is_inside_a_word = text[..place.start].ends_with(char::is_alphanumeric);
        !is_inside_a_word && web_address(&text[place.clone()]).is_some()
    })
}

/// A text in its pieces, in order.
pub(super) fn pieces<'a>(text: &'a str, surroundings: &'a Surroundings) -> Vec<Piece<'a>> {
    let people = mentions(text).filter_map(|(place, mention)| {
        let name = surroundings.people.get(&mention)?;
        Some((place, Piece::Person(name)))
    });
    let links = addresses(text).map(|place| (place.clone(), Piece::Address(&text[place])));
    let mut found: Vec<_> = people.chain(links).collect();
    found.sort_by_key(|(place, _)| place.start);
    let mut pieces = Vec::with_capacity(2 * found.len() + 1);
    let mut end = 0;
    for (place, piece) in found {
        // What begins within another piece belongs to that.
        if place.start < end {
            continue;
        }
        if end < place.start {
            pieces.push(Piece::Plain(&text[end..place.start]));
        }
        pieces.push(piece);
        end = place.end;
    }
    if end < text.len() {
        pieces.push(Piece::Plain(&text[end..]));
    }
    pieces
}

/// Notes whom a text mentions and what addresses stand in it.
pub(super) fn want(text: &str, wanted: &mut Wanted) {
    let people = mentions(text).map(|(_, mention): (_, Mention)| mention);
    wanted.people.extend(people);
    let links = addresses(text).filter_map(|place| web_address(&text[place]));
    wanted.images.extend(links.map(String::from));
}

/// Somebody who is mentioned.
pub(super) fn person(name: &str) -> Markup {
    html! { span class="mention" { "@" (name) } }
}

/// A text as it was typed, with its mentions and addresses.
pub(super) fn show(text: &str, surroundings: &Surroundings) -> Markup {
    html! {
        @for piece in pieces(text, surroundings) {
            @match piece {
                Piece::Plain(text) => (text),
                Piece::Person(name) => (person(name)),
                Piece::Address(address) => {
                    @match links::target(address) {
                        Some(target) => {
                            a href=(target) rel="noopener noreferrer nofollow" { (address) }
                        },
                        None => (address),
                    }
                },
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_end_where_the_sentence_does() {
        let found = |text: &'static str| -> Vec<&str> {
            addresses(text).map(|place| &text[place]).collect()
        };
        assert_eq!(
            found("See https://a.example/b_c?d=(e). Or (http://b.example/), xhttps://c.example"),
            ["https://a.example/b_c?d=(e", "http://b.example/"]
        );
        assert_eq!(found("https:// http://user:pw@a.example"), [""; 0]);
    }

    #[test]
    fn people_are_called_by_their_names_and_strangers_stay() {
        let mut surroundings = Surroundings::default();
        let anna = Mention::Nickname("anna".to_owned());
        surroundings.people.insert(anna, "Anna <b>".to_owned());
        let shown = show("é@anna and @jo, <i>", &surroundings).into_string();
        assert_eq!(shown, "é@anna and @jo, &lt;i&gt;");
        let shown = show("(@anna) @jo", &surroundings).into_string();
        assert_eq!(
            shown,
            "(<span class=\"mention\">@Anna &lt;b&gt;</span>) @jo"
        );
    }
}
