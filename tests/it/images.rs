//! Images that somebody saved from a browser, as a person gives them.

use std::fs;

use bucketload_simulator::{Mutation, SeedOptions};

use crate::support::{Double, bare_command, run, small, stage};

const NAME: &str = "seaside/lighthouse";
const PASTED: &str = "https://bitbucket.org/repo/oAndzz/images/544-Shot%20at%2010:59.png";

#[test]
fn a_pasted_image_is_named_and_then_taken_from_a_folder() {
    let folder = tempfile::tempdir().unwrap();
    let data_dir = folder.path().join("data");
    let saved = folder.path().join("saved");
    fs::create_dir(&saved).unwrap();
    let path = saved.to_str().unwrap();
    let double = Double::seeded(SeedOptions {
        unicode: false,
        ..small()
    });
    let comment = Mutation::AddComment {
        repository: NAME.to_owned(),
        pull_request: 1,
        text: format!("![it]({PASTED}) ![status](https://ci.example.org/status.png)"),
    };
    double.control().mutate(comment).unwrap();
    let told =
        run(bare_command(&data_dir).args(["import", NAME, "--offline", "--images-from", path]));
    let told = told.expect(2);
    assert!(told.stderr.contains("import it first"), "{}", told.stderr);

    let told = double.run(&data_dir, &["import", NAME]).expect(3);
    assert!(
        told.stdout.contains("544-Shot%20at%2010:59.png"),
        "{}",
        told.stdout
    );
    assert!(
        told.stdout.contains("1 image on hosts that nobody allowed"),
        "{}",
        told.stdout
    );

    fs::write(saved.join("544-Shot at 10_59.png"), b"\x89PNG\r\n\x1a\nx").unwrap();
    // No server is asked: there is none at the address of nobody.
    let taken = run(bare_command(&data_dir)
        .env("BUCKETLOAD_BITBUCKET_API_URL", "http://127.0.0.1:1/2.0")
        .args(["import", NAME, "--offline", "--images-from", path]))
    .expect(0);
    assert!(taken.stdout.contains("1 image taken"), "{}", taken.stdout);
    let status = run(bare_command(&data_dir).args(["status", NAME, "--json"])).expect(0);
    assert_eq!(status.json()["imports"][0]["state"], "complete");
    let proof = run(bare_command(&data_dir).args(["verify", "--json"])).expect(0);
    let files = &proof.json()["repositories"][0]["files"];
    assert!(files["total"].as_u64() > Some(0), "{files}");

    let again = ["import", NAME, "--images-from", path, "--json"];
    let again = double.run(&data_dir, &again).expect(0);
    assert_eq!(again.json()["images"][0]["known"], 1);
    let images = stage(&again.report(), "images").clone();
    assert_eq!(
        (&images["stored"], &images["left_out"]),
        (&1.into(), &1.into())
    );
}
