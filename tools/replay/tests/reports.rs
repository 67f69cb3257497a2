//! Reports of desyncs.

use std::fs;

use framekeep_journal::{DesyncCause, DesyncReport, HashPair, Replay, StateAt};
use framekeep_sim::{AnyMatch, Tick, hash_bytes};

use super::{Exit, Recorded, json, run};

/// The report of a client whose state has one bit flipped at a tick.
fn report(recorded: &Recorded, tick: u32) -> DesyncReport {
    let replay = Replay::read(fs::read(&recorded.file).unwrap()).unwrap();
    let games = framekeep_games::registry();
    let game = games.get("arena").unwrap();
    let state = |tick: u32| {
        let mut bytes = Vec::new();
        replay.seek(&**game, Tick(tick)).unwrap().encode(&mut bytes);
        StateAt { tick: Tick(tick), bytes }
    };
    let (server, base) = (state(tick), state(tick - 20));
    let play: Box<dyn AnyMatch> = replay.seek(&**game, Tick(tick)).unwrap();
    // The first bit whose flip is a state still.
    let client = (0..server.bytes.len()).find_map(|at| {
        let mut client = server.clone();
        client.bytes[at] ^= 1;
        let differs = play.diff(&client.bytes, 8).is_ok_and(|fields| !fields.is_empty());
        differs.then_some(client)
    });
    let client = client.expect("a bit that is of a field");
    let (mut frames, mut recorded_frames) = (Vec::new(), replay.frames_from(Tick(tick - 20)));
    while let Some((frame, _)) = recorded_frames.next_frame().filter(|(frame, _)| frame.tick < Tick(tick)) {
        frames.push(frame.clone());
    }
    DesyncReport {
        header: replay.header().clone(),
        seat: 2,
        player: 3,
        cause: DesyncCause::StateDiffers,
        noticed: Tick(tick + 4),
        first_bad: Tick(tick),
        exact: true,
        hashes: vec![HashPair {
            tick: Tick(tick),
            server: hash_bytes(&server.bytes),
            client: hash_bytes(&client.bytes) as u32,
        }],
        fields: play.diff(&client.bytes, 8).unwrap(),
        server,
        client: Some(client),
        base,
        frames,
        ..DesyncReport::default()
    }
}

#[test]
fn a_report_names_tick_entity_field_and_both_values() {
    let recorded = Recorded::new(120);
    let (report, path) = (report(&recorded, 90), recorded.beside("friday.fkd"));
    fs::write(&path, report.write().unwrap()).unwrap();
    let (exit, explained) = json(&["explain", "--json", &path]);
    assert_eq!((exit, &explained["first_bad"], &explained["seat"]), (Exit::Ok, &90.into(), &2.into()));
    assert_eq!(
        (&explained["here"]["verdict"], &explained["name"]),
        (&"agrees_with_server".into(), &"bot 3".into())
    );
    let field = &report.fields[0];
    assert_eq!(explained["fields"][0]["path"], field.path.as_str());
    let (_, text) = run(&["explain", &path]);
    let line = format!("{}: {} on the server, {} on the client", field.path, field.left, field.right);
    assert!(text.contains(&line) && text.contains("tick 90 (0:03.0); the tick before was good"), "{text}");
    assert!(text.contains("this build agrees with the server"), "{text}");
}

#[test]
fn a_report_may_accuse_the_server() {
    let recorded = Recorded::new(60);
    let (mut report, path) = (report(&recorded, 40), recorded.beside("friday.fkd"));
    std::mem::swap(&mut report.server.bytes, &mut report.client.as_mut().unwrap().bytes);
    fs::write(&path, report.write().unwrap()).unwrap();
    assert!(run(&["explain", &path]).1.contains("this build agrees with the client: look at the server"));
    report.header.fingerprint = 7;
    fs::write(&path, report.write().unwrap()).unwrap();
    assert!(run(&["explain", &path]).1.contains("fingerprint 0000000000000007 in the record"));
}

#[test]
fn a_damaged_report_is_told() {
    let recorded = Recorded::new(60);
    let mut file = report(&recorded, 40).write().unwrap();
    let path = recorded.beside("friday.fkd");
    file[100] ^= 1;
    fs::write(&path, file).unwrap();
    assert_eq!(run(&["explain", &path]).0, Exit::Damaged);
    assert_eq!(run(&["explain", &recorded.beside("nowhere.fkd")]).0, Exit::Failure);
}

#[test]
fn matches_are_formed_again_from_their_log() {
    use framekeep_matchmaking::{Matcher, Mode, Ticket, TicketId};

    let desk = tempfile::tempdir().unwrap();
    let path = desk.path().join("matches.fkmm");
    let mut matcher = Matcher::new(vec![Mode::new("arena", "duel", 2, 1)]).unwrap().with_log();
    for number in [1, 2] {
        let player = framekeep_protocol::PlayerId(number);
        let ticket = Ticket::solo(TicketId(number.into()), "arena", "duel", player, 1_500);
        matcher.submit(0, ticket).unwrap();
    }
    matcher.round(100);
    let log = matcher.take_log();
    fs::write(&path, &log).unwrap();
    let (exit, said) = run(&["matches", "--list", path.to_str().unwrap()]);
    assert_eq!(exit, Exit::Ok);
    assert_eq!(said, "100 1 duel 0000000000000001,0000000000000002\n3 operations, 1 matches: the same\n");
    // What came of the last operation is changed.
    let changed: Vec<u8> = log[..log.len() - 1].iter().copied().chain([log[log.len() - 1] ^ 1]).collect();
    fs::write(&path, &changed).unwrap();
    assert_eq!(run(&["matches", path.to_str().unwrap()]).0, Exit::Disagrees);
}
