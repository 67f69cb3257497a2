//! How a server comes to rest.

use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use serde_json::json;

use crate::serving::Serving;
use crate::web::Web;

/// A server on which a match runs, and its players.
fn playing(settings: &[(&str, &str)]) -> (Serving, Web, Web) {
    let serving = Serving::start(settings);
    let (mut ada, mut bob) = (Web::enter(&serving, "ada"), Web::enter(&serving, "bob"));
    ada.join("friday", 2);
    ada.hear("joined");
    bob.join("friday", 2);
    bob.hear("started");
    (serving, ada, bob)
}

#[test]
fn sigterm_drains_and_a_second_one_ends_it_at_once() {
    let (serving, mut ada, _bob) = playing(&[]);
    serving.signal(Signal::SIGTERM);
    serving.until("it is not ready", |serving| serving.get("/readyz").body == "draining\n");
    assert_eq!(serving.get("/healthz").status, 200);
    let mut eve = Web::enter(&serving, "eve");
    eve.join("monday", 2);
    assert_eq!(eve.hear("refused")["code"], "shutting_down");
    ada.hear("view");
    let told = Instant::now();
    serving.signal(Signal::SIGTERM);
    assert_eq!(ada.until_closed(), "shutting_down");
    let (code, folder) = serving.end_in_folder();
    // A second is promised; a machine that is busy with other tests gets some more.
    assert!(told.elapsed() < Duration::from_secs(5), "it took {:?}", told.elapsed());
    assert_eq!(code, 0);
    // The journal is whole: the next start finds nothing to mend and nothing to go on with.
    let journal = folder.path().join("data/journal");
    let damaged = |name: std::ffi::OsString| name.to_string_lossy().ends_with(".damaged");
    let left = std::fs::read_dir(&journal).expect("a journal").flatten();
    assert!(!left.into_iter().any(|entry| damaged(entry.file_name())));
    std::fs::write(folder.path().join("log"), "").expect("a log");
    let serving = Serving::start_in(folder, &[]);
    assert_eq!(serving.rooms().len(), 0);
    assert!(!serving.log().contains("ERROR"), "{}", serving.log());
    assert!(serving.get("/metrics").body.contains("\nframekeep_rooms_recovered_total 0\n"));
}

#[test]
fn a_server_that_drains_ends_when_the_last_match_does() {
    let (serving, mut ada, _bob) = playing(&[]);
    let drained = serving.operate("POST", "/admin/v1/drain", "{\"grace_s\":3600}");
    assert_eq!(drained.status, 202, "{}", drained.body);
    ada.ask("abort", json!({}));
    assert_eq!(serving.end(), 0);
}

#[test]
fn a_server_on_which_nothing_runs_ends_at_once() {
    let serving = Serving::start(&[]);
    serving.signal(Signal::SIGTERM);
    assert_eq!(serving.end(), 0);
}
