//! The buttons that ask something of imports.

use bucketload_model::ImportState;
use bucketload_worker::queue::Ask;
use maud::{Markup, html};

use super::icons::{self, Icon};

pub(crate) const fn words(ask: Ask) -> &'static str {
    match ask {
        Ask::Pause => "Pause",
        Ask::Cancel => "Stop",
        Ask::Resume => "Resume",
        Ask::Retry => "Retry what failed",
    }
}

const fn icon(ask: Ask) -> Icon {
    match ask {
        Ask::Pause => icons::PAUSE,
        Ask::Cancel => icons::STOP,
        Ask::Resume => icons::PLAY,
        Ask::Retry => icons::RUN,
    }
}

/// The order in which they are wanted.
const ALL: [Ask; 4] = [Ask::Pause, Ask::Resume, Ask::Retry, Ask::Cancel];

fn button(ask: Ask, words: &str) -> Markup {
    let class = if ask == Ask::Cancel { "danger" } else { "" };
    html! {
        button type="submit" name="ask" value=(ask.name()) class=(class) {
            (icon(ask).show()) (words)
        }
    }
}

/// All of them, for imports that stand differently.
pub(crate) fn all() -> Markup {
    // Of many some have failed, and others miss something.
    let words = |ask| {
        if ask == Ask::Retry {
            "Retry"
        } else {
            words(ask)
        }
    };
    html! { @for ask in ALL { (button(ask, words(ask))) } }
}

/// Those that make sense for one import.
pub(crate) fn sensible(state: ImportState) -> Markup {
    // Resuming a run that has not been asked to halt changes nothing.
    let makes_sense = |ask: &Ask| {
        state.after(ask.event()).is_ok() && !(*ask == Ask::Resume && state == ImportState::Running)
    };
    // What waits has not been halted.
    let words = |ask| match (ask, state) {
        (Ask::Resume, ImportState::Queued | ImportState::Waiting) => "Go on now",
        _ => words(ask),
    };
    html! { @for ask in ALL.into_iter().filter(makes_sense) { (button(ask, words(ask))) } }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_makes_sense_is_offered() {
        let offered = |state| {
            let shown = sensible(state).into_string();
            let all = ALL.into_iter();
            all.filter(|ask| shown.contains(&format!("value=\"{}\"", ask.name())))
                .collect::<Vec<_>>()
        };
        assert_eq!(offered(ImportState::Running), [Ask::Pause, Ask::Cancel]);
        assert_eq!(offered(ImportState::Failed), [Ask::Resume, Ask::Retry]);
        assert_eq!(offered(ImportState::CompleteWithGaps), [Ask::Retry]);
        assert!(offered(ImportState::Complete).is_empty());
    }
}
