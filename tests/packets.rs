//! Packets of a match: what members are told of scores, to whom, and of whom.

use bevy_ecs::prelude::Entity;
use framekeep_protocol::{RoomEvent, RoomEventKind, ToServer};
use framekeep_server::{BufferedPacket, Clock, PacketKind, Rooms, buffer_packets};
use framekeep_sim::SeatScore;
use framekeep_tests::{Client, Scenario};

/// Seat, score, combo and accuracy as packets hold them.
fn encode(score: &SeatScore) -> Vec<u8> {
    let mut bytes = vec![score.seat];
    bytes.extend(score.score.to_le_bytes());
    bytes.extend(score.combo.to_le_bytes());
    bytes.extend(score.accuracy_permille.to_le_bytes());
    bytes
}

fn entity_of(play: &Scenario, room: &str) -> Entity {
    play.server.world().resource::<Rooms>().get(&room.parse().unwrap()).unwrap()
}

/// Of which seats a room has packets.
fn seats_with_packets(play: &mut Scenario) -> Vec<u8> {
    let world = play.server.world_mut();
    let mut seats: Vec<u8> =
        world.query::<&BufferedPacket>().iter(world).filter_map(|packet| packet.seat).collect();
    seats.sort_unstable();
    seats.dedup();
    seats
}

fn boards(client: &Client) -> Vec<(u64, Vec<SeatScore>)> {
    let board = |event: &RoomEvent| match &event.kind {
        RoomEventKind::Leaderboard(scores) => Some((event.number, scores.clone())),
        _ => None,
    };
    client.events.iter().filter_map(board).collect()
}

fn seats_of(scores: &[SeatScore]) -> Vec<u8> {
    let mut seats: Vec<u8> = scores.iter().map(|score| score.seat).collect();
    seats.sort_unstable();
    seats
}

/// Puts a leaderboard of one seat into a room's buffer.
fn buffer_board(play: &mut Scenario, room: &str, score: &SeatScore) {
    let (entity, tick) = (entity_of(play, room), play.stage(room).unwrap().tick());
    let made_at = play.server.world().resource::<Clock>().now();
    let bytes = encode(score).into();
    let packet = BufferedPacket { kind: PacketKind::Leaderboard, seat: None, tick, made_at, bytes };
    buffer_packets(play.server.world_mut(), entity, vec![packet]);
}

/// A client vanishes and comes back with a new socket.
fn come_back(play: &mut Scenario, client: usize) {
    play.clients[client].vanish();
    play.clients[client].events.clear();
    play.clients[client].address.set_port(50_001);
    play.reconnect(client);
    play.run_until("the link is back", |play| !play.clients[client].events.is_empty());
}

#[test]
fn who_joins_or_returns_is_told_the_newest_leaderboard_that_is_buffered() {
    let mut play = Scenario::new(71).long().room("duel", 2);
    play.run_for(5.0);
    let told = boards(&play.clients[0]);
    assert_eq!(told.len(), 2, "one each two seconds");
    assert_eq!(seats_of(&told[1].1), [0, 1]);
    let faked = SeatScore { seat: 1, score: -77, combo: 3, accuracy_permille: 500 };
    buffer_board(&mut play, "duel", &faked);
    come_back(&mut play, 1);
    let back = boards(&play.clients[1]);
    assert_eq!(back.len(), 1);
    assert_eq!(back[0].1, [faked], "what is sent is what the packet says");
    assert_eq!(back[0].0, play.clients[1].events[0].number, "before anything that happens after the view");
}

#[test]
fn score_frames_are_told_when_they_change_and_leaderboards_have_the_same() {
    let mut play = Scenario::new(72).room("duel", 2);
    play.run_for(1.5);
    let first = play.clients[0].events.iter().find_map(|event| match &event.kind {
        RoomEventKind::Scores(scores) => Some(scores.clone()),
        _ => None,
    });
    assert_eq!(seats_of(&first.expect("the first score frames")), [0, 1]);
    play.run_for(20.0);
    let mut known = std::collections::BTreeMap::new();
    for event in &play.clients[1].events {
        match &event.kind {
            RoomEventKind::Scores(scores) => {
                for score in scores {
                    assert_ne!(
                        known.insert(score.seat, *score),
                        Some(*score),
                        "what is the same is not told"
                    );
                }
            }
            RoomEventKind::Leaderboard(scores) => {
                assert!(scores.iter().all(|score| known.get(&score.seat) == Some(score)), "{scores:?}");
            }
            _ => {}
        }
    }
    assert_eq!(known.len(), 2);
}

#[test]
fn packets_of_a_seat_that_was_left_or_given_up_are_not_made_again() {
    let mut play = Scenario::new(73).long().room("four", 4);
    play.run_for(5.0);
    assert_eq!(seats_with_packets(&mut play), [0, 1, 2, 3]);
    let seat_of = |play: &Scenario, client: usize| play.clients[client].room.as_ref().unwrap().seat;
    let host = (0..4).find(|&client| seat_of(&play, client) == 0).unwrap();
    let others: Vec<usize> = (0..4).filter(|&client| client != host).collect();
    let left = vec![0, seat_of(&play, others[2])];
    play.clients[others[0]].say(&ToServer::Leave);
    play.clients[others[1]].say(&ToServer::Abort);
    play.run_for(0.3);
    assert_eq!(seats_with_packets(&mut play), left);
    play.run_for(6.0);
    assert_eq!(seats_with_packets(&mut play), left, "and not a second later either");
    let newest = boards(&play.clients[host]).pop().unwrap().1;
    assert_eq!(seats_of(&newest), left);
}

#[test]
fn a_leaderboard_is_of_the_match_that_runs() {
    let mut play = Scenario::new(74).long().room("duel", 2);
    play.run_for(5.0);
    play.clients[0].say(&ToServer::Abort);
    play.run_for(0.3);
    play.clients[0].say(&ToServer::PlayAgain);
    play.run_until("the next match", |play| {
        play.stage("duel").is_some_and(|stage| !stage.is_over() && stage.tick().0 > 5)
    });
    come_back(&mut play, 1);
    assert!(boards(&play.clients[1]).is_empty(), "the one of the match before waits for its cleanup");
}
