//! What happens to imports, as it happens, for everybody who has a page open.
//!
//! Imports run in this process, in others, or on other machines: the database is the truth.
//! One [`watcher`] for each server looks at it while somebody listens, about twice a second
//! and in three queries however many listen, and tells what changed to all through the
//! [`hub`]. Each event has a number; who was away for a while gets what was missed, and who
//! was away for longer is told to look at the page anew.

mod hub;
mod stream;
mod watcher;

pub(crate) use hub::{EventId, Hub};
pub(crate) use stream::open;
pub(crate) use watcher::watch;
