//! `bucketload verify`.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bucketload_archive::verify::{
    Problem as Found, ProblemKind, Proof, ProofState, VerifyOptions, verify,
};
use bucketload_archive::{Archive, StoredRepository};
use bucketload_bitbucket::WaitPolicy;
use bucketload_model::{Clock as _, NullSink, Source, Stage, SystemClock};
use bucketload_worker::{Importer, Online};
use serde::Serialize;
use serde_json::json;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::{Session, import};
use crate::arguments::{ImportOptions, ProofOptions};
use crate::interrupt;
use crate::messages::{self, Exit, Problem};
use crate::output::{self, counted, printable};

/// Objects of one repository that are shown; all stand in the JSON.
const SHOWN: usize = 50;

/// What is known of one repository.
#[derive(Serialize)]
struct Entry {
    #[serde(flatten)]
    proof: Proof,
    /// With `--online`: what Bitbucket has now.
    #[serde(skip_serializing_if = "Option::is_none")]
    online: Option<Online>,
}

pub(crate) async fn run(session: &Session, options: &ProofOptions) -> Result<Exit, Problem> {
    let sources = options.sources.iter().map(|text| text.parse());
    let sources: BTreeSet<Source> = sources.collect::<Result<_, _>>()?;
    let began = Instant::now();
    let deadline = options.max_time.map(|time| began + *time);
    let data_dir = &session.config.data_dir;
    // Says what is wrong where there is no archive, and makes none.
    session.read_archive().await?.close().await;
    data_dir.create()?;
    let archive = Archive::open(data_dir).await?;
    let _share = data_dir.share()?;
    let repositories = meant(&archive, &sources).await?;
    let stop = CancellationToken::new();
    let importer = if options.online {
        Some(importer(session, options, &sources, archive.clone(), &stop).await?)
    } else {
        None
    };
    let _watch = interrupt::watch(stop.clone(), session.bars.clone(), messages::STOPPING);
    let cancel = Arc::new(AtomicBool::new(false));
    let mut exit = Exit::Complete;
    let mut entries = Vec::new();
    let mut not_reached = Vec::new();
    for damage in damages(session).await? {
        exit = Exit::Gaps;
        output::note(&format!("the database is damaged: {}", printable(&damage)));
    }
    for repository in repositories {
        if stop.is_cancelled() || deadline.is_some_and(|deadline| Instant::now() >= deadline) {
            not_reached.push(repository.name.to_string());
            continue;
        }
        let how = VerifyOptions {
            sample: options.sample.0,
            deadline,
            cancel: Arc::clone(&cancel),
            now: SystemClock.now(),
        };
        let proof = verify(&archive, data_dir, &repository, &how);
        let mut proof = std::pin::pin!(proof);
        let proof = tokio::select! {
            proof = &mut proof => proof?,
            () = stop.cancelled() => {
                cancel.store(true, Ordering::Relaxed);
                proof.await?
            }
        };
        let online = match &importer {
            Some(importer) if !stop.is_cancelled() => {
                match importer.compare(&repository, options.sample.0).await {
                    Ok(online) => Some(online),
                    // One that cannot be asked for costs nobody the rest.
                    Err(error) => {
                        let problem = messages::compare_failure(
                            &repository.name.to_string(),
                            &error,
                            importer.client.credential(),
                        );
                        exit = exit.max(messages::report(&problem));
                        None
                    }
                }
            }
            _ => None,
        };
        let entry = Entry { proof, online };
        exit = exit.max(entry.exit());
        if !session.json {
            entry.show();
        }
        entries.push(entry);
    }
    if let Some(importer) = importer {
        importer.client.credential().settle().await;
    }
    archive.close().await;
    if session.json {
        output::json(&json!({ "repositories": entries, "not_reached": not_reached }));
    } else {
        say_not_reached(&not_reached);
    }
    if stop.is_cancelled() {
        exit = Exit::Interrupted;
    }
    Ok(exit)
}

/// The repositories that are meant, those that were proven longest ago first.
async fn meant(
    archive: &Archive,
    sources: &BTreeSet<Source>,
) -> Result<Vec<StoredRepository>, Problem> {
    let all = archive.repositories().await?;
    for source in sources {
        let is_there = all.iter().any(|repository| is_of(repository, source));
        if !is_there {
            return Err(Problem::usage(
                format!("{source} is not in the archive"),
                "“bucketload list” shows what is; import it first",
            ));
        }
    }
    let wanted = |repository: &StoredRepository| {
        sources.is_empty() || sources.iter().any(|source| is_of(repository, source))
    };
    let mut wanted: Vec<_> = all.into_iter().filter(wanted).collect();
    let proofs = archive.proofs().await?;
    wanted.sort_by_key(|repository| {
        let proof = proofs.get(repository.uuid.as_str());
        proof.map(|proof| proof.tried_at)
    });
    Ok(wanted)
}

fn is_of(repository: &StoredRepository, source: &Source) -> bool {
    match source {
        Source::Repository(name) => repository.name == *name,
        Source::Workspace(workspace) => repository.name.workspace == *workspace,
    }
}

/// What the database says of its own file.
async fn damages(session: &Session) -> Result<Vec<String>, Problem> {
    let health = Archive::health(&session.config.data_dir).await?;
    Ok(health.map(|health| health.damages).unwrap_or_default())
}

async fn importer(
    session: &Session,
    options: &ProofOptions,
    sources: &BTreeSet<Source>,
    archive: Archive,
    stop: &CancellationToken,
) -> Result<Importer, Problem> {
    import::check_web_url(&session.config)?;
    let client = import::client_options(session, Arc::new(NullSink), WaitPolicy::Wait);
    let named = options.credential.as_deref();
    let chosen = super::credentials::choose(&session.config, &archive, named, sources);
    let credential = chosen.await?;
    let options = ImportOptions::default();
    let mut importer = import::importer_with(session, &options, archive, credential, client)?;
    importer.cancel = stop.clone();
    Ok(importer)
}

fn say_not_reached(names: &[String]) {
    if !names.is_empty() {
        output::line(&format!(
            "{} not looked at: time was up. They come first next time.",
            counted(names.len() as u64, "repository was", "repositories were")
        ));
    }
}

impl Entry {
    fn exit(&self) -> Exit {
        let is_behind = self.online.as_ref().is_some_and(|it| !it.behind.is_empty());
        match self.proof.state {
            ProofState::Problems | ProofState::ProvenWithGaps | ProofState::Incomplete => {
                Exit::Gaps
            }
            _ if is_behind => Exit::Gaps,
            ProofState::Proven | ProofState::Unfinished | ProofState::Busy => Exit::Complete,
        }
    }

    fn show(&self) {
        let proof = &self.proof;
        let said = match proof.state {
            ProofState::Proven => "proven".to_owned(),
            ProofState::ProvenWithGaps => format!(
                "proven, without {} that the import named as missing",
                counted(proof.gaps.len() as u64, "object", "objects")
            ),
            ProofState::Incomplete => "what is there is right; no import has come to its end yet, \
                                       so not all is there"
                .to_owned(),
            ProofState::Problems => {
                let count = proof.problems.len() as u64;
                counted(
                    count,
                    "object is missing or damaged",
                    "objects are missing or damaged",
                )
            }
            ProofState::Unfinished => "time was up before all was looked at".to_owned(),
            ProofState::Busy => "is being imported: look again later".to_owned(),
        };
        output::line(&format!("{}: {said}", proof.source));
        if proof.state != ProofState::Busy {
            output::line(&format!("    {}", self.looked_at()));
        }
        let problems = proof.problems.iter().map(|problem| {
            let kind = match problem.kind {
                ProblemKind::Missing => "missing",
                ProblemKind::Damaged => "damaged",
            };
            format!(
                "{kind}: {} ({}): {}",
                problem.object, problem.stage, problem.detail
            )
        });
        let gaps = proof.gaps.iter().map(|gap| {
            let url = gap.url.as_deref().unwrap_or_default();
            format!(
                "gap: {} ({}): {}: {} {url}",
                gap.object, gap.stage, gap.reason, gap.detail
            )
        });
        let lines: Vec<String> = problems.chain(gaps).collect();
        for line in lines.iter().take(SHOWN) {
            output::line(&format!("    {}", printable(line.trim_end())));
        }
        if let Some(more) = lines.len().checked_sub(SHOWN).filter(|more| *more > 0) {
            let more = output::grouped(more as u64);
            output::line(&format!("    and {more} more; --json shows all"));
        }
        let is_of_git = |problem: &Found| matches!(problem.stage, Stage::Git | Stage::Wiki);
        if !proof.problems.iter().all(is_of_git) {
            output::line(&format!("    {}", messages::DAMAGED_ARCHIVE));
        }
        if proof.problems.iter().any(is_of_git) {
            output::line(&format!("    {}", messages::DAMAGED_MIRROR));
        }
        if let Some(online) = &self.online {
            show_online(online);
        }
    }

    /// What was read, and when it was found right.
    fn looked_at(&self) -> String {
        let proof = &self.proof;
        let mut parts = vec![counted(proof.objects, "object", "objects")];
        let files = &proof.files;
        if files.total > 0 {
            parts.push(format!(
                "{} of {} ({})",
                output::grouped(files.read),
                counted(files.total, "file", "files"),
                output::size(files.bytes)
            ));
        }
        parts.push(match &proof.git {
            None => "no git history".to_owned(),
            Some(git) if git.is_read => {
                format!("git history with {}", counted(git.refs, "ref", "refs"))
            }
            Some(git) => format!(
                "git history with {}, looked for and not read",
                counted(git.refs, "ref", "refs")
            ),
        });
        if proof.wiki.is_some() {
            parts.push("wiki".to_owned());
        }
        let mut text = parts.join(", ");
        match proof.proven_at {
            Some(at) => {
                let at = at.with_timezone(&chrono::Local).format("%Y-%m-%d %H:%M");
                text = format!("{text}; last proven {at}");
            }
            None => text.push_str("; never proven yet"),
        }
        text
    }
}

fn show_online(online: &Online) {
    if let Some(why) = &online.vanished {
        output::line(&format!(
            "    Bitbucket does not show it any more ({}): the archive is what there is",
            printable(why)
        ));
        return;
    }
    if online.behind.is_empty() && online.unknown.is_empty() {
        output::line("    Bitbucket has no more than that");
    }
    if let Some(looked_at) = online.looked_at
        && let Some(of) = looked_at.of.filter(|of| *of > looked_at.pull_requests)
    {
        output::line(&format!(
            "    compared one by one: {} of {}",
            output::grouped(looked_at.pull_requests),
            counted(of, "pull request", "pull requests")
        ));
    }
    for difference in &online.behind {
        output::line(&format!("    behind: {}", printable(&difference.detail)));
    }
    if !online.behind.is_empty() {
        output::line("    import it again to bring the archive up to date");
    }
    for unknown in &online.unknown {
        output::line(&format!("    not compared: {}", printable(unknown)));
    }
}
