//! How much of a bucket's hour was used, over a day.

use bucketload_archive::QuotaUse;
use chrono::{DateTime, Duration, Utc};

/// How far back a curve reaches.
pub(crate) const REACH: Duration = Duration::hours(24);

/// Points of a curve: one for every slot of five minutes, and one for where it begins.
const POINTS: usize = 289;

/// Slots of the window that Bitbucket counts over.
const WINDOW: usize = 12;

/// Requests, by who asked.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Requests {
    pub(crate) imports: u64,
    pub(crate) people: u64,
    pub(crate) others: u64,
}

impl Requests {
    fn add(&mut self, one: &QuotaUse) {
        self.imports += one.imports;
        self.people += one.people;
        self.others += one.others;
    }

    pub(crate) const fn sum(self) -> u64 {
        self.imports + self.people + self.others
    }
}

/// A day of one bucket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Day {
    /// What the hour before each point used, the earliest first; five minutes apart.
    pub(crate) curve: Vec<u64>,
    /// What each hour used, the latest first, with when it began.
    pub(crate) hours: Vec<(DateTime<Utc>, Requests)>,
    /// All of it.
    pub(crate) in_all: Requests,
}

impl Day {
    /// The day before `now`, of what was written down of it.
    pub(crate) fn of(uses: &[QuotaUse], now: DateTime<Utc>) -> Self {
        let slot = QuotaUse::SLOT;
        let last = QuotaUse::slot_of(now);
        let mut slots = vec![Requests::default(); POINTS + WINDOW - 1];
        for one in uses {
            let back = (last - one.began_at).num_milliseconds() / slot.num_milliseconds();
            let place = usize::try_from(back).ok().and_then(|back| {
                let end = slots.len() - 1;
                end.checked_sub(back)
            });
            if let Some(slot) = place.and_then(|place| slots.get_mut(place)) {
                slot.add(one);
            }
        }
        let curve = slots.windows(WINDOW).map(|hour| {
            let sums = hour.iter().map(|slot| slot.sum());
            sums.sum()
        });
        let curve = curve.collect();
        let mut hours = Vec::new();
        let mut in_all = Requests::default();
        for (number, hour) in slots[WINDOW - 1..].rchunks(WINDOW).take(24).enumerate() {
            let mut sum = Requests::default();
            for slot in hour {
                sum.imports += slot.imports;
                sum.people += slot.people;
                sum.others += slot.others;
            }
            in_all.imports += sum.imports;
            in_all.people += sum.people;
            in_all.others += sum.others;
            let slots_back = i32::try_from((number + 1) * WINDOW - 1).unwrap_or(i32::MAX);
            hours.push((last - slot * slots_back, sum));
        }
        Self {
            curve,
            hours,
            in_all,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(minute: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_800_000_000 + 60 * minute, 0).unwrap()
    }

    fn used(minute: i64, imports: u64, people: u64) -> QuotaUse {
        QuotaUse {
            began_at: at(minute),
            imports,
            people,
            others: 0,
        }
    }

    #[test]
    fn a_request_counts_for_an_hour() {
        let day = Day::of(&[used(0, 10, 1), used(30, 5, 0)], at(62));
        let last = |back: usize| day.curve[day.curve.len() - 1 - back];
        assert_eq!(day.curve.len(), POINTS);
        // The slot of 60 to 65 has those of 5 to 60 before it.
        assert_eq!(last(0), 5);
        assert_eq!(last(1), 16);
        assert_eq!(last(7), 11);
        assert_eq!(last(13), 0);
    }

    #[test]
    fn hours_add_up_and_what_is_older_is_left_out() {
        let uses = [used(-25 * 60, 7, 7), used(0, 10, 1), used(60, 2, 0)];
        let day = Day::of(&uses, at(60));
        assert_eq!(day.in_all.imports, 12);
        assert_eq!(day.hours.len(), 24);
        let (began, latest) = day.hours[0];
        assert_eq!((began, latest.sum()), (at(5), 2));
        assert_eq!(day.hours[1].1.sum(), 11);
        // A clock that was set back has slots of the future.
        assert_eq!(Day::of(&[used(90, 1, 0)], at(0)).in_all.sum(), 0);
    }
}
