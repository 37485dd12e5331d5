//! What Bitbucket, or whoever made the link, sends back with the browser.

use secrecy::SecretString;
use url::form_urlencoded;

/// Tokens of Bitbucket exceed 2,500 characters; a code is far shorter.
const MAX_QUERY_BYTES: usize = 16 * 1024;

/// Enough for a sentence.
const MAX_DESCRIPTION_CHARS: usize = 300;

/// The parameters of a callback. Nothing of it is believed before
/// [`PendingAuthorization::accept`](super::PendingAuthorization::accept).
#[derive(Debug, Default)]
pub struct Callback {
    /// The code.
    pub code: Option<SecretString>,
    /// The state that was sent along.
    pub state: Option<String>,
    /// Why there is no code: a code word of RFC 6749, section 4.1.2.1.
    pub error: Option<String>,
    /// The same for people.
    pub error_description: Option<String>,
}

/// Why a callback brings no code.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum CallbackError {
    /// No callback is as long.
    #[error("the callback is longer than {limit_bytes} bytes")]
    TooLong {
        /// The longest that is read.
        limit_bytes: usize,
    },
    /// Which of the two is meant cannot be known.
    #[error("the callback names “{name}” twice")]
    Repeated {
        /// The parameter.
        name: &'static str,
    },
    /// A parameter is not there.
    #[error("the callback has no “{name}”")]
    Missing {
        /// The parameter.
        name: &'static str,
    },
    /// It answers another authorization: an old tab, another browser, or a forged link.
    #[error("the callback does not belong to the sign-in that was begun here")]
    OtherState,
    /// The person said no, or Bitbucket refused.
    #[error("{refusal}")]
    Refused {
        /// Why.
        refusal: ProviderRefusal,
        /// What Bitbucket says of it, on one line; it is text of others.
        description: Option<String>,
    },
}

/// Why Bitbucket sends no code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ProviderRefusal {
    /// The person did not agree.
    AccessDenied,
    /// The consumer may not ask, or not so: its registration is to be looked at.
    ConsumerRefused {
        /// The code word.
        code: String,
    },
    /// Bitbucket cannot answer now.
    Unavailable,
    /// Any other code word.
    Other {
        /// The code word.
        code: String,
    },
}

impl std::fmt::Display for ProviderRefusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::AccessDenied => f.write_str("access was not granted"),
            Self::ConsumerRefused { code } => {
                write!(f, "Bitbucket refused the OAuth consumer ({code})")
            }
            Self::Unavailable => f.write_str("Bitbucket cannot sign anybody in just now"),
            Self::Other { code } => write!(f, "Bitbucket refused the sign-in ({code})"),
        }
    }
}

impl Callback {
    /// Reads the query string of a callback, without its `?`. Parameters that are
    /// not known are passed over, as RFC 6749 wants.
    ///
    /// # Errors
    ///
    /// When it is too long or names a parameter twice.
    pub fn parse(query: &str) -> Result<Self, CallbackError> {
        if query.len() > MAX_QUERY_BYTES {
            return Err(CallbackError::TooLong {
                limit_bytes: MAX_QUERY_BYTES,
            });
        }
        let mut callback = Self::default();
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            let value = value.into_owned();
            let (name, is_repeated) = match name.as_ref() {
                "code" => (
                    "code",
                    callback.code.replace(SecretString::from(value)).is_some(),
                ),
                "state" => ("state", callback.state.replace(value).is_some()),
                "error" => ("error", callback.error.replace(one_line(&value)).is_some()),
                "error_description" => (
                    "error_description",
                    callback
                        .error_description
                        .replace(one_line(&value))
                        .is_some(),
                ),
                _ => continue,
            };
            if is_repeated {
                return Err(CallbackError::Repeated { name });
            }
        }
        Ok(callback)
    }

    pub(super) fn refusal(&self) -> Option<CallbackError> {
        let code = self.error.clone()?;
        let refusal = match code.as_str() {
            "access_denied" => ProviderRefusal::AccessDenied,
            "unauthorized_client"
            | "invalid_request"
            | "invalid_scope"
            | "invalid_client"
            | "unsupported_response_type" => ProviderRefusal::ConsumerRefused { code },
            "server_error" | "temporarily_unavailable" => ProviderRefusal::Unavailable,
            _ => ProviderRefusal::Other { code },
        };
        Some(CallbackError::Refused {
            refusal,
            description: self.error_description.clone(),
        })
    }
}

/// Text of others as it can stand in a message: no control characters, not long.
pub(super) fn one_line(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .take(MAX_DESCRIPTION_CHARS)
        .collect()
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret as _;

    use super::*;

    #[test]
    fn parameters_are_decoded() {
        let callback = Callback::parse("code=a%2Bb&state=c&session=d").unwrap();
        assert_eq!(callback.code.unwrap().expose_secret(), "a+b");
        assert_eq!(callback.state.as_deref(), Some("c"));
    }

    #[test]
    fn a_parameter_named_twice_is_refused() {
        for name in ["code", "state", "error", "error_description"] {
            let query = format!("{name}=a&state2=b&{name}=a");
            assert_eq!(
                Callback::parse(&query).unwrap_err(),
                CallbackError::Repeated { name }
            );
        }
    }

    #[test]
    fn an_endless_callback_is_refused() {
        let query = format!("code={}", "a".repeat(MAX_QUERY_BYTES));
        assert!(matches!(
            Callback::parse(&query),
            Err(CallbackError::TooLong { .. })
        ));
    }

    #[test]
    fn words_of_others_stay_on_one_short_line() {
        let callback = Callback::parse(&format!(
            "error=server_error&error_description=a%0Ab%1B%5B2J{}",
            "c".repeat(2000)
        ))
        .unwrap();
        let said = callback.error_description.clone().unwrap();
        assert!(said.starts_with("a b [2Jc"), "{said}");
        assert_eq!(said.chars().count(), MAX_DESCRIPTION_CHARS);
        assert!(matches!(
            callback.refusal(),
            Some(CallbackError::Refused {
                refusal: ProviderRefusal::Unavailable,
                ..
            })
        ));
    }

    #[test]
    fn the_code_is_never_shown() {
        let callback = Callback::parse("code=s3cret").unwrap();
        assert!(!format!("{callback:?}").contains("s3cret"));
    }
}
