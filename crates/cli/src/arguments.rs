//! What may stand on the command line.

mod auth;

use std::path::PathBuf;

pub(crate) use auth::{
    AddTokenOptions, AdminCodeOptions, AuthCommand, LoginOptions, RemoveOptions, RotateKeyOptions,
};
use bucketload_model::{Priority, Stage};
use bucketload_worker::queue::Cron;
use chrono::{DateTime, Local, NaiveDateTime, TimeZone as _, Utc};
use clap::{ArgAction, Args, Parser, Subcommand, ValueEnum};

/// Bring Bitbucket Cloud repositories home: git history, pull requests and
/// their whole discussion, into storage that you own.
#[derive(Debug, Parser)]
#[command(name = "bucketload", version, propagate_version = true)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Command,

    #[command(flatten)]
    pub(crate) global: Global,
}

const DATA_DIR_HELP: &str =
    "Where everything is kept [env: BUCKETLOAD_DATA_DIR] [default: ./bucketload-data]";

#[derive(Debug, Args)]
pub(crate) struct Global {
    /// Where everything is kept
    #[arg(long, global = true, value_name = "DIR", help = DATA_DIR_HELP)]
    pub(crate) data_dir: Option<PathBuf>,

    /// Read settings from this file
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,

    /// Log more; twice for everything
    #[arg(short, long, global = true, action = ArgAction::Count)]
    pub(crate) verbose: u8,

    /// Print one JSON document on standard output and nothing else
    #[arg(long, global = true)]
    pub(crate) json: bool,

    /// Show no progress
    #[arg(long, global = true)]
    pub(crate) no_progress: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Import repositories, go on with interrupted imports, or bring the archive up to date
    Import(Box<ImportOptions>),
    /// Show imports: the latest of each repository, or one in full
    Status(StatusOptions),
    /// Show the repositories in the archive
    List,
    /// Show the people in the archive: names over time, ids, and where they were met
    People(PeopleOptions),
    /// Run the imports of the queue until stopped
    Worker(WorkerOptions),
    /// Halt imports until they are resumed
    Pause(ImportArguments),
    /// Stop imports
    Cancel(ImportArguments),
    /// Let imports go on that were halted or stopped, or that failed, in the background
    Resume(ImportArguments),
    /// Try once more what failed or is missing of imports, in the background
    Retry(ImportArguments),
    /// Show what is imported again and again (`bucketload import --queue --every`)
    Schedules,
    /// Import no longer again and again
    Unschedule(UnscheduleOptions),
    /// Show who did what: imports asked for, paused, cancelled, and what happened in the dashboard
    Audit(AuditOptions),
    /// Show who is told what happened, and what they were told lately
    Notify(NotifyOptions),
    /// Prove the archive: every object, file and commit is there and is what it was
    Verify(ProofOptions),
    /// Write the archive as plain files
    Export(ExportOptions),
    /// Bring the database up to date, as every command does by itself, and say what was done
    Upgrade,
    /// Check settings, disk, database, git and credential, and say what to do
    Doctor(DoctorOptions),
    /// Ask a `serve` or `worker --listen` of this machine whether it is well: exit code 0, or 1
    Health(HealthOptions),
    /// Sign in with Bitbucket, and keep tokens, sealed
    #[command(subcommand)]
    Auth(AuthCommand),
    /// Show the stages of an import
    Stages,
    /// Serve the dashboard and its REST API, and run the imports of the queue
    Serve(ServeOptions),
    /// Run a Bitbucket Cloud double, for tests and trying out
    Simulator(SimulatorOptions),
    /// Import a sample workspace from the simulator and serve the dashboard; needs no account
    /// and no network
    Demo(DemoOptions),
    /// Print what lets a shell complete the command line
    Completions(CompletionsOptions),
    /// Write the manual pages, one for each command
    Man(ManOptions),
}

#[derive(Debug, Default, Args)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a flag of the command line"
)]
pub(crate) struct ImportOptions {
    /// `workspace/repository`, `workspace` for all of its repositories, or a bitbucket.org
    /// address of either
    #[arg(required_unless_present_any = ["from_file", "from_export"], value_name = "SOURCE")]
    pub(crate) sources: Vec<String>,

    /// Read an export of bucketload back (`bucketload export`): that of one repository, or all
    /// in a folder. Bitbucket is asked for nothing. A repository that the archive has is left
    /// as it is
    #[arg(
        long,
        value_name = "DIR",
        conflicts_with_all = [
            "sources", "from_file", "queue", "dry_run", "only", "skip", "full", "credential",
            "issues_export", "wiki", "images_from",
        ]
    )]
    pub(crate) from_export: Option<PathBuf>,

    #[command(flatten)]
    pub(crate) choice: ChoiceOptions,

    #[command(flatten)]
    pub(crate) queue: QueueOptions,

    /// Show what would be done and what it would cost, and do nothing
    #[arg(long)]
    pub(crate) dry_run: bool,

    /// Run these stages only (see `bucketload stages`)
    #[arg(long, value_name = "STAGE", value_delimiter = ',', conflicts_with = "skip", value_parser = parse_stage)]
    pub(crate) only: Vec<Stage>,

    /// Leave these stages out
    #[arg(long, value_name = "STAGE", value_delimiter = ',', value_parser = parse_stage)]
    pub(crate) skip: Vec<Stage>,

    /// Run these stages too, which are left out otherwise (see `bucketload stages`)
    #[arg(long, value_name = "STAGE", value_delimiter = ',', value_parser = parse_stage)]
    pub(crate) with: Vec<Stage>,

    /// Read lists whole, although only what changed since the last import would do. This is
    /// done by itself once a week
    #[arg(long)]
    pub(crate) full: bool,

    /// Stop with exit code 5 instead of waiting when the request quota is spent
    #[arg(long)]
    pub(crate) no_wait: bool,

    /// Use this kept credential (see `bucketload auth list`), whatever else is set
    #[arg(long, value_name = "LABEL|ID")]
    pub(crate) credential: Option<String>,

    #[command(flatten)]
    pub(crate) kept: KeptOptions,

    /// Take only what --issues-export, --wiki and --images-from bring, and ask Bitbucket for
    /// nothing
    #[arg(long, requires = "KeptOptions")]
    pub(crate) offline: bool,

    /// Who brings the git objects
    #[arg(long, value_name = "TRANSPORT", default_value = "auto")]
    pub(crate) git_transport: GitTransport,
}

/// Which of many repositories.
#[derive(Debug, Default, Args)]
pub(crate) struct ChoiceOptions {
    /// Read more sources from a file, one on each line; `#` begins a comment, `-` is standard
    /// input
    #[arg(long, value_name = "FILE")]
    pub(crate) from_file: Option<PathBuf>,

    /// Only repositories whose name, or `workspace/name`, fits this pattern (`*`, `?`, `[a-z]`,
    /// `{a,b}`)
    #[arg(long, value_name = "PATTERN")]
    pub(crate) include: Vec<String>,

    /// Not the repositories that fit this pattern
    #[arg(long, value_name = "PATTERN")]
    pub(crate) exclude: Vec<String>,
}

/// What Bitbucket has no more, and somebody kept.
#[derive(Debug, Default, Args)]
pub(crate) struct KeptOptions {
    /// Take the issues from an export that was made before Bitbucket removed its tracker: the
    /// zip, or the db-2.0.json or db-1.0.json out of it
    #[arg(long, value_name = "FILE", conflicts_with_all = ["queue", "dry_run", "from_file"])]
    pub(crate) issues_export: Option<PathBuf>,

    /// Take the wiki from a copy that was kept before Bitbucket removed its wikis: a clone, a
    /// bare repository, or a bundle
    #[arg(long, value_name = "PATH", conflicts_with_all = ["queue", "dry_run", "from_file"])]
    pub(crate) wiki: Option<PathBuf>,

    /// Take images that were pasted into texts from a folder of files that were saved from a
    /// browser: Bitbucket shows them to people only. Files keep the name at the end of the
    /// address
    #[arg(long, value_name = "DIR", conflicts_with_all = ["queue", "dry_run", "from_file"])]
    pub(crate) images_from: Option<PathBuf>,
}

/// Imports in the background.
#[derive(Debug, Default, Args)]
pub(crate) struct QueueOptions {
    /// Put the imports into the queue, for `bucketload worker` to run
    #[arg(long, conflicts_with_all = ["dry_run", "no_wait"])]
    pub(crate) queue: bool,

    /// What comes first in the queue: from -100 to 100, the greater the sooner
    #[arg(
        long,
        value_name = "NUMBER",
        requires = "queue",
        allow_negative_numbers = true
    )]
    pub(crate) priority: Option<Priority>,

    /// Not before this time, such as `2026-12-24T18:00` here or `2026-12-24T18:00:00Z`
    #[arg(long, value_name = "TIME", requires = "queue", value_parser = parse_time)]
    pub(crate) at: Option<DateTime<Utc>>,

    /// Again and again, as a cron expression says (minute, hour, day of the month, month, day
    /// of the week; UTC), such as `0 3 * * *` for three o'clock every night
    #[arg(long, value_name = "CRON", requires = "queue", conflicts_with = "at")]
    pub(crate) every: Option<Cron>,
}

#[derive(Debug, Args)]
pub(crate) struct WorkerOptions {
    #[command(flatten)]
    pub(crate) places: PlaceOptions,

    /// Answer `/healthz`, `/readyz` and `/metrics` here
    #[arg(long, value_name = "ADDR")]
    pub(crate) listen: Option<std::net::SocketAddr>,
}

/// How much one process does.
#[derive(Debug, Clone, Copy, Default, Args)]
pub(crate) struct PlaceOptions {
    /// Imports at once [default: 4, or the setting `worker_concurrency`]
    #[arg(long, value_name = "NUMBER", value_parser = parse_concurrency)]
    pub(crate) concurrency: Option<usize>,
}

/// Imports that something is asked of.
#[derive(Debug, Args)]
pub(crate) struct ImportArguments {
    /// Imports' ids, or `workspace/repository` for its latest import
    #[arg(required = true, value_name = "IMPORT")]
    pub(crate) imports: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(crate) enum GitTransport {
    /// gix, and the git program where a server does not get along with it
    #[default]
    Auto,
    /// gix alone
    Gix,
    /// The git program alone
    Git,
}

#[derive(Debug, Args)]
pub(crate) struct StatusOptions {
    /// An import's id, or `workspace/repository` for its latest import
    #[arg(value_name = "IMPORT")]
    pub(crate) import: Option<String>,

    /// Show the latest import of every repository, and not only the 50 that came last
    #[arg(long, conflicts_with = "import")]
    pub(crate) all: bool,
}

#[derive(Debug, Args)]
pub(crate) struct UnscheduleOptions {
    /// `workspace/repository`, or `workspace` for all of its repositories
    #[arg(required = true, value_name = "SOURCE")]
    pub(crate) sources: Vec<String>,
}

#[derive(Debug, Args)]
pub(crate) struct AuditOptions {
    /// The latest so many entries
    #[arg(long, value_name = "NUMBER", default_value_t = 50)]
    pub(crate) limit: u32,
}

#[derive(Debug, Args)]
pub(crate) struct NotifyOptions {
    /// Send a test through each channel, and say what came of it
    #[arg(long)]
    pub(crate) test: bool,

    /// The latest so many notices
    #[arg(
        long,
        value_name = "NUMBER",
        default_value_t = 20,
        conflicts_with = "test"
    )]
    pub(crate) limit: u32,
}

#[derive(Debug, Args)]
pub(crate) struct PeopleOptions {
    /// Part of a name that somebody has or had, or a UUID or account id. Unset: all
    #[arg(value_name = "TEXT")]
    pub(crate) text: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct ProofOptions {
    /// `workspace/repository`, or `workspace` for all of its archived repositories. Unset: all
    #[arg(value_name = "SOURCE")]
    pub(crate) sources: Vec<String>,

    /// Compare with what Bitbucket has now, too: two requests for each repository
    #[arg(long)]
    pub(crate) online: bool,

    /// Read only this part of the files, those first that were proven longest ago, and look
    /// for git's objects without reading them
    #[arg(long, value_name = "PERCENT", default_value = "100%", value_parser = parse_sample)]
    pub(crate) sample: Sample,

    /// Stop after so long, such as `30s`, `10m` or `2h`; what was not looked at comes first
    /// next time
    #[arg(long, value_name = "TIME")]
    pub(crate) max_time: Option<humantime::Duration>,

    /// With --online: use this kept credential (see `bucketload auth list`)
    #[arg(long, value_name = "LABEL|ID", requires = "online")]
    pub(crate) credential: Option<String>,
}

/// A part of a whole: above 0, up to 1.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Sample(pub(crate) f64);

#[derive(Debug, Args)]
pub(crate) struct ExportOptions {
    /// `workspace/repository`, or `workspace` for all of its archived repositories
    #[arg(value_name = "SOURCE")]
    pub(crate) source: String,

    /// The layout to write
    #[arg(long)]
    pub(crate) format: ExportFormat,

    /// Where to write; each repository gets a folder `workspace/repository` below
    #[arg(long, value_name = "DIR")]
    pub(crate) output: PathBuf,

    /// Bundle the git history as it is packed: quicker, but the bytes of `git.bundle` may
    /// differ from one export of the same history to the next
    #[arg(long)]
    pub(crate) fast: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ExportFormat {
    /// One object per line, exactly as Bitbucket sent it
    Jsonl,
}

#[derive(Debug, Args)]
pub(crate) struct DoctorOptions {
    /// Try the credential on this workspace or repository. Unset: the first that it shows
    #[arg(value_name = "SOURCE", conflicts_with = "workspace")]
    pub(crate) source: Option<String>,

    /// Try the credential on this workspace
    #[arg(long, value_name = "WORKSPACE")]
    pub(crate) workspace: Option<String>,

    /// Try this kept credential (see `bucketload auth list`)
    #[arg(long, value_name = "LABEL|ID")]
    pub(crate) credential: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct HealthOptions {
    /// Where it listens
    #[arg(value_name = "ADDR", default_value = "127.0.0.1:8080")]
    pub(crate) address: std::net::SocketAddr,
}

#[derive(Debug, Args)]
pub(crate) struct CompletionsOptions {
    /// For which shell
    pub(crate) shell: clap_complete::Shell,
}

#[derive(Debug, Args)]
pub(crate) struct ManOptions {
    /// Where to write them; it is made
    #[arg(value_name = "DIR")]
    pub(crate) folder: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct ServeOptions {
    /// Where to listen
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8080")]
    pub(crate) listen: std::net::SocketAddr,

    /// Run no imports here: `bucketload worker` does elsewhere
    #[arg(long, conflicts_with = "concurrency")]
    pub(crate) no_worker: bool,

    #[command(flatten)]
    pub(crate) places: PlaceOptions,
}

#[derive(Debug, Args)]
pub(crate) struct SimulatorOptions {
    /// Where to listen
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8765")]
    pub(crate) listen: std::net::SocketAddr,

    #[command(flatten)]
    pub(crate) world: WorldOptions,

    /// Answer from recordings instead: `.jsonl.gz` files with one {"url", "body"} per line
    #[arg(long, value_name = "FILE", num_args = 1..)]
    pub(crate) replay: Vec<PathBuf>,

    /// Serve a repository on disk as the git history of one of the world's
    #[arg(long, value_name = "WORKSPACE/SLUG=PATH", value_parser = parse_git)]
    pub(crate) git: Vec<(String, PathBuf)>,

    /// Answer issues, as before their removal
    #[arg(long)]
    pub(crate) issues: bool,

    /// Let every answer wait so long, in milliseconds
    #[arg(long, value_name = "MS", default_value_t = 0)]
    pub(crate) latency: u64,

    /// Refuse requests beyond so many in an hour, as Bitbucket does
    #[arg(long, value_name = "REQUESTS")]
    pub(crate) hourly_limit: Option<u64>,
}

#[derive(Debug, Clone, Args)]
pub(crate) struct WorldOptions {
    /// Where the world's randomness comes from
    #[arg(long, default_value_t = 1)]
    pub(crate) seed: u64,

    /// The workspace's name
    #[arg(long, default_value = "seaside")]
    pub(crate) workspace: String,

    /// Repositories, beside an empty one
    #[arg(long, default_value_t = 3)]
    pub(crate) repositories: usize,

    /// How many of the repositories are private
    #[arg(long, default_value_t = 0)]
    pub(crate) private_repositories: usize,

    /// Pull requests in each repository
    #[arg(long, default_value_t = 120)]
    pub(crate) pull_requests: u64,

    /// Comments on each pull request, on average
    #[arg(long, default_value_t = 6)]
    pub(crate) comments: u64,

    /// Levels of replies in a thread
    #[arg(long, default_value_t = 3)]
    pub(crate) thread_depth: u64,

    /// Members of the workspace
    #[arg(long, default_value_t = 12)]
    pub(crate) members: usize,

    /// Commits on the main branch of each repository
    #[arg(long, default_value_t = 200)]
    pub(crate) git_commits: u32,
}

#[derive(Debug, Args)]
pub(crate) struct DemoOptions {
    #[command(flatten)]
    pub(crate) world: WorldOptions,

    /// Let every answer wait so long, in milliseconds, as a network would
    #[arg(long, value_name = "MS", default_value_t = 20)]
    pub(crate) latency: u64,

    /// Where the dashboard listens
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8080")]
    pub(crate) listen: std::net::SocketAddr,

    /// End after the import, without the dashboard
    #[arg(long)]
    pub(crate) exit: bool,
}

fn parse_stage(text: &str) -> Result<Stage, String> {
    text.parse().map_err(|_| {
        let names: Vec<&str> = Stage::ALL.iter().map(|stage| stage.name()).collect();
        match crate::config::nearest(text, &names) {
            Some(near) => format!("no stage has this name; did you mean “{near}”?"),
            None => format!("no stage has this name; there are {}", names.join(", ")),
        }
    })
}

fn parse_concurrency(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(number @ 1..=1_000) => Ok(number),
        _ => Err("give a number of imports, from 1 to 1000".to_owned()),
    }
}

fn parse_sample(text: &str) -> Result<Sample, String> {
    let percent = text.strip_suffix('%').unwrap_or(text).trim();
    match percent.parse::<f64>() {
        Ok(percent) if percent > 0.0 && percent <= 100.0 => Ok(Sample(percent / 100.0)),
        _ => Err("give a percentage above 0%, up to 100%, such as 5%".to_owned()),
    }
}

/// A time with its zone, or one of this place.
fn parse_time(text: &str) -> Result<DateTime<Utc>, String> {
    if let Ok(time) = DateTime::parse_from_rfc3339(text) {
        return Ok(time.to_utc());
    }
    let local = ["%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M"]
        .iter()
        .find_map(|form| NaiveDateTime::parse_from_str(text, form).ok());
    local
        .and_then(|time| Local.from_local_datetime(&time).earliest())
        .map(|time| time.to_utc())
        .ok_or_else(|| "give a time such as 2026-12-24T18:00, or with a zone".to_owned())
}

fn parse_git(text: &str) -> Result<(String, PathBuf), String> {
    text.split_once('=')
        .map(|(name, path)| (name.to_owned(), PathBuf::from(path)))
        .ok_or_else(|| "it must have the form workspace/slug=PATH".to_owned())
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn times_are_those_of_this_place_unless_they_have_a_zone() {
        let fixed = parse_time("2026-12-24T18:00:00+01:00").unwrap();
        assert_eq!(fixed.to_rfc3339(), "2026-12-24T17:00:00+00:00");
        let local = parse_time("2026-12-24 18:00").unwrap();
        let local = local.with_timezone(&Local).format("%H:%M").to_string();
        assert_eq!(local, "18:00");
        for text in ["tomorrow", "18:00", "2026-13-01T00:00"] {
            assert!(parse_time(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_sample_is_some_of_it() {
        assert_eq!(parse_sample("5%"), Ok(Sample(0.05)));
        assert_eq!(parse_sample("100"), Ok(Sample(1.0)));
        for text in ["0%", "101%", "-5%", "five", "NaN", ""] {
            assert!(parse_sample(text).is_err(), "{text}");
        }
    }

    #[test]
    fn the_command_line_is_well_formed() {
        Arguments::command().debug_assert();
    }
}
