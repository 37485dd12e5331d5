//! Numbered events, told to everybody who listens and kept for a while.

use std::collections::VecDeque;
use std::fmt;
use std::str::FromStr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore, broadcast};

/// Events that are kept for those who were away, and that a listener may be behind. Who
/// reads more slowly than that is let go, and begins anew: nobody's queue grows.
const KEPT: usize = 256;

/// Listeners of one process. Each takes a connection and some kilobytes.
const MOST_LISTENERS: usize = 4_000;

/// The number of an event. Numbers of another process, or from before a time in which
/// nobody listened, mean nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct EventId {
    era: u64,
    number: u64,
}

impl fmt::Display for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:x}-{}", self.era, self.number)
    }
}

impl FromStr for EventId {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (era, number) = text.split_once('-').ok_or(())?;
        Ok(Self {
            era: u64::from_str_radix(era, 16).map_err(|_| ())?,
            number: number.parse().map_err(|_| ())?,
        })
    }
}

/// Something that happened, written once for everybody.
#[derive(Debug)]
pub(crate) struct Event {
    pub(crate) id: EventId,
    pub(crate) kind: &'static str,
    pub(crate) data: String,
}

/// Who tells, and who listens.
#[derive(Debug)]
pub(crate) struct Hub {
    sender: broadcast::Sender<Arc<Event>>,
    recent: Mutex<Recent>,
    /// Somebody wants to know now.
    wanted: Notify,
    places: Arc<Semaphore>,
}

#[derive(Debug)]
struct Recent {
    last: EventId,
    events: VecDeque<Arc<Event>>,
}

/// What somebody who begins to listen gets.
#[derive(Debug)]
pub(crate) struct Subscription {
    pub(crate) receiver: broadcast::Receiver<Arc<Event>>,
    /// What was missed; nothing where that is not known any more.
    pub(crate) missed: Option<Vec<Arc<Event>>>,
    /// The last event before those to come.
    pub(crate) last: EventId,
    /// Given back when the listener goes.
    _place: OwnedSemaphorePermit,
}

impl Hub {
    /// `era` is to differ from that of every other process before and beside this one.
    pub(crate) fn new(era: u64) -> Self {
        Self {
            sender: broadcast::Sender::new(KEPT),
            recent: Mutex::new(Recent {
                last: EventId { era, number: 0 },
                events: VecDeque::new(),
            }),
            wanted: Notify::new(),
            places: Arc::new(Semaphore::new(MOST_LISTENERS)),
        }
    }

    fn recent(&self) -> MutexGuard<'_, Recent> {
        self.recent.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The last event so far.
    pub(crate) fn now(&self) -> EventId {
        self.recent().last
    }

    pub(crate) fn has_listeners(&self) -> bool {
        self.sender.receiver_count() > 0
    }

    /// Has the watcher look at once, if somebody listens.
    pub(crate) fn look_now(&self) {
        self.wanted.notify_one();
    }

    /// Waits until somebody wants the watcher to look.
    pub(crate) async fn wanted(&self) {
        self.wanted.notified().await;
    }

    pub(crate) fn tell(&self, kind: &'static str, data: String) {
        let mut recent = self.recent();
        recent.last.number += 1;
        let event = Arc::new(Event {
            id: recent.last,
            kind,
            data,
        });
        if recent.events.len() == KEPT {
            recent.events.pop_front();
        }
        recent.events.push_back(event.clone());
        // Told under the lock: who subscribes gets it once. Nobody may listen.
        let _ = self.sender.send(event);
    }

    /// Begins to listen, behind an event; `None` while too many do.
    pub(crate) fn subscribe(&self, after: Option<EventId>) -> Option<Subscription> {
        let place = self.places.clone().try_acquire_owned().ok()?;
        let mut recent = self.recent();
        if !self.has_listeners() {
            // Nobody has watched for a while, and what happened meanwhile is not known.
            recent.begin_anew();
        }
        let receiver = self.sender.subscribe();
        let missed = after.and_then(|after| recent.since(after));
        let last = recent.last;
        drop(recent);
        self.look_now();
        Some(Subscription {
            receiver,
            missed,
            last,
            _place: place,
        })
    }
}

impl Recent {
    fn begin_anew(&mut self) {
        self.last.era = self.last.era.wrapping_add(1);
        self.last.number = 0;
        self.events.clear();
    }

    fn since(&self, after: EventId) -> Option<Vec<Arc<Event>>> {
        if after.era != self.last.era || after.number > self.last.number {
            return None;
        }
        let is_kept = match self.events.front() {
            Some(first) => after.number + 1 >= first.id.number,
            None => after.number == self.last.number,
        };
        let missed = self.events.iter();
        is_kept.then(|| {
            missed
                .filter(|event| event.id.number > after.number)
                .cloned()
                .collect()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A hub with somebody who listens all the time.
    fn hub() -> (Hub, Subscription) {
        let hub = Hub::new(7);
        let listener = hub.subscribe(None).unwrap();
        (hub, listener)
    }

    fn missed(hub: &Hub, after: EventId) -> Option<Vec<String>> {
        let subscription = hub.subscribe(Some(after)).unwrap();
        let events = subscription.missed?;
        Some(events.iter().map(|event| event.data.clone()).collect())
    }

    #[test]
    fn who_comes_back_gets_what_was_missed_and_nothing_twice() {
        let (hub, _listener) = hub();
        let begin = hub.now();
        hub.tell("a", "1".to_owned());
        let between = hub.now();
        assert_eq!(between.to_string().parse(), Ok(between));
        hub.tell("a", "2".to_owned());
        assert_eq!(missed(&hub, begin).unwrap(), ["1", "2"]);
        assert_eq!(missed(&hub, between).unwrap(), ["2"]);
        assert!(missed(&hub, hub.now()).unwrap().is_empty());
        let mut late = hub.subscribe(None).unwrap();
        assert!(late.missed.is_none());
        late.receiver.try_recv().unwrap_err();
        hub.tell("a", "3".to_owned());
        assert_eq!(late.receiver.try_recv().unwrap().data, "3");
    }

    #[test]
    fn who_was_away_for_too_long_looks_anew() {
        let (hub, listener) = hub();
        let begin = hub.now();
        for _ in 0..KEPT {
            hub.tell("a", String::new());
        }
        assert_eq!(missed(&hub, begin).unwrap().len(), KEPT);
        hub.tell("a", String::new());
        assert!(missed(&hub, begin).is_none());
        let last = hub.now();
        let other = EventId {
            era: last.era + 1,
            ..last
        };
        assert!(missed(&hub, other).is_none());
        let future = EventId {
            number: last.number + 1,
            ..last
        };
        assert!(missed(&hub, future).is_none());
        assert!(missed(&hub, last).unwrap().is_empty());
        drop(listener);
        assert!(missed(&hub, last).is_none());
    }

    #[test]
    fn there_are_so_many_places_and_no_more() {
        let hub = Hub::new(7);
        let mut listeners: Vec<_> = (0..MOST_LISTENERS).map(|_| hub.subscribe(None)).collect();
        assert!(listeners.iter().all(Option::is_some));
        assert!(hub.subscribe(None).is_none());
        listeners.pop();
        assert!(hub.subscribe(None).is_some());
        assert!(hub.has_listeners());
    }
}
