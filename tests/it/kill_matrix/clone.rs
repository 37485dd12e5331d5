//! A clone that is stopped in the middle: by a wish, or by SIGKILL.

use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use bucketload_simulator::{Effect, Fault, SeedOptions};

use super::NAME;
use super::dice::{Dice, Seed, seeds, shared_out};
use super::life::Life;
use super::state::{Left, git, mirror};
use crate::support::{Double, bare_command, run};

/// A pack of six megabytes.
fn world() -> SeedOptions {
    SeedOptions {
        pull_requests: 6,
        members: 5,
        git_commits: 48,
        git_bytes_per_commit: 128 * 1024,
        ..SeedOptions::default()
    }
}

/// The server sends so much of it, and then nothing more.
const SENT: usize = 4 << 20;

fn bytes_in(folder: &Path) -> u64 {
    let entries = std::fs::read_dir(folder).into_iter().flatten();
    entries
        .filter_map(|entry| {
            let entry = entry.ok()?;
            let metadata = entry.metadata().ok()?;
            Some(if metadata.is_dir() {
                bytes_in(&entry.path())
            } else {
                metadata.len()
            })
        })
        .sum()
}

/// Processes that work in a folder or below.
fn programs_in(folder: &Path) -> Vec<PathBuf> {
    let processes = std::fs::read_dir("/proc").unwrap().filter_map(Result::ok);
    processes
        .filter_map(|process| std::fs::read_link(process.path().join("cwd")).ok())
        .filter(|cwd| cwd.starts_with(folder))
        .collect()
}

fn import(double: &Double, data_dir: &Path, transport: &str) -> Child {
    double
        .command(data_dir)
        .args(["import", NAME, "--git-transport", transport])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

fn until_received(mirror: &Path, bytes: u64, child: &mut Child) {
    let began = Instant::now();
    while bytes_in(&mirror.join("incoming")) < bytes {
        assert!(began.elapsed() < Duration::from_mins(1), "nothing comes");
        assert!(child.try_wait().unwrap().is_none(), "it ended by itself");
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// Stops a clone as the seed says, and has a worker go on with it.
fn stop(double: &Double, folder: &Path, expected: &Left, seed: u64) {
    let mut dice = Dice::new(seed);
    let transport = ["gix", "git"][usize::try_from(seed % 2).unwrap()];
    let is_cancelled = seed % 4 < 2;
    let bytes = 1 + dice.below(SENT as u64 * 8 / 10);
    let _seed = Seed {
        number: seed,
        plan: format!("{transport}, cancelled: {is_cancelled}, after {bytes} bytes"),
    };
    let data_dir = folder.join(format!("seed-{seed}"));
    let mirror = mirror(&data_dir, NAME);
    let stall = Effect::Stall { after_bytes: SENT };
    let control = double.control();
    control.add_fault(Fault::on_path("git-upload-pack", stall));
    let mut child = import(double, &data_dir, transport);
    until_received(&mirror, bytes, &mut child);
    if is_cancelled {
        run(bare_command(&data_dir).args(["cancel", NAME])).expect(0);
        let asked = Instant::now();
        assert_eq!(child.wait().unwrap().code(), Some(130));
        // A second is promised; the rest is for a busy machine.
        let took = asked.elapsed();
        println!("seed {seed}, {transport}: cancelled after {took:?}");
        assert!(took < Duration::from_secs(5), "{took:?}");
        assert_eq!(programs_in(&data_dir), Vec::<PathBuf>::new());
        assert!(!mirror.join("incoming").exists());
    } else {
        child.kill().unwrap();
        child.wait().unwrap();
    }
    // Nobody sees any of it.
    assert_eq!(git(&mirror, &["for-each-ref"]), "");
    assert_eq!(bytes_in(&mirror.join("objects")), 0);
    control.clear_faults();

    run(double.command(&data_dir).args(["import", NAME, "--queue"])).expect(0);
    let mut life = Life::start(&mut double.command(&data_dir));
    double.runtime.block_on(life.until_complete());
    life.kill();
    let left = Left::of(&data_dir, folder, NAME);
    left.assert_same_as(expected, &data_dir, NAME);
}

#[test]
fn a_clone_that_is_stopped_leaves_nothing_that_is_trusted() {
    let seeds = seeds(8);
    shared_out(&seeds, 2, |share| {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path();
        let double = Double::seeded(world());
        let data_dir = folder.join("undisturbed");
        double.run(&data_dir, &["import", NAME]).expect(0);
        let expected = Left::of(&data_dir, folder, NAME);
        for seed in share {
            stop(&double, folder, &expected, *seed);
        }
    });
}
