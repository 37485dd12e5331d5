//! Raw values: where each setting's text comes from.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::Path;

use bucketload_server::{SettingLine, SettingPlace};
use url::Url;

use super::settings::{SETTINGS, Setting, nearest};
use crate::messages::Problem;

/// The text of each setting, and where it stands.
#[derive(Debug)]
pub(super) struct Values(BTreeMap<&'static str, Value>);

/// The place of a value that nobody set.
const DEFAULT: &str = "default";

struct Value {
    text: String,
    /// Where it was found, for messages.
    place: String,
}

/// Values may be secrets.
impl std::fmt::Debug for Value {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "(from {})", self.place)
    }
}

impl Values {
    /// Reads all settings; the environment wins over the file.
    pub(super) fn read(
        file: Option<&Path>,
        environment: impl Fn(&str) -> Option<OsString>,
    ) -> Result<Self, Problem> {
        let mut table = match file {
            Some(path) => read_file(path)?,
            None => toml::Table::new(),
        };
        let mut values = BTreeMap::new();
        for setting in SETTINGS {
            // Taken out even where the environment wins: what is left is unknown.
            let from_file = from_table(&mut table, setting, file)?;
            let value = match from_environment(setting, &environment)? {
                Some(value) => Some(value),
                None => from_file,
            };
            let default = setting.default.map(|text| Value {
                text: text.to_owned(),
                place: DEFAULT.to_owned(),
            });
            if let Some(value) = value.or(default) {
                values.insert(setting.key, value);
            }
        }
        match table.keys().next() {
            Some(unknown) => Err(unknown_key(unknown, file)),
            None => Ok(Self(values)),
        }
    }

    /// Whether a setting is what it is unless set.
    pub(super) fn is_default(&self, key: &str) -> bool {
        self.0.get(key).is_none_or(|value| value.place == DEFAULT)
    }

    /// Settings as administrators may look at them. No secret is shown.
    pub(super) fn shown(&self, keys: &[&str]) -> Vec<SettingLine> {
        let shown = SETTINGS.iter().filter(|setting| !setting.is_secret);
        let shown = shown.filter(|setting| keys.contains(&setting.key));
        shown
            .map(|setting| {
                let value = self.0.get(setting.key);
                let variable = setting.variable();
                let place = match value.map(|value| value.place.as_str()) {
                    None | Some(DEFAULT) => SettingPlace::Default,
                    Some(place) if place == variable => SettingPlace::Environment,
                    Some(_) => SettingPlace::File,
                };
                SettingLine {
                    key: setting.key,
                    variable,
                    value: value.map(|value| value.text.clone()),
                    place,
                    meaning: setting.meaning,
                }
            })
            .collect()
    }

    /// A setting as text.
    #[expect(
        clippy::unnecessary_wraps,
        reason = "all readers of a setting can be used alike"
    )]
    pub(super) fn text(&self, key: &str) -> Result<Option<String>, Problem> {
        Ok(self.0.get(key).map(|value| value.text.clone()))
    }

    /// A setting as an address.
    pub(super) fn url(&self, key: &str) -> Result<Url, Problem> {
        let value = self.0.get(key);
        let (text, place) = value.map_or(("", key), |value| (&value.text, &value.place));
        Url::parse(text)
            .ok()
            .filter(|url| url.has_host() && matches!(url.scheme(), "http" | "https"))
            .ok_or_else(|| {
                Problem::usage(
                    format!("{place}: “{text}” is no address"),
                    "give an address such as https://api.bitbucket.org/2.0",
                )
            })
    }

    /// A setting as an address, if it was set.
    pub(super) fn set_url(&self, key: &str) -> Result<Option<Url>, Problem> {
        if self.is_default(key) {
            return Ok(None);
        }
        self.url(key).map(Some)
    }

    /// A setting as a number.
    pub(super) fn number(&self, key: &str) -> Result<Option<u32>, Problem> {
        let Some(Value { text, place }) = self.0.get(key) else {
            return Ok(None);
        };
        text.parse().map(Some).map_err(|_| {
            Problem::usage(
                format!("{place}: “{text}” is no number"),
                "give a whole number, 0 or greater",
            )
        })
    }

    /// A setting as yes or no.
    pub(super) fn flag(&self, key: &str) -> Result<bool, Problem> {
        let Some(Value { text, place }) = self.0.get(key) else {
            return Ok(false);
        };
        match text.as_str() {
            "1" | "true" => Ok(true),
            "0" | "false" => Ok(false),
            _ => Err(Problem::usage(
                format!("{place}: “{text}” is neither 0 nor 1"),
                "give 1 or 0",
            )),
        }
    }
}

fn read_file(path: &Path) -> Result<toml::Table, Problem> {
    let shown = path.display();
    let text = std::fs::read_to_string(path).map_err(|error| {
        Problem::of(format!("cannot read the configuration {shown}"), &error).with_usage_exit()
    })?;
    text.parse::<toml::Table>().map_err(|error| {
        // The whole error would quote the line, which may hold a secret.
        let line = error
            .span()
            .map_or(1, |span| 1 + text[..span.start].matches('\n').count());
        Problem::usage(
            format!("{shown}, line {line}: {}", error.message()),
            "mend the line; the file is in TOML",
        )
    })
}

fn from_table(
    table: &mut toml::Table,
    setting: &Setting,
    file: Option<&Path>,
) -> Result<Option<Value>, Problem> {
    let shown = file.map_or(String::new(), |path| path.display().to_string());
    let place = format!("{} in {shown}", setting.key);
    if let Some(value) = table.remove(setting.key) {
        let text = match value {
            toml::Value::String(text) => text,
            toml::Value::Integer(number) => number.to_string(),
            toml::Value::Boolean(flag) => flag.to_string(),
            _ => {
                return Err(Problem::usage(
                    format!("{place} is neither a text nor a number"),
                    "see docs/CONFIGURATION.md",
                ));
            }
        };
        return Ok(Some(Value { text, place }).filter(is_set));
    }
    if !setting.is_secret {
        return Ok(None);
    }
    match table.remove(&format!("{}_file", setting.key)) {
        Some(toml::Value::String(path)) => read_secret(Path::new(&path), place).map(Some),
        Some(_) => Err(Problem::usage(
            format!("{place}: the key ending in _file is no path"),
            "give the path of a file that holds the secret",
        )),
        None => Ok(None),
    }
}

fn from_environment(
    setting: &Setting,
    environment: &impl Fn(&str) -> Option<OsString>,
) -> Result<Option<Value>, Problem> {
    let name = setting.variable();
    let text = |name: &str| match environment(name).map(OsString::into_string) {
        None => Ok(None),
        Some(Ok(text)) => Ok(Some(text)),
        Some(Err(_)) => Err(Problem::usage(
            format!("{name} is not valid text"),
            "set it to UTF-8",
        )),
    };
    let value = text(&name)?.map(|text| Value {
        text,
        place: name.clone(),
    });
    if let Some(value) = value.filter(is_set) {
        return Ok(Some(value));
    }
    if !setting.is_secret {
        return Ok(None);
    }
    let name = format!("{name}_FILE");
    match text(&name)?.filter(|path| !path.is_empty()) {
        Some(path) => read_secret(Path::new(&path), name).map(Some),
        None => Ok(None),
    }
}

fn is_set(value: &Value) -> bool {
    !value.text.is_empty()
}

fn read_secret(path: &Path, place: String) -> Result<Value, Problem> {
    let text = std::fs::read_to_string(path).map_err(|error| {
        Problem::of(
            format!("{place}: cannot read the secret in {}", path.display()),
            &error,
        )
        .with_usage_exit()
    })?;
    Ok(Value {
        text: text.trim().to_owned(),
        place,
    })
}

fn unknown_key(key: &str, file: Option<&Path>) -> Problem {
    let known: Vec<&str> = SETTINGS.iter().map(|setting| setting.key).collect();
    let remedy = match nearest(key, &known) {
        Some(near) => format!("did you mean “{near}”?"),
        None => "docs/CONFIGURATION.md lists every key".to_owned(),
    };
    let shown = file.map_or(String::new(), |path| path.display().to_string());
    Problem::usage(format!("{shown}: there is no setting “{key}”"), remedy)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(content: &str) -> Result<Values, Problem> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("bucketload.toml");
        std::fs::write(&path, content).unwrap();
        Values::read(Some(&path), |name| {
            (name == "BUCKETLOAD_LOG").then(|| "debug".into())
        })
    }

    #[test]
    fn the_environment_wins_over_the_file() {
        let values = read("log = \"warn\"\nrest_quota = 500\n").unwrap();
        assert_eq!(values.text("log").unwrap().as_deref(), Some("debug"));
        assert_eq!(values.number("rest_quota").unwrap(), Some(500));
    }

    #[test]
    fn what_is_shown_says_where_it_stands_and_is_no_secret() {
        let values = read("rest_quota = 500\nbitbucket_token = \"s3cret\"\n").unwrap();
        let shown = values.shown(&["log", "rest_quota", "max_blob_mb", "bitbucket_token"]);
        let shown: Vec<_> = shown
            .iter()
            .map(|line| (line.key, line.value.as_deref(), line.place))
            .collect();
        assert_eq!(
            shown,
            [
                ("rest_quota", Some("500"), SettingPlace::File),
                ("max_blob_mb", Some("1024"), SettingPlace::Default),
                ("log", Some("debug"), SettingPlace::Environment),
            ]
        );
    }

    #[test]
    fn unknown_keys_are_refused_with_the_nearest_known_one() {
        let problem = read("datadir = \"x\"\n").unwrap_err();
        assert!(problem.to_string().contains("“datadir”"), "{problem}");
        assert!(problem.to_string().contains("“data_dir”"), "{problem}");
    }

    #[test]
    fn a_secret_may_stand_in_a_file_and_is_never_shown() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("token");
        std::fs::write(&path, "s3cret\n").unwrap();
        let values = read(&format!("bitbucket_token_file = {path:?}\n")).unwrap();
        assert_eq!(
            values.text("bitbucket_token").unwrap().as_deref(),
            Some("s3cret")
        );
        assert!(!format!("{values:?}").contains("s3cret"));
    }

    #[test]
    fn a_broken_file_is_named_with_its_line_and_without_its_content() {
        let problem = read("log = \"warn\"\nbitbucket_token = s3cret\n").unwrap_err();
        assert!(problem.to_string().contains("line 2"), "{problem}");
        assert!(!problem.to_string().contains("s3cret"), "{problem}");
    }
}
