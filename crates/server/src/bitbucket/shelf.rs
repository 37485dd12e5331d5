//! What Bitbucket answered somebody a short while ago.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, Duration, Utc};

/// Long enough to page, choose and begin; short enough that what is new is soon seen.
const KEPT_FOR: Duration = Duration::minutes(2);

/// Answers that are kept at once: a list of a thousand repositories takes some 300 KB.
const MOST: usize = 100;

/// Answers by what was asked, and by whom: nobody sees what somebody else was shown.
#[derive(Debug)]
pub(crate) struct Shelf<K, V>(Mutex<Kept<K, V>>);

/// Each with the time that it was put there.
type Kept<K, V> = HashMap<K, (DateTime<Utc>, Arc<V>)>;

impl<K, V> Default for Shelf<K, V> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<K: Eq + Hash + Clone, V> Shelf<K, V> {
    /// What is fresh enough.
    pub(crate) fn get(&self, key: &K, now: DateTime<Utc>) -> Option<Arc<V>> {
        let kept = self.kept();
        let (since, value) = kept.get(key)?;
        is_fresh(*since, now).then(|| Arc::clone(value))
    }

    /// Keeps an answer, and gives it back.
    pub(crate) fn put(&self, key: K, value: V, now: DateTime<Utc>) -> Arc<V> {
        let value = Arc::new(value);
        let mut kept = self.kept();
        if kept.len() >= MOST {
            kept.retain(|_, (since, _)| is_fresh(*since, now));
        }
        if kept.len() >= MOST {
            let oldest = kept.iter().min_by_key(|(_, (since, _))| *since);
            if let Some(oldest) = oldest.map(|(key, _)| key.clone()) {
                kept.remove(&oldest);
            }
        }
        kept.insert(key, (now, Arc::clone(&value)));
        value
    }

    fn kept(&self) -> MutexGuard<'_, Kept<K, V>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn is_fresh(since: DateTime<Utc>, now: DateTime<Utc>) -> bool {
    (since..since + KEPT_FOR).contains(&now)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_go_after_a_while_and_the_oldest_first() {
        let shelf = Shelf::default();
        let now = DateTime::UNIX_EPOCH;
        let later = |seconds| now + Duration::seconds(seconds);
        shelf.put(0, "tea", now);
        assert_eq!(shelf.get(&0, later(119)).as_deref(), Some(&"tea"));
        assert!(shelf.get(&0, later(120)).is_none());
        for key in 1..=100 {
            shelf.put(key, "cup", later(key));
        }
        assert!(shelf.get(&0, later(100)).is_none());
        assert!(shelf.get(&1, later(100)).is_some());
        assert_eq!(shelf.kept().len(), MOST);
    }
}
