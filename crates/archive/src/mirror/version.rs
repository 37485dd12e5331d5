//! Which `git` there is.

use std::process::{Command, Stdio};

use super::error::MirrorError;

/// The oldest `git` that reads its configuration from the environment
/// (`GIT_CONFIG_COUNT`), which keeps credentials out of its arguments.
pub const OLDEST_GIT: (u32, u32) = (2, 31);

/// A version of the `git` program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GitVersion {
    /// As it calls itself, such as `2.47.3`.
    pub text: String,
    /// The first two numbers; absent where the text begins otherwise.
    pub numbers: Option<(u32, u32)>,
}

impl GitVersion {
    /// The version of the `git` that an import would run.
    ///
    /// # Errors
    ///
    /// When there is none, or it cannot be run.
    pub fn installed() -> Result<Self, MirrorError> {
        let output = Command::new("git")
            .arg("--version")
            .stdin(Stdio::null())
            .output();
        let output = output.map_err(|source| MirrorError::GitMissing { source })?;
        Ok(Self::parse(&String::from_utf8_lossy(&output.stdout)))
    }

    /// Whether it can do what an import asks of it. An unreadable version is
    /// given the benefit of the doubt.
    pub fn is_new_enough(&self) -> bool {
        self.numbers.is_none_or(|numbers| numbers >= OLDEST_GIT)
    }

    fn parse(said: &str) -> Self {
        let text = said.trim().trim_start_matches("git version ");
        let text = text.split_whitespace().next().unwrap_or_default();
        let mut parts = text.split('.').map(|part| part.parse().ok());
        let numbers = match (parts.next().flatten(), parts.next().flatten()) {
            (Some(major), Some(minor)) => Some((major, minor)),
            _ => None,
        };
        Self {
            text: text.to_owned(),
            numbers,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_of_every_maker() {
        for (said, text, is_new_enough) in [
            ("git version 2.47.3\n", "2.47.3", true),
            ("git version 2.39.5 (Apple Git-154)\n", "2.39.5", true),
            ("git version 2.31.0.windows.1\n", "2.31.0.windows.1", true),
            ("git version 2.30.9\n", "2.30.9", false),
            ("git version 1.8.3\n", "1.8.3", false),
            ("git version next\n", "next", true),
        ] {
            let version = GitVersion::parse(said);
            assert_eq!(version.text, text);
            assert_eq!(version.is_new_enough(), is_new_enough, "{said}");
        }
    }
}
