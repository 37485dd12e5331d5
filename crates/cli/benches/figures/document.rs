//! The page that has the figures.

use std::path::Path;

use crate::common::Result;

const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/BENCHMARKS.md");
const BEGIN: &str = "<!-- figures: written by scripts/bench --write -->\n";
const END: &str = "<!-- end of figures -->\n";

/// Puts the figures between the markers of the page, in place of those that are there.
pub(crate) fn write(figures: &str) -> Result<()> {
    let page = Path::new(PAGE);
    let text = std::fs::read_to_string(page)?;
    let parts = text.split_once(BEGIN).and_then(|(before, rest)| {
        let (_, after) = rest.split_once(END)?;
        Some((before, after))
    });
    let (before, after) = parts.ok_or("docs/BENCHMARKS.md has lost the markers of its figures")?;
    let text = format!("{before}{BEGIN}\n{}\n\n{END}{after}", figures.trim());
    std::fs::write(page, text)?;
    Ok(())
}
