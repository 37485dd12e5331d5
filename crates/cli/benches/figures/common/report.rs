//! What was measured, value by value.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::note;
use crate::catalogue::{Figure, TABLE, Target, shown};

/// What a figure was each time that it was measured; at least once.
#[derive(Debug, Clone, Default)]
pub(crate) struct Values(Vec<f64>);

impl Values {
    pub(crate) const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn sorted(&self) -> Vec<f64> {
        let mut values = self.0.clone();
        values.sort_by(f64::total_cmp);
        values
    }

    /// The middle one; of an even number the mean of the two in the middle.
    pub(crate) fn median(&self) -> f64 {
        let values = self.sorted();
        let half = values.len() / 2;
        if values.len().is_multiple_of(2) {
            f64::midpoint(values[half - 1], values[half])
        } else {
            values[half]
        }
    }

    /// The least and the greatest.
    pub(crate) fn range(&self) -> (f64, f64) {
        let values = self.sorted();
        (values[0], values[values.len() - 1])
    }
}

/// The values of one row, and those of what it is held against, in the same order.
#[derive(Debug, Clone, Default)]
pub(crate) struct Measured {
    pub(crate) values: Values,
    pub(crate) others: Values,
}

impl Measured {
    /// Each value as a multiple of the other of its own round: what the machine did in that
    /// minute is in both.
    pub(crate) fn ratios(&self) -> Values {
        let pairs = self.values.0.iter().zip(&self.others.0);
        Values(pairs.map(|(value, other)| value / other).collect())
    }
}

/// Whether the median is what it should be; nothing where that was not measured.
pub(crate) fn is_met(target: Target, measured: &Measured) -> Option<bool> {
    let ratio = || (!measured.others.is_empty()).then(|| measured.ratios().median());
    match target {
        Target::AtLeast(least) => Some(measured.values.median() >= least),
        Target::AtMost(most) => Some(measured.values.median() <= most),
        Target::RatioAtLeast(least) => Some(ratio()? >= least),
        Target::RatioAtMost(most) => Some(ratio()? <= most),
    }
}

/// Every figure.
#[derive(Debug)]
pub(crate) struct Report {
    rows: BTreeMap<&'static str, Measured>,
    /// What explains the rows, in the order in which it was first measured.
    details: Vec<(String, &'static str, Values)>,
    /// Whether every measure is taken.
    pub(crate) is_whole: bool,
    /// Whether the figures may be held against their targets.
    pub(crate) judges: bool,
}

impl Report {
    pub(crate) const fn new(is_whole: bool, judges: bool) -> Self {
        Self {
            rows: BTreeMap::new(),
            details: Vec::new(),
            is_whole,
            judges,
        }
    }

    /// Adds a value to a row.
    pub(crate) fn add(&mut self, figure: Figure, value: f64) {
        note(&format!(
            "    {}: {} {}",
            figure.name,
            shown(value),
            figure.unit
        ));
        let measured = self.rows.entry(figure.name).or_default();
        measured.values.0.push(value);
    }

    /// The same, beside what it is held against.
    pub(crate) fn compare(&mut self, figure: Figure, value: f64, other: f64) {
        self.add(figure, value);
        let against = figure.against.unwrap_or_default();
        note(&format!("        {against}: {}", shown(other)));
        let measured = self.rows.entry(figure.name).or_default();
        measured.others.0.push(other);
    }

    /// Adds a value that has no row: it is in the JSON alone.
    pub(crate) fn detail(&mut self, name: impl Into<String>, unit: &'static str, value: f64) {
        let name = name.into();
        note(&format!("    {name}: {} {unit}", shown(value)));
        match self.details.iter_mut().find(|detail| detail.0 == name) {
            Some(detail) => detail.2.0.push(value),
            None => self.details.push((name, unit, Values(vec![value]))),
        }
    }

    /// What was measured of a row, if anything was.
    pub(crate) fn measured(&self, figure: &Figure) -> Option<&Measured> {
        self.rows.get(figure.name)
    }

    /// What was measured last of a row: of the round that runs, if it was measured in it.
    pub(crate) fn last(&self, figure: &Figure) -> Option<f64> {
        self.measured(figure)?.values.0.last().copied()
    }

    /// The rows with every single value, and what is in no row.
    pub(crate) fn json(&self) -> Value {
        let rows = TABLE.iter().filter_map(|figure| {
            let measured = self.measured(figure)?;
            let others = (!measured.others.is_empty()).then_some(&measured.others);
            let ratios = others.map(|_| measured.ratios());
            let targets = figure.targets.iter();
            Some(json!({
                "name": figure.name,
                "unit": figure.unit,
                "median": measured.values.median(),
                "values": measured.values.0,
                "against": figure.against,
                "against_values": others.map(|others| &others.0),
                "ratio": ratios.as_ref().map(Values::median),
                "ratios": ratios.as_ref().map(|ratios| &ratios.0),
                "targets": targets.map(|target| self.target(*target, measured)).collect::<Value>(),
            }))
        });
        let details = self.details.iter().map(|(name, unit, values)| {
            json!({
                "name": name, "unit": unit, "median": values.median(), "values": values.0,
            })
        });
        json!({ "figures": rows.collect::<Value>(), "details": details.collect::<Value>() })
    }

    fn target(&self, target: Target, measured: &Measured) -> Value {
        let (name, limit) = match target {
            Target::AtLeast(limit) => ("at_least", limit),
            Target::AtMost(limit) => ("at_most", limit),
            Target::RatioAtLeast(limit) => ("ratio_at_least", limit),
            Target::RatioAtMost(limit) => ("ratio_at_most", limit),
        };
        let is_met = self.judges.then(|| is_met(target, measured)).flatten();
        json!({ name: limit, "met": is_met })
    }
}
