//! Which repositories are meant: named, listed in a file, chosen by patterns.

use std::collections::BTreeSet;
use std::io::Read as _;
use std::path::Path;

use bucketload_model::{RepositoryName, Source};
use globset::{GlobBuilder, GlobMatcher};

use crate::arguments::{ChoiceOptions, ImportOptions};
use crate::messages::Problem;
use crate::output::printable;

/// A list longer than this is none.
const LONGEST_LIST_BYTES: u64 = 16 * 1024 * 1024;

/// Every source that is named on the command line or in a file, each once.
pub(super) fn sources(options: &ImportOptions) -> Result<BTreeSet<Source>, Problem> {
    let mut sources = BTreeSet::new();
    for text in &options.sources {
        sources.insert(text.parse()?);
    }
    if let Some(path) = &options.choice.from_file {
        let text = read(path).map_err(|error| {
            Problem::of(format!("cannot read the list {}", path.display()), &error)
                .with_usage_exit()
        })?;
        let before = sources.len();
        for (number, line) in text.lines().enumerate() {
            let line = line.split('#').next().unwrap_or_default().trim();
            if line.is_empty() {
                continue;
            }
            let source = line.parse::<Source>().map_err(|error| {
                Problem::of(
                    format!("{}, line {}: {error}", path.display(), number + 1),
                    &error,
                )
                .remedy("name workspace/repository, a workspace, or an address of either")
                .with_usage_exit()
            })?;
            sources.insert(source);
        }
        if before == 0 && sources.is_empty() {
            return Err(Problem::usage(
                format!("the list {} names nothing", path.display()),
                "write one workspace/repository on each line",
            ));
        }
    }
    Ok(sources)
}

fn read(path: &Path) -> std::io::Result<String> {
    let mut text = String::new();
    if path == Path::new("-") {
        std::io::stdin()
            .take(LONGEST_LIST_BYTES)
            .read_to_string(&mut text)?;
    } else {
        std::fs::File::open(path)?
            .take(LONGEST_LIST_BYTES)
            .read_to_string(&mut text)?;
    }
    Ok(text)
}

/// Which of the repositories.
#[derive(Debug)]
pub(super) struct Choice {
    include: Vec<GlobMatcher>,
    exclude: Vec<GlobMatcher>,
}

impl Choice {
    pub(super) fn new(options: &ChoiceOptions) -> Result<Self, Problem> {
        let patterns = |texts: &[String]| -> Result<Vec<_>, Problem> {
            texts.iter().map(|text| pattern(text)).collect()
        };
        Ok(Self {
            include: patterns(&options.include)?,
            exclude: patterns(&options.exclude)?,
        })
    }

    /// The repositories that are meant. A pattern that fits nothing is a mistake, and so is
    /// a choice that leaves nothing; unless `is_cut_short`, because something is wanting.
    pub(super) fn apply(
        &self,
        names: Vec<RepositoryName>,
        is_cut_short: bool,
    ) -> Result<Vec<RepositoryName>, Problem> {
        for pattern in self.include.iter().chain(&self.exclude) {
            if !is_cut_short && !names.iter().any(|name| fits(pattern, name)) {
                return Err(Problem::usage(
                    format!(
                        "no repository fits the pattern “{}”",
                        printable(pattern.glob().glob())
                    ),
                    "check it against the names of the repositories",
                ));
            }
        }
        let is_meant = |name: &RepositoryName| {
            let fits = |pattern: &GlobMatcher| fits(pattern, name);
            (self.include.is_empty() || self.include.iter().any(fits))
                && !self.exclude.iter().any(fits)
        };
        let meant: Vec<_> = names.into_iter().filter(is_meant).collect();
        if meant.is_empty() && !is_cut_short {
            return Err(Problem::usage(
                "no repository is left",
                "--exclude leaves nothing of what --include chooses",
            ));
        }
        Ok(meant)
    }
}

fn fits(pattern: &GlobMatcher, name: &RepositoryName) -> bool {
    pattern.is_match(name.slug.as_str()) || pattern.is_match(name.to_string())
}

fn pattern(text: &str) -> Result<GlobMatcher, Problem> {
    let glob = GlobBuilder::new(text)
        .literal_separator(true)
        // Names of Bitbucket are in lower case.
        .case_insensitive(true)
        .build();
    glob.map(|glob| glob.compile_matcher()).map_err(|error| {
        Problem::of(format!("“{}” is no pattern", printable(text)), &error)
            .remedy("use *, ?, [a-z] and {a,b}")
            .with_usage_exit()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn choose(include: &[&str], exclude: &[&str]) -> Result<Vec<String>, String> {
        let texts = |texts: &[&str]| texts.iter().map(|&text| text.to_owned()).collect();
        let choice = Choice::new(&ChoiceOptions {
            from_file: None,
            include: texts(include),
            exclude: texts(exclude),
        })
        .map_err(|problem| problem.to_string())?;
        let names = ["team/web-shop", "team/web-api", "team/infra", "other/infra"];
        let names = names.map(|name| name.parse().unwrap()).to_vec();
        match choice.apply(names, false) {
            Ok(names) => Ok(names.iter().map(ToString::to_string).collect()),
            Err(problem) => Err(problem.to_string()),
        }
    }

    #[test]
    fn patterns_choose() {
        assert_eq!(choose(&[], &[]).unwrap().len(), 4);
        assert_eq!(
            choose(&["web-*"], &[]).unwrap(),
            ["team/web-shop", "team/web-api"]
        );
        assert_eq!(choose(&["Web-*"], &["*-api"]).unwrap(), ["team/web-shop"]);
        assert_eq!(choose(&["other/*"], &[]).unwrap(), ["other/infra"]);
        assert_eq!(choose(&["infra"], &["team/*"]).unwrap(), ["other/infra"]);
    }

    #[test]
    fn what_fits_nothing_is_a_mistake() {
        for (include, exclude, says) in [
            (&["wbe-*"][..], &[][..], "wbe-*"),
            (&[], &["mobile"], "mobile"),
            (&["infra"], &["*infra"], "no repository is left"),
            (&["[a"], &[], "is no pattern"),
        ] {
            let problem = choose(include, exclude).unwrap_err();
            assert!(problem.contains(says), "{problem}");
        }
    }
}
