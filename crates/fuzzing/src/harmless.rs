//! What is wrong with a piece of a page, as a browser takes it apart.
//!
//! The list of what is good stands here once more, on purpose: the one that lets texts through
//! is what is looked at.

use std::cell::RefCell;

use html5ever::tokenizer::{
    BufferQueue, Tag, TagKind, Token, TokenSink, TokenSinkResult, Tokenizer, TokenizerOpts,
};
use url::Url;

const TAGS: [&str; 21] = [
    "a",
    "blockquote",
    "br",
    "code",
    "del",
    "em",
    "hr",
    "img",
    "li",
    "ol",
    "p",
    "pre",
    "span",
    "strong",
    "table",
    "tbody",
    "td",
    "th",
    "thead",
    "tr",
    "ul",
];

/// Where the piece is shown: a page of ours, with `<base href="/">`.
const PAGE: &str = "https://home.invalid/";

/// Notes what is wrong with each token.
#[derive(Default)]
struct Faults(RefCell<Vec<String>>);

impl TokenSink for Faults {
    type Handle = ();

    fn process_token(&self, token: Token, _: u64) -> TokenSinkResult<()> {
        let mut faults = self.0.borrow_mut();
        match token {
            Token::TagToken(tag) => faults.extend(faults_of(&tag)),
            Token::CommentToken(_) => faults.push("a comment".to_owned()),
            Token::DoctypeToken(_) => faults.push("a type of document".to_owned()),
            // A NUL that somebody typed is nothing to browsers.
            Token::NullCharacterToken
            | Token::CharacterTokens(_)
            | Token::ParseError(_)
            | Token::EOFToken => {}
        }
        TokenSinkResult::Continue
    }
}

/// What a piece of a page has in it that no text of others may bring; nothing for a good one.
pub fn faults(html: &str) -> Vec<String> {
    let tokenizer = Tokenizer::new(Faults::default(), TokenizerOpts::default());
    let input = BufferQueue::default();
    input.push_back(html.into());
    let _ = tokenizer.feed(&input);
    tokenizer.end();
    tokenizer.sink.0.take()
}

fn faults_of(tag: &Tag) -> Vec<String> {
    let name = &*tag.name;
    if !TAGS.contains(&name) {
        return vec![format!("<{name}>")];
    }
    if tag.kind == TagKind::EndTag {
        return Vec::new();
    }
    let attributes = tag.attrs.iter().map(|attribute| {
        let (key, value) = (&*attribute.name.local, &*attribute.value);
        let is_good = match (name, key) {
            ("a", "href") => is_good_link(value),
            ("a", "rel") => value == "noopener noreferrer nofollow",
            ("img", "src") => is_picture(value),
            ("img", "alt") => true,
            ("img", "loading") => value == "lazy",
            ("ol", "start") => value.parse::<u64>().is_ok(),
            ("span", "class") => value == "mention",
            ("p", "class") => value == "typed",
            _ => false,
        };
        (key, is_good, format!("<{name} {key}={value:?}>"))
    });
    let mut faults: Vec<String> = attributes
        .clone()
        .filter(|(_, is_good, _)| !is_good)
        .map(|(_, _, fault)| fault)
        .collect();
    let has = |wanted| attributes.clone().any(|(key, ..)| key == wanted);
    if has("href") && !has("rel") {
        faults.push("a link that tells where it was followed".to_owned());
    }
    faults
}

/// A picture of ours is asked for where the page came from, and is one.
fn is_picture(link: &str) -> bool {
    let page: Option<Url> = PAGE.parse().ok();
    let url = page.and_then(|page| page.join(link).ok());
    url.is_some_and(|url| {
        let parts: Vec<_> = url.path().split('/').collect();
        let is_ours = url.as_str().starts_with(PAGE) && url.query().is_none();
        is_ours && matches!(parts.as_slice(), ["", "repositories", _, _, "images", _])
    })
}

fn is_good_link(link: &str) -> bool {
    let outside = Url::parse(link).is_ok_and(|url| match url.scheme() {
        "http" | "https" => url.username().is_empty() && url.password().is_none(),
        scheme => scheme == "mailto",
    });
    outside || is_picture(link)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_harms_is_found() {
        for html in [
            "<script>alert(1)</script>",
            "<p onclick=x>a</p>",
            "<p style=x>a</p>",
            "<p/onclick=x>a",
            "<svg/onload=x>",
            "<a href=\"javascript:alert(1)\" rel=\"noopener noreferrer nofollow\">a</a>",
            "<a href=\"java\nscript:alert(1)\" rel=\"noopener noreferrer nofollow\">a</a>",
            "<a href=\"https://a:b@c.example/\" rel=\"noopener noreferrer nofollow\">a</a>",
            "<a href=\"sign-out\" rel=\"noopener noreferrer nofollow\">a</a>",
            "<a href=\"https://a.example/\">a</a>",
            "<img src=\"https://evil.example/a.png\">",
            "<img src=\"repositories/tea/pot/images/../../../../sign-out\">",
            "<img src=x onerror=x>",
            "<span class=\"bar\">a</span>",
            "<!-- a -->",
            "<!doctype html>",
            "</div>",
        ] {
            assert!(!faults(html).is_empty(), "{html}");
        }
    }

    #[test]
    fn what_we_write_is_fine() {
        let html = "<p class=\"typed\">a &lt;script&gt;<br><img src=\"repositories/tea/pot/images/ab\" \
             alt=\"&quot;\" loading=\"lazy\"><a href=\"mailto:a@b.example\" \
             rel=\"noopener noreferrer nofollow\">a</a></p>";
        assert_eq!(faults(html), [""; 0]);
    }
}
