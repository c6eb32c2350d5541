//! An S3 server that answers with errors, breaks bodies off, hides entries and shows other versions.

use quarrel_testkit::history::History;
use quarrel_testkit::s3::S3Server;
use quarrel_testkit::s3_proxy::{Fault, FaultKind, RequestKind, S3Proxy, Status};

use crate::scene::{Scene, Setup, short_history};

fn behind_proxy(history: &History, cluster: &str) -> (Scene, S3Proxy) {
    let proxy = S3Proxy::start(S3Server::shared());
    let setup = Setup { changes: ", after_load: archive", ..Setup::of(history) };
    let scene = setup.in_bucket(&proxy.endpoint(), cluster);
    scene.deliver(&history.files);
    (scene, proxy)
}

#[test]
fn store_that_fails_for_a_while_is_asked_again() {
    let history = short_history(600);
    let status = |request, key_contains: &str, status, times| Fault::Status {
        request,
        key_contains: key_contains.to_owned(),
        status,
        times,
    };
    let faults = [
        ("503 for files", status(RequestKind::GetObject, "changes/", Status::SlowDown, 5), FaultKind::Status, 5),
        ("500 for files", status(RequestKind::GetObject, "changes/", Status::InternalError, 5), FaultKind::Status, 5),
        ("503 for lists", status(RequestKind::ListObjects, "", Status::SlowDown, 2), FaultKind::Status, 2),
        ("503 for what is written", status(RequestKind::PutObject, "work/", Status::SlowDown, 3), FaultKind::Status, 3),
        // Objects are deleted many at a time, by a POST to the bucket.
        ("503 for what is deleted", status(RequestKind::Other, "", Status::SlowDown, 2), FaultKind::Status, 2),
        ("bodies cut off", Fault::CutBody { key_contains: ".parquet".to_owned(), times: 3 }, FaultKind::CutBody, 3),
        ("bodies halved", Fault::HalveBody { key_contains: ".parquet".to_owned(), times: 3 }, FaultKind::HalveBody, 3),
    ];
    for (context, fault, kind, times) in faults {
        let (scene, proxy) = behind_proxy(&history, "in_process");
        proxy.arm(fault);
        scene.run().expect(0, context);
        assert_eq!(proxy.fired(kind), times, "{context}");
        scene.assert_holds(&history, &history.files, context);
        scene.assert_applied_once_and_clean(history.files.len(), context);
        assert_eq!(scene.change_files(), [""; 0], "{context}");
    }
}

#[test]
fn broken_bodies_are_read_again_by_ballista_too() {
    let history = short_history(610);
    let (scene, proxy) = behind_proxy(&history, "embedded");
    proxy.arm(Fault::CutBody { key_contains: "changes/".to_owned(), times: 3 });
    proxy.arm(Fault::HalveBody { key_contains: "changes/".to_owned(), times: 3 });
    scene.run().expect(0, "on Ballista");
    assert_eq!((proxy.fired(FaultKind::CutBody), proxy.fired(FaultKind::HalveBody)), (3, 3));
    scene.assert_holds(&history, &history.files, "on Ballista");
}

#[test]
fn file_that_a_listing_hid_is_applied_in_its_place_when_it_shows() {
    let history = short_history(620);
    let (scene, proxy) = behind_proxy(&history, "in_process");
    // Neither the first nor the last, and one with rows.
    let place = (1..history.files.len() - 1).find(|place| !history.files[*place].events.is_empty()).unwrap();
    let hidden = &history.files[place];
    proxy.arm(Fault::HideFromList { key_contains: hidden.name().to_owned() });
    scene.run().expect(0, "with a file hidden");
    assert!(proxy.fired(FaultKind::HideFromList) > 0);
    let mut seen = history.files.clone();
    seen.remove(place);
    scene.assert_holds(&history, &seen, "with a file hidden");

    proxy.disarm(FaultKind::HideFromList);
    let summary = scene.run().expect(0, "with the file shown").summary();
    assert_eq!(summary["late_files"], 1, "{summary}");
    scene.assert_holds(&history, &history.files, "with the file shown");
    assert_eq!(scene.change_files(), [""; 0], "every file has been archived");
}

#[test]
fn file_that_changes_while_it_is_read_is_named_and_nothing_is_applied() {
    let history = short_history(630);
    let (scene, proxy) = behind_proxy(&history, "in_process");
    let changed = history.files.iter().find(|file| !file.events.is_empty()).unwrap();
    proxy.arm(Fault::ChangeEtag { key_contains: changed.name().to_owned(), times: 1_000 });
    let ended = scene.run().expect(1, "with a file that changes");
    assert!(proxy.fired(FaultKind::ChangeEtag) > 0);
    assert!(ended.stdout.contains(changed.name()), "the file is named: {ended:?}");
    assert!(ended.stdout.contains("changed while it was read"), "{ended:?}");
    scene.assert_holds(&history, &[], "with a file that changes");

    proxy.disarm(FaultKind::ChangeEtag);
    scene.run().expect(0, "with the file at rest");
    scene.assert_holds(&history, &history.files, "with the file at rest");
    scene.assert_applied_once_and_clean(history.files.len(), "with the file at rest");
}

#[test]
fn store_that_stays_broken_fails_the_run_and_harms_nothing() {
    let history = short_history(640);
    let (scene, proxy) = behind_proxy(&history, "in_process");
    let broken = history.files.iter().find(|file| !file.events.is_empty()).unwrap();
    proxy.arm(Fault::HalveBody { key_contains: broken.name().to_owned(), times: 1_000 });
    let ended = scene.run().expect(1, "with a body that stays short");
    assert!(ended.stdout.contains(broken.name()), "the file is named: {ended:?}");
    scene.assert_holds(&history, &[], "with a body that stays short");

    proxy.disarm(FaultKind::HalveBody);
    scene.run().expect(0, "with the store mended");
    scene.assert_holds(&history, &history.files, "with the store mended");
    scene.assert_applied_once_and_clean(history.files.len(), "with the store mended");
}
