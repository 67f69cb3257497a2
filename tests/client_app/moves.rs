//! Apps whose room goes on at another node.

use framekeep_client::prelude::{ActiveMatch, ConnectionState};
use framekeep_client::{Connection, Reason};
use framekeep_games::arena::Arena;
use framekeep_protocol::RoomName;
use framekeep_server::{Rooms, Stage, move_room};
use framekeep_tests::Apps;

use super::rooms::{Log, logged};
use super::{Told, arena_app, games, is_playing};

/// The match at the second server.
fn stage(apps: &Apps) -> Option<&Stage> {
    let world = apps.second.as_ref()?.0.world();
    world.get::<Stage>(world.resource::<Rooms>().get(&RoomName::try_from("brawl").unwrap())?)
}

/// Two apps whose room has just gone to the second server.
fn moved(seed: u64, link: &'static str) -> Apps {
    let mut apps = Apps::new(seed, games(), |config| config.node = "node-0".to_owned());
    apps.start_second(games());
    for number in 0..2 {
        apps.come(&format!("p{number}"), 60, logged(arena_app(seed + number, 2, link)));
    }
    apps.run_until("both play", |apps| is_playing(apps, 0) && is_playing(apps, 1));
    apps.run_for(3.0);
    let room = RoomName::try_from("brawl").unwrap();
    move_room(apps.server.world_mut(), &room, "node-1").unwrap();
    apps.run_until("it is there", |apps| stage(apps).is_some() && apps.stage("brawl").is_none());
    apps.run_for(1.0);
    apps
}

#[test]
fn a_room_that_moves_is_followed_without_a_word_to_the_player() {
    for (seed, link) in [(81, "wifi"), (83, "delay=60,jitter=20,loss=2")] {
        let apps = moved(seed, link);
        for number in 0..2 {
            let connection = apps.of::<Connection>(number);
            assert_eq!((connection.state(), connection.moves()), (ConnectionState::Online, 1));
            assert_eq!(connection.reconnections(), 0, "nothing was lost");
            let play = apps.of::<ActiveMatch<Arena>>(number).rollback().expect("a match");
            let tick = play.confirmed().tick();
            let expected = stage(&apps).and_then(|stage| stage.hash_at(tick));
            assert_eq!(Some(play.confirmed_hash() as u32), expected.map(|hash| hash as u32), "tick {tick}");
            assert_eq!(apps.of::<Told>(number).desyncs, 0);
            let log = apps.of::<Log>(number);
            assert_eq!(log.failed, [], "app {number}");
            assert_eq!(log.skipped.len(), 0, "the match goes on, it does not begin again");
        }
    }
}

#[test]
fn whoever_comes_back_to_where_the_room_was_is_sent_after_it() {
    let mut apps = moved(85, "wifi");
    apps.restart(1);
    apps.run_until("it plays again", |apps| {
        let play = apps.of::<ActiveMatch<Arena>>(1).confirmed().map(|play| play.tick());
        play.zip(stage(apps)).is_some_and(|(own, stage)| stage.tick().since(own) < 30)
    });
    apps.run_for(2.0);
    let log = apps.of::<Log>(1);
    assert!(!log.failed.iter().any(|reason| matches!(reason, Reason::Left(_))), "{:?}", log.failed);
    let world = apps.server.world();
    assert!(world.resource::<Rooms>().is_empty(), "no other room of its name was opened");
}
