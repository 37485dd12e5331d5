//! The way to Bitbucket is cut for a while.

use std::collections::HashSet;
use std::path::Path;
use std::sync::Mutex;
use std::time::Duration;

use bucketload_simulator::{Effect, Fault, SeedOptions, World};

use super::NAME;
use super::dice::{Dice, Seed, seeds, shared_out};
use super::life::{Life, RUN_ENDED};
use super::state::{Left, copy};
use crate::support::Double;

fn world() -> SeedOptions {
    SeedOptions {
        pull_requests: 24,
        members: 5,
        git_commits: 8,
        ..SeedOptions::default()
    }
}

/// How it is cut.
#[derive(Debug, Clone, Copy)]
enum Cut {
    /// Connections break before an answer, for so long.
    Reset(Duration),
    /// They break in the middle of it.
    Halves(Duration),
    /// All answers are late, for so long.
    Late(Duration),
    /// Nobody listens for so long.
    Refused(Duration),
    /// Connections break until the worker gives up for now.
    UntilItGivesUp,
    /// One answer stops in the middle, and nobody says so.
    Silent,
}

impl Cut {
    fn of(seed: u64, dice: &mut Dice) -> Self {
        let time = dice.milliseconds_below(4_000);
        match seed % 6 {
            0 => Self::Reset(time),
            1 => Self::Halves(time),
            2 => Self::Late(time),
            3 => Self::Refused(time),
            4 => Self::UntilItGivesUp,
            _ => Self::Silent,
        }
    }

    fn make(self, double: &mut Double, life: &mut Life) {
        let control = double.control();
        let for_a_while = |effect, time| {
            control.add_fault(Fault::on_path("", effect));
            std::thread::sleep(time);
            control.clear_faults();
        };
        match self {
            Self::Reset(time) => for_a_while(Effect::Disconnect, time),
            Self::Halves(time) => for_a_while(Effect::Truncate, time),
            Self::Late(time) => for_a_while(Effect::Delay { milliseconds: 700 }, time),
            Self::Refused(pause) => double.restart(pause, World::seeded(world()).unwrap()),
            Self::UntilItGivesUp => {
                control.add_fault(Fault::on_path("", Effect::Disconnect));
                let given_up = life.until_said(&[RUN_ENDED, "state=queued"]);
                double.runtime.block_on(given_up);
                control.clear_faults();
            }
            Self::Silent => {
                let stall = Effect::Stall { after_bytes: 100 };
                control.add_fault(Fault::on_path("/pullrequests/", stall).times(1));
            }
        }
    }
}

/// Requests that were sent again, or were sent to a simulator that is new.
fn repeated(double: &Double, cut: Cut) -> usize {
    let log = double.control().requests();
    let different: HashSet<_> = log.iter().map(|request| &request.target).collect();
    match cut {
        Cut::Refused(_) => log.len(),
        _ => log.len() - different.len(),
    }
}

/// Whether the cut was noticed.
fn run(double: &mut Double, folder: &Path, expected: &Left, seed: u64, usual: usize) -> bool {
    let mut dice = Dice::new(seed);
    let number = 1 + dice.below(usual as u64 * 7 / 10);
    let cut = Cut::of(seed, &mut dice);
    let _seed = Seed {
        number: seed,
        plan: format!("{cut:?} at request {number}"),
    };
    let data_dir = folder.join(format!("seed-{seed}"));
    copy(&folder.join("queued"), &data_dir);
    let control = double.control();
    control.reset_log();
    let mut life = Life::start(&mut double.command(&data_dir));
    double.runtime.block_on(control.wait_for_request(number));
    cut.make(double, &mut life);
    double.runtime.block_on(life.until_complete());
    life.kill();
    let left = Left::of(&data_dir, folder, NAME);
    left.assert_same_as(expected, &data_dir, NAME);
    repeated(double, cut) > 0 || matches!(cut, Cut::Late(_))
}

#[test]
fn a_network_that_is_cut_is_waited_for() {
    let seeds = seeds(12);
    let hits = Mutex::new(0);
    // All at once: most of it is waiting for what does not come.
    shared_out(&seeds, seeds.len(), |share| {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path();
        let mut double = Double::seeded(world());
        let queued = folder.join("queued");
        double.run(&queued, &["import", NAME, "--queue"]).expect(0);
        let data_dir = folder.join("undisturbed");
        copy(&queued, &data_dir);
        double.control().reset_log();
        let mut life = Life::start(&mut double.command(&data_dir));
        double.runtime.block_on(life.until_complete());
        life.kill();
        let usual = double.control().requests().len();
        let expected = Left::of(&data_dir, folder, NAME);
        for seed in share {
            let is_hit = run(&mut double, folder, &expected, *seed, usual);
            *hits.lock().unwrap() += usize::from(is_hit);
        }
    });
    let hits = hits.into_inner().unwrap();
    println!("{hits} of {} cuts were noticed", seeds.len());
    assert!(hits * 2 >= seeds.len(), "{hits}");
}
