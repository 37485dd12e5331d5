//! Randomness that is a function: the same seed and the same question give the same answer.

/// A place in the tree of random decisions. Copy it, narrow it with [`Dice::with`], ask it.
///
/// Nothing is drawn in sequence, so object 49,999 can be computed without the 49,998 before it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) fn new(seed: u64) -> Self {
        Self(mix(seed ^ 0x9E37_79B9_7F4A_7C15))
    }

    /// The dice of a child, such as the comment of a pull request.
    pub(crate) fn with(self, child: u64) -> Self {
        Self(mix(self.0 ^ mix(child.wrapping_add(0x51_7C_C1_B7))))
    }

    /// The dice of a named kind of child.
    pub(crate) fn named(self, name: &str) -> Self {
        Self(mix(self.0 ^ fnv(name.as_bytes())))
    }

    pub(crate) fn roll(self, question: &str) -> u64 {
        mix(self.0 ^ fnv(question.as_bytes()))
    }

    /// A number from 0 to `bound` - 1; 0 when `bound` is 0.
    pub(crate) fn below(self, question: &str, bound: u64) -> u64 {
        if bound == 0 {
            0
        } else {
            self.roll(question) % bound
        }
    }

    pub(crate) fn chance(self, question: &str, per_mille: u32) -> bool {
        self.below(question, 1000) < u64::from(per_mille)
    }

    pub(crate) fn pick<'a, T: ?Sized>(self, question: &str, from: &[&'a T]) -> &'a T {
        from[index(self.below(question, count(from.len())))]
    }

    /// A version 4 UUID in the braces that Bitbucket writes.
    pub(crate) fn uuid(self, question: &str) -> String {
        format!("{{{}}}", self.bare_uuid(question))
    }

    pub(crate) fn bare_uuid(self, question: &str) -> String {
        let high = self.roll(question);
        let low = mix(high);
        format!(
            "{:08x}-{:04x}-4{:03x}-{:04x}-{:012x}",
            high >> 32,
            (high >> 16) & 0xFFFF,
            high & 0xFFF,
            0x8000 | (low >> 50),
            low & 0xFFFF_FFFF_FFFF
        )
    }

    pub(crate) fn hex(self, question: &str, characters: usize) -> String {
        let mut state = self.roll(question);
        let mut digits = Vec::with_capacity(characters);
        for _ in 0..characters {
            digits.push(char::from_digit(
                u32::try_from(state >> 60).unwrap_or(0),
                16,
            ));
            state = mix(state);
        }
        digits.into_iter().flatten().collect()
    }
}

/// A count as the number type of ids.
pub(crate) fn count(items: usize) -> u64 {
    u64::try_from(items).unwrap_or(u64::MAX)
}

/// An id or a count as an index; every index here is bounded by something in memory.
pub(crate) fn index(number: u64) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

/// The finaliser of `SplitMix64`.
pub(crate) fn mix(mut state: u64) -> u64 {
    state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
    state = (state ^ (state >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    state = (state ^ (state >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    state ^ (state >> 31)
}

/// FNV-1a: short questions, no allocation.
pub(crate) fn fnv(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xCBF2_9CE4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01B3)
    })
}
