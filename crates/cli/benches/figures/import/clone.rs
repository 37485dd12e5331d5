//! The history, beside `git clone --mirror` of the same repository.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use super::importer::{REPOSITORY, Remote};
use super::{history, seed};
use crate::catalogue;
use crate::common::report::Report;
use crate::common::{Result, child, folder, mebibytes};
use crate::options::Bench;

/// Both from the same server, one after the other; then once more, when nothing has changed.
pub(crate) fn clone(bench: &Bench, report: &mut Report) -> Result<()> {
    let sizes = bench.sizes.import;
    let path = history::repository(sizes.commits, sizes.refs)?;
    let size = mebibytes(history::size_bytes(&path)?);
    report.detail("clone: size of the packs", "MiB", size);
    let mut seed = seed(1, 1);
    seed.git.insert(REPOSITORY.to_owned(), path);
    let remote = Remote::start(&bench.command, seed, Duration::ZERO)?;
    let folder = folder()?;
    let (data, mirror) = (folder.path().join("data"), folder.path().join("mirror.git"));
    let only_git = ["--only", "git"];
    // Whoever comes second may find the machine warmer.
    let (ours, theirs) = if bench.round.is_multiple_of(2) {
        let ours = remote.import(&data, &only_git)?.usage;
        (ours, git_clone(&remote, &mirror)?)
    } else {
        let theirs = git_clone(&remote, &mirror)?;
        (remote.import(&data, &only_git)?.usage, theirs)
    };
    let seconds = |usage: child::Usage| usage.wall.as_secs_f64();
    report.compare(catalogue::CLONE, seconds(ours), seconds(theirs));
    if let Some(bytes) = ours.peak_anonymous_bytes {
        report.add(catalogue::CLONE_MEMORY, mebibytes(bytes));
    }
    if let Some(bytes) = ours.peak_rss_bytes {
        report.detail("clone: peak memory", "MiB", mebibytes(bytes));
    }
    for (name, usage) in [("git clone --mirror", theirs), ("import --only git", ours)] {
        if let Some(cpu) = usage.cpu {
            report.detail(format!("clone: CPU time of {name}"), "s", cpu.as_secs_f64());
        }
    }

    let mut update = git();
    update.arg("-C").arg(&mirror).args(["remote", "update"]);
    let (theirs, _) = child::run(&mut update)?;
    let ours = remote.import(&data, &only_git)?.usage;
    report.compare(catalogue::CLONE_AGAIN, seconds(ours), seconds(theirs));
    Ok(())
}

fn git_clone(remote: &Remote, to: &Path) -> Result<child::Usage> {
    let mut command = git();
    command
        .args(["clone", "--quiet", "--mirror", &remote.git_url()])
        .arg(to);
    Ok(child::run(&mut command)?.0)
}

/// git as it is without anybody's configuration.
pub(super) fn git() -> Command {
    let mut command = Command::new("git");
    command
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_TERMINAL_PROMPT", "0");
    command
}
