//! Stopped anywhere, resumed once: the archive is that of an import that nobody disturbed.

use bucketload_model::{ErrorClass, ImportState, ProgressEvent, Stage};
use bucketload_simulator::{Effect, Fault};
use bucketload_worker::Selection;
use tokio_util::sync::CancellationToken;

use crate::support::{
    Local, NAME, Remote, assert_complete, assert_counters_only_rise, bench, stage,
};

/// Stops an import of a fresh archive once this request has come in, which is never answered.
async fn stopped_at(remote: &Remote, request: u64, cancels: bool) -> Local {
    let local = Local::new(remote).await;
    remote.control.reset_log();
    remote
        .control
        .add_fault(Fault::on_request(request, Effect::Hang));
    let name = NAME.parse().unwrap();
    let all = Selection::default();
    let import = local.importer.import(&name, &all);
    if cancels {
        let stop = async {
            remote.control.wait_for_request(request).await;
            local.importer.cancel.cancel();
        };
        let (outcome, ()) = tokio::join!(import, stop);
        let outcome = outcome.unwrap();
        assert_eq!(outcome.report.state, ImportState::Cancelled, "{request}");
        let class = outcome.failure.unwrap().error.class();
        assert_eq!(class, ErrorClass::Cancelled);
    } else {
        tokio::select! {
            outcome = import => panic!("{outcome:?}"),
            () = remote.control.wait_for_request(request) => {}
        }
    }
    remote.control.clear_faults();
    local
}

#[tokio::test]
async fn the_archive_is_that_of_an_undisturbed_import() {
    let (remote, undisturbed) = bench().await;
    let report = undisturbed.import().await;
    assert_complete(&report);
    let expected = undisturbed.export(NAME).await;
    for request in [1, 2, 3, 4, 6, 9, 14, 22, 35] {
        for cancels in [true, false] {
            let mut local = stopped_at(&remote, request, cancels).await;
            local.importer.cancel = CancellationToken::new();
            let resumed = local.import().await;
            assert_complete(&resumed);
            let export = local.export(NAME).await;
            assert!(export == expected, "stopped at request {request}");
            let (one, other) = (&resumed.stages, &report.stages);
            for (one, other) in one.iter().zip(other) {
                assert_eq!((one.stored, one.expected), (other.stored, other.expected));
            }
        }
    }
}

#[tokio::test]
async fn a_resumed_import_is_the_same_one_and_counts_on() {
    let (remote, undisturbed) = bench().await;
    let whole = undisturbed.import().await;
    let mut local = stopped_at(&remote, 45, true).await;
    let name = NAME.parse().unwrap();
    let archive = &local.importer.archive;
    let stopped = archive.latest_import(&name).await.unwrap().unwrap();
    let before = archive.report(stopped.id).await.unwrap().unwrap();
    assert!(stage(&before, Stage::PullRequestComments).stored > 0);
    remote.control.reset_log();
    local.importer.cancel = CancellationToken::new();
    let report = local.import().await;
    assert_eq!(report.id, stopped.id);
    assert_eq!(report.started_at, before.started_at);
    // What was stored is not asked for again; at most eight were under way.
    let again = before.requests.total + remote.rest().len() as u64;
    assert_eq!(report.requests.total, again);
    assert!(again <= whole.requests.total + 8, "{again}");
    assert_eq!(remote.asked("/members"), 0);
    let events = local.sink.events();
    assert_counters_only_rise(&events);
    let started = events.iter().filter_map(|event| match event {
        ProgressEvent::ImportStarted { resumed, .. } => Some(*resumed),
        _ => None,
    });
    assert_eq!(started.collect::<Vec<_>>(), [false, true]);
}

#[tokio::test]
async fn cancelled_before_it_begins() {
    let (remote, mut local) = bench().await;
    local.importer.cancel.cancel();
    let outcome = local.try_import(NAME, &Selection::default()).await;
    assert_eq!(outcome.report.state, ImportState::Cancelled);
    assert_eq!(remote.control.requests().len(), 0);
    local.importer.cancel = CancellationToken::new();
    assert_complete(&local.import().await);
}
