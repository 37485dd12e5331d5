//! `bucketload demo`: everything at once, with no account and no network.

use std::time::Duration;

use bucketload_archive::DataDir;
use bucketload_auth::Credential;
use bucketload_simulator::{Simulator, SimulatorOptions, World};

use super::{Session, import, simulator};
use crate::arguments::{DemoOptions, GitTransport, ImportOptions};
use crate::messages::{Exit, Problem};
use crate::{config, output};

/// Kept apart from what people really archive.
const DATA_DIR: &str = "./bucketload-demo";

pub(crate) async fn run(session: &Session, options: &DemoOptions) -> Result<Exit, Problem> {
    if !session.json {
        output::line("Making a sample workspace…");
    }
    let world = World::seeded(simulator::seed_options(&options.world))?;
    let running = SimulatorOptions {
        latency: Duration::from_millis(options.latency),
        ..SimulatorOptions::default()
    };
    let double = Simulator::start(running, world).await?;
    let address = |text: String| {
        text.parse()
            .map_err(|error| Problem::of("the simulator's address cannot be used", &error))
    };
    let data_dir = if session.config.data_dir_is_default {
        DataDir::new(DATA_DIR)
    } else {
        session.config.data_dir.clone()
    };
    let demo = Session {
        config: config::Config {
            data_dir: data_dir.clone(),
            data_dir_is_default: false,
            api_url: address(double.api_url())?,
            web_url: address(double.web_url())?,
            credential: Credential::access_token("simulator-full-access"),
            consumer: None,
            secret_key: None,
            has_display: false,
            rest_quota: Some(0),
            git_quota: Some(0),
            raw_quota: Some(0),
            quota_window: session.config.quota_window,
            quota_bucket: None,
            allow_insecure: false,
            log: session.config.log.clone(),
        },
        json: session.json,
        no_progress: session.no_progress,
        bars: session.bars.clone(),
    };
    if !session.json {
        output::line(&format!(
            "A Bitbucket Cloud double with the workspace “{}” answers at {}.",
            options.world.workspace,
            double.web_url()
        ));
    }
    let import = ImportOptions {
        sources: vec![options.world.workspace.clone()],
        dry_run: false,
        only: Vec::new(),
        skip: Vec::new(),
        full: false,
        no_wait: false,
        credential: None,
        git_transport: GitTransport::Auto,
    };
    let exit = import::run(&demo, &import).await;
    double.stop().await;
    let exit = exit?;
    if !session.json && exit != Exit::Interrupted {
        where_to_look(&data_dir, &options.world.workspace);
    }
    Ok(exit)
}

fn where_to_look(data_dir: &DataDir, workspace: &str) {
    let root = data_dir.root().display();
    // As it was called, so that the lines can be copied.
    let program = std::env::args().next();
    let program = program.as_deref().unwrap_or("bucketload");
    output::line("");
    output::line("Where to look:");
    output::line(&format!(
        "  git clone {root}/repositories/{workspace}/lighthouse.git"
    ));
    output::line(&format!("  sqlite3 {root}/bucketload.db .schema"));
    output::line(&format!("  {program} --data-dir {root} list"));
    output::line(&format!(
        "  {program} --data-dir {root} export {workspace} --format jsonl --output export"
    ));
}
