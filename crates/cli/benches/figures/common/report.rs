//! Figures, and the table of them.

use std::fmt;
use std::io::{self, Write as _};

use serde::Serialize;
use serde::ser::{SerializeSeq as _, Serializer};

/// What a figure should be.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Target {
    AtLeast(f64),
    AtMost(f64),
}

impl Target {
    fn is_met(self, value: f64) -> bool {
        match self {
            Self::AtLeast(least) => value >= least,
            Self::AtMost(most) => value <= most,
        }
    }
}

/// One thing that was measured one or more times.
#[derive(Debug, Clone)]
struct Figure {
    name: String,
    unit: &'static str,
    values: Vec<f64>,
    target: Option<Target>,
}

impl Figure {
    fn sorted(&self) -> Vec<f64> {
        let mut values = self.values.clone();
        values.sort_by(f64::total_cmp);
        values
    }

    /// The middle one; of an even number the mean of the two in the middle.
    fn median(&self) -> f64 {
        let values = self.sorted();
        let half = values.len() / 2;
        if values.len().is_multiple_of(2) {
            f64::midpoint(values[half - 1], values[half])
        } else {
            values[half]
        }
    }
}

/// Every figure, in the order in which it was first measured.
#[derive(Debug)]
pub(crate) struct Report {
    figures: Vec<Figure>,
    /// Whether the figures may be held against their targets.
    judges: bool,
}

impl Report {
    pub(crate) const fn new(judges: bool) -> Self {
        Self {
            figures: Vec::new(),
            judges,
        }
    }

    /// Adds a value to the figure of that name.
    pub(crate) fn add(&mut self, name: impl Into<String>, unit: &'static str, value: f64) {
        self.add_with(name, unit, value, None);
    }

    /// The same for a figure that has a target.
    pub(crate) fn add_with(
        &mut self,
        name: impl Into<String>,
        unit: &'static str,
        value: f64,
        target: Option<Target>,
    ) {
        let name = name.into();
        let _ = writeln!(io::stderr(), "    {name}: {} {unit}", shown(value));
        match self.figures.iter_mut().find(|figure| figure.name == name) {
            Some(figure) => figure.values.push(value),
            None => self.figures.push(Figure {
                name,
                unit,
                values: vec![value],
                target: target.filter(|_| self.judges),
            }),
        }
    }

    /// What was measured last of a figure.
    pub(crate) fn last(&self, name: &str) -> Option<f64> {
        let mut figures = self.figures.iter();
        let figure = figures.find(|figure| figure.name == name)?;
        figure.values.last().copied()
    }
}

/// Three or four digits say all that a measurement can.
fn shown(value: f64) -> String {
    if value >= 100.0 {
        format!("{value:.0}")
    } else if value >= 10.0 {
        format!("{value:.1}")
    } else {
        format!("{value:.2}")
    }
}

/// A table in Markdown, which can be read as it is.
impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut rows =
            vec![["figure", "median", "min", "max", "unit", "target"].map(str::to_owned)];
        for figure in &self.figures {
            let values = figure.sorted();
            let median = figure.median();
            let verdict = |target: Target| {
                if target.is_met(median) {
                    "met"
                } else {
                    "MISSED"
                }
            };
            rows.push([
                figure.name.clone(),
                shown(median),
                shown(values[0]),
                shown(values[values.len() - 1]),
                figure.unit.to_owned(),
                match figure.target {
                    Some(target @ Target::AtLeast(least)) => {
                        format!("≥ {} {}", shown(least), verdict(target))
                    }
                    Some(target @ Target::AtMost(most)) => {
                        format!("≤ {} {}", shown(most), verdict(target))
                    }
                    None => String::new(),
                },
            ]);
        }
        let width = |column: usize| {
            let cells = rows.iter().map(|row| row[column].chars().count());
            cells.max().unwrap_or_default()
        };
        let widths: [usize; 6] = std::array::from_fn(width);
        for (number, row) in rows.iter().enumerate() {
            for (column, (cell, width)) in row.iter().zip(widths).enumerate() {
                if (1..4).contains(&column) {
                    write!(f, "| {cell:>width$} ")?;
                } else {
                    write!(f, "| {cell:<width$} ")?;
                }
            }
            writeln!(f, "|")?;
            if number == 0 {
                for (column, width) in widths.into_iter().enumerate() {
                    let end = if (1..4).contains(&column) { ":" } else { "-" };
                    write!(f, "|{}{end}", "-".repeat(width + 1))?;
                }
                writeln!(f, "|")?;
            }
        }
        Ok(())
    }
}

impl Serialize for Report {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut list = serializer.serialize_seq(Some(self.figures.len()))?;
        for figure in &self.figures {
            let median = figure.median();
            let (least, most) = match figure.target {
                Some(Target::AtLeast(least)) => (Some(least), None),
                Some(Target::AtMost(most)) => (None, Some(most)),
                None => (None, None),
            };
            list.serialize_element(&serde_json::json!({
                "name": figure.name,
                "unit": figure.unit,
                "median": median,
                "values": figure.values,
                "at_least": least,
                "at_most": most,
                "met": figure.target.map(|target| target.is_met(median)),
            }))?;
        }
        list.end()
    }
}
