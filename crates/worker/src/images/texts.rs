//! The images that a text shows.
//!
//! What people typed is read as the Markdown that it is; where it is another markup, what
//! Bitbucket made of it is read instead. There it also puts pictures for smileys, which are
//! nobody's.

use std::collections::BTreeSet;

use bucketload_model::Stage;
use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd, TextMergeStream};
use serde_json::Value;
use url::Url;

use super::address::{Pasted, address, bare_addresses};

/// Fields that hold a text as it is; `raw` stands beside the markup that it is in. An edited
/// text is in `old` and `new`.
const TEXTS: [&str; 5] = ["description", "content", "message", "old", "new"];

/// What begins the address of a pasted image, also where nothing makes a link of it.
const PASTED: [&str; 2] = ["https://bitbucket.org/repo/", "http://bitbucket.org/repo/"];

/// The images that an object's texts link to.
pub(crate) fn linked(stage: Stage, source: &str) -> BTreeSet<Url> {
    let mut found = BTreeSet::new();
    // Most texts show none, and need not be read.
    if !["![", "img", "/repo", "images"]
        .iter()
        .any(|mark| source.contains(mark))
    {
        return found;
    }
    let Ok(object) = serde_json::from_str::<Value>(source) else {
        return found;
    };
    // Comments are rows of their own, so of the activity what is edited is left.
    let object = match stage {
        Stage::PullRequestActivity => object.get("update"),
        _ => Some(&object),
    };
    if let Some(object) = object {
        walk(object, &mut found);
    }
    found
}

fn walk(value: &Value, found: &mut BTreeSet<Url>) {
    match value {
        Value::Array(list) => list.iter().for_each(|one| walk(one, found)),
        Value::Object(fields) => {
            if let Some(raw) = fields.get("raw").and_then(Value::as_str) {
                let text = |name| fields.get(name).and_then(Value::as_str);
                match text("html") {
                    Some(html) if text("markup").is_some_and(|markup| markup != "markdown") => {
                        in_html(html, found);
                        pasted_in(raw, found);
                    }
                    _ => in_markdown(raw, found),
                }
                return;
            }
            for (name, field) in fields {
                match field {
                    Value::String(text) if TEXTS.contains(&name.as_str()) => {
                        in_markdown(text, found);
                    }
                    other => walk(other, found),
                }
            }
        }
        _ => {}
    }
}

fn in_markdown(text: &str, found: &mut BTreeSet<Url>) {
    // What stands in code is shown as it is, and what stands in a link is only its name.
    let mut inside = 0_u32;
    for event in TextMergeStream::new(Parser::new_ext(text, Options::empty())) {
        match &event {
            Event::Start(Tag::Image { dest_url, .. }) => found.extend(address(dest_url)),
            // Whoever links to what was pasted means the picture.
            Event::Start(Tag::Link { dest_url, .. }) => {
                let url = address(dest_url);
                found.extend(url.filter(|url| Pasted::of(url).is_some()));
            }
            Event::Text(text) if inside == 0 => pasted_in(text, found),
            _ => {}
        }
        match event {
            Event::Start(Tag::Image { .. } | Tag::Link { .. } | Tag::CodeBlock(_)) => inside += 1,
            Event::End(TagEnd::Image | TagEnd::Link | TagEnd::CodeBlock) => inside -= 1,
            _ => {}
        }
    }
}

/// Addresses of pasted images that stand in a text without being marked.
fn pasted_in(text: &str, found: &mut BTreeSet<Url>) {
    for place in bare_addresses(text, &PASTED) {
        found.extend(address(&text[place]).filter(|url| Pasted::of(url).is_some()));
    }
}

/// Images in what Bitbucket has rendered. It is well formed, so no parser of web pages is
/// needed; what is not understood is left out.
fn in_html(html: &str, found: &mut BTreeSet<Url>) {
    let mut rest = html;
    while let Some((_, behind)) = rest.split_once("<img") {
        let Some((tag, behind)) = behind.split_once('>') else {
            break;
        };
        // What begins within a tag is none.
        rest = behind;
        let attribute = |name: &str| {
            let (_, rest) = tag.split_once(&format!(" {name}=\""))?;
            Some(rest.split_once('"')?.0)
        };
        let is_smiley = attribute("class").is_some_and(|class| class.contains("emoji"));
        if let Some(source) = attribute("src").filter(|_| !is_smiley) {
            let source = source.replace("&#39;", "'").replace("&quot;", "\"");
            found.extend(address(&source.replace("&amp;", "&")));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn linked_in(object: &Value) -> Vec<String> {
        let found = linked(Stage::PullRequestComments, &object.to_string());
        found.into_iter().map(String::from).collect()
    }

    fn in_text(text: &str) -> Vec<String> {
        linked_in(&json!({ "content": { "raw": text, "markup": "markdown" } }))
    }

    #[test]
    fn images_are_found_as_markdown_has_them() {
        for (text, expected) in [
            (
                "![a](https://example.org/a.png)",
                "https://example.org/a.png",
            ),
            (
                "![a](<https://example.org/a b.png> \"title\")",
                "https://example.org/a%20b.png",
            ),
            (
                "![a][one]\n\n[one]: https://example.org/a.png",
                "https://example.org/a.png",
            ),
            (
                "[![a](https://example.org/a.png)](https://example.org/)",
                "https://example.org/a.png",
            ),
            (
                "[it](https://bitbucket.org/repo/x/images/1-a.png)",
                "https://bitbucket.org/repo/x/images/1-a.png",
            ),
            (
                "see https://bitbucket.org/repo/x/images/1-a_b_c.png.",
                "https://bitbucket.org/repo/x/images/1-a_b_c.png",
            ),
            (
                "![a](https://bitbucket.org/repo/x/images/1-a.png){: data-layout='center' }",
                "https://bitbucket.org/repo/x/images/1-a.png",
            ),
        ] {
            assert_eq!(in_text(text), [expected], "{text}");
        }
        for text in [
            "`![a](https://example.org/a.png)`",
            "```\n![a](https://bitbucket.org/repo/x/images/1-a.png)\nhttps://bitbucket.org/repo/x/images/1-a.png\n```",
            "[a](https://example.org/a.png)",
            "![a](images/a.png)",
            "<img src=\"https://example.org/a.png\">",
        ] {
            assert_eq!(in_text(text), [""; 0], "{text}");
        }
    }

    #[test]
    fn another_markup_is_read_as_bitbucket_rendered_it() {
        let html = "<p><img alt=\"a\" src=\"https://example.org/a.png?x=1&amp;y=2\" />\
                    <img class=\"emoji\" src=\"https://example.org/smile.png\"></p>";
        let content = json!({ "raw": "{{a}}", "markup": "creole", "html": html });
        assert_eq!(
            linked_in(&json!({ "content": content })),
            ["https://example.org/a.png?x=1&y=2"]
        );
    }

    /// Looked at from each beginning on, these would take hours.
    #[test]
    fn texts_of_nothing_but_beginnings_are_read_once() {
        for begin in [
            "https://bitbucket.org/repo/",
            "![a](",
            "<img ",
            "<img src=\"",
        ] {
            let text = begin.repeat(300_000);
            let content = json!({ "raw": text, "markup": "creole", "html": text });
            assert_eq!(linked_in(&json!({ "content": content })), [""; 0]);
        }
    }

    #[test]
    fn every_text_of_an_object_is_looked_at_and_no_other_field() {
        let image = |name: &str| format!("![x](https://example.org/{name})");
        let object = json!({
            "title": image("title"),
            "description": image("description"),
            "changes": { "content": { "old": image("old"), "new": image("new") } },
            "summary": { "raw": image("description"), "html": "" },
            "links": { "avatar": { "href": "https://example.org/avatar.png" } },
        });
        let found = linked_in(&object);
        let names: Vec<_> = found
            .iter()
            .filter_map(|url| url.rsplit('/').next())
            .collect();
        assert_eq!(names, ["description", "new", "old"]);
        let entry = json!({ "update": { "description": image("a") }, "comment": object });
        let found = linked(Stage::PullRequestActivity, &entry.to_string());
        assert_eq!(found.len(), 1);
    }
}
