//! What may happen to an import, and what becomes of it.

use crate::ImportState;

/// Something that happens to an import.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ImportEvent {
    /// A run begins, or takes over from one that was lost.
    Claimed,
    /// Somebody wants it to halt.
    PauseAsked,
    /// Somebody wants it to stop.
    CancelAsked,
    /// Somebody wants it to go on.
    Resumed,
    /// Somebody wants what failed or is missing to be tried once more.
    Retried,
    /// A run ends before the import does, and another goes on.
    HandedBack,
    /// A run ends because the quota is spent.
    WaitBegan,
    /// A run ends because somebody wanted it to halt.
    Paused,
    /// A run ends because somebody wanted it to stop.
    Cancelled,
    /// Everything is stored.
    Completed,
    /// It ended, and what is missing is named.
    CompletedWithGaps,
    /// It could not end, and trying again by itself is no use.
    Failed,
}

/// An event that makes no sense in a state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an import that is {state} cannot be {}", .event.participle())]
pub struct WrongTransition {
    /// Where the import stands.
    pub state: ImportState,
    /// What was to happen.
    pub event: ImportEvent,
}

impl ImportEvent {
    /// Every event.
    pub const ALL: &'static [Self] = &[
        Self::Claimed,
        Self::PauseAsked,
        Self::CancelAsked,
        Self::Resumed,
        Self::Retried,
        Self::HandedBack,
        Self::WaitBegan,
        Self::Paused,
        Self::Cancelled,
        Self::Completed,
        Self::CompletedWithGaps,
        Self::Failed,
    ];

    /// What is done to the import, as in “cannot be …”.
    const fn participle(self) -> &'static str {
        match self {
            Self::Claimed => "started",
            Self::PauseAsked | Self::Paused => "paused",
            Self::CancelAsked | Self::Cancelled => "cancelled",
            Self::Resumed => "resumed",
            Self::Retried => "tried again",
            Self::HandedBack => "handed back",
            Self::WaitBegan => "made to wait",
            Self::Completed | Self::CompletedWithGaps => "completed",
            Self::Failed => "failed",
        }
    }
}

impl ImportState {
    /// Every state.
    pub const ALL: &'static [Self] = &[
        Self::Queued,
        Self::Running,
        Self::Waiting,
        Self::Paused,
        Self::Cancelling,
        Self::Complete,
        Self::CompleteWithGaps,
        Self::Failed,
        Self::Cancelled,
    ];

    /// Whether nothing more happens to it by itself, and nobody halted it for a while.
    pub const fn has_ended(self) -> bool {
        matches!(
            self,
            Self::Complete | Self::CompleteWithGaps | Self::Failed | Self::Cancelled
        )
    }

    /// Where an import stands after an event.
    ///
    /// # Errors
    ///
    /// When the event makes no sense in this state.
    #[expect(
        clippy::match_same_arms,
        reason = "the arms stand in the order of events, as the table does"
    )]
    pub const fn after(self, event: ImportEvent) -> Result<Self, WrongTransition> {
        use ImportEvent as Event;
        Ok(match (self, event) {
            (Self::Queued | Self::Waiting | Self::Running, Event::Claimed) => Self::Running,

            (Self::Queued | Self::Waiting | Self::Paused, Event::PauseAsked) => Self::Paused,
            // The run is told, and ends with `Paused`.
            (Self::Running, Event::PauseAsked) => Self::Running,

            (Self::Queued | Self::Waiting | Self::Paused, Event::CancelAsked) => Self::Cancelled,
            // The run is told, and ends with `Cancelled`.
            (Self::Running | Self::Cancelling, Event::CancelAsked) => Self::Cancelling,

            // Who has not noticed yet that it is to halt need not.
            (Self::Running, Event::Resumed) => Self::Running,
            (
                Self::Queued | Self::Waiting | Self::Paused | Self::Failed | Self::Cancelled,
                Event::Resumed,
            ) => Self::Queued,

            (Self::Failed | Self::Cancelled | Self::CompleteWithGaps, Event::Retried) => {
                Self::Queued
            }

            (Self::Running, Event::HandedBack) => Self::Queued,
            (Self::Running, Event::WaitBegan) => Self::Waiting,
            (Self::Running, Event::Paused) => Self::Paused,
            (Self::Running, Event::Cancelled) => Self::Cancelled,
            (Self::Running, Event::Failed) => Self::Failed,
            // However the run ended, nobody wants another.
            (
                Self::Cancelling,
                Event::HandedBack
                | Event::WaitBegan
                | Event::Paused
                | Event::Cancelled
                | Event::Failed,
            ) => Self::Cancelled,

            // Too late to be stopped.
            (Self::Running | Self::Cancelling, Event::Completed) => Self::Complete,
            (Self::Running | Self::Cancelling, Event::CompletedWithGaps) => Self::CompleteWithGaps,

            (state, event) => return Err(WrongTransition { state, event }),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A letter for each state, in the order of [`ImportState::ALL`].
    const LETTERS: &str = "QRWPcCGFX";

    /// A row for each event, a column for each state; `.` where it makes no sense.
    const TABLE: &[(ImportEvent, &str)] = &[
        (ImportEvent::Claimed, "RRR......"),
        (ImportEvent::PauseAsked, "PRPP....."),
        (ImportEvent::CancelAsked, "XcXXc...."),
        (ImportEvent::Resumed, "QRQQ...QQ"),
        (ImportEvent::Retried, "......QQQ"),
        (ImportEvent::HandedBack, ".Q..X...."),
        (ImportEvent::WaitBegan, ".W..X...."),
        (ImportEvent::Paused, ".P..X...."),
        (ImportEvent::Cancelled, ".X..X...."),
        (ImportEvent::Completed, ".C..C...."),
        (ImportEvent::CompletedWithGaps, ".G..G...."),
        (ImportEvent::Failed, ".F..X...."),
    ];

    #[test]
    fn the_table_of_transitions() {
        let events: Vec<_> = TABLE.iter().map(|(event, _)| *event).collect();
        assert_eq!(events, ImportEvent::ALL);
        for (event, row) in TABLE {
            let found: String = ImportState::ALL
                .iter()
                .map(|state| match state.after(*event) {
                    Ok(next) => {
                        let index = ImportState::ALL.iter().position(|one| *one == next);
                        LETTERS.chars().nth(index.unwrap()).unwrap()
                    }
                    Err(wrong) => {
                        assert_eq!((wrong.state, wrong.event), (*state, *event));
                        '.'
                    }
                })
                .collect();
            assert_eq!(found, *row, "{event:?}");
        }
    }

    #[test]
    fn what_makes_no_sense_is_said_in_words() {
        let wrong = ImportState::Complete
            .after(ImportEvent::CancelAsked)
            .unwrap_err();
        assert_eq!(
            wrong.to_string(),
            "an import that is complete cannot be cancelled"
        );
    }
}
