//! The three styles of `next`, and the strictness of `pagelen` and `page`.

use super::params::Params;
use super::reply::ApiError;
use crate::seeded::dice::{count, fnv, index, mix};

/// How an endpoint counts its pages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cursor {
    /// `page=2`, with `size`, `page` and `previous`.
    Page,
    /// `page=` and five characters that mean nothing to a client; `page=1` is an error.
    Opaque,
    /// `ctx=` and nine such characters.
    Context,
}

/// The paging of one endpoint.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Paging {
    pub(crate) cursor: Cursor,
    pub(crate) max_pagelen: u64,
    pub(crate) default_pagelen: u64,
}

impl Paging {
    pub(crate) const PAGES: Self = Self {
        cursor: Cursor::Page,
        max_pagelen: 100,
        default_pagelen: 10,
    };
    pub(crate) const PAGES_OF_50: Self = Self {
        cursor: Cursor::Page,
        max_pagelen: 50,
        default_pagelen: 10,
    };
    pub(crate) const OPAQUE: Self = Self {
        cursor: Cursor::Opaque,
        max_pagelen: 100,
        default_pagelen: 10,
    };
    pub(crate) const CONTEXT_OF_50: Self = Self {
        cursor: Cursor::Context,
        max_pagelen: 50,
        default_pagelen: 10,
    };
}

/// Which slice of a collection a request asks for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Window {
    pub(crate) pagelen: u64,
    /// Counted from 0.
    pub(crate) page: u64,
    key: u64,
    cursor: Cursor,
}

impl Window {
    pub(crate) fn parse(
        paging: Paging,
        params: &Params,
        path: &str,
        world_seed: u64,
    ) -> Result<Self, ApiError> {
        let pagelen = match params.get("pagelen") {
            None => paging.default_pagelen,
            Some(text) => text
                .parse()
                .ok()
                .filter(|pagelen| (1..=paging.max_pagelen).contains(pagelen))
                .ok_or_else(|| ApiError::bad_request("Invalid pagelen"))?,
        };
        let key =
            mix(world_seed ^ fnv(path.as_bytes()) ^ mix(fnv(params.with_cursor(None).as_bytes())));
        let mut window = Self {
            pagelen,
            page: 0,
            key,
            cursor: paging.cursor,
        };
        let invalid = || ApiError::bad_request("Invalid page");
        window.page = match (paging.cursor, params.get("page"), params.get("ctx")) {
            (Cursor::Page, Some(text), _) => match text.parse::<u64>() {
                Ok(page) if page >= 1 => page - 1,
                _ => return Err(invalid()),
            },
            (Cursor::Opaque, Some(text), _) => window.decode(text, 5).ok_or_else(invalid)?,
            // `page` means nothing to the feeds of activity.
            (Cursor::Context, Some(_), None) => return Err(invalid()),
            (Cursor::Context, _, Some(text)) => window.decode(text, 9).ok_or_else(invalid)?,
            _ => 0,
        };
        Ok(window)
    }

    /// The index of the first item of the page.
    pub(crate) fn start(self) -> usize {
        index(self.page.saturating_mul(self.pagelen))
    }

    pub(crate) fn end(self, len: usize) -> usize {
        len.min(self.start().saturating_add(index(self.pagelen)))
    }

    /// Bitbucket calls a page behind the last one invalid; the first page of nothing is fine.
    pub(crate) fn check(self, len: usize) -> Result<(), ApiError> {
        if self.page > 0 && count(len) <= self.page.saturating_mul(self.pagelen) {
            return Err(ApiError::bad_request("Invalid page"));
        }
        Ok(())
    }

    /// The parameter that stands for `page` (counted from 0) in `next`.
    pub(crate) fn parameter(self, page: u64) -> (&'static str, String) {
        match self.cursor {
            Cursor::Page => ("page", (page + 1).to_string()),
            Cursor::Opaque => ("page", self.encode(page, 5)),
            Cursor::Context => ("ctx", self.encode(page, 9)),
        }
    }

    pub(crate) fn shows_size(self) -> bool {
        self.cursor == Cursor::Page
    }

    /// Page number and checksum, both hidden under the key of this URL. Half of the bits are
    /// checksum, so that a cursor of another list, or one made up, is refused.
    fn encode(self, page: u64, characters: u32) -> String {
        let (page_bits, check_bits) = bits(characters);
        let hidden = (page ^ self.key) & ((1 << page_bits) - 1);
        let check = mix(self.key ^ mix(page)) & ((1 << check_bits) - 1);
        let mut number = (hidden << check_bits) | check;
        let mut text = Vec::new();
        for _ in 0..characters {
            text.push(ALPHABET[index(number % 62)]);
            number /= 62;
        }
        text.iter().map(|byte| char::from(*byte)).collect()
    }

    fn decode(self, text: &str, characters: u32) -> Option<u64> {
        let (page_bits, check_bits) = bits(characters);
        if text.len() != index(u64::from(characters)) {
            return None;
        }
        let mut number: u64 = 0;
        for byte in text.bytes().rev() {
            let digit = ALPHABET.iter().position(|known| *known == byte)?;
            number = number.checked_mul(62)?.checked_add(count(digit))?;
        }
        let page = ((number >> check_bits) ^ self.key) & ((1 << page_bits) - 1);
        (self.encode(page, characters) == text).then_some(page)
    }
}

/// How many bits of a cursor are page number, and how many are checksum (62^5 > 2^29, 62^9 > 2^53).
fn bits(characters: u32) -> (u32, u32) {
    if characters == 5 { (14, 15) } else { (26, 27) }
}

const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

#[cfg(test)]
mod tests {
    use super::*;

    fn window(path: &str, query: &str, paging: Paging) -> Window {
        Window::parse(paging, &Params::parse(Some(query)), path, 1).unwrap()
    }

    #[test]
    fn a_cursor_leads_back_to_its_page_and_fits_no_other_list() {
        for (paging, characters) in [(Paging::OPAQUE, 5), (Paging::CONTEXT_OF_50, 9)] {
            let here = window("/commits", "pagelen=10", paging);
            let elsewhere = window("/commits", "pagelen=20", paging);
            let mut accepted = 0;
            for page in 0..2_000 {
                let cursor = here.encode(page, characters);
                assert_eq!(here.decode(&cursor, characters), Some(page));
                accepted += usize::from(elsewhere.decode(&cursor, characters).is_some());
                assert_eq!(here.decode(&cursor[1..], characters), None);
            }
            // 15 bits of checksum let one in 32,768 through.
            assert!(
                accepted <= 2,
                "{accepted} of 2,000 cursors fit another list"
            );
        }
    }
}
