//! App passwords, which are no more.

use secrecy::{ExposeSecret as _, SecretString};

use crate::Credential;

/// How every app password begins.
const BEGINNING: &str = "ATBB";

impl Credential {
    /// Whether this is an app password, or meant as one. Bitbucket removed them on
    /// 28 July 2026 (CHANGE-3222), and answers 401.
    ///
    /// They begin with `ATBB`, and went with a Bitbucket user name where a personal
    /// API token goes with an e-mail address.
    pub fn is_app_password(&self) -> bool {
        let is_one = |token: &SecretString| token.expose_secret().starts_with(BEGINNING);
        match self {
            Self::Anonymous => false,
            Self::AccessToken(token) => is_one(token),
            Self::ApiToken { email, token } => is_one(token) || !email.contains('@'),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn app_passwords_are_known_by_their_beginning_or_their_user() {
        for (credential, is_one) in [
            (Credential::Anonymous, false),
            (Credential::access_token("ATCTTabc"), false),
            (Credential::access_token("ATBBabc"), true),
            (Credential::api_token("sam@example.org", "ATATTabc"), false),
            (Credential::api_token("sam@example.org", "ATBBabc"), true),
            (Credential::api_token("sam", "abc"), true),
        ] {
            assert_eq!(credential.is_app_password(), is_one, "{credential:?}");
        }
    }
}
