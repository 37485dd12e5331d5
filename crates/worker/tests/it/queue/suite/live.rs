//! What other processes see of a run while it is under way.

use bucketload_archive::{Archive, ImportLine};
use bucketload_model::{Happening, ImportEvent, ImportId, ImportState, Stage, StageState};
use bucketload_simulator::{Effect, Fault};
use bucketload_worker::queue::Ask;

use super::KIND;
use crate::queue::support::{Background, bench, enqueue, queue, until, until_state, wish};

async fn line(archive: &Archive, import: ImportId) -> ImportLine {
    let summaries = archive.import_summaries(&[import]).await.unwrap();
    archive
        .import_lines(summaries)
        .await
        .unwrap()
        .pop()
        .unwrap()
}

#[tokio::test]
async fn how_far_a_run_is_stands_in_the_database_while_it_runs() {
    let Some((remote, local)) = bench(KIND).await else {
        return;
    };
    remote
        .control
        .add_fault(Fault::on_path("/comments", Effect::Hang));
    let (queue, import) = enqueue(&local).await;
    let worker = Background::start(&local).await;
    let archive = &local.importer.archive;
    // Nobody says so but the keeper of the lease: the stage has not ended.
    until(async || {
        let line = line(archive, import).await;
        line.stages.iter().any(|stage| {
            stage.report.name == Stage::PullRequestComments
                && stage.report.state == StageState::Running
                && stage.report.expected.is_some_and(|expected| expected > 0)
                && stage.started_at.is_some()
        })
    })
    .await;
    queue.cancel(import).await.unwrap();
    until_state(&local, import, ImportState::Cancelled).await;
    remote.control.clear_faults();
    queue.ask(import, Ask::Retry).await.unwrap();
    until_state(&local, import, ImportState::Complete).await;
    worker.stop().await;
    let log = archive.import_log(import, None, 200).await.unwrap();
    let has = |what| log.iter().any(|entry| entry.what == what);
    for event in [
        ImportEvent::Claimed,
        ImportEvent::CancelAsked,
        ImportEvent::Cancelled,
        ImportEvent::Retried,
        ImportEvent::Completed,
    ] {
        assert!(has(Happening::Event(event)), "{event:?}");
    }
    let ended = |stage| {
        let mut log = log.iter();
        log.any(|entry| entry.what == Happening::StageEnded && entry.stage == Some(stage))
    };
    assert!(ended(Stage::Git) && ended(Stage::Finish));
    let line = line(archive, import).await;
    assert!(
        line.stages
            .iter()
            .all(|stage| { stage.report.state == StageState::Skipped || stage.ended_at.is_some() })
    );
}

#[tokio::test]
async fn many_are_asked_at_once_and_one_that_cannot_costs_nobody_the_others() {
    let Some((_remote, local)) = bench(KIND).await else {
        return;
    };
    let queue = queue(&local).await;
    let wishes: Vec<_> = (0..120)
        .map(|number| wish(&format!("tea/cup-{number}")))
        .collect();
    let answers = queue.enqueue(&wishes).await.unwrap();
    let imports: Vec<ImportId> = answers.iter().map(|answer| answer.import()).collect();
    queue.cancel(imports[7]).await.unwrap();
    let answers = queue.ask_each(&imports, Ask::Pause).await.unwrap();
    assert_eq!(answers.len(), imports.len());
    for (index, answer) in answers.iter().enumerate() {
        match answer {
            Ok(state) => assert_eq!(*state, ImportState::Paused),
            Err(error) => {
                assert_eq!(index, 7);
                assert!(error.to_string().contains("cannot be paused"), "{error}");
            }
        }
    }
    assert!(answers[7].is_err());
    let archive = &local.importer.archive;
    let state = |import| async move { archive.import(import).await.unwrap().unwrap().state };
    assert_eq!(state(imports[119]).await, ImportState::Paused);
    assert_eq!(state(imports[7]).await, ImportState::Cancelled);
}
