//! Codes and tokens, none of which is ever made twice.

use crate::seeded::dice::{Dice, index};
use std::hash::{BuildHasher, Hasher, RandomState};

/// Makes secrets that no other simulator makes.
#[derive(Debug)]
pub(crate) struct Secrets {
    dice: Dice,
    made: u64,
}

impl Default for Secrets {
    /// The standard library seeds each of its hash maps at random.
    fn default() -> Self {
        Self {
            dice: Dice::new(RandomState::new().build_hasher().finish()),
            made: 0,
        }
    }
}

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

impl Secrets {
    /// The equals sign at the end shows who does not encode what goes into a form.
    pub(crate) fn token(&mut self, characters: usize) -> String {
        let mut token = self.code(characters.saturating_sub(1));
        token.push('=');
        token
    }

    pub(crate) fn code(&mut self, characters: usize) -> String {
        self.made += 1;
        let dice = self.dice.with(self.made);
        (0..characters)
            .map(|position| {
                let letter = dice
                    .with(crate::seeded::dice::count(position))
                    .below("letter", 64);
                char::from(ALPHABET[index(letter)])
            })
            .collect()
    }
}
