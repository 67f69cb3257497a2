//! Rooms that move from node to node while they are played.

use std::time::Duration;

use framekeep_client::LinkState;
use framekeep_server::{MoveOutcome, Moves, drill};
use framekeep_tests::{Nodes, room};

/// A tick of the rooms.
const TICK: Duration = Duration::from_nanos(1_000_000_000 / 30);

/// On which nodes a room is; on one that has taken it and does not own it, it does not count.
fn owners(nodes: &mut Nodes, room: &str) -> Vec<usize> {
    (0..2).filter(|node| nodes.is_up(*node) && nodes.owns(*node, room)).collect()
}

#[test]
fn a_room_goes_on_at_another_node() {
    let mut nodes = Nodes::new(1, 2, None).link("wifi");
    nodes.rooms(1, 2);
    nodes.run_for(5.0);
    let before = nodes.stage(0, &room(0)).map(|stage| stage.tick()).unwrap();
    nodes.send(&room(0), 0, 1);
    nodes.run_until("it is there", |nodes| nodes.stage(1, &room(0)).is_some());
    assert!(nodes.stage(1, &room(0)).unwrap().tick() > before);
    nodes.run_for(5.0);
    assert!(nodes.room_of(0, &room(0)).is_none(), "it is at one node only");
    for client in &nodes.clients {
        assert_eq!((client.crossings, client.snapshots), (1, 0), "{:?}", client.state());
        assert!(client.is_connected());
    }
    assert!(nodes.stage(1, &room(0)).unwrap().tick() > before.later(200));
    nodes.assert_all_agree();
}

#[test]
fn a_room_that_one_node_does_not_take_goes_to_the_next() {
    let mut nodes = Nodes::new(2, 2, None);
    nodes.rooms(1, 2);
    nodes.run_for(2.0);
    nodes.send_to_any(&room(0), 0, 1);
    nodes.run_until("it is there", |nodes| nodes.stage(1, &room(0)).is_some());
    nodes.run_for(2.0);
    assert!(nodes.room_of(0, &room(0)).is_none(), "it is at one node only");
    assert_eq!(nodes.server(0).world().resource::<Moves>().moves_given_up, 1);
    assert!(nodes.clients.iter().all(|client| client.crossings == 1 && client.is_connected()));
    nodes.assert_all_agree();
}

/// Moves every room to and fro, and gives the longest time that each client saw without a new frame in each move.
fn to_and_fro(nodes: &mut Nodes, rooms: usize, times: usize) -> Vec<Duration> {
    let mut pauses = Vec::new();
    for turn in 0..times {
        let (from, to) = (turn % 2, (turn + 1) % 2);
        for client in &mut nodes.clients {
            client.longest_pause = Duration::ZERO;
        }
        for number in 0..rooms {
            nodes.send(&room(number), from, to);
        }
        nodes.run_until("all rooms have moved", |nodes| {
            (0..rooms).all(|number| nodes.room_of(from, &room(number)).is_none())
                && !nodes.server(to).world().resource::<Moves>().is_busy()
                && !nodes.server(from).world().resource::<Moves>().is_busy()
        });
        nodes.run_for(1.0);
        pauses.extend(nodes.clients.iter().map(|client| client.longest_pause));
    }
    pauses.sort_unstable();
    pauses
}

/// The pause of a client in ticks that a share of all does not exceed, beyond the tick that there always is.
fn percentile(pauses: &[Duration], percent: usize) -> f64 {
    let at = pauses[(pauses.len() - 1) * percent / 100];
    at.saturating_sub(TICK).as_secs_f64() / TICK.as_secs_f64()
}

#[test]
fn a_hundred_moves_under_load_cost_no_desync_and_no_seat() {
    let (rooms, seats, times) = (10, 4, 10);
    let mut nodes = Nodes::new(2, 2, None).link("loss=2,delay=25,jitter=5");
    nodes.rooms(rooms, seats);
    nodes.run_for(5.0);
    let pauses = to_and_fro(&mut nodes, rooms, times);
    println!(
        "{} moves, {} clients: pause p50 {:.1}, p99 {:.1}, most {:.1} ticks",
        rooms * times,
        nodes.clients.len(),
        percentile(&pauses, 50),
        percentile(&pauses, 99),
        percentile(&pauses, 100)
    );
    nodes.assert_all_agree();
    for number in 0..rooms {
        let room = nodes.room_of(times % 2, &room(number)).unwrap();
        assert_eq!(room.roster().seats().iter().flatten().count(), usize::from(seats));
    }
    for client in &nodes.clients {
        assert!(client.is_connected() && client.play.is_some());
        assert_eq!(client.crossings as usize, times, "every move was followed over a second link");
    }
    assert!(percentile(&pauses, 99) <= 3.0, "a pause of {:.1} ticks", percentile(&pauses, 99));
}

#[test]
fn a_move_that_is_refused_leaves_the_room_where_it_is() {
    let mut nodes = Nodes::new(3, 2, None).link("wifi");
    nodes.rooms(1, 2);
    nodes.run_for(3.0);
    nodes.kill(1);
    nodes.send(&room(0), 0, 1);
    nodes.run_for(30.0);
    let name = room(0).parse().unwrap();
    let outcome = nodes.server(0).world().resource::<Moves>().outcome(&name);
    assert!(matches!(outcome, Some(MoveOutcome::Stayed { .. })), "{outcome:?}");
    assert_eq!(owners(&mut nodes, &room(0)), [0]);
    nodes.assert_all_agree();
}

/// What became of a move of which the first node writes in another version from the `nth` letter on.
fn misread_from(nth: usize) -> Option<MoveOutcome> {
    let mut nodes = Nodes::new(200 + nth as u64, 2, None).link("wifi");
    nodes.rooms(1, 2);
    nodes.run_for(1.0);
    nodes.other_version_from = Some((nth, 7));
    nodes.send(&room(0), 0, 1);
    let name = room(0).parse().unwrap();
    let outcome = |nodes: &Nodes| nodes.server(0).world().resource::<Moves>().outcome(&name);
    nodes.run_until("it is known what becomes of it", |nodes| {
        !matches!(outcome(nodes), None | Some(MoveOutcome::Going { .. }))
    });
    let became = outcome(&nodes);
    if matches!(became, Some(MoveOutcome::Stayed { .. })) {
        assert_eq!(owners(&mut nodes, &room(0)), [0], "letter {nth}");
        let before = nodes.stage(0, &room(0)).map(|stage| stage.tick());
        nodes.run_for(2.0);
        assert!(nodes.stage(0, &room(0)).map(|stage| stage.tick()) > before, "letter {nth}: it stands still");
        assert!(nodes.room_of(1, &room(0)).is_none(), "letter {nth}: it is at one node only");
        nodes.assert_all_agree();
    }
    became
}

#[test]
fn what_a_node_of_another_version_says_is_refused_with_the_reason_and_the_room_stays() {
    let mut stayed = 0;
    for nth in 1.. {
        match misread_from(nth) {
            Some(MoveOutcome::Stayed { why }) => assert!(why.contains("version 7"), "letter {nth}: {why}"),
            // What cannot be read came after the decision.
            _ => break,
        }
        stayed = nth;
    }
    assert!(stayed >= 3, "the offer and the hand-over are among them: {stayed} letters");
}

/// Kills a node right after the `nth` letter was posted, runs on, starts it again.
fn killed_at(nth: usize, victim: usize) -> Option<Nodes> {
    let folder = tempfile::tempdir().unwrap();
    let seed = 100 + nth as u64 * 2 + victim as u64;
    let mut nodes = Nodes::new(seed, 2, Some(folder.path().to_owned())).link("wifi");
    nodes.rooms(1, 2);
    for client in &mut nodes.clients {
        client.reconnects = true;
    }
    nodes.run_for(1.0);
    nodes.send(&room(0), 0, 1);
    nodes.kill_at = Some((nth, victim));
    nodes.run_for(4.0);
    if nodes.is_up(victim) {
        return None;
    }
    assert!(owners(&mut nodes, &room(0)).len() <= 1, "letter {nth}, node {victim} killed");
    nodes.revive(victim);
    for _ in 0..1_000 {
        nodes.turn();
        let owners = owners(&mut nodes, &room(0));
        assert!(owners.len() <= 1, "letter {nth}, node {victim} was killed: owned by {owners:?}");
    }
    nodes.run_for(5.0);
    let owned = owners(&mut nodes, &room(0));
    println!("letter {nth}, node {victim} killed: the room is at {owned:?}");
    assert_eq!(owned.len(), 1, "letter {nth}, node {victim} was killed: owned by {owned:?}");
    let room = nodes.room_of(owned[0], &room(0)).unwrap();
    assert_eq!(room.roster().seats().iter().flatten().count(), 2, "letter {nth}, node {victim}: seats");
    nodes.assert_all_agree();
    let tick = |nodes: &Nodes| nodes.stage(owned[0], "room-0").map(|stage| stage.tick());
    let before = tick(&nodes);
    nodes.run_for(1.0);
    assert!(tick(&nodes) > before, "letter {nth}, node {victim} was killed: the match stands still");
    Some(nodes)
}

#[test]
fn whoever_is_killed_and_when_exactly_one_node_owns_the_room() {
    for victim in 0..2 {
        let mut steps = 0;
        while killed_at(steps + 1, victim).is_some() {
            steps += 1;
        }
        assert!(steps >= 6, "node {victim} was killed at {steps} steps only");
    }
}

/// A room goes while one of its players comes back, so many turns after it was sent, and its server ends as soon as it
/// has drained. Gives how often each player followed the room.
fn comes_back_after(turns: u64) -> [u32; 2] {
    let mut nodes = Nodes::new(300 + turns, 2, None);
    nodes.rooms(1, 2);
    nodes.run_for(2.0);
    nodes.clients[1].vanish();
    // Longer than a link may be silent, and not as long as a seat is held.
    nodes.run_for(12.0);
    nodes.send(&room(0), 0, 1);
    drill::drain(nodes.server_mut(0).world_mut(), Duration::from_secs(60));
    (0..turns).for_each(|_| nodes.turn());
    nodes.connect(1, 0);
    while !drill::is_drained(nodes.server_mut(0).world_mut()) {
        nodes.turn();
    }
    // What it said last arrives.
    nodes.run_for(0.2);
    nodes.kill(0);
    nodes.run_for(2.0);
    nodes.assert_all_agree();
    assert_eq!(owners(&mut nodes, &room(0)), [1]);
    [0, 1].map(|number: usize| nodes.clients[number].crossings)
}

#[test]
fn whoever_comes_back_while_the_room_goes_is_sent_after_it_before_the_server_ends() {
    // The room stands still two seconds after it was sent.
    let crossings: Vec<_> = (0..25).map(|turns| comes_back_after(40 * turns)).collect();
    assert!(crossings.iter().all(|crossings| *crossings == [1, 1]), "{crossings:?}");
}

/// Nobody is left on a link on which nothing is said any more.
#[test]
fn whoever_comes_while_the_room_goes_is_let_go_if_the_other_node_says_nothing() {
    let mut nodes = Nodes::new(5, 2, None);
    nodes.rooms(1, 2);
    nodes.run_for(2.0);
    nodes.clients[1].vanish();
    nodes.run_for(12.0);
    nodes.send(&room(0), 0, 1);
    nodes.run_for(0.5);
    nodes.connect(1, 0);
    nodes.clients[1].reconnects = false;
    nodes.run_until("the room has gone", |nodes| nodes.room_of(0, &room(0)).is_none());
    assert!(nodes.clients[1].is_connected());
    nodes.kill(1);
    nodes.run_for(3.0);
    assert!(
        matches!(nodes.clients[1].state(), Some(LinkState::Closed { .. })),
        "{:?}",
        nodes.clients[1].state()
    );
}
