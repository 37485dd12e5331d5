//! What happens to an import, as its log has it.

use std::fmt;
use std::str::FromStr;

use crate::ImportEvent;

/// What happened to an import at some time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Happening {
    /// It was asked for.
    Asked,
    /// Something happened that may change where it stands.
    Event(ImportEvent),
    /// Whoever ran it is gone.
    Lost,
    /// A stage ended, or was broken off.
    StageEnded,
    /// Something is missing.
    GapFound,
}

/// A text that is no happening's name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("“{0}” is nothing that happens to imports")]
pub struct ParseHappeningError(pub String);

impl Happening {
    /// What does not change where an import stands by itself.
    const PLAIN: [Self; 4] = [Self::Asked, Self::Lost, Self::StageEnded, Self::GapFound];

    /// Everything that can happen.
    pub fn all() -> impl Iterator<Item = Self> {
        let events = ImportEvent::ALL.iter().copied().map(Self::Event);
        Self::PLAIN.into_iter().chain(events)
    }

    /// The name used in the database and the API.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Asked => "asked",
            Self::Lost => "lost",
            Self::StageEnded => "stage_ended",
            Self::GapFound => "gap_found",
            Self::Event(event) => match event {
                ImportEvent::Claimed => "began",
                ImportEvent::PauseAsked => "pause_asked",
                ImportEvent::CancelAsked => "cancel_asked",
                ImportEvent::Resumed => "resumed",
                ImportEvent::Retried => "retried",
                ImportEvent::HandedBack => "handed_back",
                ImportEvent::WaitBegan => "wait_began",
                ImportEvent::Paused => "paused",
                ImportEvent::Cancelled => "cancelled",
                ImportEvent::Completed => "completed",
                ImportEvent::CompletedWithGaps => "completed_with_gaps",
                ImportEvent::Failed => "failed",
            },
        }
    }
}

impl fmt::Display for Happening {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Happening {
    type Err = ParseHappeningError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::all()
            .find(|happening| happening.name() == text)
            .ok_or_else(|| ParseHappeningError(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_happening_has_a_name_of_its_own() {
        let names: HashSet<&str> = Happening::all().map(Happening::name).collect();
        assert_eq!(names.len(), Happening::all().count());
        for happening in Happening::all() {
            assert_eq!(happening.name().parse(), Ok(happening));
        }
        assert!("rained".parse::<Happening>().is_err());
    }
}
