//! Why an exchange brought no tokens.

use super::http::HttpError;

/// Why the token page gave no tokens. Neither `Display` nor `Debug` shows what was
/// sent or received: both hold secrets.
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    /// Bitbucket refused with a code word of RFC 6749, section 5.2.
    #[error("the token page refused ({code})")]
    Refused {
        /// The code word.
        code: String,
        /// What Bitbucket says of it, on one line.
        description: Option<String>,
    },
    /// Refused without a code word, by status alone.
    #[error("the token page answered {status}")]
    Status {
        /// The HTTP status.
        status: u16,
    },
    /// The answer is none that holds tokens: HTML, too large, or without an access token.
    #[error("the token page's answer cannot be read: {reason}")]
    Unreadable {
        /// What is wrong with it.
        reason: String,
    },
    /// No answer.
    #[error("the token page cannot be reached")]
    Network(#[source] reqwest::Error),
}

/// What to do about a [`TokenError`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenErrorClass {
    /// The code or refresh token is used up, revoked, or three months idle: the
    /// person must sign in again.
    DeadGrant,
    /// Key, secret or callback of the consumer is wrong.
    ConsumerRefused,
    /// It may pass.
    Transient,
    /// Something that is not Bitbucket's token page answered.
    Unreadable,
}

impl TokenError {
    /// What to do about it.
    pub fn class(&self) -> TokenErrorClass {
        match self {
            Self::Refused { code, .. } => match code.as_str() {
                "invalid_grant" => TokenErrorClass::DeadGrant,
                "server_error" | "temporarily_unavailable" => TokenErrorClass::Transient,
                _ => TokenErrorClass::ConsumerRefused,
            },
            Self::Status {
                status: 408 | 425 | 429 | 500..,
            }
            | Self::Network(_) => TokenErrorClass::Transient,
            // 401 is for the consumer alone, says RFC 6749, section 5.2.
            Self::Status { status: 401 | 403 } => TokenErrorClass::ConsumerRefused,
            Self::Status { .. } | Self::Unreadable { .. } => TokenErrorClass::Unreadable,
        }
    }
}

impl From<HttpError> for TokenError {
    fn from(error: HttpError) -> Self {
        match error {
            HttpError::Network(error) => Self::Network(error.without_url()),
            HttpError::Status { status } => Self::Status { status },
            HttpError::TooLarge { limit_bytes } => Self::Unreadable {
                reason: format!("it is larger than {limit_bytes} bytes"),
            },
            HttpError::NotJson => Self::Unreadable {
                reason: "it is not JSON".to_owned(),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_class_decides_what_happens() {
        let refused = |code: &str| TokenError::Refused {
            code: code.to_owned(),
            description: None,
        };
        for (error, class) in [
            (refused("invalid_grant"), TokenErrorClass::DeadGrant),
            (refused("invalid_client"), TokenErrorClass::ConsumerRefused),
            (refused("invalid_request"), TokenErrorClass::ConsumerRefused),
            (
                TokenError::Status { status: 401 },
                TokenErrorClass::ConsumerRefused,
            ),
            (
                TokenError::Status { status: 429 },
                TokenErrorClass::Transient,
            ),
            (
                TokenError::Status { status: 502 },
                TokenErrorClass::Transient,
            ),
            (
                TokenError::Status { status: 302 },
                TokenErrorClass::Unreadable,
            ),
        ] {
            assert_eq!(error.class(), class, "{error:?}");
        }
    }
}
