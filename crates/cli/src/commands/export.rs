//! `bucketload export`.

use bucketload_archive::mirror::BundleKind;
use bucketload_archive::{MirrorKind, StoredRepository, bring_mirror, export_jsonl};
use bucketload_model::{Clock as _, Source, SystemClock};
use serde_json::json;

use super::Session;
use crate::arguments::{ExportFormat, ExportOptions};
use crate::messages::{Exit, Problem};
use crate::output;

pub(crate) async fn run(session: &Session, options: &ExportOptions) -> Result<Exit, Problem> {
    let source: Source = options.source.parse()?;
    let archive = session.read_archive().await?;
    let repositories: Vec<StoredRepository> = match &source {
        Source::Repository(name) => archive.repository(name).await?.into_iter().collect(),
        Source::Workspace(workspace) => {
            let mut all = archive.repositories().await?;
            all.retain(|repository| repository.name.workspace == *workspace);
            all
        }
    };
    if repositories.is_empty() {
        return Err(Problem::usage(
            format!("{source} is not in the archive"),
            "“bucketload list” shows what is; import it first",
        ));
    }
    let bundle = if options.fast {
        BundleKind::Fast
    } else {
        BundleKind::Reproducible
    };
    let ExportFormat::Jsonl = options.format;
    let mut exports = Vec::new();
    for repository in repositories {
        let data_dir = &session.config.data_dir;
        for kind in [MirrorKind::Git, MirrorKind::Wiki] {
            bring_mirror(&archive, data_dir, &repository, kind, SystemClock.now()).await?;
        }
        let (folder, manifest) =
            export_jsonl(&archive, data_dir, &repository, &options.output, bundle).await?;
        if session.json {
            exports.push(json!({ "folder": folder, "manifest": manifest }));
        } else {
            let objects = manifest
                .files
                .values()
                .filter_map(|file| file.objects)
                .sum();
            output::line(&format!(
                "{}: {} in {}",
                repository.name,
                output::counted(objects, "object", "objects"),
                folder.display()
            ));
        }
    }
    archive.close().await;
    if session.json {
        output::json(&json!({ "exports": exports }));
    }
    Ok(Exit::Complete)
}
