//! Into how many segments a clone is cut.

/// What a segment is meant to bring: some seconds or minutes of transfer, which
/// may be lost, and enough that the exchange before it does not count.
const TARGET_BYTES: u64 = 64 * 1024 * 1024;

/// Fewer spare too little; more make deltas that cannot reach across segments,
/// and each is a pack that git looks into.
const FEWEST: u64 = 8;
const MOST: u64 = 32;

/// How a first clone is cut into segments.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Segments {
    pub(super) count: usize,
}

impl Segments {
    /// So many segments, at least two.
    pub fn new(count: usize) -> Self {
        Self {
            count: count.max(2),
        }
    }

    /// Segments for a repository which is said to be `size_bytes` large, if that
    /// is more than `above_bytes`. 0 cuts every repository, also one of unknown
    /// size.
    pub fn for_size(size_bytes: Option<u64>, above_bytes: u64) -> Option<Self> {
        let is_large = above_bytes == 0 || size_bytes.is_some_and(|size| size > above_bytes);
        let count = size_bytes.unwrap_or_default().div_ceil(TARGET_BYTES);
        let count = usize::try_from(count.clamp(FEWEST, MOST)).unwrap_or(usize::MAX);
        is_large.then(|| Self::new(count))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_size_decides() {
        const MB: u64 = 1_000_000;
        let count = |size, above| Segments::for_size(size, above).map(|segments| segments.count);
        assert_eq!(count(Some(500 * MB), 500 * MB), None);
        assert_eq!(count(None, 500 * MB), None);
        assert_eq!(count(Some(501 * MB), 500 * MB), Some(8));
        assert_eq!(count(Some(1_000 * MB), 500 * MB), Some(15));
        assert_eq!(count(Some(50_000 * MB), 500 * MB), Some(32));
        assert_eq!(count(None, 0), Some(8));
    }
}
