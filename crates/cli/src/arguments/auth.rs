//! What may stand behind `bucketload auth`.

use std::path::PathBuf;

use bucketload_model::WorkspaceSlug;
use clap::{Args, Subcommand};

#[derive(Debug, Subcommand)]
pub(crate) enum AuthCommand {
    /// Sign in with Bitbucket in a browser
    Login(LoginOptions),
    /// Keep an access token or a personal API token
    AddToken(AddTokenOptions),
    /// Show the credentials that are kept, without their secrets
    List,
    /// Remove a credential from here; Bitbucket still knows it
    Remove(RemoveOptions),
    /// Seal all secrets with a new key
    RotateKey(RotateKeyOptions),
    /// Print a one-time code that signs an administrator in to the dashboard
    AdminCode(AdminCodeOptions),
}

#[derive(Debug, Args)]
pub(crate) struct LoginOptions {
    /// What to call it; the account's name unless given
    #[arg(long)]
    pub(crate) label: Option<String>,

    /// Only print the address, for a browser that you open yourself
    #[arg(long)]
    pub(crate) no_browser: bool,

    /// Give up waiting for the browser after so many seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 300, value_parser = clap::value_parser!(u64).range(1..=86_400))]
    pub(crate) timeout: u64,
}

#[derive(Debug, Args)]
pub(crate) struct AddTokenOptions {
    /// Read the token from this file; `-` for standard input. Without it the token is asked for
    /// and not shown
    #[arg(long, value_name = "FILE")]
    pub(crate) token_file: Option<PathBuf>,

    /// It is a personal API token of the Atlassian account with this address
    #[arg(long, value_name = "ADDRESS", conflicts_with = "workspace")]
    pub(crate) email: Option<String>,

    /// It is an access token of this workspace, or of a project or repository in it
    #[arg(long)]
    pub(crate) workspace: Option<WorkspaceSlug>,

    /// What to call it; the address or the workspace unless given
    #[arg(long)]
    pub(crate) label: Option<String>,

    /// The day on which it ends, as Atlassian shows it: somebody is told a week before
    #[arg(long, value_name = "YYYY-MM-DD")]
    pub(crate) ends_on: Option<chrono::NaiveDate>,

    /// Keep it without asking Bitbucket whether it takes it
    #[arg(long)]
    pub(crate) no_check: bool,
}

#[derive(Debug, Args)]
pub(crate) struct RemoveOptions {
    /// Its label or id, as `bucketload auth list` shows them
    #[arg(value_name = "LABEL|ID")]
    pub(crate) credential: String,
}

#[derive(Debug, Args)]
pub(crate) struct RotateKeyOptions {
    /// The key so far, where the configuration names the new one already
    #[arg(long, value_name = "FILE")]
    pub(crate) old_key_file: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct AdminCodeOptions {
    /// Whom to sign in, if not the one who became administrator first
    #[arg(long, value_name = "ID")]
    pub(crate) user: Option<bucketload_model::UserId>,
}
