//! Secrets at rest: sealed with a key that is not kept beside them.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use ring::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use ring::rand::{SecureRandom as _, SystemRandom};
use secrecy::{ExposeSecret as _, SecretSlice, SecretString};

use crate::credential::fingerprint;

/// The version of the form; the only one there is.
const VERSION: &str = "v1";

const KEY_BYTES: usize = 32;

/// Tells keys apart and says nothing about them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyId(String);

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A key of 256 bits.
#[derive(Clone)]
pub struct SecretKey {
    bytes: SecretSlice<u8>,
    id: KeyId,
}

impl fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SecretKey")
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

/// Why there is no key.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum KeyError {
    /// The text is not what a key looks like.
    #[error("a key is 32 bytes in base64, 44 characters")]
    Form,
    /// The system has no random numbers.
    #[error("the system gives no random numbers")]
    NoRandom,
}

impl SecretKey {
    /// A new key.
    ///
    /// # Errors
    ///
    /// When the system gives no random numbers.
    pub fn generate() -> Result<Self, KeyError> {
        let mut bytes = vec![0; KEY_BYTES];
        SystemRandom::new()
            .fill(&mut bytes)
            .map_err(|_| KeyError::NoRandom)?;
        Ok(Self::from_bytes(bytes))
    }

    /// Reads a key from its base64 form; blanks around it are passed over.
    ///
    /// # Errors
    ///
    /// When it is not 32 bytes in base64.
    pub fn parse(text: &SecretString) -> Result<Self, KeyError> {
        let bytes = STANDARD.decode(text.expose_secret().trim());
        let bytes = bytes.map_err(|_| KeyError::Form)?;
        if bytes.len() == KEY_BYTES {
            Ok(Self::from_bytes(bytes))
        } else {
            Err(KeyError::Form)
        }
    }

    fn from_bytes(bytes: Vec<u8>) -> Self {
        let id = KeyId(fingerprint(&format!("key:{}", STANDARD.encode(&bytes))));
        Self {
            bytes: bytes.into(),
            id,
        }
    }

    /// Its base64 form, to be kept.
    pub fn to_base64(&self) -> SecretString {
        STANDARD.encode(self.bytes.expose_secret()).into()
    }

    /// Its id, which sealed text carries.
    pub fn id(&self) -> &KeyId {
        &self.id
    }

    fn cipher(&self) -> Option<LessSafeKey> {
        let key = UnboundKey::new(&CHACHA20_POLY1305, self.bytes.expose_secret());
        key.ok().map(LessSafeKey::new)
    }
}

/// Why something was not sealed.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("the system gives no random numbers, so nothing can be sealed")]
pub struct SealError;

/// Why something sealed stays shut.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum OpenError {
    /// It was sealed with another key.
    #[error("it was sealed with the key {sealed_with}; the key at hand is {at_hand}")]
    OtherKey {
        /// The key that opens it.
        sealed_with: KeyId,
        /// The key at hand.
        at_hand: KeyId,
    },
    /// It was changed, or belongs to another place.
    #[error("what was sealed has been changed or moved")]
    Damaged,
    /// It is not in the form that this version writes.
    #[error("it is not in the form that this version seals in")]
    Form,
}

/// Seals and opens. The first key seals; all keys open.
#[derive(Debug, Clone)]
pub struct Sealer {
    keys: Vec<SecretKey>,
}

impl Sealer {
    /// A sealer with one key.
    pub fn new(key: SecretKey) -> Self {
        Self { keys: vec![key] }
    }

    /// The same, opening also what an earlier key sealed.
    #[must_use]
    pub fn opening_also(mut self, key: SecretKey) -> Self {
        self.keys.push(key);
        self
    }

    /// The key that seals.
    pub fn key_id(&self) -> &KeyId {
        self.keys[0].id()
    }

    /// Seals bytes. `purpose` says where the text belongs (table, row, column): it
    /// opens for that purpose only.
    ///
    /// # Errors
    ///
    /// When the system gives no random numbers.
    pub fn seal(&self, purpose: &str, plain: &[u8]) -> Result<String, SealError> {
        let key = &self.keys[0];
        // 96 random bits: with one key some billions of values can be sealed before
        // two nonces are likely to meet, which is centuries of refreshes.
        let mut nonce = [0; NONCE_LEN];
        SystemRandom::new()
            .fill(&mut nonce)
            .map_err(|_| SealError)?;
        let mut sealed = plain.to_vec();
        key.cipher()
            .ok_or(SealError)?
            .seal_in_place_append_tag(
                Nonce::assume_unique_for_key(nonce),
                Aad::from(bound_to(&key.id, purpose)),
                &mut sealed,
            )
            .map_err(|_| SealError)?;
        let mut text = nonce.to_vec();
        text.append(&mut sealed);
        let text = URL_SAFE_NO_PAD.encode(text);
        Ok(format!("{VERSION}.{}.{text}", key.id))
    }

    /// Opens what was sealed for `purpose`.
    ///
    /// # Errors
    ///
    /// When another key sealed it, it was changed, or it belongs to another purpose.
    pub fn open(&self, purpose: &str, sealed: &str) -> Result<SecretSlice<u8>, OpenError> {
        let (id, text) = parts(sealed)?;
        let key = self.keys.iter().find(|key| key.id == id);
        let key = key.ok_or_else(|| OpenError::OtherKey {
            sealed_with: id,
            at_hand: self.key_id().clone(),
        })?;
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| OpenError::Form)?;
        let (nonce, sealed) = bytes.split_at_checked(NONCE_LEN).ok_or(OpenError::Form)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| OpenError::Form)?;
        let mut plain = sealed.to_vec();
        let aad = Aad::from(bound_to(&key.id, purpose));
        let cipher = key.cipher().ok_or(OpenError::Damaged)?;
        let length = cipher
            .open_in_place(nonce, aad, &mut plain)
            .map_err(|_| OpenError::Damaged)?
            .len();
        plain.truncate(length);
        Ok(plain.into())
    }

    /// The key that sealed a text.
    ///
    /// # Errors
    ///
    /// When it is not in the form that this version writes.
    pub fn sealed_with(sealed: &str) -> Result<KeyId, OpenError> {
        parts(sealed).map(|(id, _)| id)
    }
}

fn parts(sealed: &str) -> Result<(KeyId, &str), OpenError> {
    let mut parts = sealed.splitn(3, '.');
    match (parts.next(), parts.next(), parts.next()) {
        (Some(VERSION), Some(id), Some(text)) => Ok((KeyId(id.to_owned()), text)),
        _ => Err(OpenError::Form),
    }
}

fn bound_to(id: &KeyId, purpose: &str) -> Vec<u8> {
    format!("bucketload {VERSION} {id} {purpose}").into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sealer() -> Sealer {
        Sealer::new(SecretKey::generate().unwrap())
    }

    #[test]
    fn what_is_sealed_opens_for_its_purpose_and_for_no_other() {
        let sealer = sealer();
        let sealed = sealer.seal("credentials/1/secret", b"s3cret").unwrap();
        assert!(!sealed.contains("s3cret"));
        let opened = sealer.open("credentials/1/secret", &sealed).unwrap();
        assert_eq!(opened.expose_secret(), b"s3cret");
        assert_eq!(
            sealer.open("credentials/2/secret", &sealed).unwrap_err(),
            OpenError::Damaged
        );
        // The same twice does not look the same.
        assert_ne!(
            sealed,
            sealer.seal("credentials/1/secret", b"s3cret").unwrap()
        );
    }

    #[test]
    fn a_wrong_key_is_named() {
        let (ours, theirs) = (sealer(), sealer());
        let sealed = theirs.seal("p", b"s3cret").unwrap();
        assert_eq!(Sealer::sealed_with(&sealed).unwrap(), *theirs.key_id());
        assert_eq!(
            ours.open("p", &sealed).unwrap_err(),
            OpenError::OtherKey {
                sealed_with: theirs.key_id().clone(),
                at_hand: ours.key_id().clone(),
            }
        );
        // A key with a forged id opens nothing either.
        let forged = sealed.replace(&theirs.key_id().0, &ours.key_id().0);
        assert_eq!(ours.open("p", &forged).unwrap_err(), OpenError::Damaged);
    }

    #[test]
    fn an_earlier_key_opens_and_the_new_one_seals() {
        let old = SecretKey::generate().unwrap();
        let sealed = Sealer::new(old.clone()).seal("p", b"s3cret").unwrap();
        let new = SecretKey::generate().unwrap();
        let both = Sealer::new(new.clone()).opening_also(old);
        assert_eq!(both.open("p", &sealed).unwrap().expose_secret(), b"s3cret");
        let again = both.seal("p", b"s3cret").unwrap();
        assert_eq!(Sealer::sealed_with(&again).unwrap(), *new.id());
    }

    #[test]
    fn every_changed_byte_is_noticed() {
        let sealer = sealer();
        let sealed = sealer.seal("p", b"s3cret").unwrap();
        let start = sealed.rfind('.').unwrap() + 1;
        for at in start..sealed.len() {
            let mut changed = sealed.clone().into_bytes();
            changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
            let changed = String::from_utf8(changed).unwrap();
            assert!(sealer.open("p", &changed).is_err(), "{at}");
        }
        for form in ["", "v1", "v1.a", "v2.a.b", "v1.a.b", &sealed[..start + 4]] {
            assert!(sealer.open("p", form).is_err(), "{form}");
        }
    }

    #[test]
    fn keys_are_read_back_and_never_shown() {
        let key = SecretKey::generate().unwrap();
        let text = key.to_base64();
        let padded = SecretString::from(format!(" {}\n", text.expose_secret()));
        assert_eq!(SecretKey::parse(&padded).unwrap().id(), key.id());
        assert!(!format!("{key:?}").contains(text.expose_secret()));
        for bad in ["", "abc", "AAAA", "#".repeat(44).as_str()] {
            let bad = SecretString::from(bad.to_owned());
            assert_eq!(SecretKey::parse(&bad).unwrap_err(), KeyError::Form);
        }
    }
}
