//! The table of settings: names, defaults, meaning. The reference page
//! `docs/CONFIGURATION.md` is written from it.

/// One setting.
#[derive(Debug)]
pub(super) struct Setting {
    /// Its key in the configuration file. The variable is `BUCKETLOAD_` and the
    /// key in capitals.
    pub(super) key: &'static str,
    /// What it is unless set.
    pub(super) default: Option<&'static str>,
    /// Whether it is a secret, which may also be read from a file of its own.
    pub(super) is_secret: bool,
    /// What it does.
    pub(super) meaning: &'static str,
}

const fn setting(
    key: &'static str,
    default: Option<&'static str>,
    meaning: &'static str,
) -> Setting {
    Setting {
        key,
        default,
        is_secret: false,
        meaning,
    }
}

const fn secret(key: &'static str, meaning: &'static str) -> Setting {
    Setting {
        key,
        default: None,
        is_secret: true,
        meaning,
    }
}

/// Every setting.
pub(super) const SETTINGS: &[Setting] = &[
    setting(
        "data_dir",
        Some("./bucketload-data"),
        "Where everything is kept.",
    ),
    secret(
        "database_url",
        "`sqlite://` and the path of a file, or \
         `postgres://user:password@host:port/database?sslmode=verify-full`; `host` may be a \
         folder with a socket, written `%2Frun%2Fpostgresql`. Without `sslmode` the connection \
         is encrypted where the server can, and its certificate is not checked. Unset: `bucketload.db` in the \
         data directory.",
    ),
    setting(
        "backup_before_upgrade",
        Some("1"),
        "Whether a backup of the database is taken before a newer bucketload changes its schema, \
         in `backups/` beside its file; the latest of each of three schemas are kept. 0: none, \
         where the disk has no room. A database on a server is not ours to back up.",
    ),
    setting(
        "object_store_url",
        None,
        "Where blobs, large files and copies of the mirrors are kept for all machines that share a \
         database: `s3://bucket/prefix`, or `file:///folder` for a folder that all of them mount. \
         Unset: all of it is in the data directory.",
    ),
    setting(
        "s3_endpoint",
        None,
        "The root of an S3 service that is not Amazon's, such as `https://minio.example.org`.",
    ),
    setting(
        "s3_region",
        None,
        "The region of the bucket. Unset: what `AWS_REGION` says, or us-east-1.",
    ),
    setting(
        "s3_access_key_id",
        None,
        "The id of the key for the bucket. Unset: as Amazon's own tools find one, by `AWS_…` \
         variables or the role of the machine.",
    ),
    secret("s3_secret_access_key", "The secret of that key."),
    setting(
        "bitbucket_api_url",
        Some("https://api.bitbucket.org/2.0"),
        "The root of the REST API.",
    ),
    setting(
        "bitbucket_web_url",
        Some("https://bitbucket.org"),
        "The root of git addresses.",
    ),
    secret(
        "bitbucket_token",
        "A repository, project, workspace or OAuth access token.",
    ),
    setting(
        "bitbucket_email",
        None,
        "The e-mail address of the Atlassian account whose personal API token is used.",
    ),
    secret("bitbucket_api_token", "A personal API token, with scopes."),
    setting(
        "oauth_client_id",
        None,
        "The key of the OAuth consumer. Unset: nobody can sign in with Bitbucket.",
    ),
    secret("oauth_client_secret", "The secret of the OAuth consumer."),
    setting(
        "public_url",
        Some("http://127.0.0.1:8080"),
        "The address that people use for the dashboard; a path in it is a prefix that \
         everything stands below. It decides the OAuth callback. Unset, `serve` takes the address that it listens on.",
    ),
    setting(
        "trusted_proxies",
        None,
        "Addresses and networks of proxies before the dashboard, with commas between, such as \
         `127.0.0.1, 10.0.0.0/8`. What they say in `X-Forwarded-For` tells apart who tries to \
         sign in too often; what anybody else says there is not read.",
    ),
    secret(
        "secret_key",
        "The key that seals credentials: 32 bytes in base64. Unset: `secret.key` in the data \
         directory, made on first use.",
    ),
    setting(
        "rest_quota",
        None,
        "REST requests in an hour. Unset: 60 without a credential, 1000 with one. 0: no limit \
         of our own; Bitbucket's 429 is obeyed all the same.",
    ),
    setting(
        "git_quota",
        Some("60000"),
        "git requests in an hour. 0: no limit of our own.",
    ),
    setting(
        "raw_quota",
        Some("5000"),
        "Requests for files (downloads, attachments) in an hour. 0: no limit of our own.",
    ),
    setting(
        "segment_above_mb",
        Some("500"),
        "The first clone of a repository that Bitbucket says to be larger than so many megabytes \
         comes in segments, so that an interruption costs one of them. 0: that of every \
         repository.",
    ),
    setting(
        "quota_bucket",
        None,
        "A name for those whose requests Bitbucket counts together. Unset: the access token's \
         own bucket, the API token's user, or this machine without a credential.",
    ),
    setting(
        "quota_window_seconds",
        Some("3600"),
        "The window that the quota is counted over. Bitbucket's is an hour; shorter ones are \
         for simulators and tests.",
    ),
    setting(
        "worker_concurrency",
        Some("4"),
        "Imports that a worker runs at once. One that waits for quota does not count.",
    ),
    setting(
        "imports_at_once",
        Some("50"),
        "Imports of the queue that all workers of a database run at once.",
    ),
    setting(
        "imports_per_workspace",
        Some("50"),
        "The same for one workspace.",
    ),
    setting(
        "imports_per_credential",
        Some("50"),
        "The same for one credential: those who share a quota wait for each other.",
    ),
    setting(
        "keep_imports_days",
        Some("365"),
        "Days after which workers forget imports that have ended, once later ones have reached \
         their end: stages, requests, gaps that are known since. What they brought stays. 0: \
         never.",
    ),
    setting(
        "max_blob_mb",
        Some("1024"),
        "How many MiB a file may have: an attachment, a download, an image. Larger ones are named \
         as gaps.",
    ),
    setting(
        "image_hosts",
        None,
        "Hosts that images in texts may come from besides Bitbucket's own, with commas between, \
         such as `i.imgur.com, images.example.org`. Images on others are counted and never asked \
         for: their addresses were written by anybody.",
    ),
    setting(
        "max_upload_mb",
        Some("2000"),
        "How many MiB a file may have that somebody uploads in the dashboard: an export of \
         issues.",
    ),
    setting(
        "notify_on",
        Some("failed, overdue, credential_expired, repository_gone"),
        "What somebody is told (NOTIFICATIONS.md), with commas between: these, and `finished` for \
         every import that reached its end.",
    ),
    secret(
        "notify_webhook_url",
        "An address that is told of each of them by a POST: `https://`, or `http://` on this \
         machine.",
    ),
    secret(
        "notify_webhook_secret",
        "What these POSTs are signed with (HMAC-SHA256). Unset: they are not signed.",
    ),
    secret(
        "smtp_url",
        "The mail server that sends mail about them: `smtps://user:password@host`, or \
         `smtp://user:password@host?starttls`; without `?starttls` nothing is encrypted, which is \
         for this machine alone. What means something in an address is written as `%40` and so on.",
    ),
    setting(
        "notify_email_from",
        None,
        "Who these mails are from: `loads@example.org` or `Loads <loads@example.org>`.",
    ),
    setting(
        "notify_email_to",
        None,
        "Who gets these mails, with commas between.",
    ),
    setting(
        "notify_email_minutes",
        Some("15"),
        "The least time between two of these mails: what happens meanwhile goes in one.",
    ),
    setting(
        "allow_insecure",
        Some("0"),
        "1 allows `http://` roots on other machines than this one, and webhooks and mail servers \
         without encryption. Credentials then travel in clear.",
    ),
    setting(
        "log",
        Some("info"),
        "What is logged to standard error, as a tracing filter such as `warn` or \
         `info,bucketload_bitbucket=debug`.",
    ),
    setting(
        "log_format",
        Some("text"),
        "`text`, or `json` for one JSON object a line (LOGS.md).",
    ),
];

impl Setting {
    /// The environment variable.
    pub(super) fn variable(&self) -> String {
        format!("BUCKETLOAD_{}", self.key.to_ascii_uppercase())
    }
}

/// The name that was probably meant, if one is near.
pub(crate) fn nearest<'a>(text: &str, names: &[&'a str]) -> Option<&'a str> {
    names
        .iter()
        .map(|name| (strsim::jaro_winkler(text, name), *name))
        .filter(|(likeness, _)| *likeness > 0.8)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, name)| name)
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use super::*;

    const PROXY: &str = "\n## Proxy\n\n\
        REST, git and files go through the proxy that the environment names: `HTTPS_PROXY` for\n\
        `https://`, `HTTP_PROXY` for `http://`, `ALL_PROXY` for both, in capitals or not; the\n\
        `git` program reads `http_proxy` in small letters alone. `NO_PROXY` lists what is asked\n\
        directly, with commas between: names (with all below them), addresses, and ranges such\n\
        as `10.0.0.0/8`. `*` stands for every name, but for no address. This machine is no\n\
        exception: with a proxy set, a simulator on `127.0.0.1` needs `NO_PROXY=127.0.0.1`.\n\
        Files come from hosts that Bitbucket names. bucketload connects to none in a private\n\
        network; behind a proxy it is the proxy that connects, and that has to see to it.\n";

    fn reference_page() -> String {
        let mut page = String::from(
            "# Configuration\n\n\
             Each setting is an environment variable or a key of the configuration file given \
             with\n`--config`; the environment wins. A secret may also stand in a file of its \
             own, whose path\ngoes into the variable with `_FILE` or the key with `_file` at \
             its end. A secret is never\nan argument.\n\n\
             ```toml\n\
             data_dir = \"/srv/bucketload\"\n\
             bitbucket_token_file = \"/run/secrets/bitbucket\"\n\
             ```\n\n\
             | variable | key | default | meaning |\n|---|---|---|---|\n",
        );
        for setting in SETTINGS {
            let default = setting
                .default
                .map_or("none".to_owned(), |text| format!("`{text}`"));
            let _ = writeln!(
                page,
                "| `{}` | `{}` | {default} | {} |",
                setting.variable(),
                setting.key,
                setting.meaning
            );
        }
        page.push_str(PROXY);
        page
    }

    #[test]
    fn the_reference_page_is_up_to_date() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/CONFIGURATION.md");
        let expected = reference_page();
        let written = std::fs::read_to_string(path).unwrap_or_default();
        if written != expected {
            std::fs::write(path, expected).unwrap();
            panic!("docs/CONFIGURATION.md was stale; it is written anew, commit it");
        }
    }

    #[test]
    fn near_names_are_found_and_far_ones_are_not() {
        let names = ["data_dir", "bitbucket_token"];
        assert_eq!(nearest("datadir", &names), Some("data_dir"));
        assert_eq!(nearest("bitbucket_tokn", &names), Some("bitbucket_token"));
        assert_eq!(nearest("colour", &names), None);
    }
}
