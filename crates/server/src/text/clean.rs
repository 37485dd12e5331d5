//! The sanitiser: what is on its list is let through, whoever made it.

use std::collections::{HashMap, HashSet};
use std::sync::LazyLock;

use ammonia::{Builder, UrlRelative};

use super::links;

pub(super) const TAGS: [&str; 21] = [
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

static CLEANER: LazyLock<Builder<'static>> = LazyLock::new(|| {
    let mut cleaner = Builder::empty();
    cleaner
        .tags(HashSet::from(TAGS))
        .clean_content_tags(HashSet::from(["script", "style"]))
        .tag_attributes(HashMap::from([
            ("a", HashSet::from(["href"])),
            ("img", HashSet::from(["src", "alt"])),
            ("ol", HashSet::from(["start"])),
        ]))
        .set_tag_attribute_value("img", "loading", "lazy")
        .allowed_classes(HashMap::from([("span", HashSet::from(["mention"]))]))
        .url_schemes(HashSet::from(["http", "https", "mailto"]))
        .url_relative(UrlRelative::PassThrough)
        .attribute_filter(|tag, attribute, value| {
            let is_good = match (tag, attribute) {
                ("a", "href") => links::is_target(value),
                ("img", "src") => links::is_image_path(value),
                _ => true,
            };
            is_good.then(|| value.into())
        })
        .link_rel(Some("noopener noreferrer nofollow"));
    cleaner
});

pub(super) fn clean(html: &str) -> String {
    CLEANER.clean(html).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What would come through if nothing before had looked at it.
    #[test]
    fn only_what_is_on_the_list_comes_through() {
        let hash = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        let image = format!("<img src=\"repositories/tea/pot/images/{hash}\" alt=\"x\">");
        let shown = clean(&image);
        assert!(shown.contains("src=\"repositories/tea/pot"), "{shown}");
        for (html, expected) in [
            ("<script>alert(1)</script>a", "a"),
            ("<style>*{color:red}</style>a", "a"),
            (
                "<p style=\"x\" onclick=\"x\" id=\"content\">a</p>",
                "<p>a</p>",
            ),
            (
                "<span class=\"mention bar\">a</span>",
                "<span class=\"mention\">a</span>",
            ),
            (
                "<img src=\"https://evil.example/a.png\" onerror=x>",
                "<img loading=\"lazy\">",
            ),
            ("<img src=\"sign-out\">", "<img loading=\"lazy\">"),
            ("<svg><a xlink:href=\"javascript:x\">a</a></svg>", ""),
            (
                "<a href=\"javascript:x\">a</a>",
                "<a rel=\"noopener noreferrer nofollow\">a</a>",
            ),
            (
                "<a href=\"account\">a</a>",
                "<a rel=\"noopener noreferrer nofollow\">a</a>",
            ),
            (
                "<base href=\"//evil.example\"><form action=x><input></form>a",
                "a",
            ),
            (
                "<meta http-equiv=refresh content=0><iframe srcdoc=x></iframe>a<!-- x -->",
                "a",
            ),
        ] {
            assert_eq!(clean(html), expected, "{html}");
        }
    }
}
