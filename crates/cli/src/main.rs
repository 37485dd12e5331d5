//! The `bucketload` command: the composition root.
//!
//! | module | holds |
//! |---|---|
//! | `arguments` | what may stand on the command line |
//! | `config` | every setting, from the environment and the configuration file |
//! | `commands` | one file per command |
//! | `messages` | what a person sees when something goes wrong, and exit codes |
//! | `progress` | bars and lines |
//! | `telemetry` | traces for a collector, with the feature `otlp` |
//! | `output` | the only writers to standard output and standard error |

mod arguments;
mod commands;
mod config;
mod interrupt;
mod logging;
mod messages;
mod output;
mod progress;
#[cfg(not(feature = "otlp"))]
#[path = "telemetry/none.rs"]
mod telemetry;
#[cfg(feature = "otlp")]
#[path = "telemetry/otlp.rs"]
mod telemetry;

use std::path::Path;
use std::process::ExitCode;

use clap::Parser as _;

use crate::arguments::{Arguments, Command};
use crate::commands::Session;
use crate::messages::{Exit, Problem};

fn main() -> ExitCode {
    // Exits with code 2 by itself when the command line is wrong.
    let arguments = Arguments::parse();
    let runtime = match tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
    {
        Ok(runtime) => runtime,
        Err(error) => return messages::report(&Problem::of("cannot start", &error)).into(),
    };
    let exit = runtime
        .block_on(run(arguments))
        .unwrap_or_else(|problem| messages::report(&problem));
    // A blocking git transfer that was cancelled ends by itself within a second;
    // nobody should wait longer for one that does not.
    runtime.shutdown_timeout(std::time::Duration::from_secs(2));
    exit.into()
}

async fn run(arguments: Arguments) -> Result<Exit, Problem> {
    let (json, file) = (arguments.global.json, arguments.global.config.clone());
    // Some need no settings and run without any: where a package is built there are none, and
    // wrong ones say nothing of a service that runs with others.
    match &arguments.command {
        Command::Health(options) => return commands::health::run(options, json).await,
        Command::Completions(options) => return commands::completions::run(options),
        Command::Man(options) => return commands::man::run(options),
        _ => {}
    }
    let (session, telemetry) = match Session::new(&arguments) {
        // What keeps a session from being made is a finding, too.
        Err(problem) if matches!(arguments.command, Command::Doctor(_)) => {
            return Ok(commands::doctor::without_session(&problem, json));
        }
        session => session?,
    };
    let result = run_with(&session, arguments.command, file.as_deref()).await;
    // It waits for the collector of traces.
    let _ = tokio::task::spawn_blocking(|| telemetry.end()).await;
    result
}

async fn run_with(
    session: &Session,
    command: Command,
    file: Option<&Path>,
) -> Result<Exit, Problem> {
    match command {
        Command::Import(options) => commands::import::run(session, &options).await,
        Command::Status(options) => commands::status::run(session, &options).await,
        Command::List => commands::list::run(session).await,
        Command::People(options) => commands::people::run(session, &options).await,
        Command::Worker(options) => commands::worker::run(session, &options).await,
        Command::Pause(which) => commands::queue::pause(session, &which).await,
        Command::Cancel(which) => commands::queue::cancel(session, &which).await,
        Command::Resume(which) => commands::queue::resume(session, &which).await,
        Command::Retry(which) => commands::queue::retry(session, &which).await,
        Command::Schedules => commands::schedules::list(session).await,
        Command::Unschedule(options) => commands::schedules::end(session, &options).await,
        Command::Audit(options) => commands::audit::run(session, &options).await,
        Command::Notify(options) => commands::notify::run(session, &options).await,
        Command::Verify(options) => commands::verify::run(session, &options).await,
        Command::Export(options) => commands::export::run(session, &options).await,
        Command::Upgrade => commands::upgrade::run(session).await,
        Command::Auth(command) => commands::auth::run(session, command).await,
        Command::Stages => commands::stages::run(session),
        Command::Serve(options) => commands::serve::run(session, &options).await,
        Command::Simulator(options) => commands::simulator::run(session, options).await,
        Command::Demo(options) => commands::demo::run(session, &options).await,
        Command::Doctor(options) => commands::doctor::run(session, file, &options).await,
        Command::Health(options) => commands::health::run(&options, session.json).await,
        Command::Completions(options) => commands::completions::run(&options),
        Command::Man(options) => commands::man::run(&options),
    }
}
