//! The store that several machines share.

use bucketload_archive::{Objects, ObjectsAddress};
use secrecy::SecretString;
use url::Url;

use super::values::Values;
use crate::messages::Problem;

pub(super) fn store(values: &Values) -> Result<Option<Objects>, Problem> {
    let id = values.text("s3_access_key_id")?;
    let secret = values.text("s3_secret_access_key")?;
    let key = match (id, secret) {
        (None, None) => None,
        (Some(id), Some(secret)) => Some((id, SecretString::from(secret))),
        (Some(_), None) => {
            return Err(Problem::usage(
                "BUCKETLOAD_S3_ACCESS_KEY_ID is set, and no secret that goes with it",
                "set BUCKETLOAD_S3_SECRET_ACCESS_KEY or BUCKETLOAD_S3_SECRET_ACCESS_KEY_FILE too",
            ));
        }
        (None, Some(_)) => {
            return Err(Problem::usage(
                "BUCKETLOAD_S3_SECRET_ACCESS_KEY is set, and no id that goes with it",
                "set BUCKETLOAD_S3_ACCESS_KEY_ID to the id of the key",
            ));
        }
    };
    let Some(url) = values.text("object_store_url")? else {
        return Ok(None);
    };
    let url = Url::parse(&url).map_err(|error| unusable(&error))?;
    let address = ObjectsAddress {
        url,
        endpoint: values.set_url("s3_endpoint")?,
        region: values.text("s3_region")?,
        key,
        allow_insecure: values.flag("allow_insecure")?,
    };
    let store = Objects::new(&address);
    store.map(Some).map_err(|error| unusable(&error))
}

fn unusable(error: &dyn std::error::Error) -> Problem {
    Problem::of("the object store cannot be used as it is set", error)
        .remedy(
            "give s3://bucket/prefix or file:///folder in BUCKETLOAD_OBJECT_STORE_URL; the \
             endpoint begins with https://, or with http:// on this machine",
        )
        .with_usage_exit()
}
