//! What may stand on the command line.

mod auth;

use std::path::PathBuf;

pub(crate) use auth::{
    AddTokenOptions, AdminCodeOptions, AuthCommand, LoginOptions, RemoveOptions, RotateKeyOptions,
};
use bucketload_model::Stage;
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
    Import(ImportOptions),
    /// Show imports: the latest of each repository, or one in full
    Status(StatusOptions),
    /// Show the repositories in the archive
    List,
    /// Write the archive as plain files
    Export(ExportOptions),
    /// Check settings, disk, database, git and credential, and say what to do
    Doctor(DoctorOptions),
    /// Sign in with Bitbucket, and keep tokens, sealed
    #[command(subcommand)]
    Auth(AuthCommand),
    /// Show the stages of an import
    Stages,
    /// Serve the dashboard and its REST API. It shows imports and starts none: background
    /// workers are still to come
    Serve(ServeOptions),
    /// Run a Bitbucket Cloud double, for tests and trying out
    Simulator(SimulatorOptions),
    /// Import a sample workspace from the simulator and serve the dashboard; needs no account
    /// and no network
    Demo(DemoOptions),
}

#[derive(Debug, Args)]
pub(crate) struct ImportOptions {
    /// `workspace/repository`, `workspace` for all of its repositories, or a bitbucket.org
    /// address of either
    #[arg(required = true, value_name = "SOURCE")]
    pub(crate) sources: Vec<String>,

    /// Show what would be done and what it would cost, and do nothing
    #[arg(long)]
    pub(crate) dry_run: bool,

    /// Run these stages only (see `bucketload stages`)
    #[arg(long, value_name = "STAGE", value_delimiter = ',', conflicts_with = "skip", value_parser = parse_stage)]
    pub(crate) only: Vec<Stage>,

    /// Leave these stages out
    #[arg(long, value_name = "STAGE", value_delimiter = ',', value_parser = parse_stage)]
    pub(crate) skip: Vec<Stage>,

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

    /// Who brings the git objects
    #[arg(long, value_name = "TRANSPORT", default_value = "auto")]
    pub(crate) git_transport: GitTransport,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum GitTransport {
    /// gix, and the git program where a server does not get along with it
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
}

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
pub(crate) struct ServeOptions {
    /// Where to listen
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8080")]
    pub(crate) listen: std::net::SocketAddr,
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

    /// Answer recorded issues, as before their removal
    #[arg(long, requires = "replay")]
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
    fn the_command_line_is_well_formed() {
        Arguments::command().debug_assert();
    }
}
