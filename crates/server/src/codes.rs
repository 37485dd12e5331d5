//! One-time codes, which are shown on the terminal: whoever can read that, or run a
//! command on the data directory, is master of the house anyway.

use bucketload_archive::{Archive, CodeFor, DatabaseError, UserRecord};
use bucketload_model::{Clock, UserId, UserRole, UserState};
use chrono::Duration;
use secrecy::{ExposeSecret as _, SecretString};

use crate::security::secrets::{NoRandom, code_hash, one_time_code};

/// Long enough to find the browser.
pub(crate) const CODE_LIFE: Duration = Duration::minutes(30);

/// Wrong codes after which those that are good are so no longer.
pub(crate) const MOST_MISSES: u64 = 20;

/// A code, and what it is for.
#[derive(Debug)]
pub struct OneTimeCode {
    /// The code.
    pub code: SecretString,
    /// Whom it signs in; absent, it makes the first administrator.
    pub user: Option<UserRecord>,
}

/// There is no code.
#[derive(Debug, thiserror::Error)]
pub enum CodeError {
    /// The database failed.
    #[error(transparent)]
    Database(#[from] DatabaseError),
    /// The system gives no random numbers.
    #[error(transparent)]
    NoRandom(#[from] NoRandom),
    /// Nobody of that id is an administrator who may come in.
    #[error("{0} is no active administrator")]
    NoAdministrator(UserId),
}

/// A code for the first administrator, if there is none who may come in.
///
/// # Errors
///
/// When the database fails.
pub async fn first_administrator_code(
    archive: &Archive,
    clock: &dyn Clock,
) -> Result<Option<OneTimeCode>, CodeError> {
    let mut transaction = archive.begin().await?;
    if transaction.count_active_administrators().await? > 0 {
        return Ok(None);
    }
    let code = one_time_code()?;
    let now = clock.now();
    let hash = code_hash(code.expose_secret());
    transaction
        .put_code(&hash, CodeFor::FirstAdministrator, now, now + CODE_LIFE)
        .await?;
    transaction.commit().await?;
    Ok(Some(OneTimeCode { code, user: None }))
}

/// A code that signs an administrator in: the one named, or the one who came first.
/// Where there is none, one that makes the first.
///
/// # Errors
///
/// When the one named is no active administrator, or the database fails.
pub async fn administrator_code(
    archive: &Archive,
    clock: &dyn Clock,
    named: Option<UserId>,
) -> Result<OneTimeCode, CodeError> {
    let users = archive.users().await?.into_iter();
    let mut administrators = users
        .filter(|user| user.role == UserRole::Administrator && user.state == UserState::Active);
    let found = administrators.find(|user| named.is_none_or(|id| id == user.id));
    let whom = match (&found, named) {
        (Some(user), _) => CodeFor::User(user.id),
        (None, Some(id)) => return Err(CodeError::NoAdministrator(id)),
        (None, None) => CodeFor::FirstAdministrator,
    };
    let code = one_time_code()?;
    let now = clock.now();
    let mut transaction = archive.begin().await?;
    let hash = code_hash(code.expose_secret());
    transaction
        .put_code(&hash, whom, now, now + CODE_LIFE)
        .await?;
    transaction.commit().await?;
    Ok(OneTimeCode { code, user: found })
}
