//! The `bucketload` command: the composition root.
//!
//! | module | holds |
//! |---|---|
//! | `arguments` | what may stand on the command line |
//! | `config` | every setting, from the environment and the configuration file |
//! | `commands` | one file per command |
//! | `messages` | what a person sees when something goes wrong, and exit codes |
//! | `progress` | bars and lines |
//! | `output` | the only writers to standard output and standard error |

mod arguments;
mod commands;
mod config;
mod interrupt;
mod logging;
mod messages;
mod output;
mod progress;

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
    if let Some(done) = run_without_settings(&arguments).await {
        return done;
    }
    let session = match Session::new(&arguments) {
        // What keeps a session from being made is a finding, too.
        Err(problem) if matches!(arguments.command, Command::Doctor(_)) => {
            return Ok(commands::doctor::without_session(
                &problem,
                arguments.global.json,
            ));
        }
        session => session?,
    };
    match arguments.command {
        Command::Import(options) => commands::import::run(&session, &options).await,
        Command::Status(options) => commands::status::run(&session, &options).await,
        Command::List => commands::list::run(&session).await,
        Command::People(options) => commands::people::run(&session, &options).await,
        Command::Worker(options) => commands::worker::run(&session, &options).await,
        Command::Pause(which) => commands::queue::pause(&session, &which).await,
        Command::Cancel(which) => commands::queue::cancel(&session, &which).await,
        Command::Resume(which) => commands::queue::resume(&session, &which).await,
        Command::Retry(which) => commands::queue::retry(&session, &which).await,
        Command::Schedules => commands::schedules::list(&session).await,
        Command::Unschedule(options) => commands::schedules::end(&session, &options).await,
        Command::Audit(options) => commands::audit::run(&session, &options).await,
        Command::Notify(options) => commands::notify::run(&session, &options).await,
        Command::Verify(options) => commands::verify::run(&session, &options).await,
        Command::Export(options) => commands::export::run(&session, &options).await,
        Command::Upgrade => commands::upgrade::run(&session).await,
        Command::Auth(command) => commands::auth::run(&session, command).await,
        Command::Stages => commands::stages::run(&session),
        Command::Serve(options) => commands::serve::run(&session, &options).await,
        Command::Simulator(options) => commands::simulator::run(&session, options).await,
        Command::Demo(options) => commands::demo::run(&session, &options).await,
        Command::Doctor(options) => {
            let file = arguments.global.config.as_deref();
            commands::doctor::run(&session, file, &options).await
        }
        Command::Health(_) | Command::Completions(_) | Command::Man(_) => {
            unreachable!("they need no session")
        }
    }
}

/// What needs no settings runs without any: where a package is built there are none, and wrong
/// ones say nothing of a service that runs with others.
async fn run_without_settings(arguments: &Arguments) -> Option<Result<Exit, Problem>> {
    let json = arguments.global.json;
    match &arguments.command {
        Command::Health(options) => Some(commands::health::run(options, json).await),
        Command::Completions(options) => Some(commands::completions::run(options)),
        Command::Man(options) => Some(commands::man::run(options)),
        _ => None,
    }
}
