//! Titles, descriptions and comments: ordinary ones, and those that break software.

use super::dice::Dice;

const VERBS: &[&str] = &[
    "Fix", "Add", "Remove", "Rename", "Speed up", "Document", "Revert", "Simplify", "Harden",
    "Split", "Merge", "Test",
];

const NOUNS: &[&str] = &[
    "the parser",
    "login",
    "retry logic",
    "CSV export",
    "the cache",
    "time zones",
    "the build",
    "error messages",
    "paging",
    "the scheduler",
    "search",
    "uploads",
    "audit log",
    "rate limits",
];

const SENTENCES: &[&str] = &[
    "This was slower than it had to be.",
    "I am not sure about the name, suggestions welcome.",
    "See the discussion in the last planning.",
    "Tests are green locally.",
    "Could we split this into two commits?",
    "Looks good to me.",
    "The second call can fail when the file is gone.",
    "Please rebase, there is a conflict in the lock file.",
    "`cargo test` passes, `cargo clippy` does not.",
    "Done in the last push.",
    "What happens when the list is empty?",
];

/// Text that is legal and that somebody, somewhere, once typed.
const ODD: &[&str] = &[
    "Grüße aus Köln 👩‍👩‍👧‍👦🏳️‍🌈 und 東京",
    "مرحبا بالعالم — שלום עולם — mixed \u{202E}override\u{202C}",
    "Z\u{0351}\u{036B}a\u{0301}\u{0323}l\u{0334}\u{0321}g\u{0328}o with combining characters",
    "<script>alert('x')</script><img src=x onerror=alert(1)> & <b>bold</b>",
    "Windows wrote this\r\nover two lines\r\n",
    "tabs\tand\u{00A0}no-break\u{200B}zero-width\u{FEFF} spaces",
    "'; DROP TABLE pull_requests; --",
    "@{557058:00000000-0000-4000-8000-000000000000} could you have a look? cc @nickname",
    "```rust\nfn main() { println!(\"{}\", 1 << 2); }\n```\n{: data-inline-card='' }",
    "C0 controls \u{1}\u{7}\u{1b}[31mred\u{1b}[0m and DEL \u{7f}",
    "![image](https://bitbucket.org/repo/a1b2c3/images/1-screen%20shot.png)",
    "Non-BMP \u{10348} and noncharacter \u{FFFE}, private use \u{E000}",
];

pub(crate) fn title(dice: Dice, unicode: bool) -> String {
    let plain = format!("{} {}", dice.pick("verb", VERBS), dice.pick("noun", NOUNS));
    if unicode && dice.chance("odd title", 120) {
        return format!(
            "{plain}: {}",
            dice.pick("odd", ODD).replace(['\r', '\n'], " ")
        );
    }
    plain
}

pub(crate) fn paragraph(dice: Dice, unicode: bool) -> String {
    // Bitbucket takes comments of up to 32,768 characters; a few come near it.
    if dice.chance("very long", 2) {
        return SENTENCES.join(" ").repeat(60);
    }
    let mut text = String::new();
    for position in 0..=dice.below("sentences", 3) {
        if !text.is_empty() {
            text.push(' ');
        }
        text.push_str(dice.with(position).pick("sentence", SENTENCES));
    }
    if unicode && dice.chance("odd text", 150) {
        text.push_str("\n\n");
        text.push_str(dice.pick("odd", ODD));
    }
    text
}

/// What Bitbucket would render, near enough: escaped, in one paragraph.
pub(crate) fn html(raw: &str) -> String {
    if raw.is_empty() {
        return String::new();
    }
    let mut html = String::with_capacity(raw.len() + 16);
    html.push_str("<p>");
    for character in raw.chars() {
        match character {
            '&' => html.push_str("&amp;"),
            '<' => html.push_str("&lt;"),
            '>' => html.push_str("&gt;"),
            '"' => html.push_str("&quot;"),
            '\r' => {}
            '\n' => html.push_str("<br />"),
            other => html.push(other),
        }
    }
    html.push_str("</p>");
    html
}

pub(crate) const BRANCHES: &[&str] = &[
    "feature/login",
    "bugfix/paging",
    "hotfix-1.2",
    "ada/experiment",
    "release/2026.1",
    "feature/größe-ändern",
    "dependabot/cargo/serde-1.0",
];

pub(crate) const PATHS: &[&str] = &[
    "src/main.rs",
    "README.md",
    "src/größe.txt",
    "assets/logo.bin",
    "docs/With Space.md",
];

pub(crate) const NAMES: &[(&str, &str)] = &[
    ("Ada Lovelace", "ada"),
    ("Grace Hopper", "ghopper"),
    ("Jörg Müller", "jörg.müller"),
    ("山田 太郎", "yamada"),
    ("Zoë Ångström", "zoe"),
    ("Олена Коваль", "olena"),
    ("محمد علي", "mali"),
    ("O'Brien, Conan", "conan"),
    ("João da Silva 🚀", "joao"),
    ("Build Bot", "build-bot"),
    ("Nguyễn Văn An", "an.nguyen"),
    ("<b>Eve</b>", "eve"),
];
