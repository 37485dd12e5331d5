//! This project's own history, served, imported and cloned.

use std::path::{Path, PathBuf};
use std::process::Command;

use bucketload_simulator::SeedOptions;

use crate::support::{Double, git, small, stage};

/// The project's repository; a source archive without history has none.
fn own_history() -> Option<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let output = Command::new("git")
        .current_dir(&root)
        .args(["rev-parse", "--path-format=absolute", "--git-common-dir"])
        .output()
        .ok()?;
    let path = String::from_utf8(output.stdout).ok()?;
    output.status.success().then(|| PathBuf::from(path.trim()))
}

#[test]
fn our_own_history_comes_home_with_identical_refs() {
    let Some(history) = own_history() else {
        eprintln!("skipped: this is no git checkout");
        return;
    };
    for transport in ["gix", "git"] {
        let folder = tempfile::tempdir().unwrap();
        let double = Double::seeded(SeedOptions {
            git: [("seaside/lighthouse".to_owned(), history.clone())].into(),
            ..small()
        });
        let data_dir = folder.path().join("data");
        let report = double
            .run(
                &data_dir,
                &[
                    "import",
                    "seaside/lighthouse",
                    "--json",
                    "--git-transport",
                    transport,
                ],
            )
            .expect(0)
            .report();
        let mirror = data_dir.join("repositories/seaside/lighthouse.git");
        let served = format!("{}/seaside/lighthouse.git", double.web_url());
        let refs = |remote: &str| git(folder.path(), &["ls-remote", "--refs", remote]);
        let mirrored = refs(mirror.to_str().unwrap());
        assert_eq!(mirrored, refs(&served), "by {transport}");
        assert_eq!(
            stage(&report, "git")["stored"].as_u64().unwrap(),
            mirrored.lines().count() as u64
        );
        assert_eq!(report["git"]["refs"], stage(&report, "git")["expected"]);

        git(&mirror, &["fsck", "--full", "--strict"]);
        let clone = folder.path().join("clone");
        git(
            folder.path(),
            &[
                "clone",
                "-q",
                mirror.to_str().unwrap(),
                clone.to_str().unwrap(),
            ],
        );
        let count = |repository: &Path| git(repository, &["rev-list", "--count", "HEAD"]);
        assert_eq!(count(&clone), count(&mirror));
    }
}
