//! Times that come again and again, as cron expressions.

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, Utc};
use croner::parser::{CronParser, Seconds};

/// A cron expression: minute, hour, day of the month, month, day of the week; UTC.
#[derive(Debug, Clone)]
pub struct Cron {
    text: String,
    pattern: croner::Cron,
}

/// A text that is no cron expression.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("“{text}” is no cron expression: {problem}")]
pub struct ParseCronError {
    /// The text.
    pub text: String,
    /// What is wrong with it.
    pub problem: String,
}

impl FromStr for Cron {
    type Err = ParseCronError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parser = CronParser::builder().seconds(Seconds::Disallowed).build();
        let wrong = |problem: &dyn fmt::Display| ParseCronError {
            text: text.to_owned(),
            problem: problem.to_string(),
        };
        let pattern = parser.parse(text).map_err(|error| wrong(&error))?;
        Ok(Self {
            text: text.to_owned(),
            pattern,
        })
    }
}

impl fmt::Display for Cron {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Cron {
    /// The first time after this one; none for a day that never comes, such as 30 February.
    pub fn next_after(&self, time: DateTime<Utc>) -> Option<DateTime<Utc>> {
        self.pattern.find_next_occurrence(&time, false).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn next(cron: &str, after: &str) -> Option<String> {
        let cron: Cron = cron.parse().unwrap();
        let next = cron.next_after(after.parse().unwrap())?;
        Some(next.format("%a %Y-%m-%d %H:%M").to_string())
    }

    #[test]
    fn times_come_as_crontab_says() {
        let monday = "2026-11-23T03:00:00Z";
        for (cron, expected) in [
            ("0 3 * * *", "Tue 2026-11-24 03:00"),
            ("*/15 * * * *", "Mon 2026-11-23 03:15"),
            // 1 is Monday, 0 and 7 are Sunday.
            ("0 4 * * 1", "Mon 2026-11-23 04:00"),
            ("0 4 * * 0", "Sun 2026-11-29 04:00"),
            ("0 4 * * 7", "Sun 2026-11-29 04:00"),
            ("0 0 1 * *", "Tue 2026-12-01 00:00"),
            ("@daily", "Tue 2026-11-24 00:00"),
        ] {
            assert_eq!(next(cron, monday).as_deref(), Some(expected), "{cron}");
        }
    }

    #[test]
    fn what_is_no_expression_is_refused() {
        for text in ["", "every day", "60 * * * *", "* * * *", "0 0 3 * * *"] {
            assert!(text.parse::<Cron>().is_err(), "{text:?}");
        }
    }

    #[test]
    fn a_day_that_never_comes_has_no_next_time() {
        assert_eq!(next("0 0 30 2 *", "2026-11-23T03:00:00Z"), None);
    }
}
