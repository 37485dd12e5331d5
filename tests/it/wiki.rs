//! A wiki that somebody kept, as a person gives it.

use bucketload_simulator::SeedOptions;

use crate::support::{Double, bare_command, export, git, run, small, stage};

const NAME: &str = "seaside/lighthouse";

#[test]
fn a_kept_wiki_is_taken_without_bitbucket_and_with_it() {
    let folder = tempfile::tempdir().unwrap();
    let data_dir = folder.path().join("data");
    let copy = folder.path().join("kept");
    git(folder.path(), &["init", "-q", "kept"]);
    git(&copy, &["commit", "-q", "--allow-empty", "-m", "Home"]);
    let head = git(&copy, &["rev-parse", "HEAD"]);
    let path = copy.to_str().unwrap();
    // No server is asked: there is none at the address of nobody.
    let taken = run(bare_command(&data_dir)
        .env("BUCKETLOAD_BITBUCKET_API_URL", "http://127.0.0.1:1/2.0")
        .args(["import", NAME, "--offline", "--wiki", path]))
    .expect(0);
    assert!(taken.stdout.contains("wiki with 1 ref"), "{}", taken.stdout);

    let double = Double::seeded(SeedOptions {
        wiki: false,
        ..small()
    });
    let ran = double.run(&data_dir, &["import", NAME, "--wiki", path, "--json"]);
    let ran = ran.expect(0);
    assert_eq!(ran.report()["state"], "complete");
    assert_eq!(ran.json()["wikis"][0]["written"], 0);
    assert_eq!(stage(&ran.report(), "wiki")["stored"], 1);
    let proof = run(bare_command(&data_dir).args(["verify", "--json"]))
        .expect(0)
        .json();
    assert!(proof["repositories"][0]["wiki"]["refs"] == 1, "{proof}");
    // The mirror and the bundle can be cloned.
    let mirror = data_dir.join("repositories/seaside/lighthouse.wiki.git");
    let bundle = export(&data_dir, &folder.path().join("out"), NAME).join("wiki.bundle");
    for (name, from) in [("one", mirror), ("two", bundle)] {
        git(
            folder.path(),
            &["clone", "-q", from.to_str().unwrap(), name],
        );
        assert_eq!(git(&folder.path().join(name), &["rev-parse", "HEAD"]), head);
    }
}

#[test]
fn what_is_no_wiki_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let data_dir = folder.path().join("data");
    let path = folder.path().join("nothing");
    let arguments = ["import", NAME, "--offline", "--wiki"];
    let said = run(bare_command(&data_dir).args(arguments).arg(&path)).expect(2);
    assert!(
        said.stderr.contains("cannot take the wiki"),
        "{}",
        said.stderr
    );
    std::fs::create_dir(&path).unwrap();
    let said = run(bare_command(&data_dir).args(arguments).arg(&path)).expect(2);
    assert!(
        said.stderr.contains("git clone --mirror"),
        "{}",
        said.stderr
    );
    let ran = run(bare_command(&data_dir)
        .args(["import", "seaside", "--wiki"])
        .arg(&path));
    assert!(ran.expect(2).stderr.contains("one repository"));
}
