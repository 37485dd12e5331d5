//! `bucketload import --images-from`.

use std::path::Path;

use bucketload_model::RepositoryName;
use bucketload_worker::{Importer, TakenImages};

use super::Session;
use crate::messages::{self, Problem};
use crate::output::{self, counted, printable};

/// More than these would hide what else was said; `--json` has all.
const SHOWN: usize = 20;

/// Takes a folder of images in.
pub(super) async fn take(
    session: &Session,
    importer: &Importer,
    name: &RepositoryName,
    folder: &Path,
) -> Result<TakenImages, Problem> {
    let taken = importer.take_images(name, folder).await;
    let taken = taken.map_err(|error| messages::saved_images_failure(name, folder, &error))?;
    if !session.json {
        output::line(&format!(
            "{}: {} taken from {}, {} here before, {} still missing",
            taken.source,
            counted(taken.taken, "image", "images"),
            printable(&folder.display().to_string()),
            output::grouped(taken.known),
            output::grouped(taken.missing.len() as u64),
        ));
    }
    let refused = taken.refused.iter();
    let refused = refused.map(|one| format!("{}: {}", one.file, one.problem));
    show("not taken", &refused.collect::<Vec<_>>());
    show("no text links to", &taken.unused);
    show("missing", &taken.missing);
    Ok(taken)
}

fn show(what: &str, lines: &[String]) {
    for line in lines.iter().take(SHOWN) {
        output::note(&format!("  {what}: {}", printable(line)));
    }
    if let Some(more) = lines.len().checked_sub(SHOWN).filter(|more| *more > 0) {
        output::note(&format!("  and {} more", output::grouped(more as u64)));
    }
}
