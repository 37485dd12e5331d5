//! Texts that mean harm, brought in by a real import in every field that people write, and
//! looked at as a parser and as a browser see the pages that show them.

use std::cell::RefCell;

use html5ever::tokenizer::{
    BufferQueue, Tag, TagKind, Token, TokenSink, TokenSinkResult, Tokenizer, TokenizerOpts,
};
use serde_json::json;

use crate::imports_api::{Script, json_of};
use crate::recording::{Recording, at, person, written};
use crate::support::{Browser, House};
use crate::webdriver::Chromium;

const NAME: &str = "hostile/corpus";
const PATH: &str = "/repositories/hostile/corpus";

fn corpus() -> Vec<&'static str> {
    let lines = include_str!("corpus.txt").lines();
    lines
        .filter(|line| !line.is_empty() && !line.starts_with("# "))
        .collect()
}

/// A text as people would put it: bare, as a link, as a picture, in a list.
fn around(text: &str) -> String {
    format!("{text}\n\n[a]({text})\n\n![b]({text})\n\n- {text}\n\n> {text}\n\n[c]: {text}\n\n[c]")
}

/// A pull request and an issue for each text, which stands in every field.
fn recording() -> Recording {
    let mut recording = Recording::of(NAME);
    recording.describe(&corpus().join(" "));
    for (id, text) in (1..).zip(corpus()) {
        add_pull_request(&mut recording, id, text);
        add_issue(&mut recording, id, text);
    }
    recording
}

fn add_pull_request(recording: &mut Recording, id: u64, text: &str) {
    let who = person(id, text);
    let side = json!({
        "branch": {"name": text}, "commit": {"type": "commit", "hash": text},
        "repository": {"type": "repository", "full_name": text},
    });
    let short = json!({"type": "pullrequest", "id": id, "title": text});
    recording.add(
        "pullrequests",
        json!({
            "type": "pullrequest", "id": id, "title": text, "state": "DECLINED", "draft": true,
            "description": around(text), "summary": written(&around(text)), "author": who,
            "closed_by": who, "reason": text, "source": side, "destination": side,
            "merge_commit": {"type": "commit", "hash": text}, "comment_count": 2, "task_count": 1,
            "created_on": at(id), "updated_on": text, "links": {"html": {"href": text}},
            "participants": [{
                "type": "participant", "user": who, "role": "REVIEWER", "approved": true,
                "state": "approved", "participated_on": text,
            }],
        }),
    );
    for (number, parent) in [(0, None), (1, Some(10 * id))] {
        let mut comment = json!({
            "type": "pullrequest_comment", "id": 10 * id + number, "user": who,
            "content": written(&around(text)), "deleted": false, "created_on": at(id),
            "updated_on": text, "pullrequest": short, "links": {"html": {"href": text}},
            "inline": {"path": text, "from": null, "to": 3, "outdated": true},
        });
        if let Some(parent) = parent {
            comment["parent"] = json!({"id": parent});
        }
        recording.add(&format!("pullrequests/{id}/comments"), comment);
    }
    let update = |state: &str, minute: u64| {
        json!({"pull_request": short, "update": {
            "date": at(id + minute), "state": state, "author": who, "reason": text,
            "title": text, "description": around(text), "changes": {}, "source": side,
        }})
    };
    for entry in [update("OPEN", 0), update("DECLINED", 1), update(text, 2)] {
        recording.add(&format!("pullrequests/{id}/activity"), entry);
    }
    recording.add(
        &format!("pullrequests/{id}/tasks"),
        json!({
            "type": "task", "id": id, "state": "UNRESOLVED", "content": written(&around(text)),
            "creator": who, "created_on": at(id), "updated_on": at(id),
        }),
    );
}

fn add_issue(recording: &mut Recording, id: u64, text: &str) {
    let who = person(id, text);
    let short = json!({"type": "issue", "id": id, "title": text});
    recording.add(
        "issues",
        json!({
            "type": "issue", "id": id, "title": text, "state": text, "kind": text,
            "priority": text, "content": written(&around(text)), "reporter": who, "assignee": who,
            "component": {"name": text}, "milestone": {"name": text}, "version": {"name": text},
            "created_on": at(id), "updated_on": at(id + 1), "links": {"html": {"href": text}},
        }),
    );
    recording.add(
        &format!("issues/{id}/comments"),
        json!({
            "type": "issue_comment", "id": 10 * id, "content": written(&around(text)),
            "user": who, "created_on": at(id), "updated_on": text, "issue": short,
        }),
    );
    recording.add(
        &format!("issues/{id}/changes"),
        json!({
            "type": "issue_change", "id": 10 * id, "user": who, "created_on": at(id),
            "message": written(&around(text)), "issue": short,
            "changes": {"state": {"old": text, "new": text}, "content": {"old": text, "new": text}},
        }),
    );
    recording.add(
        &format!("issues/{id}/attachments"),
        json!({
            "type": "issue_attachment", "name": format!("{id}{text}"),
            "links": {"self": {"href": [format!("https://api.bitbucket.org/2.0/repositories/{NAME}/issues/{id}/attachments/x")]}},
        }),
    );
    recording.add(
        "downloads",
        json!({
            "type": "download", "name": format!("{id}{text}"), "size": 1, "downloads": 0,
            "created_on": at(id), "links": {"self": {"href": "https://api.bitbucket.org/x"}},
        }),
    );
}

/// Every page that shows such texts.
async fn pages(browser: &mut Browser) -> Vec<String> {
    let mut pages = vec![
        "/repositories".to_owned(),
        PATH.to_owned(),
        "/imports".to_owned(),
        format!("{PATH}/downloads"),
    ];
    for list in ["pull-requests", "issues"] {
        let list = format!("{PATH}/{list}");
        let mut next = Some(list.clone());
        while let Some(address) = next {
            let page = browser.get(&address).await.is(200);
            let link = crate::support::between(&page.body, "class=\"pager\"><a href=\"", "\"");
            next = link.map(|link| format!("/{}", link.replace("&amp;", "&")));
            pages.push(address);
        }
        for id in 1..=corpus().len() {
            pages.push(format!("{list}/{id}"));
        }
    }
    let page = browser.get("/imports").await;
    let import = crate::support::between(&page.body, "href=\"imports/", "\"");
    pages.push(format!("/imports/{}", import.unwrap()));
    pages
}

/// Notes every tag, as a browser takes a page apart.
#[derive(Default)]
struct Tags(RefCell<Vec<Tag>>);

impl TokenSink for Tags {
    type Handle = ();

    fn process_token(&self, token: Token, _: u64) -> TokenSinkResult<()> {
        if let Token::TagToken(tag) = token
            && tag.kind == TagKind::StartTag
        {
            self.0.borrow_mut().push(tag);
        }
        TokenSinkResult::Continue
    }
}

fn tags(html: &str) -> Vec<Tag> {
    let tokenizer = Tokenizer::new(Tags::default(), TokenizerOpts::default());
    let input = BufferQueue::default();
    input.push_back(html.into());
    let _ = tokenizer.feed(&input);
    tokenizer.end();
    tokenizer.sink.0.take()
}

/// What is wrong with a page; nothing for one that is as we write them.
fn faults(html: &str) -> Vec<String> {
    const FORBIDDEN: [&str; 12] = [
        "iframe", "object", "embed", "applet", "frame", "style", "math", "video", "audio",
        "template", "textarea", "marquee",
    ];
    let tags = tags(html);
    let count = |name: &str| tags.iter().filter(|tag| &*tag.name == name).count();
    let mut faults = Vec::new();
    for (name, most) in [
        ("script", 1),
        ("base", 1),
        ("meta", 4),
        ("link", 2),
        ("title", 1),
    ] {
        if count(name) > most {
            faults.push(format!("{} of <{name}>", count(name)));
        }
    }
    for tag in &tags {
        let name = &*tag.name;
        if FORBIDDEN.contains(&name) {
            faults.push(format!("<{name}>"));
        }
        for attribute in &tag.attrs {
            let (key, value) = (&*attribute.name.local, &*attribute.value);
            let is_good = match key {
                "href" if name == "base" => value == "/",
                "href" => leads_somewhere_good(value),
                "src" => value.starts_with("assets/") || value.starts_with("repositories/hostile/"),
                "action" => ["sign-out", "account", "imports", "repositories"]
                    .iter()
                    .any(|ours| value.starts_with(ours)),
                "style" | "srcset" | "srcdoc" | "formaction" | "background" | "poster" => false,
                "http-equiv" | "xlink:href" | "data" | "ping" | "target" | "name" => {
                    matches!(name, "meta" | "input" | "button" | "select")
                }
                key => !key.starts_with("on"),
            };
            if !is_good {
                faults.push(format!("<{name} {key}={value:?}>"));
            }
        }
    }
    faults
}

/// Ours are relative and go down; others lead to the web or a mailbox, and tell nothing.
fn leads_somewhere_good(link: &str) -> bool {
    let link = link.trim_start();
    let scheme = link.split_once(':').map(|(scheme, _)| scheme);
    match scheme.filter(|scheme| scheme.bytes().all(|byte| byte.is_ascii_alphanumeric())) {
        Some(scheme) => matches!(scheme, "http" | "https" | "mailto"),
        None => [
            "imports",
            "quota",
            "repositories",
            "quota",
            "account",
            "administration",
            "assets/",
            "./",
        ]
        .iter()
        .any(|ours| link.starts_with(ours)),
    }
}

#[test]
fn a_page_that_is_broken_is_found_out() {
    for html in [
        "<script></script><script></script>",
        "<p onclick=x>",
        "<a href=\"javascript:x\">",
        "<a href=\"//evil.example\">",
        "<img src=\"https://evil.example/a.png\">",
        "<p style=x>",
        "<form action=\"https://evil.example\">",
        "<svg><a xlink:href=x>",
        "<base href=\"//evil.example\">",
    ] {
        assert_eq!(faults(html).len(), 1, "{html}");
    }
    assert_eq!(faults("<a href=\"imports\">&lt;script&gt;</a>"), [""; 0]);
}

#[tokio::test]
async fn a_parser_finds_nothing_of_theirs_in_our_pages() {
    let house = House::new().await;
    let mut ada = house.administrator().await;
    house.import(&recording()).await;
    let mut shown = String::new();
    for page in pages(&mut ada).await {
        let answer = ada.get(&page).await.is(200);
        let kind = answer.headers["content-type"].to_str().unwrap();
        assert_eq!(kind, "text/html; charset=utf-8", "{page}");
        assert_eq!(faults(&answer.body), [""; 0], "{page}");
        shown.push_str(&answer.body);
    }
    // To a script they are what was typed, in a document that no browser takes for a page.
    let script = Script::new(&house, &["imports:read"]).await;
    for (id, text) in (1..).zip(corpus()).step_by(20) {
        for list in ["pull-requests", "issues"] {
            let page = script
                .get(&format!("/api/v1{PATH}/{list}/{id}"))
                .await
                .is(200);
            assert_eq!(page.headers["content-type"], "application/json");
            assert_eq!(page.headers["x-content-type-options"], "nosniff");
            assert_eq!(json_of(&page)["title"], text);
        }
    }
    // They really are there, and as text.
    for field in [
        "onerror=window.pwned=1",
        "https://evil.example/track.png",
        "vbscript:msgbox",
    ] {
        assert!(shown.contains(field), "{field}");
    }
}

/// Notes what the browser has to stop, on the page and for all pages of the session.
const WATCH: &str = "
    document.addEventListener('securitypolicyviolation', event => {
        const what = event.violatedDirective + ' ' + event.blockedURI + '\\n';
        sessionStorage.stopped = (sessionStorage.stopped || '') + what;
        const page = document.documentElement;
        page.dataset.stopped = (page.dataset.stopped || '') + what;
    });";

/// Touches everything on a page, and says what it did that it should not have: programs that
/// ran, what was asked of other hosts, what the browser had to stop.
const LOOK: &str = "
    for (const one of document.querySelectorAll('main *')) {
        for (const kind of ['mouseover', 'focus', 'error', 'load', 'toggle', 'begin'])
            one.dispatchEvent(new Event(kind));
    }
    const asked = performance.getEntriesByType('resource').map(one => one.name)
        .filter(name => new URL(name).origin !== location.origin);
    const stopped = sessionStorage.stopped ? [sessionStorage.stopped] : [];
    return (window.pwned === undefined ? [] : ['ran']).concat(asked, stopped);";

#[tokio::test]
async fn a_browser_runs_nothing_of_theirs_and_asks_nobody_else() {
    let Some(browser) = Chromium::start().await else {
        return;
    };
    let house = House::new().await;
    let mut ada = house.administrator().await;
    house.import(&recording()).await;
    let pages = pages(&mut ada).await;
    browser.before_each_page(WATCH).await;
    browser.go(&ada.address("/sign-in")).await;
    browser.keep_cookie(ada.cookie.as_deref().unwrap()).await;
    for page in &pages {
        browser.go(&ada.address(page)).await;
        browser.wait_for(".who").await;
        assert_eq!(browser.run(LOOK).await, json!([]), "{page}");
    }
    // What came too late for its page; and what would be there if anything was.
    browser.go(&ada.address("/imports")).await;
    assert_eq!(browser.run(LOOK).await, json!([]));
    let broken = "document.querySelector('main').innerHTML =
        '<img src=https://evil.example/a.png><p onmouseover=window.pwned=1>x</p>';";
    browser.run(&format!("{broken}{LOOK}")).await;
    for fault in ["img-src", "script-src-attr"] {
        browser
            .wait_for(&format!("[data-stopped*='{fault}']"))
            .await;
    }
}
