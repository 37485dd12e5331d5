//! Random secrets: session tokens, service tokens, one-time codes.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bucketload_archive::SecretHash;
use chrono::{DateTime, Utc};
use ring::rand::{SecureRandom as _, SystemRandom};
use secrecy::{ExposeSecret as _, SecretString};
use sha2::{Digest as _, Sha256};

/// The system gives no random numbers.
#[derive(Debug, Clone, Copy, thiserror::Error)]
#[error("the system gives no random numbers")]
pub struct NoRandom;

fn random<const N: usize>() -> Result<[u8; N], NoRandom> {
    let mut bytes = [0; N];
    SystemRandom::new().fill(&mut bytes).map_err(|_| NoRandom)?;
    Ok(bytes)
}

/// Crockford's digits: none is mistaken for another, no words come of them.
const DIGITS: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

fn base32(bytes: &[u8]) -> String {
    let mut text = String::new();
    let (mut held, mut bits) = (0_u32, 0);
    for byte in bytes {
        held = held << 8 | u32::from(*byte);
        bits += 8;
        while bits >= 5 {
            bits -= 5;
            text.push(digit(held >> bits));
        }
        held &= (1 << bits) - 1;
    }
    if bits > 0 {
        text.push(digit(held << (5 - bits)));
    }
    text
}

fn digit(value: u32) -> char {
    char::from(DIGITS[usize::try_from(value & 31).unwrap_or_default()])
}

/// The id of a row of the service: greater for later ones, worth nothing as a secret.
pub(crate) fn row_id(now: DateTime<Utc>) -> Result<String, NoRandom> {
    Ok(format!(
        "{:012x}{}",
        now.timestamp_millis(),
        base32(&random::<10>()?)
    ))
}

/// What a browser shows to be known again: 256 random bits.
#[derive(Debug, Clone)]
pub(crate) struct SessionToken(SecretString);

/// 32 bytes in base64.
const SESSION_TOKEN_CHARS: usize = 43;

impl SessionToken {
    pub(crate) fn generate() -> Result<Self, NoRandom> {
        Ok(Self(URL_SAFE_NO_PAD.encode(random::<32>()?).into()))
    }

    /// What a browser sent, if it could be a token.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let is_digit = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        (text.len() == SESSION_TOKEN_CHARS && text.bytes().all(is_digit))
            .then(|| Self(text.to_owned().into()))
    }

    pub(crate) fn expose(&self) -> &str {
        self.0.expose_secret()
    }

    pub(crate) fn hash(&self) -> SecretHash {
        SecretHash::of(self.expose())
    }

    /// What every form of this session carries. It is made from the token, which no
    /// other site can read, and the token cannot be made from it.
    pub(crate) fn form_token(&self) -> String {
        let hash = Sha256::new()
            .chain_update(b"bucketload form\0")
            .chain_update(self.expose())
            .finalize();
        URL_SAFE_NO_PAD.encode(hash)
    }
}

const SERVICE_TOKEN_PREFIX: &str = "blt_";

/// 256 bits in base 32, and 30 bits that tell mistyped tokens from real ones.
const SERVICE_TOKEN_CHARS: usize = 52;
const CHECK_CHARS: usize = 6;

/// A new token of the service. The prefix lets scanners find leaked ones.
pub(crate) fn service_token() -> Result<SecretString, NoRandom> {
    let body = base32(&random::<32>()?);
    let check = check(&body);
    Ok(format!("{SERVICE_TOKEN_PREFIX}{body}{check}").into())
}

/// Whether a text is a token of the service and not one of somebody else, or mistyped:
/// no reason to ask the database.
pub(crate) fn is_service_token(text: &str) -> bool {
    let Some(rest) = text.strip_prefix(SERVICE_TOKEN_PREFIX) else {
        return false;
    };
    rest.is_ascii()
        && rest.len() == SERVICE_TOKEN_CHARS + CHECK_CHARS
        && check(&rest[..SERVICE_TOKEN_CHARS]) == rest[SERVICE_TOKEN_CHARS..]
}

fn check(body: &str) -> String {
    let mut check = base32(&Sha256::digest(body)[..4]);
    check.truncate(CHECK_CHARS);
    check
}

/// 100 bits: nobody guesses it in the half hour that it is good.
const CODE_BYTES: usize = 13;
const CODE_CHARS: usize = 20;

/// A new one-time code, in groups that can be read aloud: `7K3MQ-…`.
pub(crate) fn one_time_code() -> Result<SecretString, NoRandom> {
    let digits = base32(&random::<CODE_BYTES>()?).to_ascii_uppercase();
    let groups = [
        &digits[..5],
        &digits[5..10],
        &digits[10..15],
        &digits[15..CODE_CHARS],
    ];
    Ok(groups.join("-").into())
}

/// The hash of a code as people type it: in any case, with or without its hyphens.
pub(crate) fn code_hash(typed: &str) -> SecretHash {
    let plain: String = typed
        .chars()
        .filter(|c| !matches!(c, '-' | ' '))
        .map(|c| match c.to_ascii_uppercase() {
            'O' => '0',
            'I' | 'L' => '1',
            c => c,
        })
        .take(2 * CODE_CHARS)
        .collect();
    SecretHash::of(&plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base32_is_crockfords() {
        assert_eq!(base32(&[0xff]), "zw");
        assert_eq!(base32(&[0; 5]), "00000000");
        assert_eq!(base32(&[0x12, 0x34, 0x56, 0x78, 0x9a]), "28t5cy4t");
    }

    #[test]
    fn tokens_of_the_service_are_known_and_mistyped_ones_are_not() {
        let token = service_token().unwrap();
        let token = token.expose_secret();
        assert!(is_service_token(token), "{token}");
        assert!(!is_service_token(&token[..token.len() - 1]));
        assert!(!is_service_token(&token.to_ascii_uppercase()));
        assert!(!is_service_token("ghp_0123456789"));
        assert!(!is_service_token(&format!("blt_{}", "ü".repeat(29))));
        let mut mistyped = token.to_owned().into_bytes();
        mistyped[10] = if mistyped[10] == b'0' { b'1' } else { b'0' };
        assert!(!is_service_token(&String::from_utf8(mistyped).unwrap()));
        assert_ne!(token, service_token().unwrap().expose_secret());
    }

    #[test]
    fn codes_are_read_as_people_type_them() {
        let code = one_time_code().unwrap();
        let code = code.expose_secret();
        assert_eq!(code.len(), CODE_CHARS + 3, "{code}");
        let plain = code.replace('-', "");
        let sloppy = format!("  {} ", code.to_lowercase().replace('0', "o"));
        assert_eq!(code_hash(code), code_hash(&plain));
        assert_eq!(code_hash(code), code_hash(&sloppy));
        assert_ne!(code_hash(code), code_hash("00000-00000-00000-00000"));
    }

    #[test]
    fn a_form_token_belongs_to_its_session_and_does_not_tell_it() {
        let session = SessionToken::generate().unwrap();
        let form = session.form_token();
        assert_eq!(form, session.form_token());
        assert!(!form.contains(session.expose()));
        assert_ne!(form, SessionToken::generate().unwrap().form_token());
        assert!(SessionToken::parse(session.expose()).is_some());
        for bad in ["", "abc", &"ü".repeat(43), &"a;".repeat(22)[..43]] {
            assert!(SessionToken::parse(bad).is_none(), "{bad}");
        }
    }

    #[test]
    fn no_secret_is_ever_shown() {
        let session = SessionToken::generate().unwrap();
        assert!(!format!("{session:?}").contains(session.expose()));
    }
}
