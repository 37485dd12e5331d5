//! The `git` program carries: on request, and where gix refuses a server.

use std::fs;
use std::path::Path;
use std::process::ExitStatus;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use bucketload_model::{GitPhase, GitTransfer};
use git2::Oid;
use secrecy::{ExposeSecret, SecretString};
use url::Url;

use super::carrier::{Carrier, Extent, Received, Request};
use super::error::MirrorError;
use super::gate::{Turnstile, block_on};
use super::git_program::{Git, Output, detail};
use super::listing::Listing;
use super::meter::Meter;

/// Room for some hundred thousand wants; git sets it aside at once.
const POST_BUFFER_BYTES: usize = 16 * 1024 * 1024;

/// Requests that each command sends at least: one for the server's abilities, one
/// for what is asked.
const REQUESTS: usize = 2;

/// Runs `git ls-remote` and `git fetch` for one remote.
pub(super) struct GitCarrier<'a> {
    pub(super) repository: &'a Path,
    pub(super) url: &'a Url,
    pub(super) authorization: Option<&'a SecretString>,
    pub(super) stall: Duration,
    pub(super) turnstile: Turnstile,
    pub(super) meter: &'a Meter,
    pub(super) cancel: &'a AtomicBool,
}

impl GitCarrier<'_> {
    fn git(&self, name: &'static str) -> Git {
        let seconds = self.stall.as_secs().max(1);
        let mut git = Git::new(self.repository, name)
            // git sends its extra headers wherever a redirect leads.
            .config("http.followRedirects", "false")
            .config("http.lowSpeedLimit", "1")
            .config("http.lowSpeedTime", seconds.to_string())
            .config("transfer.bundleURI", "false");
        if self.url.scheme() == "file" {
            git = git.config("protocol.file.allow", "always");
        }
        if let Some(value) = self.authorization {
            let header = format!("Authorization: {}", value.expose_secret());
            git = git.config("http.extraHeader", header);
        }
        git
    }

    /// Takes leave for the requests that a command sends at least, and tells how
    /// they ended.
    ///
    /// The program says nothing of its requests, so further ones, for rounds of
    /// negotiation, are not counted.
    fn counted<T>(
        &self,
        requests: usize,
        command: impl FnOnce() -> Result<T, MirrorError>,
    ) -> Result<T, MirrorError> {
        if self.turnstile.gate.is_none() {
            return command();
        }
        let leave = block_on(async {
            let mut leave = None;
            for _ in 0..requests {
                let given = self.turnstile.leave().await?;
                leave = given;
                // Its answer lets the next one through; waiting here would be in vain.
                if given.is_some_and(|given| given.is_probe) {
                    break;
                }
            }
            Ok(leave)
        })?;
        let result = command();
        block_on(async {
            match &result {
                Err(MirrorError::RateLimited { retry_after }) => {
                    self.turnstile.refused(leave, *retry_after).await
                }
                Ok(_) => self.turnstile.answered(leave).await,
                // Nobody knows whether the server answered.
                Err(_) => Ok(()),
            }
        })?;
        result
    }

    fn finish(&self, command: &'static str, output: Output) -> Result<Vec<u8>, MirrorError> {
        if output.status.success() {
            return Ok(output.stdout);
        }
        let mut stderr = output.stderr;
        if let Some(secret) = self.authorization {
            // git does not print it; should a version ever, we do not.
            stderr = stderr.replace(secret.expose_secret(), "…");
        }
        Err(self.classify(command, output.status, &stderr))
    }

    /// Tells the kinds of failure apart by git's messages, which are English
    /// under `LC_ALL=C`.
    fn classify(&self, command: &'static str, status: ExitStatus, stderr: &str) -> MirrorError {
        let says = |texts: &[&str]| texts.iter().any(|text| stderr.contains(text));
        let answered = stderr
            .split_once("The requested URL returned error: ")
            .and_then(|(_, rest)| rest.get(..3)?.parse::<u16>().ok());
        if let Some(answered @ 300..=399) = answered {
            tracing::debug!(status = answered, "git was redirected");
            return MirrorError::Redirected {
                to: "elsewhere".to_owned(),
            };
        }
        if let Some(answered) = answered {
            return MirrorError::from_status(answered);
        }
        if says(&[
            "Authentication failed",
            "could not read Username",
            "could not read Password",
        ]) {
            return MirrorError::Unauthorized;
        }
        if says(&["not our ref", "couldn't find remote ref"]) {
            return MirrorError::Moving;
        }
        if stderr.contains("repository '") && stderr.contains("' not found") {
            return MirrorError::NotFound;
        }
        if says(&["No space left on device", "Disk quota exceeded"]) {
            return MirrorError::DiskFull {
                path: self.repository.to_owned(),
            };
        }
        if says(&["Operation too slow", "Timeout was reached"]) {
            return MirrorError::Stalled { after: self.stall };
        }
        if says(&["mismatched algorithms"]) {
            return MirrorError::ObjectFormat;
        }
        let detail = detail(status, stderr);
        if says(&[
            "unable to access",
            "early EOF",
            "RPC failed",
            "unexpected disconnect",
            "the remote end hung up",
        ]) {
            return MirrorError::Network {
                source: detail.into(),
            };
        }
        MirrorError::GitProgram { command, detail }
    }
}

impl Carrier for GitCarrier<'_> {
    fn list(&mut self) -> Result<Listing, MirrorError> {
        let stdout = self.counted(REQUESTS, || {
            let output = self
                .git("ls-remote")
                .args(["--symref", self.url.as_str()])
                .run(b"", None, self.cancel, &|_| {})?;
            self.finish("ls-remote", output)
        })?;
        let mut listing = Listing::default();
        for line in stdout.split(|byte| *byte == b'\n') {
            let Some(tab) = line.iter().position(|byte| *byte == b'\t') else {
                continue;
            };
            let (target, name) = (&line[..tab], &line[tab + 1..]);
            if let Some(branch) = target.strip_prefix(b"ref: ") {
                if name == b"HEAD" {
                    listing.head = Some(branch.into());
                }
                continue;
            }
            let target = std::str::from_utf8(target)
                .ok()
                .filter(|target| target.len() == 40)
                .and_then(|target| Oid::from_str(target).ok())
                .ok_or(MirrorError::ObjectFormat)?;
            listing.add(name.into(), target);
        }
        Ok(listing)
    }

    fn fetch(&mut self, request: &Request<'_>) -> Result<Received, MirrorError> {
        // New objects go to a folder of their own, as in git's own quarantine
        // of a push; the mirror's are seen through it.
        let info = request.incoming.join("info");
        let alternates = info.join("alternates");
        let mut objects = self
            .repository
            .join("objects")
            .into_os_string()
            .into_encoded_bytes();
        objects.push(b'\n');
        fs::create_dir_all(&info)
            .and_then(|()| fs::write(&alternates, objects))
            .map_err(MirrorError::io("write", &alternates))?;
        // By hash: for names git would ask the server six times each, and
        // could get something newer than what was listed.
        let wants: Vec<String> = request.wants.iter().map(Oid::to_string).collect();
        let wants = wants.join("\n");
        self.counted(REQUESTS, || {
            let output = self
                .git("fetch")
                .args([
                    "--no-write-fetch-head",
                    "--no-tags",
                    "--no-prune",
                    "--no-recurse-submodules",
                    "--no-auto-maintenance",
                    "--refmap=",
                    "--progress",
                    "--stdin",
                    self.url.as_str(),
                ])
                // Thousands of wants in one piece: not every proxy takes chunks.
                .config("http.postBuffer", POST_BUFFER_BYTES.to_string())
                // Always a pack, never loose objects.
                .config("fetch.unpackLimit", "1")
                .config("fetch.writeCommitGraph", "false")
                .env("GIT_OBJECT_DIRECTORY", request.incoming)
                .run(wants.as_bytes(), None, self.cancel, &|line| {
                    self.meter.set(|transfer| read_progress(line, transfer));
                })?;
            self.finish("fetch", output)
        })?;
        Ok(Received {
            bytes: None,
            objects: self.meter.read().received_objects,
        })
    }

    /// The program keeps commits without their files in partial clones only,
    /// which ask the remote again behind our back.
    fn survey(&mut self, _: &[Oid], _: Extent, _: &Path) -> Result<bool, MirrorError> {
        Ok(false)
    }
}

/// Reads a progress line such as
/// `Receiving objects:  12% (123/1000), 1.20 MiB | 2.00 MiB/s`.
fn read_progress(line: &str, transfer: &mut GitTransfer) {
    let Some((what, rest)) = line.split_once(": ") else {
        return;
    };
    let counts = rest
        .split_once('(')
        .and_then(|(_, rest)| rest.split_once(')'))
        .and_then(|(counts, rest)| {
            let (done, total) = counts.split_once('/')?;
            Some((done.parse().ok()?, total.parse().ok()?, rest))
        });
    let Some((done, total, rest)) = counts else {
        return;
    };
    match what {
        "Receiving objects" => {
            transfer.phase = GitPhase::Receiving;
            transfer.received_objects = done;
            transfer.total_objects = Some(total);
            if let Some(bytes) = read_size(rest) {
                transfer.received_bytes = bytes;
            }
        }
        "Resolving deltas" => {
            transfer.phase = GitPhase::Resolving;
            transfer.resolved_deltas = done;
            transfer.total_deltas = Some(total);
        }
        _ => {}
    }
}

/// Reads `, 1.20 MiB | …` as bytes.
fn read_size(text: &str) -> Option<u64> {
    let mut words = text.trim_start_matches(", ").split_whitespace();
    let (number, unit) = (words.next()?, words.next()?);
    let shift = match unit.trim_end_matches(',') {
        "bytes" => 0,
        "KiB" => 10,
        "MiB" => 20,
        "GiB" => 30,
        _ => return None,
    };
    let (whole, hundredths) = number.split_once('.').unwrap_or((number, "0"));
    let unit = 1_u64 << shift;
    let whole: u64 = whole.parse().ok()?;
    let hundredths: u64 = hundredths.parse().ok()?;
    Some(whole * unit + hundredths * unit / 100)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn progress_lines_are_understood() {
        let mut transfer = GitTransfer::default();
        read_progress("remote: Counting objects:  50% (1/2)", &mut transfer);
        assert_eq!(transfer, GitTransfer::default());
        read_progress(
            "Receiving objects:  12% (123/1000), 1.50 MiB | 2.00 MiB/s",
            &mut transfer,
        );
        assert_eq!(transfer.phase, GitPhase::Receiving);
        assert_eq!(transfer.received_objects, 123);
        assert_eq!(transfer.total_objects, Some(1000));
        assert_eq!(transfer.received_bytes, 1_572_864);
        read_progress("Resolving deltas: 100% (7/7), done.", &mut transfer);
        assert_eq!(transfer.phase, GitPhase::Resolving);
        assert_eq!(transfer.total_deltas, Some(7));
    }
}
