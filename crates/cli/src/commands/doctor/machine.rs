//! What can be checked without anybody else: settings, disk, database, git.

use bucketload_archive::mirror::{GitVersion, OLDEST_GIT};
use bucketload_archive::{Archive, BackupPlan, DataDirHealth, DatabaseAddress, FolderHealth};
use bucketload_bitbucket::{Client, ClientOptions};
use url::Url;

use super::finding::Finding;
use crate::config::Config;
use crate::messages::Problem;
use crate::output;

/// Less is a warning: an import of one large repository may need it.
const LITTLE_SPACE: u64 = 2 << 30;

/// Less is a failure: the database alone may need it for its log.
const NO_SPACE: u64 = 100 << 20;

/// The settings could be read; those that could not never come this far.
pub(super) fn configuration(file: Option<&std::path::Path>) -> Finding {
    Finding::ok(
        "configuration",
        match file {
            Some(file) => format!("read from {} and the environment", file.display()),
            None => "read from the environment".to_owned(),
        },
    )
}

/// Whether somebody is told what happens. Nothing is sent: `notify --test` does.
pub(super) fn notifications(config: &Config) -> Finding {
    let channels = config.notify.channels.iter();
    let channels: Vec<String> = channels
        .map(|channel| format!("{} {}", channel.kind(), channel.description()))
        .collect();
    Finding::ok(
        "notifications",
        if channels.is_empty() {
            "nobody is told what happens: no channel is set up".to_owned()
        } else {
            channels.join("; ")
        },
    )
}

/// Whether credentials would travel in clear.
pub(super) fn addresses(config: &Config) -> Finding {
    const CHECK: &str = "addresses";
    let mut in_clear = Vec::new();
    for root in [&config.api_url, &config.web_url] {
        let mut options = ClientOptions::new(root.clone());
        options.allow_insecure = config.allow_insecure;
        if let Err(error) = Client::new(options, config.credential.clone()) {
            return Finding::of(CHECK, &error.into());
        }
        // What is refused unless it is allowed goes over the network in clear.
        let strict = ClientOptions::new(root.clone());
        if Client::new(strict, config.credential.clone()).is_err() {
            in_clear.push(root.origin().ascii_serialization());
        }
    }
    if in_clear.is_empty() {
        let shown = |url: &Url| url.as_str().trim_end_matches('/').to_owned();
        return Finding::ok(
            CHECK,
            format!("{} and {}", shown(&config.api_url), shown(&config.web_url)),
        );
    }
    in_clear.dedup();
    Finding::warning(
        CHECK,
        format!("credentials travel in clear to {}", in_clear.join(" and ")),
        "use https:// addresses and unset BUCKETLOAD_ALLOW_INSECURE",
    )
}

/// Whether the data directory can be used, and by whom it is.
pub(super) fn data_directory(config: &Config, health: &DataDirHealth) -> Finding {
    const CHECK: &str = "data_directory";
    let root = config.data_dir.root().display();
    match (&health.folder, &health.holder) {
        (FolderHealth::Unusable { path, error }, _) => Finding::failed(
            CHECK,
            format!(
                "{root} cannot be used: {} cannot be written: {error}",
                path.display()
            ),
            "check the permissions, or give another directory with --data-dir",
        ),
        (FolderHealth::ToBeMade, _) => Finding::ok(
            CHECK,
            format!("{root} is not there yet; the first import makes it"),
        ),
        (FolderHealth::Usable, None) => Finding::ok(CHECK, format!("{root} can be written")),
        (FolderHealth::Usable, Some(holder)) => Finding::ok(
            CHECK,
            format!("{root} can be written; {holder} is at work in it"),
        ),
    }
}

/// Whether there is room on its disk.
pub(super) fn disk_space(health: &DataDirHealth) -> Finding {
    const CHECK: &str = "disk_space";
    let Some(free) = health.free_bytes else {
        return Finding::skipped(CHECK, "the system does not say");
    };
    let found = format!("{} free", output::size(free));
    let remedy = "free some space, or give a directory on another disk with --data-dir";
    if free < NO_SPACE {
        Finding::failed(CHECK, found, remedy)
    } else if free < LITTLE_SPACE {
        Finding::warning(CHECK, found, remedy)
    } else {
        Finding::ok(CHECK, found)
    }
}

/// Whether files can be put into the object store and read from it, where there is one.
pub(super) async fn object_store(config: &Config) -> Option<Finding> {
    const CHECK: &str = "object_store";
    let objects = config.data_dir.objects()?.clone();
    let shown = objects.shown().to_owned();
    let tried = tokio::task::spawn_blocking(move || objects.probe(&std::env::temp_dir()));
    Some(match tried.await {
        Ok(Ok(())) => Finding::ok(
            CHECK,
            format!("{shown}: a file was put there, read and removed"),
        ),
        Ok(Err(error)) => Finding::failed(
            CHECK,
            format!("{shown} cannot be used: {error}"),
            "see that the service runs, that the bucket is there, and that the key may read, write \
             and delete in it (docs/SCALING.md)",
        ),
        Err(_) => Finding::failed(CHECK, "the check broke off", "please report it"),
    })
}

/// Whether people can sign in with Bitbucket, and which callback its consumer wants.
pub(super) fn sign_in(config: &Config) -> Finding {
    const CHECK: &str = "sign_in";
    match &config.consumer {
        Some(consumer) => Finding::ok(
            CHECK,
            format!(
                "callback URL of the OAuth consumer: {}",
                consumer.redirect_uri
            ),
        ),
        None => Finding::skipped(CHECK, "no OAuth consumer is set (docs/CREDENTIALS.md)"),
    }
}

/// Whether the database can be opened, by this version, and is undamaged. Also
/// whether there is one of the present schema, which can be asked things.
pub(super) async fn database(config: &Config) -> (Finding, bool) {
    const CHECK: &str = "database";
    let health = match Archive::health(&config.data_dir).await {
        Ok(Some(health)) => health,
        Ok(None) => {
            let text = "not there yet; the first import makes it";
            return (Finding::ok(CHECK, text), false);
        }
        Err(error) => return (Finding::of(CHECK, &error.into()), false),
    };
    if let Some(damage) = health.damages.first() {
        let damaged = Finding::failed(
            CHECK,
            format!("damaged: {damage}"),
            "stop everything that uses it and bring back a copy; without one, “sqlite3 \
             bucketload.db .recover” saves what can be read",
        );
        return (damaged, false);
    }
    let (schema, newest) = (health.schema, health.newest);
    if schema > newest {
        let error = bucketload_archive::OpenError::Newer {
            database: config.data_dir.database(),
            found: schema,
        };
        return (Finding::of(CHECK, &Problem::from(error)), false);
    }
    let sound = match config.data_dir.database() {
        DatabaseAddress::Sqlite(_) => "undamaged",
        DatabaseAddress::Postgres(_) => "its server answers",
    };
    let text = format!("{sound}, schema {schema}");
    if schema == newest {
        return (Finding::ok(CHECK, text), true);
    }
    let text = format!("{text}; “bucketload upgrade”, or the next command, brings it to {newest}");
    let finding = match health.backup {
        Some(plan) if config.data_dir.backs_up() => backup(&text, &plan),
        _ => Finding::ok(CHECK, text),
    };
    (finding, false)
}

/// What an upgrade would take before it changes anything.
fn backup(text: &str, plan: &BackupPlan) -> Finding {
    let folder = plan.folder.display();
    let needed = output::size(plan.needed_bytes);
    if plan.has_room() {
        let text = format!("{text}, after a backup in {folder}");
        return Finding::ok("database", text);
    }
    let free = output::size(plan.free_bytes);
    Finding::warning(
        "database",
        format!("{text}, and a backup in {folder} comes first: it takes {needed}, {free} are free"),
        "free some space there; or back the database up elsewhere, and set \
         BUCKETLOAD_BACKUP_BEFORE_UPGRADE=0 for the upgrade",
    )
}

/// Whether there is a git program that is new enough.
pub(super) fn git() -> Finding {
    const CHECK: &str = "git";
    match GitVersion::installed() {
        Ok(version) if version.is_new_enough() => {
            Finding::ok(CHECK, format!("git {}", version.text))
        }
        Ok(version) => Finding::failed(
            CHECK,
            format!(
                "git {} is too old; {}.{} or newer is needed",
                version.text, OLDEST_GIT.0, OLDEST_GIT.1
            ),
            "install a newer git",
        ),
        Err(error) => Finding::of(
            CHECK,
            &Problem::of("there is no git program", &error).remedy("install git"),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::doctor::finding::State;

    #[test]
    fn space_is_judged_and_shown() {
        for (bytes, state, text) in [
            (50 << 20, State::Failed, "50.0 MiB free"),
            (1536 << 20, State::Warning, "1.5 GiB free"),
            (40 << 30, State::Ok, "40.0 GiB free"),
            (12 << 10, State::Failed, "12.0 KiB free"),
        ] {
            let finding = disk_space(&DataDirHealth {
                folder: FolderHealth::Usable,
                free_bytes: Some(bytes),
                holder: None,
            });
            assert_eq!((finding.state, finding.text.as_str()), (state, text));
        }
    }
}
