//! Markdown, taken apart and put together again.

use bucketload_worker::web_address;
use pulldown_cmark::{
    CodeBlockKind, CowStr, Event, LinkType, Options, Parser, Tag, TagEnd, TextMergeStream, html,
};

use super::pieces::{self, Piece, pieces};
use super::{Picture, Surroundings, Wanted, links};

/// What lies deeper is shown as if it lay here. Browsers draw no deeper, either, and whoever
/// nests a thousand quotations means harm.
const DEEPEST: usize = 12;

fn parser(raw: &str) -> TextMergeStream<'_, Parser<'_>> {
    let options = Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH;
    TextMergeStream::new(Parser::new_ext(raw, options))
}

/// Notes what a text shows beside its own words.
pub(super) fn want(raw: &str, wanted: &mut Wanted) {
    for event in parser(raw) {
        match event {
            Event::Start(Tag::Image { dest_url, .. } | Tag::Link { dest_url, .. }) => {
                let address = web_address(&dest_url);
                wanted.images.extend(address.map(String::from));
            }
            Event::Text(text) => pieces::want(&text, wanted),
            _ => {}
        }
    }
}

/// HTML of a text, to be cleaned.
pub(super) fn html(raw: &str, surroundings: &Surroundings) -> String {
    let mut writer = Writer {
        surroundings,
        events: Vec::new(),
        open: Vec::new(),
        depth: 0,
        texts: 0,
        in_code: 0,
        in_link: 0,
        in_image: 0,
    };
    for event in parser(raw) {
        writer.take(event);
    }
    let mut html = String::with_capacity(2 * raw.len());
    html::push_html(&mut html, writer.events.into_iter());
    html
}

struct Writer<'a> {
    surroundings: &'a Surroundings,
    /// What comes out.
    events: Vec<Event<'a>>,
    open: Vec<Open<'a>>,
    depth: usize,
    /// Texts so far.
    texts: usize,
    in_code: usize,
    in_link: usize,
    in_image: usize,
}

/// What is to be said at the end of an element.
struct Open<'a> {
    ends: Vec<TagEnd>,
    /// Said where nothing else was: a link or picture without a word cannot be read out.
    fallback: Option<CowStr<'a>>,
    texts: usize,
}

impl<'a> Writer<'a> {
    fn take(&mut self, event: Event<'a>) {
        match event {
            Event::Start(tag) => self.start(tag),
            Event::End(_) => self.end(),
            Event::Text(text) => self.text(text),
            code @ Event::Code(_) => self.say(code),
            // HTML is shown as the text that it is.
            Event::Html(text) | Event::InlineHtml(text) => self.say(Event::Text(text)),
            plain @ (Event::SoftBreak | Event::HardBreak | Event::Rule) => self.events.push(plain),
            // These are of extensions that are not asked for.
            Event::InlineMath(text) | Event::DisplayMath(text) | Event::FootnoteReference(text) => {
                self.text(text);
            }
            Event::TaskListMarker(_) => {}
        }
    }

    /// Says nothing, and nothing at the end.
    fn skip(&mut self) {
        self.begin(Vec::new(), None);
    }

    fn begin(&mut self, tags: Vec<Tag<'a>>, fallback: Option<CowStr<'a>>) {
        let ends: Vec<TagEnd> = tags.iter().rev().map(Tag::to_end).collect();
        for end in &ends {
            self.count(*end, 1);
        }
        self.events.extend(tags.into_iter().map(Event::Start));
        self.open.push(Open {
            ends,
            fallback,
            texts: self.texts,
        });
    }

    fn end(&mut self) {
        let Some(open) = self.open.pop() else {
            return;
        };
        if let Some(fallback) = open.fallback
            && open.texts == self.texts
        {
            self.say(Event::Text(fallback));
        }
        for end in open.ends {
            self.count(end, -1);
            self.events.push(Event::End(end));
        }
    }

    fn count(&mut self, end: TagEnd, by: isize) {
        self.depth = self.depth.saturating_add_signed(by);
        let inside = match end {
            TagEnd::CodeBlock => &mut self.in_code,
            TagEnd::Link => &mut self.in_link,
            TagEnd::Image => &mut self.in_image,
            _ => return,
        };
        *inside = inside.saturating_add_signed(by);
    }

    fn start(&mut self, tag: Tag<'a>) {
        match tag {
            // The headings of a page are ours.
            Tag::Heading { .. } => self.begin(vec![Tag::Paragraph, Tag::Strong], None),
            Tag::HtmlBlock => self.begin(vec![Tag::Paragraph], None),
            // Its language would be a class of ours.
            Tag::CodeBlock(_) => {
                self.begin(vec![Tag::CodeBlock(CodeBlockKind::Indented)], None);
            }
            Tag::Link { dest_url, .. } => self.link(&dest_url),
            Tag::Image { dest_url, .. } => self.image(&dest_url),
            tag @ (Tag::Paragraph
            | Tag::Table(_)
            | Tag::TableHead
            | Tag::TableRow
            | Tag::TableCell) => self.begin(vec![tag], None),
            tag @ (Tag::BlockQuote(_)
            | Tag::List(_)
            | Tag::Item
            | Tag::Emphasis
            | Tag::Strong
            | Tag::Strikethrough)
                if self.depth < DEEPEST =>
            {
                self.begin(vec![plain(tag)], None);
            }
            _ => self.skip(),
        }
    }

    fn link(&mut self, link: &str) {
        let target = match self.picture(link) {
            Some(picture) => Some(picture.path.clone()),
            None => links::target(link),
        };
        match target.filter(|_| self.in_link == 0) {
            Some(target) => {
                let shown = target.clone().into();
                self.begin(vec![link_to(target)], Some(shown));
            }
            None => self.skip(),
        }
    }

    fn image(&mut self, link: &str) {
        match self.picture(link) {
            Some(picture) if picture.is_shown && self.in_image == 0 => {
                let tag = Tag::Image {
                    link_type: LinkType::Inline,
                    dest_url: picture.path.clone().into(),
                    title: "".into(),
                    id: "".into(),
                };
                self.begin(vec![tag], Some("image".into()));
            }
            _ => self.link(link),
        }
    }

    /// A picture of the archive.
    fn picture(&self, link: &str) -> Option<&'a Picture> {
        let address = web_address(link)?;
        self.surroundings.images.get(address.as_str())
    }

    fn say(&mut self, event: Event<'a>) {
        self.texts += 1;
        self.events.push(event);
    }

    fn text(&mut self, text: CowStr<'a>) {
        // Bitbucket's editor says so how large a picture is.
        let is_behind_a_picture = matches!(
            self.events.last(),
            Some(Event::End(TagEnd::Image | TagEnd::Link))
        );
        let text = match without_layout(&text).filter(|_| is_behind_a_picture) {
            Some(rest) => rest.to_owned().into(),
            None => text,
        };
        if self.in_code + self.in_link + self.in_image > 0 {
            self.say(Event::Text(text));
            return;
        }
        for piece in pieces(&text, self.surroundings) {
            match piece {
                Piece::Plain(text) => self.say(Event::Text(text.to_owned().into())),
                Piece::Person(name) => {
                    let person = pieces::person(name).into_string();
                    self.say(Event::InlineHtml(person.into()));
                }
                Piece::Address(address) => {
                    self.link(address);
                    self.say(Event::Text(address.to_owned().into()));
                    self.end();
                }
            }
        }
    }
}

/// Without what only some of its kind have.
fn plain(tag: Tag<'_>) -> Tag<'_> {
    match tag {
        Tag::BlockQuote(_) => Tag::BlockQuote(None),
        tag => tag,
    }
}

fn link_to<'a>(target: String) -> Tag<'a> {
    Tag::Link {
        link_type: LinkType::Inline,
        dest_url: target.into(),
        title: "".into(),
        id: "".into(),
    }
}

/// A text without `{: data-layout='center' }` at its beginning, if that is there.
fn without_layout(text: &str) -> Option<&str> {
    let (_, rest) = text.strip_prefix("{:")?.split_once('}')?;
    Some(rest)
}
