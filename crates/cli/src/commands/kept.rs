//! What somebody kept of what Bitbucket removed or shows to people only: `import
//! --issues-export`, `import --wiki`, `import --images-from`.

use std::collections::BTreeSet;
use std::path::Path;

use bucketload_model::{RepositoryName, Source};
use bucketload_worker::{Importer, Selection};
use serde_json::{Map, Value, json};

use super::import::conclude_with;
use super::{Session, issue_export, saved_images, wiki_copy};
use crate::arguments::ImportOptions;
use crate::messages::{self, Exit, Problem};
use crate::output;

/// What is to be taken, and which repository it belongs to.
#[derive(Debug, Clone, Copy)]
pub(super) struct Kept<'a> {
    name: &'a RepositoryName,
    issues_export: Option<&'a Path>,
    wiki: Option<&'a Path>,
    images_from: Option<&'a Path>,
    is_offline: bool,
}

impl<'a> Kept<'a> {
    /// What the command asks to take, if anything.
    pub(super) fn asked_for(
        options: &'a ImportOptions,
        sources: &'a BTreeSet<Source>,
    ) -> Result<Option<Self>, Problem> {
        let issues_export = options.kept.issues_export.as_deref();
        let wiki = options.kept.wiki.as_deref();
        let images_from = options.kept.images_from.as_deref();
        if issues_export.or(wiki).or(images_from).is_none() {
            return Ok(None);
        }
        let mut named = sources.iter();
        match (named.next(), named.next()) {
            (Some(Source::Repository(name)), None) => Ok(Some(Self {
                name,
                issues_export,
                wiki,
                images_from,
                is_offline: options.offline,
            })),
            _ => Err(Problem::usage(
                "an export of issues, a wiki, or a folder of images is that of one repository",
                "name that repository, and no other source",
            )),
        }
    }

    /// Takes it in, and then imports the repository unless that is not wanted.
    pub(super) async fn take(
        self,
        session: &Session,
        importer: &Importer,
        selection: &Selection,
    ) -> Result<Exit, Problem> {
        let mut exit = Exit::Complete;
        let mut said = Map::new();
        if let Some(file) = self.issues_export {
            let taken = issue_export::take(session, importer, self.name, file).await?;
            if !taken.is_whole() {
                exit = Exit::Gaps;
            }
            said.insert("issue_exports".to_owned(), json!([taken]));
        }
        if let Some(copy) = self.wiki {
            let taken = wiki_copy::take(session, importer, self.name, copy).await?;
            if !taken.skipped.is_empty() {
                exit = Exit::Gaps;
            }
            said.insert("wikis".to_owned(), json!([taken]));
        }
        let mut outcome = None;
        if !self.is_offline {
            // What was taken is in the archive, whatever becomes of the rest.
            match importer.import(self.name, selection).await {
                Ok(imported) => outcome = Some(imported),
                Err(error) => exit = exit.max(messages::report(&error.into())),
            }
        }
        // Which images its texts have is known after an import.
        if let Some(folder) = self.images_from {
            match saved_images::take(session, importer, self.name, folder).await {
                Ok(taken) => {
                    if !taken.is_whole() {
                        exit = exit.max(Exit::Gaps);
                    }
                    said.insert("images".to_owned(), json!([taken]));
                }
                Err(problem) => exit = exit.max(messages::report(&problem)),
            }
        }
        let mut reports = Vec::new();
        if let Some(mut outcome) = outcome {
            // Images that came are no gaps any more.
            if let Some(report) = importer.archive.report(outcome.report.id).await? {
                outcome.report = report;
            }
            let was_taken = !said.is_empty();
            let mend = |problem, error: &_| {
                if was_taken {
                    messages::with_offline(problem, error)
                } else {
                    problem
                }
            };
            let ended = conclude_with(session, importer, self.name, &outcome, mend);
            exit = exit.max(ended);
            reports.push(outcome.report);
        }
        if session.json {
            said.insert("imports".to_owned(), json!(reports));
            output::json(&Value::Object(said));
        }
        Ok(exit)
    }
}
