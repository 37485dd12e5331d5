//! The table of all figures, in Markdown that can be read as it is.

use std::fmt;

use super::report::{Measured, Report, Values, is_met};
use crate::catalogue::{Figure, TABLE, Target, shown};

const HEAD: [&str; 5] = ["figure", "value", "against", "ratio", "target"];

/// The median, and between which values it lies.
fn spread(values: &Values, unit: &str) -> String {
    let mut text = shown(values.median());
    if !unit.is_empty() {
        text = format!("{text} {unit}");
    }
    match values.range() {
        (least, most) if least < most => format!("{text} ({}–{})", shown(least), shown(most)),
        _ => text,
    }
}

/// What a figure should be; whether it is, where that may be judged.
fn wanted(target: Target, unit: &str, measured: Option<&Measured>) -> String {
    let verdict = match measured.and_then(|measured| is_met(target, measured)) {
        Some(true) => ": met",
        Some(false) => ": **missed**",
        None => "",
    };
    format!("{}{verdict}", target.text(unit))
}

/// The cells of a row; dashes where this machine could not measure it.
fn row(figure: &Figure, measured: Option<&Measured>, judges: bool) -> [String; 5] {
    let missing = || "–".to_owned();
    let others = measured.filter(|measured| !measured.others.is_empty());
    let judged = measured.filter(|_| judges);
    let targets = figure.targets.iter();
    let targets: Vec<_> = targets
        .map(|target| wanted(*target, figure.unit, judged))
        .collect();
    [
        figure.name.to_owned(),
        measured.map_or_else(missing, |measured| spread(&measured.values, figure.unit)),
        match (figure.against, others) {
            (Some(name), Some(measured)) => {
                format!("{name}: {}", spread(&measured.others, figure.unit))
            }
            (Some(name), None) => format!("{name}: –"),
            (None, _) => String::new(),
        },
        match (figure.against, others) {
            (Some(_), Some(measured)) => spread(&measured.ratios(), ""),
            (Some(_), None) => missing(),
            (None, _) => String::new(),
        },
        targets.join("; "),
    ]
}

/// All rows where every measure was taken; without those that nobody asked for otherwise.
impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let figures = TABLE.iter().map(|figure| (figure, self.measured(figure)));
        let figures = figures.filter(|(_, measured)| self.is_whole || measured.is_some());
        let rows = figures.map(|(figure, measured)| row(figure, measured, self.judges));
        let rows: Vec<_> = [HEAD.map(str::to_owned)].into_iter().chain(rows).collect();
        let widths: [usize; 5] = std::array::from_fn(|column| {
            let cells = rows.iter().map(|row| row[column].chars().count());
            cells.max().unwrap_or_default()
        });
        for (number, row) in rows.iter().enumerate() {
            for (cell, width) in row.iter().zip(widths) {
                write!(f, "| {cell:<width$} ")?;
            }
            writeln!(f, "|")?;
            if number == 0 {
                for width in widths {
                    write!(f, "|{}", "-".repeat(width + 2))?;
                }
                writeln!(f, "|")?;
            }
        }
        Ok(())
    }
}
