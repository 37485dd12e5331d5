//! Real bare repositories: built for seeded worlds, read for the REST answers, served to git.

pub(crate) mod backend;
pub(crate) mod build;
pub(crate) mod diff;
pub(crate) mod read;

use crate::error::{Result, SimulatorError};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::OnceLock;

/// A bare repository on disk, made when it is first needed.
#[derive(Debug)]
pub(crate) struct GitRepository {
    path: PathBuf,
    recipe: Option<build::Recipe>,
    main_branch: String,
    history: OnceLock<Vec<Step>>,
}

/// A commit and its first parent: enough to give pull requests hashes that exist.
#[derive(Debug, Clone)]
pub(crate) struct Step {
    pub(crate) hash: String,
    pub(crate) parent: Option<String>,
}

/// Pull requests of a seeded world take their commits from the newest so many.
const HISTORY: &str = "--max-count=5000";

impl GitRepository {
    /// A repository that exists already and is never written to, unless a mutation asks for it.
    pub(crate) fn existing(path: &Path) -> Result<Self> {
        let path = path.canonicalize().map_err(|source| SimulatorError::File {
            path: path.to_owned(),
            source,
        })?;
        run(&path, &["rev-parse", "--git-dir"])?;
        // A detached HEAD names no branch.
        let head = run(&path, &["symbolic-ref", "--short", "--quiet", "HEAD"]).unwrap_or_default();
        Ok(Self {
            path,
            recipe: None,
            main_branch: String::from_utf8_lossy(&head).trim().to_owned(),
            history: OnceLock::new(),
        })
    }

    pub(crate) fn new(path: PathBuf, recipe: build::Recipe) -> Self {
        Self {
            path,
            recipe: Some(recipe),
            main_branch: "main".to_owned(),
            history: OnceLock::new(),
        }
    }

    pub(crate) fn main_branch(&self) -> &str {
        &self.main_branch
    }

    /// The bare repository, built by now.
    pub(crate) fn path(&self) -> &Path {
        self.history();
        &self.path
    }

    /// Builds the repository where that is still to be done.
    pub(crate) fn prepare(&self) -> Result<()> {
        if self.history.get().is_none() {
            let history = self.build()?;
            // Another thread may have been first; both built the same.
            let _ = self.history.set(history);
        }
        Ok(())
    }

    /// Newest first; empty for an empty repository.
    pub(crate) fn history(&self) -> &[Step] {
        self.history.get_or_init(|| {
            self.build().unwrap_or_else(|error| {
                tracing::error!(repository = %self.path.display(), %error, "cannot build the repository");
                Vec::new()
            })
        })
    }

    fn build(&self) -> Result<Vec<Step>> {
        if let Some(recipe) = &self.recipe {
            build::build(&self.path, recipe)?;
        }
        let text = run(
            &self.path,
            &["rev-list", "--parents", "--all", "--topo-order", HISTORY],
        )?;
        Ok(String::from_utf8_lossy(&text)
            .lines()
            .filter_map(|line| {
                let mut words = line.split(' ').map(str::to_owned);
                Some(Step {
                    hash: words.next()?,
                    parent: words.next(),
                })
            })
            .collect())
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Result<Vec<u8>> {
        run(self.path(), arguments)
    }
}

/// `git -C path …` that sees no configuration but the repository's own.
pub(crate) fn command(path: &Path) -> Command {
    let mut command = Command::new("git");
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("GIT_") {
            command.env_remove(name);
        }
    }
    command
        .arg("-C")
        .arg(path)
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_CONFIG_COUNT", "1")
        .env("GIT_CONFIG_KEY_0", "safe.directory")
        .env("GIT_CONFIG_VALUE_0", "*")
        .env("GIT_TERMINAL_PROMPT", "0")
        .env("LC_ALL", "C")
        .stdin(Stdio::null());
    command
}

fn run(path: &Path, arguments: &[&str]) -> Result<Vec<u8>> {
    check(arguments, command(path).args(arguments).output())
}

fn check(arguments: &[&str], output: std::io::Result<Output>) -> Result<Vec<u8>> {
    let failed = |detail: String| SimulatorError::Git {
        command: arguments.join(" "),
        detail,
    };
    let output = output.map_err(|error| failed(error.to_string()))?;
    if output.status.success() {
        Ok(output.stdout)
    } else {
        Err(failed(
            String::from_utf8_lossy(&output.stderr).trim().to_owned(),
        ))
    }
}
