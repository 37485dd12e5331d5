//! What is kept of a secret that somebody else holds.

use std::fmt::Write as _;

use sha2::{Digest as _, Sha256};

/// The SHA-256 of a random secret: enough to know it again, worth nothing to a thief.
/// For secrets of at least 80 random bits only: passwords want a slow hash.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct SecretHash(String);

impl SecretHash {
    /// The hash of a secret.
    pub fn of(secret: &str) -> Self {
        let hash = Sha256::digest(secret.as_bytes());
        Self(hash.iter().fold(String::new(), |mut hex, byte| {
            // Writing to a String cannot fail.
            let _ = write!(hex, "{byte:02x}");
            hex
        }))
    }

    /// As hexadecimal digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}
