//! `bucketload demo`: everything at once, with no account and no network.

use std::time::Duration;

use bucketload_archive::{Archive, DataDir, UserRecord};
use bucketload_auth::Credential;
use bucketload_auth::oauth::Consumer;
use bucketload_model::{Clock as _, SystemClock, UserId, UserRole, UserState};
use bucketload_server::{SettingLine, TrustedProxies};
use bucketload_simulator::{OAuthConsumer, Simulator, SimulatorOptions, World};
use bucketload_worker::NoticeOptions;
use tokio_util::sync::CancellationToken;
use url::Url;

use super::serve::Dashboard;
use super::{Session, import, simulator};
use crate::arguments::{DemoOptions, ImportOptions, PlaceOptions, WorldOptions};
use crate::messages::{self, Exit, Problem};
use crate::{config, interrupt, output};

/// Kept apart from what people really archive.
const DATA_DIR: &str = "./bucketload-demo";

/// The sample people come in by themselves.
const OPEN_DOOR: [(&str, &str); 3] = [
    ("admission", "anyone"),
    ("approval", "0"),
    ("new_role", "member"),
];

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
    let demo = demo_session(session, &double, options)?;
    let workspace = &options.world.workspace;
    if !session.json {
        output::line(&format!(
            "A Bitbucket Cloud double with the workspace “{workspace}” answers at {}.",
            double.web_url()
        ));
    }
    // One document at the end is no place to go on from.
    let stop = CancellationToken::new();
    let dashboard = if options.exit || session.json {
        None
    } else {
        Some(open_dashboard(&demo, &double, options, stop.clone()).await?)
    };
    let exit = match dashboard {
        Some(dashboard) => beside_dashboard(&demo, workspace, dashboard, stop).await?,
        None => import::run(&demo, &sample(workspace)).await?,
    };
    if !session.json && options.exit && exit != Exit::Interrupted {
        where_to_look(&demo.config.data_dir, workspace);
    }
    double.stop().await;
    Ok(exit)
}

/// Imports while the dashboard shows it, and goes on showing it until it is stopped.
async fn beside_dashboard(
    demo: &Session,
    workspace: &str,
    dashboard: Dashboard,
    stop: CancellationToken,
) -> Result<Exit, Problem> {
    dashboard.announce(demo).await?;
    output::line(&format!(
        "This link signs you in as its administrator, once, within 30 minutes:\n\n    {}\n\n\
         Or sign in with Bitbucket as any of the sample people.\n",
        dashboard.administrator_link().await?
    ));
    let importing = async {
        let exit = Box::pin(import::run(demo, &sample(workspace))).await;
        if matches!(exit, Err(_) | Ok(Exit::Interrupted)) {
            stop.cancel();
            return exit;
        }
        where_to_look(&demo.config.data_dir, workspace);
        output::line("\nThe dashboard goes on. Ctrl-C ends it.");
        let says = messages::STOPPING_WORK;
        let _watch = interrupt::watch(stop.clone(), demo.bars.clone(), says);
        stop.cancelled().await;
        exit
    };
    let (exit, served) = tokio::join!(importing, dashboard.run());
    served?;
    exit
}

/// The caller's session, with the simulator as Bitbucket.
fn demo_session(
    session: &Session,
    double: &Simulator,
    options: &DemoOptions,
) -> Result<Session, Problem> {
    let address = |text: String| {
        text.parse::<Url>()
            .map_err(|error| Problem::of("the simulator's address cannot be used", &error))
    };
    let data_dir = if session.config.data_dir_is_default {
        DataDir::new(DATA_DIR)
    } else {
        session.config.data_dir.clone()
    };
    let web_url = address(double.web_url())?;
    Ok(Session {
        config: config::Config {
            data_dir,
            data_dir_is_default: false,
            api_url: address(double.api_url())?,
            credential: Credential::access_token("simulator-full-access"),
            consumer: Some(consumer(&web_url)?),
            web_url,
            secret_key: None,
            public_url: None,
            trusted_proxies: TrustedProxies::default(),
            has_collector: false,
            has_display: false,
            operator: session.config.operator.clone(),
            rest_quota: Some(rest_quota(&options.world)),
            git_quota: Some(0),
            raw_quota: Some(0),
            segment_above_mb: session.config.segment_above_mb,
            quota_window: session.config.quota_window,
            quota_bucket: None,
            concurrency: session.config.concurrency,
            limits: session.config.limits,
            keep_imports: session.config.keep_imports,
            max_blob_bytes: session.config.max_blob_bytes,
            image_hosts: session.config.image_hosts.clone(),
            max_upload_bytes: session.config.max_upload_bytes,
            shown: without_quota(&session.config.shown),
            // Nobody wants to hear of a world that is made up.
            notify: NoticeOptions::default(),
            allow_insecure: false,
            log: session.config.log.clone(),
            log_format: session.config.log_format,
        },
        json: session.json,
        no_progress: session.no_progress,
        bars: session.bars.clone(),
    })
}

/// The demo has no quota of its own, whatever is set.
fn without_quota(shown: &[SettingLine]) -> Vec<SettingLine> {
    let shown = shown.iter().filter(|line| !line.key.ends_with("_quota"));
    shown.cloned().collect()
}

/// Requests an hour: as many as Bitbucket allows at most, so that the page of the quota has
/// something to show; without a limit where the sample would have to wait.
fn rest_quota(world: &WorldOptions) -> u32 {
    const MOST: u64 = 10_000;
    let each = 100 + 4 * world.pull_requests;
    let needed = each.saturating_mul(world.repositories as u64);
    if needed < MOST { 10_000 } else { 0 }
}

/// The consumer that every simulator knows. Its callback is that of the dashboard, which
/// is told to the simulator once it listens.
fn consumer(web_url: &Url) -> Result<Consumer, Problem> {
    let failed = |error: &dyn std::error::Error| {
        Problem::of("the simulator's OAuth consumer cannot be used", error)
    };
    let callback = OAuthConsumer::DEFAULT_CALLBACK.parse();
    let callback = callback.map_err(|error| failed(&error))?;
    let secret = OAuthConsumer::DEFAULT_SECRET.to_owned().into();
    Consumer::new(web_url, OAuthConsumer::DEFAULT_ID, secret, callback)
        .map_err(|error| failed(&error))
}

/// Listens before the import, which takes a while: an address that is taken is known
/// at once.
async fn open_dashboard(
    demo: &Session,
    double: &Simulator,
    options: &DemoOptions,
    stop: CancellationToken,
) -> Result<Dashboard, Problem> {
    let places = Some(PlaceOptions::default());
    let dashboard = Dashboard::open(demo, options.listen, places, stop).await?;
    double.control().add_consumer(OAuthConsumer::new(
        OAuthConsumer::DEFAULT_ID,
        OAuthConsumer::DEFAULT_SECRET,
        dashboard.server().callback(),
    ));
    furnish(dashboard.archive()).await?;
    Ok(dashboard)
}

/// Opens the door, and puts an administrator in, where nobody did either.
async fn furnish(archive: &Archive) -> Result<(), Problem> {
    let is_untouched = archive.service_settings().await?.is_empty();
    let mut transaction = archive.begin().await?;
    if is_untouched {
        for (name, value) in OPEN_DOOR {
            transaction.put_service_setting(name, value).await?;
        }
    }
    if transaction.count_active_administrators().await? == 0 {
        let now = SystemClock.now();
        let administrator = UserRecord {
            id: UserId::new(now),
            display_name: "Sample administrator".to_owned(),
            email: None,
            role: UserRole::Administrator,
            state: UserState::Active,
            created_at: now,
            seen_at: None,
        };
        transaction.put_user(&administrator).await?;
    }
    Ok(transaction.commit().await?)
}

fn sample(workspace: &str) -> ImportOptions {
    ImportOptions {
        sources: vec![workspace.to_owned()],
        ..ImportOptions::default()
    }
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
