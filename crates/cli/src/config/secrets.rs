//! The OAuth consumer, and the key that seals credentials.

use bucketload_auth::SecretKey;
use bucketload_auth::oauth::{Consumer, redirect_uri};
use secrecy::SecretString;
use url::Url;

use super::values::Values;
use crate::messages::Problem;

pub(super) fn consumer(values: &Values, web_url: &Url) -> Result<Option<Consumer>, Problem> {
    let id = values.text("oauth_client_id")?;
    let secret = values.text("oauth_client_secret")?;
    let (id, secret) = match (id, secret) {
        (None, None) => return Ok(None),
        (Some(id), Some(secret)) => (id, SecretString::from(secret)),
        (Some(_), None) => {
            return Err(Problem::usage(
                "BUCKETLOAD_OAUTH_CLIENT_ID is set, and no secret that goes with it",
                "set BUCKETLOAD_OAUTH_CLIENT_SECRET or BUCKETLOAD_OAUTH_CLIENT_SECRET_FILE too",
            ));
        }
        (None, Some(_)) => {
            return Err(Problem::usage(
                "BUCKETLOAD_OAUTH_CLIENT_SECRET is set, and no key that goes with it",
                "set BUCKETLOAD_OAUTH_CLIENT_ID to the key of the OAuth consumer",
            ));
        }
    };
    let public_url = values.url("public_url")?;
    let consumer = Consumer::new(web_url, id, secret, redirect_uri(&public_url));
    consumer.map(Some).map_err(|error| {
        Problem::of("the OAuth consumer cannot be used", &error)
            .remedy("copy key and secret whole and alone from the workspace's settings")
            .with_usage_exit()
    })
}

pub(super) fn secret_key(values: &Values) -> Result<Option<SecretKey>, Problem> {
    let Some(text) = values.text("secret_key")? else {
        return Ok(None);
    };
    let key = SecretKey::parse(&text.into());
    key.map(Some).map_err(|error| {
        Problem::of("BUCKETLOAD_SECRET_KEY is no key", &error)
            .remedy("make one: head -c 32 /dev/urandom | base64")
            .with_usage_exit()
    })
}
