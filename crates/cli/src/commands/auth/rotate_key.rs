//! `bucketload auth rotate-key`.

use bucketload_archive::{Archive, CredentialStore};
use bucketload_auth::{KeyId, Sealer, SecretKey};
use secrecy::SecretString;
use serde_json::json;

use super::open_archive;
use crate::arguments::RotateKeyOptions;
use crate::commands::{Session, credentials};
use crate::messages::{Exit, Problem};
use crate::output;

pub(super) async fn run(session: &Session, options: &RotateKeyOptions) -> Result<Exit, Problem> {
    let archive = open_archive(session).await?;
    let result = match &session.config.secret_key {
        Some(key) => to_configured(session, &archive, options, key).await,
        None => to_new_file(session, &archive, options).await,
    };
    archive.close().await;
    let (count, key) = result?;
    if session.json {
        output::json(&json!({ "key": key.to_string(), "sealed": count }));
    } else {
        let secrets = output::counted(count, "secret is", "secrets are");
        output::line(&format!("{secrets} sealed with the key {key} now."));
    }
    Ok(Exit::Complete)
}

/// The configuration names the new key; the old one is given, or the data
/// directory's.
async fn to_configured(
    session: &Session,
    archive: &Archive,
    options: &RotateKeyOptions,
    key: &SecretKey,
) -> Result<(u64, KeyId), Problem> {
    let mut opening = credentials::sealer(&session.config)?;
    if let Some(path) = &options.old_key_file {
        let text = std::fs::read_to_string(path).map_err(|error| {
            Problem::of(format!("cannot read {}", path.display()), &error).with_usage_exit()
        })?;
        let old = SecretKey::parse(&SecretString::from(text)).map_err(|error| {
            Problem::of(format!("{} holds no key", path.display()), &error).with_usage_exit()
        })?;
        opening = opening.opening_also(old);
    }
    let count = seal_anew(archive, opening, key).await?;
    Ok((count, key.id().clone()))
}

/// The data directory gets a new key. Both are there until the old one has no more
/// use, so that this may be killed anywhere and done again.
async fn to_new_file(
    session: &Session,
    archive: &Archive,
    options: &RotateKeyOptions,
) -> Result<(u64, KeyId), Problem> {
    if options.old_key_file.is_some() {
        return Err(Problem::usage(
            "--old-key-file is for a key that the configuration names",
            "set BUCKETLOAD_SECRET_KEY_FILE to the new key, or leave --old-key-file out",
        ));
    }
    let data_dir = &session.config.data_dir;
    // Whoever is at work has the old key in memory.
    let _lock = data_dir.lock()?;
    let rotation = data_dir.rotate_secret_key()?;
    let opening = Sealer::new(rotation.old.clone()).opening_also(rotation.new.clone());
    let count = seal_anew(archive, opening.clone(), &rotation.new).await?;
    let key = rotation.end()?;
    // And what somebody sealed with the old one at the last moment.
    seal_anew(archive, opening, &key).await?;
    Ok((count, key.id().clone()))
}

async fn seal_anew(archive: &Archive, opening: Sealer, key: &SecretKey) -> Result<u64, Problem> {
    let clock = std::sync::Arc::new(bucketload_model::SystemClock);
    let store = CredentialStore::new(archive.clone(), opening, clock);
    Ok(store.seal_anew(&Sealer::new(key.clone())).await?)
}
