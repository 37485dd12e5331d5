//! A small chart, drawn here: an area below a line, and what it must not pass.

use std::fmt::Write as _;

use maud::{Markup, html};

/// The square that it is drawn in; the style sheet stretches it.
const WIDTH: u64 = 1_000;
const HEIGHT: u64 = 200;

/// What is drawn.
#[derive(Debug)]
pub(crate) struct Chart<'a> {
    /// The values, at equal distances.
    pub(crate) values: &'a [u64],
    /// The line on top.
    pub(crate) limit: u64,
    /// A line below it.
    pub(crate) mark: u64,
    /// What is read aloud; the table beside it says more.
    pub(crate) label: &'a str,
}

impl Chart<'_> {
    pub(crate) fn show(&self) -> Markup {
        let line = self.line();
        let area = format!("M0 {HEIGHT}L{}L{WIDTH} {HEIGHT}Z", line.replace(' ', "L"));
        html! {
            svg class="chart" viewBox={"0 0 " (WIDTH) " " (HEIGHT)} preserveAspectRatio="none"
                role="img" aria-label=(self.label) {
                path class="chart-area" d=(area.replace(',', " ")) {}
                polyline class="chart-line" points=(line) {}
                (self.rule("chart-limit", self.limit))
                @if self.mark < self.limit { (self.rule("chart-mark", self.mark)) }
            }
        }
    }

    /// The points, each as `x,y`.
    fn line(&self) -> String {
        let steps = (self.values.len().max(2) - 1) as u64;
        let mut line = String::new();
        for (step, value) in (0..).zip(self.values) {
            let space = if line.is_empty() { "" } else { " " };
            let _ = write!(
                line,
                "{space}{},{}",
                step * WIDTH / steps,
                self.height(*value)
            );
        }
        line
    }

    fn rule(&self, class: &'static str, value: u64) -> Markup {
        let height = self.height(value);
        html! { line class=(class) x1="0" x2=(WIDTH) y1=(height) y2=(height) {} }
    }

    /// How far from the top. What passes the limit touches the edge.
    fn height(&self, value: u64) -> u64 {
        // A little room above, so that the line on top is seen whole.
        let top = (self.limit.max(1) * 21).div_ceil(20);
        HEIGHT - (value * HEIGHT / top).min(HEIGHT)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_points_between_the_edges() {
        let chart = Chart {
            values: &[0, 1_050, 5_000],
            limit: 1_000,
            mark: 950,
            label: "used",
        };
        assert_eq!(chart.line(), "0,200 500,0 1000,0");
        let shown = chart.show().into_string();
        assert!(
            shown.contains("d=\"M0 200L0 200L500 0L1000 0L1000 200Z\""),
            "{shown}"
        );
        assert!(shown.contains("chart-mark"), "{shown}");
        let single = Chart {
            values: &[3],
            limit: 0,
            mark: 0,
            label: "",
        };
        assert_eq!(single.line(), "0,0");
    }
}
