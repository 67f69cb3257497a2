//! A server is killed and another one takes its rooms over: in virtual time, over the production server.

mod times;

use std::fs::{self, OpenOptions};
use std::path::{Path, PathBuf};

use framekeep_journal::{
    EndReason, Record, Replay, RoomState, SegmentHeader, SegmentReader, SegmentWriter, Verifier,
};
use framekeep_protocol::{ClosedReason, PlayerId, Refusal, RoomPhase, ToServer};
use framekeep_server::{Counters, Recorder, list_rooms};
use framekeep_tests::{Client, Scenario};

fn on(folder: &Path, seed: u64) -> Scenario {
    Scenario::with_config(seed, |config| config.data = Some(folder.to_owned()))
}

fn files(folder: &Path, of: &str) -> Vec<PathBuf> {
    let mut files: Vec<_> =
        fs::read_dir(folder.join(of)).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

/// The only replay there is, played again.
fn verified(folder: &Path) -> Replay {
    let replays = files(folder, "replays");
    assert_eq!(replays.len(), 1, "{replays:?}");
    let replay = Replay::read(fs::read(&replays[0]).unwrap()).unwrap();
    let verified = Verifier::new(framekeep_games::registry()).verify(&replay, &mut |_, _| {}).unwrap();
    assert_eq!(verified.ticks, replay.end().ticks);
    replay
}

fn come_back(play: &mut Scenario) {
    for number in 0..play.clients.len() {
        play.reconnect(number);
    }
}

/// Tick and hash of a room's match.
fn place(play: &Scenario, room: &str) -> (u32, Option<u64>) {
    let stage = play.stage(room).unwrap();
    (stage.tick().0, stage.hash_at(stage.tick()))
}

#[test]
fn a_match_goes_on_at_the_tick_at_which_its_server_was_killed() {
    let folder = tempfile::tempdir().unwrap();
    let mut play = on(folder.path(), 71).room("duel", 2);
    play.run_for(5.0);
    for _ in 0..3 {
        let before = place(&play, "duel");
        play.restart();
        assert_eq!(place(&play, "duel"), before);
        play.run_for(1.0);
        assert_eq!(place(&play, "duel"), before, "it stands still until somebody is back");
        let still = format!("a match stands still at tick {} until one of its players is back", before.0);
        let holds = list_rooms(play.server.world())[0].holds.clone();
        assert!(holds.iter().any(|hold| hold.what == still), "{holds:?}");
        come_back(&mut play);
        play.run_until("everybody plays", |play| play.clients.iter().all(|client| client.hashes.len() > 30));
        play.assert_all_agree();
        assert_eq!(play.server.world().resource::<Counters>().rooms_recovered, 1);
        assert_eq!(files(folder.path(), "journal").len(), 1, "the journal before it is not needed");
    }
    play.run_until("ended", |play| play.clients.iter().all(|client| client.ended.len() == 1));
    play.run_until("put away", |play| play.stage("duel").is_none());
    play.assert_all_agree();
    play.server.shut_down().unwrap();
    let replay = verified(folder.path());
    assert_eq!(replay.end().reason, EndReason::Outcome);
}

#[test]
fn nobody_comes_back_and_the_match_is_sealed_when_the_grace_is_over() {
    let folder = tempfile::tempdir().unwrap();
    let mut play = on(folder.path(), 72).room("duel", 2);
    play.run_for(5.0);
    let (ticks, _) = place(&play, "duel");
    play.restart();
    play.clients.iter_mut().for_each(Client::vanish);
    play.run_for(29.0);
    assert!(play.stage("duel").is_some());
    play.run_until("put away", |play| play.stage("duel").is_none());
    play.server.shut_down().unwrap();
    let replay = verified(folder.path());
    assert_eq!((replay.end().ticks.0, replay.end().reason), (ticks, EndReason::Aborted));
}

#[test]
fn one_comes_back_and_plays_while_the_seat_of_the_other_is_held() {
    let folder = tempfile::tempdir().unwrap();
    let mut play = on(folder.path(), 73).room("duel", 2);
    play.run_for(5.0);
    let (ticks, _) = place(&play, "duel");
    play.restart();
    play.reconnect(0);
    play.clients[1].vanish();
    play.run_for(10.0);
    assert!(place(&play, "duel").0 > ticks + 200);
    play.reconnect(1);
    play.run_until("both play", |play| play.clients.iter().all(|client| client.hashes.len() > 30));
    play.assert_all_agree();
    assert_eq!(play.room_of("duel").unwrap().roster().taken(), 2);
}

#[test]
fn rooms_between_matches_come_back_with_their_seats() {
    let folder = tempfile::tempdir().unwrap();
    let mut play = on(folder.path(), 74).room("duel", 2);
    let waiting = play.come("lonely");
    play.run_until("connected", |play| play.clients[waiting].is_connected());
    play.clients[waiting].join("waiting", 2);
    play.run_for(50.0);
    play.run_until("ended", |play| play.clients[..2].iter().all(|client| client.ended.len() == 1));
    play.run_until("put away", |play| play.stage("duel").is_none());
    let lobbies = |play: &Scenario| ["duel", "waiting"].map(|room| play.room_of(room).unwrap().lobby.state());
    let mut before = lobbies(&play);
    let told =
        play.clients[0].room.as_ref().unwrap().event.max(play.clients[0].events.last().unwrap().number);
    play.restart();
    // Nobody is there yet.
    before.iter_mut().flat_map(|lobby| &mut lobby.seats).for_each(|(_, taken)| taken.present = false);
    assert_eq!(lobbies(&play), before);
    assert_eq!(before[0].phase, RoomPhase::Finished);
    come_back(&mut play);
    play.run_until("back", |play| play.clients.iter().all(|client| client.room.is_some()));
    play.clients[0].say(&ToServer::PlayAgain);
    play.run_until("another match", |play| play.stage("duel").is_some_and(|stage| stage.tick().0 > 30));
    assert!(play.clients[0].room.as_ref().unwrap().event > told, "no number is used twice");
    play.assert_all_agree();
}

#[test]
fn a_room_to_which_nobody_comes_back_at_once_stays_open_for_a_while() {
    let folder = tempfile::tempdir().unwrap();
    let mut play = on(folder.path(), 75);
    let waiting = play.come("lonely");
    play.run_until("connected", |play| play.clients[waiting].is_connected());
    play.clients[waiting].join("waiting", 2);
    play.run_for(2.0);
    play.restart();
    play.run_for(120.0);
    assert_eq!(play.room_of("waiting").unwrap().roster().taken(), 0, "the seat was held for its time");
    play.run_for(240.0);
    assert!(play.room_of("waiting").is_none());
}

#[test]
fn a_journal_that_ends_anywhere_gives_the_match_up_to_there() {
    let folder = tempfile::tempdir().unwrap();
    let mut play = on(folder.path(), 75).room("duel", 2);
    play.run_for(8.0);
    let (ticks, _) = place(&play, "duel");
    drop(play);
    let segment = files(folder.path(), "journal").remove(0);
    let bytes = fs::read(&segment).unwrap();
    let mut reached = Vec::new();
    for cut in [0, 1, 20, 400, 3_000, bytes.len() / 2, bytes.len() - 31] {
        let other = tempfile::tempdir().unwrap();
        fs::create_dir_all(other.path().join("journal")).unwrap();
        let copy = other.path().join("journal").join(segment.file_name().unwrap());
        fs::write(&copy, &bytes[..bytes.len() - cut]).unwrap();
        let play = on(other.path(), 76);
        reached.push(play.stage("duel").map(|stage| stage.tick().0));
    }
    assert_eq!(reached[0], Some(ticks));
    assert_eq!(reached[1], Some(ticks - 1));
    assert!(reached.is_sorted_by(|a, b| a >= b), "{reached:?}");
    assert!(reached[5].is_some(), "{reached:?}");
    assert_eq!(reached[6], None, "of a header alone there is no room");
}

#[test]
fn a_flipped_bit_ends_the_match_there_and_the_damaged_segment_is_kept() {
    let folder = tempfile::tempdir().unwrap();
    let mut play = on(folder.path(), 77).room("duel", 2);
    play.run_for(8.0);
    let (ticks, _) = place(&play, "duel");
    drop(play);
    let segment = files(folder.path(), "journal").remove(0);
    let mut bytes = fs::read(&segment).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 4;
    fs::write(&segment, &bytes).unwrap();
    let play = on(folder.path(), 78);
    let reached = play.stage("duel").unwrap().tick().0;
    assert!(reached > 30 && reached < ticks, "{reached} of {ticks}");
    drop(play);
    let kept =
        files(folder.path(), "journal").into_iter().filter(|path| path.extension().unwrap() == "damaged");
    assert_eq!(kept.count(), 1);
}

#[test]
fn a_journal_of_other_rules_is_sealed_and_not_played_on() {
    let folder = tempfile::tempdir().unwrap();
    let mut play = on(folder.path(), 79).room("duel", 2);
    play.run_for(5.0);
    let (ticks, _) = place(&play, "duel");
    drop(play);
    patch_fingerprint(folder.path());
    let play = on(folder.path(), 80);
    assert!(play.stage("duel").is_none());
    assert_eq!(play.room_of("duel").unwrap().lobby.phase(), RoomPhase::Finished);
    play.server.shut_down().unwrap();
    let replay = Replay::read(fs::read(&files(folder.path(), "replays")[0]).unwrap()).unwrap();
    assert_eq!((replay.end().ticks.0, replay.end().reason), (ticks, EndReason::Failed));
}

/// Writes the journal again as if other rules had played its matches.
fn patch_fingerprint(folder: &Path) {
    let segment = files(folder, "journal").remove(0);
    let bytes = fs::read(&segment).unwrap();
    let mut reader = SegmentReader::open(&bytes[..]).unwrap();
    let mut writer = SegmentWriter::new(Vec::new(), reader.header());
    while let Some(entry) = reader.next_entry().unwrap() {
        let mut record = entry.record;
        if let Record::MatchStarted(started) = &mut record {
            started.header.fingerprint ^= 1;
        }
        assert!(writer.append(entry.room, &record));
    }
    writer.flush().unwrap();
    let mut file = OpenOptions::new().write(true).truncate(true).open(&segment).unwrap();
    std::io::Write::write_all(&mut file, &writer.into_inner()).unwrap();
}

#[test]
fn a_server_that_stops_in_order_leaves_no_room_behind() {
    let folder = tempfile::tempdir().unwrap();
    let mut play = on(folder.path(), 81).room("duel", 2);
    play.run_for(2.0);
    play.restart();
    play.run_for(1.0);
    play.server.shut_down().unwrap();
    let next = on(folder.path(), 82);
    assert!(next.room_of("duel").is_none());
    assert_eq!(next.server.world().resource::<Recorder>().failures(), 0);
}

#[test]
fn the_name_of_a_closed_room_stays_taken_over_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let mut play = on(folder.path(), 83).room("duel", 2);
    play.run_for(1.0);
    play.clients[0].say(&ToServer::Close);
    play.run_until("closed", |play| play.room_of("duel").is_none());
    play.run_for(1.0);
    play.restart();
    for number in [1, 0] {
        play.reconnect(number);
        play.run_until("connected", |play| play.clients[number].is_connected());
        play.clients[number].refusals.clear();
        play.clients[number].join("duel", 2);
        play.run_for(0.5);
    }
    let refused = |number: usize| play.clients[number].refusals.first();
    assert!(
        matches!(refused(1), Some(Refusal::RoomClosed { reason: ClosedReason::Host, .. })),
        "{:?}",
        refused(1)
    );
    assert_eq!(refused(0), None, "who closed it may open another");
    assert!(play.room_of("duel").is_some());
}

#[test]
fn who_sits_in_two_rooms_of_a_journal_has_a_place_in_one() {
    let folder = tempfile::tempdir().unwrap();
    write_rooms(folder.path(), &[waiting_room(1, 1), waiting_room(2, 1)]);
    let play = on(folder.path(), 84);
    let taken = |room: &str| play.room_of(room).unwrap().roster().taken();
    assert_eq!((taken("room-1"), taken("room-2")), (1, 0), "nobody would ever free the other");
    assert_eq!(play.counters().swept.total(), 0);
}

/// A room in which one player waits.
fn waiting_room(number: u64, player: u64) -> RoomState {
    let mut room = times::room(number);
    room.members.truncate(1);
    room.members[0].player = PlayerId(player);
    RoomState { host: Some(PlayerId(player)), phase: RoomPhase::Waiting, ..room }
}

fn write_rooms(folder: &Path, rooms: &[RoomState]) {
    fs::create_dir_all(folder.join("journal")).unwrap();
    let mut writer = SegmentWriter::new(Vec::new(), SegmentHeader { node: 1, sequence: 0 });
    for (number, room) in (1..).zip(rooms) {
        writer.append(number, &Record::Room(Box::new(room.clone())));
    }
    writer.flush().unwrap();
    fs::write(folder.join("journal/000000000000.fkj"), writer.into_inner()).unwrap();
}
