//! What several targets need.

use std::sync::LazyLock;

use bucketload_auth::Credential;
use bucketload_bitbucket::{Client, ClientOptions};

/// A client of Bitbucket itself. It sends nothing: only what it thinks of answers is asked.
pub(crate) static CLIENT: LazyLock<Client> = LazyLock::new(|| {
    let options = ClientOptions::new("https://api.bitbucket.org/2.0".parse().unwrap());
    Client::new(options, Credential::access_token("secret")).unwrap()
});

/// What stands before and behind the first empty line.
pub(crate) fn head_and_body(bytes: &[u8]) -> (&[u8], &[u8]) {
    let empty = bytes.windows(2).position(|two| two == b"\n\n");
    empty.map_or((bytes, b""), |at| (&bytes[..at], &bytes[at + 2..]))
}
