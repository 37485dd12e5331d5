//! Texts as our pages show them, and texts that mean harm.

use super::*;

const IMAGE: &str = "https://bitbucket.org/repo/x/images/1-a.png";
const HASH: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

fn surroundings(is_shown: bool) -> Surroundings {
    let path = image_path(&"tea/pot".parse().unwrap(), HASH);
    let mut known = Surroundings::default();
    known
        .images
        .insert(IMAGE.to_owned(), Picture { path, is_shown });
    let id: Mention = mentions_in("@{557058:anna}");
    known.people.insert(id, "Anna & Co".to_owned());
    known
}

fn mentions_in(text: &str) -> Mention {
    bucketload_model::mentions(text).next().unwrap().1
}

fn shown(raw: &str) -> String {
    let text = Text::new(raw, Some("markdown"));
    text.show(&surroundings(true)).into_string()
}

#[test]
fn markdown_is_shown_as_it_is_meant() {
    let rel = "rel=\"noopener noreferrer nofollow\"";
    for (raw, expected) in [
        (
            "a *b* **c** ~~d~~ `e`",
            "<p>a <em>b</em> <strong>c</strong> <del>d</del> <code>e</code></p>\n".to_owned(),
        ),
        (
            "# One\n\ntwo",
            "<p><strong>One</strong></p>\n<p>two</p>\n".to_owned(),
        ),
        (
            "```rust\n<b>\n```",
            "<pre><code>&lt;b&gt;\n</code></pre>\n".to_owned(),
        ),
        (
            "<b>bold</b> &amp; <!-- x -->",
            "<p>&lt;b&gt;bold&lt;/b&gt; &amp; &lt;!-- x --&gt;</p>\n".to_owned(),
        ),
        (
            "<div onclick=x>\na\n</div>",
            "<p>&lt;div onclick=x&gt;\na\n&lt;/div&gt;</p>\n".to_owned(),
        ),
        (
            "[a](https://a.example/#b)",
            format!("<p><a href=\"https://a.example/#b\" {rel}>a</a></p>\n"),
        ),
        (
            "[](https://a.example/)",
            format!("<p><a href=\"https://a.example/\" {rel}>https://a.example/</a></p>\n"),
        ),
        (
            "https://a.example/b_c_d.",
            format!(
                "<p><a href=\"https://a.example/b_c_d\" {rel}>https://a.example/b_c_d</a>.</p>\n"
            ),
        ),
        ("[a](javascript:alert)", "<p>a</p>\n".to_owned()),
        (
            "ask @{557058:anna}, not @{557058:jo}",
            "<p>ask <span class=\"mention\">@Anna &amp; Co</span>, not @{557058:jo}</p>\n"
                .to_owned(),
        ),
        (
            "`@{557058:anna}`",
            "<p><code>@{557058:anna}</code></p>\n".to_owned(),
        ),
    ] {
        assert_eq!(shown(raw), expected, "{raw}");
    }
}

#[test]
fn pictures_are_ours_or_links() {
    let ours = format!("src=\"repositories/tea/pot/images/{HASH}\"");
    let html = shown(&format!("![]({IMAGE}){{: data-layout='center' }} rest"));
    assert!(
        html.contains(&ours) && html.contains("alt=\"image\""),
        "{html}"
    );
    assert!(html.contains("rest") && !html.contains("layout"), "{html}");
    // A picture of a kind that is not shown, and one that nobody has.
    let text = Text::new(&format!("![plan]({IMAGE})"), None);
    let html = text.show(&surroundings(false)).into_string();
    assert!(
        html.contains("<a href=\"repositories/tea/pot/images/"),
        "{html}"
    );
    let html = shown("![plan](https://evil.example/a.png)");
    assert!(
        html.contains("<a href=\"https://evil.example/a.png\""),
        "{html}"
    );
    assert!(!html.contains("<img"), "{html}");
    let html = shown(&format!("[![a]({IMAGE})](https://a.example/)"));
    assert!(html.contains("<a href=\"https://a.example/\""), "{html}");
    assert!(html.contains(&ours), "{html}");
}

#[test]
fn what_a_text_wants_is_known_before() {
    let text = format!("![a]({IMAGE}) @{{557058:anna}} [b](https://b.example/#x)");
    let mut wanted = Wanted::default();
    Text::new(&text, None).want(&mut wanted);
    let images: Vec<_> = wanted.images.iter().map(String::as_str).collect();
    assert_eq!(images, ["https://b.example/", IMAGE]);
    assert_eq!(wanted.people.len(), 1);
}

#[test]
fn other_markups_are_shown_as_they_were_typed() {
    let text = Text::new("= A =\n<b> **c** https://a.example/", Some("creole"));
    let html = text.show(&surroundings(true)).into_string();
    assert!(
        html.starts_with("<p class=\"typed\">= A =\n&lt;b&gt; **c** <a href"),
        "{html}"
    );
}

#[test]
fn a_long_text_is_cut_at_a_letter() {
    let text = Text::new(&"é".repeat(LONGEST_BYTES), None);
    assert_eq!(text.cut_from(), Some(2 * LONGEST_BYTES as u64));
    assert_eq!(text.raw.len(), LONGEST_BYTES);
    assert_eq!(Text::new("short", None).cut_from(), None);
}

#[test]
fn whoever_nests_deep_gets_no_deep_page() {
    for raw in [
        ">".repeat(60_000),
        "- ".repeat(30_000),
        "*_".repeat(30_000),
        "[".repeat(60_000),
    ] {
        let raw = format!("{raw}x");
        let html = shown(&raw);
        assert!(html.matches("<blockquote>").count() < 20);
        assert!(html.matches("<ul>").count() < 20);
    }
}

#[test]
fn nothing_of_the_corpus_comes_alive() {
    for raw in corpus() {
        for raw in [
            raw.to_owned(),
            format!("[a]({raw})"),
            format!("![a]({raw})"),
            format!("[a]: {raw}\n\n[a]"),
        ] {
            for markup in ["markdown", "plaintext"] {
                let text = Text::new(&raw, Some(markup));
                let html = text.show(&surroundings(true)).into_string();
                assert_is_harmless(&html, &raw);
            }
        }
    }
}

/// One evasion a line.
fn corpus() -> impl Iterator<Item = &'static str> {
    let lines = include_str!("../../tests/it/corpus.txt").lines();
    lines.filter(|line| !line.is_empty() && !line.starts_with("# "))
}

/// Every tag is one that we write, with nothing in it but what we write.
fn assert_is_harmless(html: &str, raw: &str) {
    for tag in html.split('<').skip(1) {
        let (tag, _) = tag.split_once('>').unwrap_or((tag, ""));
        let name = tag
            .trim_start_matches('/')
            .split(' ')
            .next()
            .unwrap_or_default();
        assert!(clean::TAGS.contains(&name), "{raw}: {html}");
        let attributes = tag.split_once(' ').map_or("", |(_, rest)| rest);
        for attribute in attributes.split("\" ").filter(|text| !text.is_empty()) {
            let (name, value) = attribute.split_once("=\"").unwrap_or((attribute, ""));
            let is_ours = match name {
                "href" => links::is_target(&unescaped(value)),
                "src" => links::is_image_path(value.trim_end_matches('"')),
                "class" => matches!(value.trim_end_matches('"'), "mention" | "typed"),
                name => matches!(name, "rel" | "alt" | "loading" | "start"),
            };
            assert!(is_ours, "{raw}: {html}");
        }
    }
}

fn unescaped(value: &str) -> String {
    value
        .trim_end_matches('"')
        .replace("&amp;", "&")
        .replace("&quot;", "\"")
}
