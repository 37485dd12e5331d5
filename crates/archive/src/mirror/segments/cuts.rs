//! Where a history is cut.

use std::cmp::Ordering;
use std::collections::HashSet;

use git2::Oid;

/// Something that a ref points to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Tip {
    pub(super) id: Oid,
    /// The name of the ref, or of the first of several.
    pub(super) name: Vec<u8>,
    /// Seconds since 1970, when its commit was made; unknown where nobody asked,
    /// and of trees and files.
    pub(super) made_at: Option<i64>,
}

impl Tip {
    pub(super) fn is_tag(&self) -> bool {
        self.name.starts_with(b"refs/tags/")
    }
}

/// What each segment asks for.
pub(super) type Cuts = Vec<Vec<Oid>>;

/// Cuts at tags, each segment with all that is not younger than its last tag;
/// the last one has the rest. Where there are no tags, any ref will do.
pub(super) fn by_tips(mut tips: Vec<Tip>, count: usize) -> Cuts {
    tips.sort_by(compare);
    let has_tags = tips.iter().any(Tip::is_tag);
    let places = tips
        .iter()
        .enumerate()
        .filter(|(_, tip)| !has_tags || tip.is_tag());
    let places: Vec<usize> = places.map(|(place, _)| place).collect();
    let mut cuts = Vec::new();
    let mut begin = 0;
    let ends = weighted(places.len(), count).map(|number| places[number - 1] + 1);
    for end in ends.chain([tips.len()]) {
        if end > begin {
            cuts.push(tips[begin..end].iter().map(|tip| tip.id).collect());
            begin = end;
        }
    }
    cuts
}

/// Cuts along a line of commits, oldest first. The last segment has `tips`: all
/// that is beside the line.
pub(super) fn by_line(line: &[Oid], tips: Vec<Oid>, count: usize) -> Cuts {
    let ends = weighted(line.len(), count).chain([line.len()]);
    let mut seen = HashSet::new();
    let mut cuts: Cuts = ends
        .map(|end| line[end - 1])
        .filter(|id| seen.insert(*id))
        .map(|id| vec![id])
        .collect();
    let rest: Vec<Oid> = tips.into_iter().filter(|id| seen.insert(*id)).collect();
    if !rest.is_empty() {
        cuts.push(rest);
    }
    cuts
}

/// Where `total` things in the order of time are cut into `count` parts: closer
/// to each other towards the end, because a history gains weight. Measured on
/// that of git itself, the last three of eight equal parts had 73 % of the bytes.
/// If bytes grow with the square of the number, these parts are equal.
fn weighted(total: usize, count: usize) -> impl Iterator<Item = usize> {
    let end = move |part: usize| {
        let square = (total as u128) * (total as u128) * (part as u128) / (count as u128);
        usize::try_from(square.isqrt()).unwrap_or(total)
    };
    (1..count)
        .map(end)
        .filter(move |end| (1..total).contains(end))
}

/// By time, as far as it is known. Without, tags come first, by their names as
/// people count: `v9` before `v10`. What has no time although others have one
/// is no commit, and comes last.
fn compare(one: &Tip, other: &Tip) -> Ordering {
    let time = |tip: &Tip| tip.made_at.unwrap_or(i64::MAX);
    time(one)
        .cmp(&time(other))
        .then_with(|| other.is_tag().cmp(&one.is_tag()))
        .then_with(|| by_number(&one.name, &other.name))
        .then_with(|| one.id.cmp(&other.id))
}

/// Compares names, and numbers in them as numbers.
fn by_number(one: &[u8], other: &[u8]) -> Ordering {
    let (mut one, mut other) = (one, other);
    loop {
        let (Some(a), Some(b)) = (one.first(), other.first()) else {
            return one.len().cmp(&other.len());
        };
        let order = if a.is_ascii_digit() && b.is_ascii_digit() {
            let (left, right) = (take_number(&mut one), take_number(&mut other));
            left.len().cmp(&right.len()).then_with(|| left.cmp(right))
        } else {
            let order = a.cmp(b);
            (one, other) = (&one[1..], &other[1..]);
            order
        };
        if order != Ordering::Equal {
            return order;
        }
    }
}

/// Takes the digits that `text` begins with, without leading zeros.
fn take_number<'a>(text: &mut &'a [u8]) -> &'a [u8] {
    let length = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let (number, rest) = text.split_at(length);
    *text = rest;
    let zeros = number.iter().take_while(|byte| **byte == b'0').count();
    &number[zeros..]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(number: usize) -> Oid {
        Oid::from_str(&format!("{number:040x}")).unwrap_or(Oid::ZERO_SHA1)
    }

    fn tip(number: usize, name: &str, made_at: Option<i64>) -> Tip {
        Tip {
            id: id(number),
            name: name.as_bytes().to_vec(),
            made_at,
        }
    }

    fn lengths(cuts: &Cuts) -> Vec<usize> {
        cuts.iter().map(Vec::len).collect()
    }

    #[test]
    fn cuts_are_closer_towards_the_end() {
        let line: Vec<Oid> = (1..=100).map(id).collect();
        let cuts = by_line(&line, vec![id(100), id(200)], 4);
        let expected = [vec![id(50)], vec![id(70)], vec![id(86)], vec![id(100)]];
        assert_eq!(cuts[..4], expected);
        assert_eq!(cuts[4..], [vec![id(200)]]);
    }

    #[test]
    fn a_line_shorter_than_the_count_has_a_cut_at_each_commit() {
        let line: Vec<Oid> = (1..=3).map(id).collect();
        assert_eq!(lengths(&by_line(&line, vec![id(3)], 8)), [1, 1, 1]);
    }

    #[test]
    fn tips_are_cut_at_tags_by_time() {
        let names = (1..=16).map(|number| (number, format!("refs/tags/{}", 99 - number)));
        let mut tips: Vec<Tip> = names
            .zip(1..)
            .map(|((number, name), made_at)| tip(number, &name, Some(made_at)))
            .collect();
        tips.push(tip(40, "refs/heads/old", Some(2)));
        tips.push(tip(41, "refs/heads/new", Some(99)));
        tips.push(tip(42, "refs/tags/a-file", None));
        tips.reverse();
        let cuts = by_tips(tips, 4);
        // Seventeen tags, one of them without a time: cut after 8, 12 and 14.
        assert_eq!(lengths(&cuts), [9, 4, 2, 4]);
        assert!(cuts[0].contains(&id(40)));
        assert!(cuts[3].contains(&id(41)));
        assert_eq!(cuts[3].last(), Some(&id(42)));
    }

    #[test]
    fn without_times_tags_come_by_number_and_branches_last() {
        let names = [
            "refs/heads/main",
            "refs/tags/v10",
            "refs/tags/v9",
            "refs/tags/v09.1",
        ];
        let tips = names
            .iter()
            .enumerate()
            .map(|(number, name)| tip(number, name, None));
        let order: Vec<Oid> = by_tips(tips.collect(), 2).concat();
        assert_eq!(order, [id(2), id(3), id(1), id(0)]);
    }

    #[test]
    fn everything_is_asked_for_exactly_once() {
        for total in 1..40 {
            for count in 2..12 {
                let tips =
                    (0..total).map(|number| tip(number, &format!("refs/tags/{number}"), None));
                let mut ids = by_tips(tips.collect(), count).concat();
                ids.sort_unstable();
                assert_eq!(ids, (0..total).map(id).collect::<Vec<_>>());
            }
        }
    }
}
