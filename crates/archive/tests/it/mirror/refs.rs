//! What happens to refs that move, vanish, or have strange names.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::sync::Arc;

use bucketload_archive::mirror::TransportKind;

use super::fixture::{Fixture, git, git_with};
use super::with_both_transports;

with_both_transports!(
    a_forced_push_keeps_the_old_tip,
    a_deleted_branch_is_kept,
    a_moved_tag_is_kept,
    two_losses_in_one_second_are_both_kept,
    a_rewritten_history_keeps_every_old_tip,
    our_own_namespace_is_not_theirs,
    names_beyond_ascii_are_mirrored,
    a_branch_may_become_a_folder,
    head_follows_the_default_branch,
    refs_to_anything_are_mirrored,
    loose_refs_of_others_are_no_obstacle,
    a_ref_that_moves_between_listing_and_fetch_is_listed_again,
);

fn a_forced_push_keeps_the_old_tip(transport: TransportKind) {
    let fixture = Fixture::new(transport);
    fixture.update();
    let old = fixture.origin.git(&["rev-parse", "topic"]);
    fixture
        .origin
        .git(&["update-ref", "refs/heads/topic", "main~10"]);
    fixture.origin.commit("refs/heads/topic", 1);
    // The remote forgets the old commits altogether.
    fixture.origin.git(&["gc", "--quiet", "--prune=now"]);
    let update = fixture.update();
    fixture.assert_sound();
    let name = "refs/archive/20261122T120000Z/heads/topic";
    assert_eq!(
        fixture.archived_refs(),
        BTreeMap::from([(name.to_owned(), old.clone())])
    );
    assert_eq!(update.archived.len(), 1);
    assert_eq!(update.archived[0].name, "refs/heads/topic");
    assert_eq!(update.archived[0].archived_as, name);
    assert_eq!(update.archived[0].target.to_string(), old);
    // And it stays, whatever comes later.
    assert!(fixture.update().archived.is_empty());
    assert_eq!(fixture.archived_refs().len(), 1);
}

fn a_deleted_branch_is_kept(transport: TransportKind) {
    let fixture = Fixture::new(transport);
    fixture.origin.commit("refs/heads/feature/x", 2);
    fixture.update();
    let old = fixture.origin.git(&["rev-parse", "feature/x"]);
    fixture
        .origin
        .git(&["update-ref", "-d", "refs/heads/feature/x"]);
    let update = fixture.update();
    assert_eq!(update.refs, 4);
    fixture.assert_sound();
    let name = "refs/archive/20261122T120000Z/heads/feature/x".to_owned();
    assert_eq!(fixture.archived_refs(), BTreeMap::from([(name, old)]));
}

fn a_moved_tag_is_kept(transport: TransportKind) {
    let fixture = Fixture::new(transport);
    fixture.update();
    let old = fixture.origin.git(&["rev-parse", "v1"]);
    fixture
        .origin
        .git(&["tag", "-f", "-a", "-m", "v1 again", "v1", "main"]);
    fixture.update();
    fixture.assert_sound();
    let name = "refs/archive/20261122T120000Z/tags/v1".to_owned();
    assert_eq!(fixture.archived_refs(), BTreeMap::from([(name, old)]));
}

fn two_losses_in_one_second_are_both_kept(transport: TransportKind) {
    let fixture = Fixture::new(transport);
    fixture.update();
    let first = fixture.origin.git(&["rev-parse", "topic"]);
    fixture
        .origin
        .git(&["update-ref", "-d", "refs/heads/topic"]);
    fixture.update();
    fixture
        .origin
        .git(&["update-ref", "refs/heads/topic", "main~1"]);
    fixture.update();
    let second = fixture.origin.git(&["rev-parse", "topic"]);
    fixture
        .origin
        .git(&["update-ref", "-d", "refs/heads/topic"]);
    fixture.update();
    fixture.assert_sound();
    let expected = [
        (
            "refs/archive/20261122T120000Z-2/heads/topic".to_owned(),
            second,
        ),
        (
            "refs/archive/20261122T120000Z/heads/topic".to_owned(),
            first,
        ),
    ];
    assert_eq!(fixture.archived_refs(), BTreeMap::from(expected));
}

fn a_rewritten_history_keeps_every_old_tip(transport: TransportKind) {
    let fixture = Fixture::new(transport);
    let tips = fixture.origin.git(&["rev-list", "main"]);
    let names: Vec<String> = (0..40)
        .map(|number| format!("refs/heads/b{number}"))
        .collect();
    let point = |tips: &str| {
        let mut script = String::new();
        for (name, tip) in names.iter().zip(tips.lines()) {
            writeln!(script, "update {name} {tip}").unwrap();
        }
        git_with(
            &fixture.origin.path,
            &["update-ref", "--stdin"],
            script.as_bytes(),
        );
    };
    point(&tips);
    fixture.update();
    // Half of the branches now point into another history, half move forward.
    fixture.origin.commit("refs/heads/other", 20);
    let others = fixture.origin.git(&["rev-list", "other"]);
    let main = fixture.origin.git(&["rev-parse", "main"]);
    let forward = format!("{main}\n").repeat(20);
    point(&format!("{others}\n{forward}"));
    let update = fixture.update();
    fixture.assert_sound();
    assert_eq!(update.changed, 40);
    let expected: BTreeMap<String, String> = names
        .iter()
        .zip(tips.lines())
        .take(20)
        .map(|(name, tip)| {
            let rest = name.strip_prefix("refs/").unwrap();
            (
                format!("refs/archive/20261122T120000Z/{rest}"),
                tip.to_owned(),
            )
        })
        .collect();
    assert_eq!(fixture.archived_refs(), expected);
}

fn our_own_namespace_is_not_theirs(transport: TransportKind) {
    let fixture = Fixture::new(transport);
    fixture.update();
    let name = "refs/archive/20200101T000000Z/heads/main";
    fixture.origin.git(&["update-ref", name, "main~7"]);
    let update = fixture.update();
    assert_eq!(update.skipped, [name]);
    assert_eq!(update.refs, 4);
    assert!(fixture.archived_refs().is_empty());
    // Nor does its presence or absence there touch what we keep.
    fixture
        .origin
        .git(&["update-ref", "-d", "refs/heads/topic"]);
    fixture.update();
    fixture.origin.git(&["update-ref", "-d", name]);
    fixture.update();
    assert_eq!(fixture.archived_refs().len(), 1);
    fixture.assert_sound();
}

fn names_beyond_ascii_are_mirrored(transport: TransportKind) {
    let fixture = Fixture::new(transport);
    for name in [
        "größe",
        "日本語/ブランチ",
        "emoji-😀",
        "a&b;$(c)'\"",
        "-dash",
        "%41",
    ] {
        let name = format!("refs/heads/{name}");
        fixture.origin.git(&["update-ref", &name, "main~4"]);
    }
    // Git takes any bytes; this is no UTF-8.
    let main = fixture.origin.git(&["rev-parse", "main"]);
    let mut script = b"create refs/heads/latin-\xe4 ".to_vec();
    script.extend_from_slice(main.as_bytes());
    script.push(b'\n');
    git_with(&fixture.origin.path, &["update-ref", "--stdin"], &script);
    let update = fixture.update();
    assert_eq!(update.refs, 11);
    let refs = fixture.mirror().refs().unwrap();
    assert!(
        refs.iter()
            .any(|it| it.name == b"refs/heads/latin-\xe4".as_slice())
    );
    // This one goes again, because the comparison reads text.
    script.splice(..6, *b"delete");
    git_with(&fixture.origin.path, &["update-ref", "--stdin"], &script);
    fixture.update();
    assert_eq!(fixture.live_refs_checked(), 10);
}

impl Fixture {
    fn live_refs_checked(&self) -> usize {
        assert_eq!(self.live_refs_lossless(), self.origin.refs());
        self.live_refs_lossless().len()
    }

    /// The mirror's refs by our own reading, where git's output is not text.
    fn live_refs_lossless(&self) -> BTreeMap<String, String> {
        let refs = self.mirror().refs().unwrap();
        let live = refs
            .into_iter()
            .filter(|it| !it.name.starts_with(b"refs/archive/"));
        live.map(|it| (it.name.to_string(), it.target.to_string()))
            .collect()
    }
}

fn a_branch_may_become_a_folder(transport: TransportKind) {
    let fixture = Fixture::new(transport);
    fixture.update();
    fixture
        .origin
        .git(&["update-ref", "-d", "refs/heads/topic"]);
    fixture
        .origin
        .git(&["update-ref", "refs/heads/topic/one", "main~1"]);
    fixture.update();
    fixture.assert_sound();
}

fn head_follows_the_default_branch(transport: TransportKind) {
    let fixture = Fixture::new(transport);
    let head = || git(&fixture.mirror_path(), &["symbolic-ref", "HEAD"]);
    fixture.update();
    assert_eq!(head(), "refs/heads/main");
    fixture
        .try_update(&fixture.remote(), |it| it.head = Some("topic"))
        .unwrap();
    assert_eq!(head(), "refs/heads/topic");
    // A branch that is not there is no help to who clones.
    fixture
        .try_update(&fixture.remote(), |it| it.head = Some("gone"))
        .unwrap();
    assert_eq!(head(), "refs/heads/main");
    fixture
        .origin
        .git(&["symbolic-ref", "HEAD", "refs/heads/topic"]);
    fixture.update();
    assert_eq!(head(), "refs/heads/topic");
}

fn refs_to_anything_are_mirrored(transport: TransportKind) {
    let fixture = Fixture::new(transport);
    fixture
        .origin
        .git(&["update-ref", "refs/notes/tree", "main^{tree}"]);
    fixture
        .origin
        .git(&["update-ref", "refs/notes/blob", "main:file-1"]);
    fixture
        .origin
        .git(&["tag", "-a", "-m", "of a tag", "nested", "v1"]);
    fixture
        .origin
        .git(&["tag", "-a", "-m", "of a tree", "tree", "main^{tree}"]);
    fixture.update();
    fixture.assert_sound();
    fixture
        .origin
        .git(&["update-ref", "refs/notes/blob", "main:file-2"]);
    fixture.update();
    fixture.assert_sound();
    assert_eq!(fixture.archived_refs().len(), 1);
}

fn loose_refs_of_others_are_no_obstacle(transport: TransportKind) {
    let fixture = Fixture::new(transport);
    fixture.update();
    let path = fixture.mirror_path();
    git(&path, &["update-ref", "refs/heads/main", "main~4"]);
    git(&path, &["update-ref", "refs/heads/local/only", "main~2"]);
    assert!(path.join("refs/heads/local/only").is_file());
    fixture.update();
    fixture.assert_sound();
    assert!(!path.join("refs/heads/main").exists());
    // Theirs was not on the remote: kept like anything that vanishes.
    assert_eq!(fixture.archived_refs().len(), 1);
    assert!(
        fs::read_dir(path.join("refs/heads"))
            .unwrap()
            .next()
            .is_none()
    );
}

fn a_ref_that_moves_between_listing_and_fetch_is_listed_again(transport: TransportKind) {
    let fixture = Fixture::new(transport);
    fixture.update();
    fixture.origin.commit("refs/heads/topic", 1);
    let path = fixture.origin.path.clone();
    fixture.server.behave(|it| {
        it.before_fetch = Some(Arc::new(move || {
            // What was listed is gone for good.
            git(&path, &["update-ref", "refs/heads/topic", "main~1"]);
            git(&path, &["gc", "--quiet", "--prune=now"]);
            git(&path, &["update-ref", "refs/heads/late", "main~2"]);
        }));
    });
    let update = fixture.update();
    assert_eq!(update.refs, 5);
    fixture.assert_sound();
}
