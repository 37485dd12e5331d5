//! `bucketload simulator`.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use bucketload_simulator::{
    IssueTracker, RateLimit, ReplayOptions, SeedOptions, Simulator, SimulatorOptions as Running,
    World,
};
use serde_json::json;
use tokio_util::sync::CancellationToken;

use super::Session;
use crate::arguments::{SimulatorOptions, WorldOptions};
use crate::messages::{self, Exit, Problem};
use crate::{interrupt, output};

pub(crate) async fn run(session: &Session, options: SimulatorOptions) -> Result<Exit, Problem> {
    let git: BTreeMap<String, PathBuf> = options.git.into_iter().collect();
    let world = if options.replay.is_empty() {
        let mut seed = seed_options(&options.world);
        seed.git = git;
        if options.issues {
            seed.issue_tracker = IssueTracker::Answers;
        }
        World::seeded(seed)?
    } else {
        World::replay(ReplayOptions {
            files: options.replay,
            git,
            issues: options.issues,
        })?
    };
    let repositories = world.repositories();
    let running = Running {
        listen: options.listen,
        latency: Duration::from_millis(options.latency),
        rate_limit: options.hourly_limit.map(|limit| RateLimit {
            credential: limit,
            ..RateLimit::bitbucket()
        }),
        ..Running::default()
    };
    let simulator = Simulator::start(running, world).await?;
    let cancel = CancellationToken::new();
    let _watch = interrupt::watch(cancel.clone(), session.bars.clone(), messages::STOPPING);
    if session.json {
        output::json(&json!({
            "api_url": simulator.api_url(),
            "web_url": simulator.web_url(),
            "repositories": repositories,
        }));
    } else {
        output::line(&format!(
            "export BUCKETLOAD_BITBUCKET_API_URL={}",
            simulator.api_url()
        ));
        output::line(&format!(
            "export BUCKETLOAD_BITBUCKET_WEB_URL={}",
            simulator.web_url()
        ));
        output::line("export BUCKETLOAD_BITBUCKET_TOKEN=simulator-full-access");
        output::line("export BUCKETLOAD_REST_QUOTA=0");
        output::line(&format!("# repositories: {}", repositories.join(", ")));
    }
    cancel.cancelled().await;
    simulator.stop().await;
    Ok(Exit::Complete)
}

pub(crate) fn seed_options(options: &WorldOptions) -> SeedOptions {
    SeedOptions {
        seed: options.seed,
        workspace: options.workspace.clone(),
        repositories: options.repositories,
        private_repositories: options.private_repositories,
        empty_repository: true,
        members: options.members,
        pull_requests: options.pull_requests,
        comments: options.comments,
        thread_depth: options.thread_depth,
        git_commits: options.git_commits,
        ..SeedOptions::default()
    }
}
