//! `bucketload schedules` and `bucketload unschedule`.

use std::collections::BTreeSet;
use std::sync::Arc;

use bucketload_archive::Schedule;
use bucketload_model::{RepositoryName, Source, SystemClock};
use bucketload_worker::Selection;
use bucketload_worker::queue::Queue;
use serde_json::json;

use super::Session;
use crate::arguments::UnscheduleOptions;
use crate::messages::{self, Exit, Problem};
use crate::output::{self, counted, printable};

/// What is imported again and again.
pub(crate) async fn list(session: &Session) -> Result<Exit, Problem> {
    let archive = session.read_archive().await?;
    let schedules = archive.schedules().await?;
    archive.close().await;
    if session.json {
        let entries: Vec<_> = schedules.iter().map(entry).collect();
        output::json(&json!({ "schedules": entries }));
        return Ok(Exit::Complete);
    }
    if schedules.is_empty() {
        output::line(
            "Nothing is scheduled. “bucketload import --queue --every \"0 3 * * *\" SOURCE” does.",
        );
    }
    for schedule in &schedules {
        output::line(&one_line(schedule));
    }
    Ok(Exit::Complete)
}

fn entry(schedule: &Schedule) -> serde_json::Value {
    json!({
        "source": schedule.name.to_string(),
        "cron": schedule.cron,
        "next_at": schedule.next_at,
        "stages": schedule.stages,
        "priority": schedule.priority.get(),
        "asked_by": schedule.asked_by,
    })
}

fn one_line(schedule: &Schedule) -> String {
    let next = schedule.next_at.with_timezone(&chrono::Local);
    let who = schedule
        .asked_by
        .as_deref()
        .map_or_else(String::new, |who| {
            format!(", asked for by {}", printable(who))
        });
    let is_whole = schedule.stages == Selection::default().stages();
    let stages = if is_whole {
        String::new()
    } else {
        let names: Vec<&str> = schedule.stages.iter().map(|stage| stage.name()).collect();
        format!(", only {}", names.join(", "))
    };
    format!(
        "{:<40} {:<16} next at {}{stages}{who}",
        schedule.name.to_string(),
        schedule.cron,
        next.format("%Y-%m-%d %H:%M")
    )
}

/// Ends schedules. One that there is not costs nobody the others.
pub(crate) async fn end(session: &Session, options: &UnscheduleOptions) -> Result<Exit, Problem> {
    let sources = options.sources.iter().map(|text| text.parse());
    let sources: Vec<Source> = sources.collect::<Result<_, _>>()?;
    let archive = session.read_archive().await?;
    let scheduled: BTreeSet<RepositoryName> = archive
        .schedules()
        .await?
        .into_iter()
        .map(|schedule| schedule.name)
        .collect();
    let queue = Queue::open(archive.clone(), Arc::new(SystemClock)).await?;
    let queue = queue.asked_by(session.config.asker());
    let mut exit = Exit::Complete;
    let mut ended = BTreeSet::new();
    for source in &sources {
        let meant: Vec<&RepositoryName> = scheduled
            .iter()
            .filter(|name| is_meant(source, name))
            .collect();
        if meant.is_empty() {
            let problem = Problem::usage(
                format!("no schedule imports {source}"),
                "“bucketload schedules” shows what is scheduled",
            );
            exit = exit.max(messages::report(&problem));
        }
        for name in meant {
            if queue.unschedule(name).await? > 0 {
                ended.insert(name.to_string());
            }
        }
    }
    archive.close().await;
    if session.json {
        output::json(&json!({ "unscheduled": ended }));
    } else if !ended.is_empty() {
        let count = counted(ended.len() as u64, "repository is", "repositories are");
        output::line(&format!("{count} no longer imported by schedule."));
    }
    Ok(exit)
}

fn is_meant(source: &Source, name: &RepositoryName) -> bool {
    match source {
        Source::Repository(one) => one == name,
        Source::Workspace(workspace) => *workspace == name.workspace,
    }
}
