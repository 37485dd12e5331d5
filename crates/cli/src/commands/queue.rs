//! `bucketload import --queue`, `pause`, `cancel`, `resume`, `retry`.

use std::sync::Arc;

use bucketload_archive::Enqueued;
use bucketload_model::{ImportId, ImportState, SystemClock};
use bucketload_worker::queue::{Cron, Queue, QueueError, Wish};
use serde_json::json;

use super::{Session, find_import};
use crate::arguments::ImportArguments;
use crate::messages::{self, Exit, Problem};
use crate::output::{self, counted};

/// Asks for imports, once or again and again.
pub(super) async fn enqueue(
    session: &Session,
    queue: &Queue,
    wishes: &[Wish],
    every: Option<&Cron>,
) -> Result<(), Problem> {
    if let Some(cron) = every {
        return schedule(session, queue, wishes, cron).await;
    }
    let answers = queue.enqueue(wishes).await?;
    if session.json {
        let entries: Vec<_> = wishes
            .iter()
            .zip(&answers)
            .map(|(wish, answer)| {
                json!({
                    "id": answer.import(),
                    "source": wish.name.to_string(),
                    "state": match answer {
                        Enqueued::Joined(_, state) => *state,
                        Enqueued::Added(_) | Enqueued::Resumed(_) => ImportState::Queued,
                    },
                    "is_new": matches!(answer, Enqueued::Added(_)),
                })
            })
            .collect();
        output::json(&json!({ "queued": entries }));
        return Ok(());
    }
    if let ([wish], [answer]) = (wishes, &answers[..]) {
        output::line(&format!(
            "{}: {}, import {}",
            wish.name,
            in_words(*answer),
            answer.import()
        ));
        return Ok(());
    }
    let news = answers.iter().filter(|answer| answer.is_news()).count();
    output::line(&format!(
        "{} in the queue, {} of them new. “bucketload worker” runs them, “bucketload status” \
         shows how they go.",
        counted(answers.len() as u64, "import", "imports"),
        output::grouped(news as u64)
    ));
    Ok(())
}

const fn in_words(answer: Enqueued) -> &'static str {
    match answer {
        Enqueued::Added(_) => "in the queue",
        Enqueued::Resumed(_) => "in the queue again",
        Enqueued::Joined(_, ImportState::Running | ImportState::Cancelling) => "runs already",
        Enqueued::Joined(_, ImportState::Paused) => "halted, to be resumed",
        Enqueued::Joined(..) => "in the queue already",
    }
}

async fn schedule(
    session: &Session,
    queue: &Queue,
    wishes: &[Wish],
    cron: &Cron,
) -> Result<(), Problem> {
    let Some(next) = queue.schedule(wishes, cron).await? else {
        return Err(Problem::usage(
            format!("“{cron}” never comes"),
            "give minute, hour, day of the month, month and day of the week",
        ));
    };
    if session.json {
        let sources: Vec<_> = wishes.iter().map(|wish| wish.name.to_string()).collect();
        let cron = cron.to_string();
        output::json(&json!({ "scheduled": sources, "cron": cron, "next_at": next }));
    } else {
        output::line(&format!(
            "{} scheduled, for the first time at {}.",
            counted(wishes.len() as u64, "repository", "repositories"),
            next.with_timezone(&chrono::Local).format("%Y-%m-%d %H:%M")
        ));
    }
    Ok(())
}

pub(crate) async fn pause(session: &Session, which: &ImportArguments) -> Result<Exit, Problem> {
    each(session, which, async |queue, import| {
        queue.pause(import).await
    })
    .await
}

pub(crate) async fn cancel(session: &Session, which: &ImportArguments) -> Result<Exit, Problem> {
    each(session, which, async |queue, import| {
        queue.cancel(import).await
    })
    .await
}

pub(crate) async fn resume(session: &Session, which: &ImportArguments) -> Result<Exit, Problem> {
    each(session, which, async |queue, import| {
        queue.resume(import).await
    })
    .await
}

pub(crate) async fn retry(session: &Session, which: &ImportArguments) -> Result<Exit, Problem> {
    each(session, which, async |queue, import| {
        queue.retry(import).await
    })
    .await
}

/// Asks something of each import. What cannot be done with one costs nobody the others.
async fn each(
    session: &Session,
    which: &ImportArguments,
    ask: impl AsyncFn(&Queue, ImportId) -> Result<ImportState, QueueError>,
) -> Result<Exit, Problem> {
    let archive = session.read_archive().await?;
    let queue = Queue::open(archive.clone(), Arc::new(SystemClock)).await?;
    let queue = queue.asked_by(session.config.asker());
    let mut exit = Exit::Complete;
    let mut entries = Vec::new();
    for text in &which.imports {
        let asked = match find_import(&archive, text).await {
            Ok(import) => ask(&queue, import)
                .await
                .map(|state| (import, state))
                .map_err(Problem::from),
            Err(problem) => Err(problem),
        };
        match asked {
            Ok((import, state)) => {
                if !session.json {
                    output::line(&format!("{}: {state}", output::printable(text)));
                }
                entries.push(json!({ "id": import, "state": state }));
            }
            Err(problem) => exit = exit.max(messages::report(&problem)),
        }
    }
    archive.close().await;
    if session.json {
        output::json(&json!({ "imports": entries }));
    }
    Ok(exit)
}
