//! Every setting: from the environment, or the configuration file.
//!
//! This is the only place that reads the environment.

mod notify;
mod objects;
mod secrets;
mod settings;
mod values;

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

use bucketload_archive::{DataDir, DatabaseAddress};
use bucketload_auth::oauth::Consumer;
use bucketload_auth::{Credential, SecretKey};
use bucketload_model::Limits;
use bucketload_server::{SettingLine, TrustedProxies};
use bucketload_worker::NoticeOptions;
use bucketload_worker::queue::Asker;
use secrecy::SecretString;
use url::Url;

use crate::messages::Problem;
use crate::output::{self, LogFormat};
use values::Values;

pub(crate) use settings::nearest;

/// All settings, checked.
#[derive(Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a setting by itself")]
pub(crate) struct Config {
    pub(crate) data_dir: DataDir,
    /// Whether nobody said where everything is kept.
    pub(crate) data_dir_is_default: bool,
    pub(crate) api_url: Url,
    pub(crate) web_url: Url,
    pub(crate) credential: Credential,
    /// Whether people can sign in with Bitbucket.
    pub(crate) consumer: Option<Consumer>,
    /// The key that seals credentials, if it is configured.
    pub(crate) secret_key: Option<SecretKey>,
    /// The address that people use for the dashboard, if it is not where that listens.
    pub(crate) public_url: Option<Url>,
    /// Proxies before the dashboard that say for whom they speak.
    pub(crate) trusted_proxies: TrustedProxies,
    /// Whether a browser can be opened here.
    pub(crate) has_display: bool,
    /// Whether a collector of traces is named, by the variables of OpenTelemetry.
    pub(crate) has_collector: bool,
    /// Who sits at the terminal, if the system says.
    pub(crate) operator: Option<String>,
    /// Requests in an hour; `Some(0)` for no limit of our own.
    pub(crate) rest_quota: Option<u32>,
    /// The same for git.
    pub(crate) git_quota: Option<u32>,
    /// The same for files.
    pub(crate) raw_quota: Option<u32>,
    /// The size from which on a first clone comes in segments, in megabytes of
    /// 1,000,000 bytes.
    pub(crate) segment_above_mb: u32,
    /// The window that the quota is counted over.
    pub(crate) quota_window: Duration,
    /// Whose requests count together, where not the credential's own.
    pub(crate) quota_bucket: Option<String>,
    /// Imports that a worker runs at once.
    pub(crate) concurrency: usize,
    /// Imports that all workers run at once.
    pub(crate) limits: Limits,
    /// How long imports that have ended are kept; unset for ever.
    pub(crate) keep_imports: Option<Duration>,
    /// How large a file may be.
    pub(crate) max_blob_bytes: u64,
    /// Hosts besides Bitbucket's own that images in texts may come from.
    pub(crate) image_hosts: Vec<String>,
    /// How large a file may be that somebody uploads.
    pub(crate) max_upload_bytes: u64,
    /// The limits among the settings, for administrators to look at.
    pub(crate) shown: Vec<SettingLine>,
    /// What somebody is told who does not watch, and how.
    pub(crate) notify: NoticeOptions,
    pub(crate) allow_insecure: bool,
    pub(crate) log: String,
    pub(crate) log_format: LogFormat,
}

/// The limits among the settings.
const SHOWN: [&str; 11] = [
    "rest_quota",
    "git_quota",
    "raw_quota",
    "worker_concurrency",
    "imports_at_once",
    "imports_per_workspace",
    "imports_per_credential",
    "keep_imports_days",
    "segment_above_mb",
    "max_blob_mb",
    "max_upload_mb",
];

/// Our own variables, some of which are secrets: no child is to see them.
pub(crate) fn own_variables() -> impl Iterator<Item = OsString> {
    let names = std::env::vars_os().map(|(name, _)| name);
    names.filter(|name| name.as_encoded_bytes().starts_with(b"BUCKETLOAD_"))
}

impl Config {
    /// Reads all settings. `data_dir` and `file` are from the command line.
    pub(crate) fn load(data_dir: Option<&Path>, file: Option<&Path>) -> Result<Self, Problem> {
        #[expect(
            clippy::disallowed_methods,
            reason = "this is the one place that reads the environment"
        )]
        let environment = |name: &str| std::env::var_os(name);
        let values = Values::read(file, environment)?;
        // First: whoever reads the logs reads what is wrong with the other settings, too.
        output::set_format(log_format(&values)?);
        let mut config = Self::from_values(&values, data_dir)?;
        config.has_display = cfg!(target_os = "macos")
            || ["DISPLAY", "WAYLAND_DISPLAY"]
                .iter()
                .any(|name| environment(name).is_some_and(|value| !value.is_empty()));
        config.has_collector = [
            "OTEL_EXPORTER_OTLP_ENDPOINT",
            "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
        ]
        .iter()
        .any(|name| environment(name).is_some_and(|value| !value.is_empty()));
        // As login and sudo set them.
        config.operator = ["LOGNAME", "USER"]
            .iter()
            .filter_map(|name| environment(name)?.into_string().ok())
            .find(|name| !name.is_empty());
        Ok(config)
    }

    /// Who asks, for the audit log.
    pub(crate) fn asker(&self) -> Asker {
        Asker::at_terminal(self.operator.as_deref())
    }

    fn from_values(values: &Values, data_dir: Option<&Path>) -> Result<Self, Problem> {
        let data_dir_is_default = data_dir.is_none() && values.is_default("data_dir");
        let root = match data_dir {
            Some(folder) => folder.to_owned(),
            None => PathBuf::from(values.text("data_dir")?.unwrap_or_default()),
        };
        let mut data_dir = DataDir::new(root);
        if let Some(url) = values.text("database_url")? {
            data_dir = data_dir.with_database(database(url)?);
        }
        if !values.flag("backup_before_upgrade")? {
            data_dir = data_dir.without_backups();
        }
        if let Some(objects) = objects::store(values)? {
            data_dir = data_dir.with_objects(objects);
        }
        let web_url = values.url("bitbucket_web_url")?;
        let allow_insecure = values.flag("allow_insecure")?;
        Ok(Self {
            data_dir,
            data_dir_is_default,
            api_url: values.url("bitbucket_api_url")?,
            credential: credential(values)?,
            consumer: secrets::consumer(values, &web_url)?,
            secret_key: secrets::secret_key(values)?,
            public_url: values.set_url("public_url")?,
            trusted_proxies: trusted_proxies(values)?,
            has_display: false,
            has_collector: false,
            operator: None,
            web_url,
            rest_quota: values.number("rest_quota")?,
            git_quota: values.number("git_quota")?,
            raw_quota: values.number("raw_quota")?,
            segment_above_mb: values.number("segment_above_mb")?.unwrap_or_default(),
            quota_window: quota_window(values)?,
            quota_bucket: values.text("quota_bucket")?,
            concurrency: at_least_one(values, "worker_concurrency")? as usize,
            limits: Limits {
                at_once: at_least_one(values, "imports_at_once")?,
                per_workspace: at_least_one(values, "imports_per_workspace")?,
                per_credential: at_least_one(values, "imports_per_credential")?,
            },
            keep_imports: days(values.number("keep_imports_days")?.unwrap_or_default()),
            max_blob_bytes: u64::from(at_least_one(values, "max_blob_mb")?) * 1024 * 1024,
            image_hosts: image_hosts(values)?,
            max_upload_bytes: u64::from(at_least_one(values, "max_upload_mb")?) * 1024 * 1024,
            shown: values.shown(&SHOWN),
            notify: notify::options(values, allow_insecure)?,
            allow_insecure,
            log: values.text("log")?.unwrap_or_default(),
            log_format: log_format(values)?,
        })
    }
}

fn credential(values: &Values) -> Result<Credential, Problem> {
    let token = values.text("bitbucket_token")?;
    let email = values.text("bitbucket_email")?;
    let api_token = values.text("bitbucket_api_token")?;
    match (token, email, api_token) {
        (None, None, None) => Ok(Credential::Anonymous),
        (Some(token), None, None) => Ok(Credential::access_token(token)),
        (None, Some(email), Some(token)) => Ok(Credential::api_token(email, token)),
        (None, Some(_), None) => Err(Problem::usage(
            "BUCKETLOAD_BITBUCKET_EMAIL is set, and no API token that goes with it",
            "set BUCKETLOAD_BITBUCKET_API_TOKEN too, or neither for public repositories",
        )),
        (None, None, Some(_)) => Err(Problem::usage(
            "BUCKETLOAD_BITBUCKET_API_TOKEN is set, and not whose it is",
            "set BUCKETLOAD_BITBUCKET_EMAIL to the e-mail address of its Atlassian account",
        )),
        (Some(_), _, _) => Err(Problem::usage(
            "both an access token and a personal API token are set",
            "unset BUCKETLOAD_BITBUCKET_TOKEN, or BUCKETLOAD_BITBUCKET_EMAIL and \
             BUCKETLOAD_BITBUCKET_API_TOKEN",
        )),
    }
}

fn at_least_one(values: &Values, key: &str) -> Result<u32, Problem> {
    match values.number(key)? {
        Some(number) if number > 0 => Ok(number),
        _ => Err(Problem::usage(
            format!("BUCKETLOAD_{} is 0", key.to_ascii_uppercase()),
            "give a number of imports, 1 or greater",
        )),
    }
}

fn log_format(values: &Values) -> Result<LogFormat, Problem> {
    let name = values.text("log_format")?.unwrap_or_default();
    LogFormat::of_name(&name).ok_or_else(|| {
        Problem::usage(
            format!("BUCKETLOAD_LOG_FORMAT: “{name}” is no format of logs"),
            "give text or json",
        )
    })
}

/// None for 0.
fn days(days: u32) -> Option<Duration> {
    (days > 0).then(|| Duration::from_hours(24 * u64::from(days)))
}

/// Names with commas between.
fn image_hosts(values: &Values) -> Result<Vec<String>, Problem> {
    let text = values.text("image_hosts")?.unwrap_or_default();
    let names = text.split(',').map(str::trim);
    let names = names.filter(|name| !name.is_empty());
    let checked = names.map(|name| {
        // A name stays what it is as the host of an address.
        let url = Url::parse(&format!("https://{name}/"));
        let host = url.ok().and_then(|url| Some(url.host_str()?.to_owned()));
        host.filter(|host| host.eq_ignore_ascii_case(name))
            .ok_or_else(|| {
                Problem::usage(
                    format!("BUCKETLOAD_IMAGE_HOSTS has “{name}”, which is no name of a host"),
                    "give names such as images.example.org, with commas between",
                )
            })
    });
    checked.collect()
}

fn quota_window(values: &Values) -> Result<Duration, Problem> {
    let seconds = values.number("quota_window_seconds")?.unwrap_or_default();
    if seconds == 0 {
        return Err(Problem::usage(
            "BUCKETLOAD_QUOTA_WINDOW_SECONDS is 0",
            "unset it: Bitbucket counts over an hour",
        ));
    }
    Ok(Duration::from_secs(u64::from(seconds)))
}

fn trusted_proxies(values: &Values) -> Result<TrustedProxies, Problem> {
    let text = values.text("trusted_proxies")?.unwrap_or_default();
    text.parse().map_err(|error| {
        Problem::of("the setting trusted_proxies cannot be used", &error)
            .remedy("give addresses and networks such as 127.0.0.1, 10.0.0.0/8")
            .with_usage_exit()
    })
}

fn database(url: String) -> Result<DatabaseAddress, Problem> {
    DatabaseAddress::parse(&SecretString::from(url)).map_err(|error| {
        Problem::of(
            "BUCKETLOAD_DATABASE_URL is no address of a database",
            &error,
        )
        .remedy(
            "give sqlite:// and the path of a file, or \
                 postgres://user:password@host/database, or unset it",
        )
        .with_usage_exit()
    })
}

#[cfg(test)]
mod tests {
    use bucketload_model::NoticeKind;

    use super::*;

    fn load(pairs: &[(&str, &str)]) -> Result<Config, Problem> {
        let values = Values::read(None, |name| {
            let pair = pairs.iter().find(|(key, _)| *key == name);
            pair.map(|(_, value)| value.into())
        })?;
        Config::from_values(&values, None)
    }

    #[test]
    fn nothing_set_is_anonymous_on_bitbucket() {
        let config = load(&[]).unwrap();
        assert!(config.credential.is_anonymous());
        assert_eq!(config.api_url.as_str(), "https://api.bitbucket.org/2.0");
        assert_eq!(config.web_url.as_str(), "https://bitbucket.org/");
        assert_eq!(config.data_dir.root(), Path::new("./bucketload-data"));
        assert_eq!(config.rest_quota, None);
        assert_eq!(config.log, "info");
        assert_eq!(config.log_format, LogFormat::Text);
    }

    #[test]
    fn an_address_of_a_database_is_never_repeated() {
        for wrong in [
            "mysql://ann:s3cret@host/keep",
            "postgres://ann:s3cret@host/keep?s3cret=1",
            "postgres://ann:s3cret@host:port/keep",
        ] {
            let problem = load(&[("BUCKETLOAD_DATABASE_URL", wrong)]).unwrap_err();
            let said = problem.to_string();
            assert!(said.contains("BUCKETLOAD_DATABASE_URL"), "{said}");
            assert!(!said.contains("ann:s3cret"), "{said}");
        }
        let right = "postgres://ann:s3cret@host/keep";
        let config = load(&[("BUCKETLOAD_DATABASE_URL", right)]).unwrap();
        assert!(!format!("{config:?}").contains("s3cret"), "{config:?}");
    }

    #[test]
    fn half_a_credential_and_two_credentials_are_refused() {
        for pairs in [
            &[("BUCKETLOAD_BITBUCKET_EMAIL", "a@b.c")][..],
            &[("BUCKETLOAD_BITBUCKET_API_TOKEN", "x")],
            &[
                ("BUCKETLOAD_BITBUCKET_TOKEN", "x"),
                ("BUCKETLOAD_BITBUCKET_EMAIL", "a@b.c"),
                ("BUCKETLOAD_BITBUCKET_API_TOKEN", "x"),
            ],
        ] {
            assert!(load(pairs).is_err(), "{pairs:?}");
        }
    }

    #[test]
    fn nobody_is_told_unless_somebody_says_who() {
        let notify = load(&[]).unwrap().notify;
        assert!(notify.channels.is_empty());
        assert_eq!(notify.kinds, NoticeOptions::USUAL);
        let webhook = (
            "BUCKETLOAD_NOTIFY_WEBHOOK_URL",
            "https://h.example.org/s3cret",
        );
        let server = ("BUCKETLOAD_SMTP_URL", "smtps://ann:s3cret@mail.example.org");
        let from = ("BUCKETLOAD_NOTIFY_EMAIL_FROM", "loads@example.org");
        let to = ("BUCKETLOAD_NOTIFY_EMAIL_TO", "ann@example.org");
        let on = ("BUCKETLOAD_NOTIFY_ON", "finished,failed");
        let config = load(&[webhook, server, from, to, on]).unwrap();
        assert_eq!(config.notify.channels.len(), 2);
        assert_eq!(
            config.notify.kinds,
            [NoticeKind::Finished, NoticeKind::Failed]
        );
        assert!(!format!("{config:?}").contains("s3cret"), "{config:?}");
        for pairs in [
            &[("BUCKETLOAD_NOTIFY_WEBHOOK_SECRET", "s3cret")][..],
            &[(
                "BUCKETLOAD_NOTIFY_WEBHOOK_URL",
                "http://h.example.org/s3cret",
            )],
            &[("BUCKETLOAD_NOTIFY_WEBHOOK_URL", "h.example.org/s3cret")],
            &[
                ("BUCKETLOAD_SMTP_URL", "smtp://ann:s3cret@h.example.org"),
                from,
                to,
            ],
            &[
                ("BUCKETLOAD_SMTP_URL", "mailto:ann:s3cret@h.example.org"),
                from,
                to,
            ],
            &[server, from],
            &[server, from, ("BUCKETLOAD_NOTIFY_EMAIL_TO", "ann")],
            &[("BUCKETLOAD_NOTIFY_ON", "everything")],
        ] {
            let said = load(pairs).unwrap_err().to_string();
            assert!(!said.contains("s3cret"), "{said}");
        }
    }

    #[test]
    fn image_hosts_are_names_in_small_letters() {
        assert_eq!(load(&[]).unwrap().image_hosts, [""; 0]);
        let config = load(&[("BUCKETLOAD_IMAGE_HOSTS", "i.example.org, Cdn.example.org,")]);
        let hosts = config.unwrap().image_hosts;
        assert_eq!(hosts, ["i.example.org", "cdn.example.org"]);
    }

    #[test]
    fn an_empty_variable_is_an_unset_one() {
        let config = load(&[("BUCKETLOAD_BITBUCKET_TOKEN", "")]).unwrap();
        assert!(config.credential.is_anonymous());
    }

    #[test]
    fn wrong_values_name_their_variable() {
        for (name, value) in [
            ("BUCKETLOAD_REST_QUOTA", "many"),
            ("BUCKETLOAD_GIT_QUOTA", "-1"),
            ("BUCKETLOAD_RAW_QUOTA", "few"),
            ("BUCKETLOAD_BITBUCKET_API_URL", "api.bitbucket.org"),
            ("BUCKETLOAD_ALLOW_INSECURE", "maybe"),
            ("BUCKETLOAD_BACKUP_BEFORE_UPGRADE", "never"),
            ("BUCKETLOAD_PUBLIC_URL", "loads.example.org"),
            ("BUCKETLOAD_LOG_FORMAT", "xml"),
            ("BUCKETLOAD_IMAGE_HOSTS", "https://images.example.org"),
            ("BUCKETLOAD_IMAGE_HOSTS", "images.example.org/x"),
            ("BUCKETLOAD_IMAGE_HOSTS", "*.example.org, a b"),
        ] {
            let problem = load(&[(name, value)]).unwrap_err();
            assert!(problem.to_string().contains(name), "{problem}");
        }
    }
}
