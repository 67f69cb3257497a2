//! Commands given while the link is dying: they arrive, or are answered.

use std::time::Duration;

use framekeep_client::prelude::{ActiveMatch, ClientCommand, ConnectionState, RoomState};
use framekeep_client::{Connection, JoinRoom, PlayMode, Reason};
use framekeep_games::arena::Arena;
use framekeep_protocol::RoomOptions;
use framekeep_tests::Apps;

use super::rooms::{Log, command, logged, room_state};
use super::{arena_app, games, is_playing};

/// Two apps that play, on a server that holds seats for two minutes.
fn duel(seed: u64) -> Apps {
    let mut apps = Apps::new(seed, games(), |config| config.reconnect_grace = Duration::from_secs(120));
    for number in 0..2 {
        apps.come(&format!("p{number}"), 60, logged(arena_app(seed + number, 2, "lan")));
    }
    apps.run_until("both play", |apps| is_playing(apps, 0) && is_playing(apps, 1));
    apps.run_for(3.0);
    apps
}

fn other_room() -> ClientCommand {
    ClientCommand::Join(JoinRoom::seat("other".parse().unwrap(), Some(RoomOptions::new("arena", 2))))
}

fn room_of(apps: &Apps, number: usize) -> Option<String> {
    apps.of::<Connection>(number).room().map(|room| room.name.to_string())
}

/// Checks that app 0 has left for good, and that the other was told so.
fn assert_has_left(apps: &Apps, what: &str) {
    assert_eq!(apps.of::<Connection>(0).state(), ConnectionState::Online, "{what}");
    assert_eq!(room_state(apps, 0), RoomState::Outside, "{what}");
    assert_eq!(apps.of::<ActiveMatch<Arena>>(0).mode(), PlayMode::Idle, "{what}");
    assert_eq!(apps.of::<Connection>(1).room().unwrap().members.len(), 1, "{what}");
    assert_eq!(apps.of::<Log>(0).failed, [], "{what}");
}

#[test]
fn what_is_said_after_the_port_has_changed_arrives_once() {
    for ms in [20, 100, 200, 350, 450, 600] {
        let mut apps = duel(61);
        apps.apps[0].net.rebind();
        apps.run_for(f64::from(ms) / 1e3);
        command(&mut apps, 0, ClientCommand::Chat("well met".to_owned()));
        apps.run_for(4.0);
        assert_eq!(apps.of::<Log>(1).chat, ["well met"], "said after {ms} ms");
        assert_eq!(apps.of::<Log>(0).failed, [], "said after {ms} ms");
    }
}

#[test]
fn who_leaves_while_the_link_is_dying_has_left() {
    for ms in [20, 100, 200, 350, 450, 600] {
        let mut apps = duel(62);
        apps.apps[0].net.rebind();
        apps.run_for(f64::from(ms) / 1e3);
        command(&mut apps, 0, ClientCommand::Leave);
        apps.run_for(4.0);
        assert_has_left(&apps, &format!("after {ms} ms"));
    }
}

#[test]
fn who_leaves_while_the_link_is_replaced_has_left() {
    for seconds in [1.0, 25.0] {
        let mut apps = duel(63);
        apps.apps[0].is_deaf = true;
        apps.run_for(seconds);
        assert_eq!(apps.of::<Connection>(0).state(), ConnectionState::Reconnecting);
        command(&mut apps, 0, ClientCommand::Leave);
        apps.run_for(0.1);
        apps.apps[0].is_deaf = false;
        apps.apps[0].app.world_mut().resource_mut::<Log>().failed.clear();
        apps.run_until("it is online", |apps| {
            apps.of::<Connection>(0).state() == ConnectionState::Online
                && room_state(apps, 0) == RoomState::Outside
        });
        apps.apps[0].app.world_mut().resource_mut::<Log>().failed.clear();
        apps.run_for(3.0);
        assert_has_left(&apps, &format!("after {seconds} s"));
    }
}

#[test]
fn another_room_is_joined_in_the_place_of_the_one_that_is_left() {
    // With the link as it is, while it is dying, and without one; said as two commands, or as one without a link.
    for (deaf, leaves) in [(0.0, true), (0.2, true), (1.0, true), (25.0, true), (25.0, false)] {
        let mut apps = duel(64);
        apps.apps[0].is_deaf = deaf > 0.0;
        apps.run_for(deaf);
        if leaves {
            command(&mut apps, 0, ClientCommand::Leave);
        }
        command(&mut apps, 0, other_room());
        apps.run_for(0.1);
        apps.apps[0].is_deaf = false;
        apps.run_for(12.0);
        assert_eq!(room_of(&apps, 0).as_deref(), Some("other"), "deaf for {deaf} s, leaves: {leaves}");
        assert_eq!(apps.of::<Connection>(1).room().unwrap().members.len(), 1);
        let failed = &apps.of::<Log>(0).failed;
        assert!(!failed.iter().any(|reason| matches!(reason, Reason::Refused(_))), "{failed:?}");
    }
}

#[test]
fn what_can_no_longer_be_said_is_answered() {
    let mut apps = duel(65);
    apps.apps[0].is_deaf = true;
    apps.run_for(0.1);
    command(&mut apps, 0, ClientCommand::Chat("is anybody there?".to_owned()));
    apps.run_for(0.1);
    command(&mut apps, 0, ClientCommand::Disconnect);
    apps.run_for(2.0);
    let failed = &apps.of::<Log>(0).failed;
    assert_eq!(*failed, [Reason::NotConnected]);
}
