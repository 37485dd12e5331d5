//! Images that texts link to.

use bucketload_model::{GapReason, ImportReport, ImportState, Stage};
use bucketload_simulator::{Effect, Fault, Mutation, SeedOptions};
use bucketload_worker::Selection;
use serde_json::{Value, json};

use crate::support::{Kind, Local, NAME, Remote, only_gap, remote, stage, status};

/// What is under way in this file: texts, and what they link to.
pub(crate) fn selection() -> Selection {
    let stages = [
        Stage::PullRequests,
        Stage::PullRequestComments,
        Stage::Images,
    ];
    Selection::new(&stages, &[]).unwrap()
}

/// Texts that link to nothing.
pub(crate) async fn plain() -> Remote {
    let options = SeedOptions {
        pull_requests: 3,
        git_commits: 2,
        unicode: false,
        ..SeedOptions::default()
    };
    remote(options).await
}

pub(crate) async fn import(local: &Local) -> ImportReport {
    let outcome = local.try_import(NAME, &selection()).await;
    assert!(outcome.failure.is_none(), "{:?}", outcome.failure);
    outcome.report
}

/// Nothing is missing of what was selected.
pub(crate) fn assert_whole(report: &ImportReport) {
    assert_eq!(report.gaps, []);
    assert_eq!(report.state, ImportState::Complete, "{report:#?}");
    assert_eq!(report.missing(), 0);
}

/// Has somebody comment on the first pull request. Returns the comment.
pub(crate) fn comment(remote: &Remote, text: &str) -> u64 {
    let mutation = Mutation::AddComment {
        repository: NAME.to_owned(),
        pull_request: 1,
        text: text.to_owned(),
    };
    remote.mutate(mutation).id.unwrap()
}

fn describe(remote: &Remote, text: &str) {
    let fields = json!({ "description": text }).as_object().cloned();
    remote.mutate(Mutation::EditPullRequest {
        repository: NAME.to_owned(),
        id: 1,
        fields: fields.unwrap(),
    });
}

/// An image of the double's file store.
fn stored(remote: &Remote, name: &str) -> String {
    format!("{}/images/{name}", remote.simulator.storage_url())
}

/// How often what has this in its address was asked for, and with which answers.
fn answers(remote: &Remote, part: &str) -> Vec<Option<u16>> {
    let requests = remote.control.requests().into_iter();
    let asked = requests.filter(|request| request.target.contains(part));
    asked.map(|request| request.status).collect()
}

/// The images of the export, by address; those with content are in it.
pub(crate) async fn images(local: &Local) -> Vec<(String, Option<String>)> {
    let export = local.export(NAME).await;
    let text = std::str::from_utf8(&export["images.jsonl"]).unwrap();
    let lines = text.lines().map(|line| {
        let line: Value = serde_json::from_str(line).unwrap();
        let blob = line["blob"].as_str().map(ToOwned::to_owned);
        if let Some(blob) = &blob {
            assert!(export.contains_key(&format!("blobs/{blob}")));
            assert!(line["source"]["media_type"].is_string());
        }
        (line["source"]["url"].as_str().unwrap().to_owned(), blob)
    });
    lines.collect()
}

#[tokio::test]
async fn an_image_comes_home_once_however_many_texts_show_it() {
    for kind in [Kind::Sqlite, Kind::Postgres] {
        let remote = plain().await;
        let Some(local) = Local::on(kind, &remote).await else {
            continue;
        };
        let url = stored(&remote, "a.png");
        for number in 0..100 {
            comment(&remote, &format!("number {number} ![a]({url})"));
        }
        describe(&remote, &format!("![a]({url}) ![b]({url}?size=large)"));
        let report = import(&local).await;
        assert_whole(&report);
        let counts = stage(&report, Stage::Images);
        assert_eq!((counts.expected, counts.stored), (Some(2), 2));
        assert_eq!(answers(&remote, "/images/a.png"), [Some(200); 2]);
        let images = images(&local).await;
        assert_eq!(images.len(), 2);
        assert_eq!(images[0].1, images[1].1, "the same content is one file");
        remote.control.reset_log();
        comment(&remote, &format!("again ![a]({url})"));
        assert_whole(&import(&local).await);
        assert_eq!(answers(&remote, "/images/"), []);
    }
}

#[tokio::test]
async fn what_was_pasted_is_tried_once_and_named_with_where_it_is_shown() {
    let remote = plain().await;
    let mut local = Local::new(&remote).await;
    let url = "https://bitbucket.org/repo/oAndzz/images/544-Screenshot%20from%2010:59:26.png";
    let comment = comment(&remote, &format!("look ![it]({url})"));
    let report = import(&local).await;
    let gap = only_gap(&report);
    assert_eq!(
        (gap.stage, gap.reason),
        (Stage::Images, GapReason::NotArchivable)
    );
    assert_eq!(gap.url.as_deref(), Some(url));
    assert_eq!(gap.object, format!("image {url}"));
    let page = format!("{NAME}/pull-requests/1#comment-{comment}");
    for part in [
        "403",
        "--images-from",
        &format!("pull request #1, comment {comment}"),
        &page,
    ] {
        assert!(gap.detail.contains(part), "{}", gap.detail);
    }
    assert_eq!(stage(&report, Stage::Images).missing, 1);
    assert_eq!(answers(&remote, "/repo/oAndzz"), [Some(403)]);
    remote.control.reset_log();
    let again = import(&local).await;
    assert_eq!(again.gaps, report.gaps, "known, and named again");
    assert_eq!(answers(&remote, "/repo/"), []);
    local.importer.whole_lists = true;
    import(&local).await;
    assert_eq!(answers(&remote, "/repo/"), [Some(403)]);
}

#[tokio::test]
async fn what_was_pasted_in_a_public_repository_is_asked_without_a_token() {
    let remote = plain().await;
    let local = Local::new(&remote).await;
    comment(
        &remote,
        "see https://bitbucket.org/repo/a1b2c3/images/7-public.png.",
    );
    // The double refuses a token there, as Bitbucket does.
    assert_whole(&import(&local).await);
    assert_eq!(answers(&remote, "/repo/a1b2c3"), [Some(200)]);
}

#[tokio::test]
async fn a_host_that_nobody_allowed_is_never_contacted() {
    let remote = plain().await;
    let mut local = Local::new(&remote).await;
    // The same machine by another name.
    let url = stored(&remote, "a.png").replace("127.0.0.1", "localhost");
    comment(&remote, &format!("![a]({url})"));
    let report = import(&local).await;
    assert_whole(&report);
    let counts = stage(&report, Stage::Images);
    assert_eq!((counts.expected, counts.left_out), (Some(0), 1));
    assert_eq!(answers(&remote, "/images/"), []);
    assert_eq!(images(&local).await, [(url.clone(), None)]);
    local.importer.image_hosts = vec!["localhost".to_owned()];
    let report = import(&local).await;
    assert_whole(&report);
    let counts = stage(&report, Stage::Images);
    assert_eq!((counts.stored, counts.left_out), (1, 0));
    assert_eq!(answers(&remote, "/images/"), [Some(200)]);
}

#[tokio::test]
async fn no_redirect_leads_to_where_no_image_may_come_from() {
    let remote = plain().await;
    let local = Local::new(&remote).await;
    let mut comments = Vec::new();
    for (number, target) in [
        "http://169.254.169.254/latest/meta-data/".to_owned(),
        "https://[::ffff:169.254.169.254]/latest/meta-data/".to_owned(),
        stored(&remote, "secret.png").replace("127.0.0.1", "localhost"),
        "file:///etc/passwd".to_owned(),
        "https://example.org/a.png".to_owned(),
    ]
    .into_iter()
    .enumerate()
    {
        let name = format!("{number}-away.png");
        let away = Effect::Answer {
            status: 302,
            headers: vec![("location".to_owned(), target)],
            body: String::new(),
        };
        remote.on_path(&format!("/images/{name}"), away);
        comments.push(comment(
            &remote,
            &format!("![a]({})", stored(&remote, &name)),
        ));
    }
    let report = import(&local).await;
    assert_eq!(report.gaps.len(), comments.len(), "{:#?}", report.gaps);
    for gap in &report.gaps {
        assert_eq!(gap.reason, GapReason::NotArchivable, "{gap:?}");
        assert!(gap.detail.contains("it leads to"), "{gap:?}");
    }
    assert_eq!(answers(&remote, "secret"), []);
    assert_eq!(local.importer.archive.blobs().await.unwrap(), []);
}

#[tokio::test]
async fn what_is_no_image_or_too_large_is_a_gap_and_not_kept() {
    let remote = plain().await;
    let mut local = Local::new(&remote).await;
    comment(&remote, &format!("![a]({})", stored(&remote, "page.png")));
    remote.on_path("/images/page.png", Effect::Html { status: 200 });
    let report = import(&local).await;
    let gap = only_gap(&report);
    assert_eq!(gap.reason, GapReason::Unreadable);
    assert!(gap.detail.contains("no image"), "{}", gap.detail);
    remote.control.clear_faults();
    let limit = std::mem::replace(&mut local.importer.max_blob_bytes, 4);
    local.importer.whole_lists = true;
    let report = import(&local).await;
    let gap = only_gap(&report);
    assert_eq!(gap.reason, GapReason::NotArchivable);
    assert!(gap.detail.contains("larger than 4 bytes"), "{}", gap.detail);
    assert_eq!(local.importer.archive.blobs().await.unwrap(), []);
    local.importer.max_blob_bytes = limit;
    local.importer.whole_lists = false;
    assert_whole(&import(&local).await);
}

#[tokio::test]
async fn an_image_that_is_gone_is_a_gap_and_one_that_failed_is_tried_again() {
    let remote = plain().await;
    let local = Local::new(&remote).await;
    let (gone, failing) = (stored(&remote, "gone.png"), stored(&remote, "failing.png"));
    comment(&remote, &format!("![a]({gone}) ![b]({failing})"));
    remote.on_path("/images/gone.png", status(410));
    remote.on_path("/images/failing.png", status(503));
    let report = import(&local).await;
    let reasons: Vec<_> = report.gaps.iter().map(|gap| gap.reason).collect();
    assert_eq!(reasons, [GapReason::SourceError, GapReason::NotFound]);
    remote.control.clear_faults();
    remote.control.reset_log();
    let report = import(&local).await;
    assert_eq!(only_gap(&report).url, Some(gone));
    assert_eq!(answers(&remote, "/images/"), [Some(200)]);
}

#[tokio::test]
async fn an_image_that_no_text_shows_any_more_is_not_missed() {
    let remote = plain().await;
    let local = Local::new(&remote).await;
    let pasted = "https://bitbucket.org/repo/oAndzz/images/1-a.png";
    describe(
        &remote,
        &format!("![a]({pasted}) ![b]({})", stored(&remote, "b.png")),
    );
    only_gap(&import(&local).await);
    describe(&remote, "It speaks for itself.");
    assert_whole(&import(&local).await);
    let kept = images(&local).await;
    assert_eq!(kept.len(), 1, "what came home stays: {kept:?}");
    assert!(kept[0].1.is_some());
}

#[tokio::test]
async fn files_of_the_repository_itself_come_with_its_history() {
    let remote = plain().await;
    let local = Local::new(&remote).await;
    let url = format!("https://bitbucket.org/{NAME}/raw/main/logo.png");
    comment(&remote, &format!("![logo]({url})"));
    assert_whole(&import(&local).await);
    assert_eq!(images(&local).await, []);
}

#[tokio::test]
async fn stopped_at_every_image_it_goes_on() {
    let remote = plain().await;
    for number in 0..6 {
        let url = stored(&remote, &format!("{number}.png"));
        comment(&remote, &format!("![a]({url})"));
    }
    let undisturbed = Local::new(&remote).await;
    assert_whole(&import(&undisturbed).await);
    let expected = images(&undisturbed).await;
    for number in 0..6 {
        let local = Local::new(&remote).await;
        let part = format!("/images/{number}.png");
        remote
            .control
            .add_fault(Fault::on_path(&part, Effect::Hang));
        let name = NAME.parse().unwrap();
        let selection = selection();
        // Four come at a time, so the others that were begun may be there, or not.
        remote.control.reset_log();
        let arrived = async {
            let mut request = 1;
            while answers(&remote, &part).is_empty() {
                remote.control.wait_for_request(request).await;
                request += 1;
            }
        };
        tokio::select! {
            outcome = local.importer.import(&name, &selection) => panic!("{outcome:?}"),
            () = arrived => {}
        }
        remote.control.clear_faults();
        remote.control.reset_log();
        assert_whole(&import(&local).await);
        assert_eq!(images(&local).await, expected);
        assert_eq!(answers(&remote, &part), [Some(200)]);
    }
}
