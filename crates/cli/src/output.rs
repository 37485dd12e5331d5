//! The only writers to standard output and standard error.

use std::io::{self, Write as _};
use std::sync::atomic::{AtomicBool, Ordering};

use bucketload_model::{Clock as _, SystemClock};
use chrono::SecondsFormat;
use serde::Serialize;
use serde_json::json;

/// How what goes to standard error is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line, for programs.
    Json,
}

impl LogFormat {
    /// The format of that name.
    pub(crate) fn of_name(name: &str) -> Option<Self> {
        match name {
            "text" => Some(Self::Text),
            "json" => Some(Self::Json),
            _ => None,
        }
    }
}

/// Standard error is one for the whole process, and so is how it is written.
static IS_JSON: AtomicBool = AtomicBool::new(false);

/// From now on standard error is written so.
pub(crate) fn set_format(format: LogFormat) {
    IS_JSON.store(format == LogFormat::Json, Ordering::Relaxed);
}

/// Whether standard error is read by a program.
pub(crate) fn is_json() -> bool {
    IS_JSON.load(Ordering::Relaxed)
}

/// Prints a line for people on standard output. A reader that has gone away
/// (`| head`) is no reason to fail.
pub(crate) fn line(text: &str) {
    let _ = writeln!(io::stdout(), "{text}");
}

/// Prints bytes as they are on standard output, for another program.
pub(crate) fn bytes(bytes: &[u8]) {
    let _ = io::stdout().write_all(bytes);
}

/// Says something on standard error.
pub(crate) fn note(text: &str) {
    say("INFO", text);
}

/// Says on standard error what went wrong.
pub(crate) fn complain(text: &str) {
    say("ERROR", text);
}

/// Whatever is logged: this is said. As JSON it has the fields that logs have.
fn say(level: &str, text: &str) {
    if !is_json() {
        let _ = writeln!(io::stderr(), "{text}");
        return;
    }
    let now = SystemClock.now();
    let line = json!({
        "timestamp": now.to_rfc3339_opts(SecondsFormat::Micros, true),
        "level": level,
        "message": text,
        "target": "bucketload",
    });
    let _ = writeln!(io::stderr(), "{line}");
}

/// Prints the one JSON document of a command.
pub(crate) fn json(document: &impl Serialize) {
    let mut out = io::stdout().lock();
    if serde_json::to_writer_pretty(&mut out, document).is_ok() {
        let _ = writeln!(out);
    }
}

/// Text from a repository or the network, safe for a terminal.
pub(crate) fn printable(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_control() { '\u{fffd}' } else { c })
        .collect()
}

/// A count and its noun.
pub(crate) fn counted(count: u64, one: &str, many: &str) -> String {
    let noun = if count == 1 { one } else { many };
    format!("{} {noun}", grouped(count))
}

/// A number with its thousands apart.
pub(crate) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Bytes for people.
pub(crate) fn size(bytes: u64) -> String {
    let (unit, name) = match bytes {
        0..0x10_0000 => (1 << 10, "KiB"),
        0x10_0000..0x4000_0000 => (1 << 20, "MiB"),
        _ => (1 << 30, "GiB"),
    };
    // One digit after the point.
    let tenths = bytes.saturating_mul(10) / unit;
    format!("{}.{} {name}", tenths / 10, tenths % 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped() {
        assert_eq!(grouped(0), "0");
        assert_eq!(grouped(999), "999");
        assert_eq!(grouped(1000), "1,000");
        assert_eq!(grouped(1_234_567), "1,234,567");
    }
}
