//! A disk that is full while a worker works, and that has space again later.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use bucketload_simulator::SeedOptions;

use super::NAME;
use super::dice::{Dice, Seed, seeds, shared_out};
use super::life::Life;
use super::state::{Left, copy};
use crate::support::Double;

fn world() -> SeedOptions {
    SeedOptions {
        pull_requests: 60,
        members: 5,
        git_commits: 30,
        git_bytes_per_commit: 8_192,
        ..SeedOptions::default()
    }
}

/// A disk in memory, taken away at the end.
struct Disk(PathBuf);

impl Disk {
    fn new(at: PathBuf, kibibytes: u64) -> Option<Self> {
        std::fs::create_dir(&at).unwrap();
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &format!("size={kibibytes}k"), "none"])
            .arg(&at)
            .stderr(Stdio::null())
            .status();
        mounted
            .is_ok_and(|status| status.success())
            .then_some(Self(at))
    }

    fn resize(&self, mebibytes: u64) {
        let resized = Command::new("mount")
            .args(["-o", &format!("remount,size={mebibytes}m")])
            .arg(&self.0)
            .status();
        assert!(resized.unwrap().success());
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("--lazy").arg(&self.0).status();
    }
}

fn kibibytes_in(folder: &Path) -> u64 {
    let entries = std::fs::read_dir(folder).unwrap().map(Result::unwrap);
    entries
        .map(|entry| {
            let metadata = entry.metadata().unwrap();
            if metadata.is_dir() {
                4 + kibibytes_in(&entry.path())
            } else {
                metadata.len().div_ceil(4_096) * 4
            }
        })
        .sum()
}

fn run(double: &Double, folder: &Path, expected: &Left, seed: u64, needed: u64) -> bool {
    let queued = folder.join("queued");
    let begun = kibibytes_in(&queued);
    let mut dice = Dice::new(seed);
    // Room for a worker to begin, and never for all of it.
    let kibibytes = begun + 200 + dice.below((needed - begun) * 7 / 10);
    let _seed = Seed {
        number: seed,
        plan: format!("a disk of {kibibytes} KiB of {needed}"),
    };
    let Some(disk) = Disk::new(folder.join(format!("disk-{seed}")), kibibytes) else {
        println!("skipped: a small disk cannot be mounted here");
        return false;
    };
    let data_dir = disk.0.join("data");
    copy(&queued, &data_dir);
    let mut life = Life::start(&mut double.command(&data_dir));
    double.runtime.block_on(async {
        life.until_said(&["the disk is full"]).await;
        disk.resize(64);
        life.until_complete().await;
    });
    life.kill();
    let left = Left::of(&data_dir, folder, NAME);
    left.assert_same_as(expected, &data_dir, NAME);
    true
}

#[test]
fn a_disk_that_is_full_is_waited_for() {
    let seeds = seeds(4);
    // All at once: most of it is the pause after a failure.
    shared_out(&seeds, seeds.len(), |share| {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path();
        let double = Double::seeded(world());
        let queued = folder.join("queued");
        double.run(&queued, &["import", NAME, "--queue"]).expect(0);
        let data_dir = folder.join("undisturbed");
        copy(&queued, &data_dir);
        let mut life = Life::start(&mut double.command(&data_dir));
        double.runtime.block_on(life.until_complete());
        life.kill();
        let needed = kibibytes_in(&data_dir);
        let expected = Left::of(&data_dir, folder, NAME);
        for seed in share {
            if !run(&double, folder, &expected, *seed, needed) {
                return;
            }
        }
    });
}
