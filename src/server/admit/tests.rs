//! How links end: too slow, idle, or not at all.

use std::time::Duration;

use framekeep_protocol::{PlayerId, ToServer};

use super::*;
use crate::seating::tests::{ADA, BEGIN, come, join, server, told};
use crate::{Server, drill};

/// Fills the lane of a link to its end with what it must be told.
fn fill(server: &mut Server, link: Entity) {
    let long = "x".repeat(200);
    let room = Refusal::NoSuchRoom { room: "den".parse().unwrap() };
    for _ in 0..20_000 {
        tell(server.world_mut(), link, &ToClient::Refused(room.clone()));
        let event = framekeep_protocol::RoomEventKind::Chat { player: None, text: long.clone() };
        let event = framekeep_protocol::RoomEvent { number: 1, kind: event };
        tell(server.world_mut(), link, &ToClient::Event(event));
    }
}

#[test]
fn a_link_that_cannot_take_what_it_must_be_told_is_closed_as_too_slow() {
    let mut server = server(|_| {});
    let link = come(&mut server, ADA);
    assert_eq!(drill::say(server.world_mut(), link, &join(false)), None);
    fill(&mut server, link);
    close_waiting(server.world_mut());
    assert!(matches!(server.world().get::<Link>(link).unwrap().stage, LinkStage::Closing { .. }));
    assert_eq!(server.world().resource::<Counters>().links_too_slow, 1);
    let heard = told(&mut server, link);
    assert_eq!(heard.last(), Some(&ToClient::Closing { reason: CloseReason::TooSlow }), "{}", heard.len());
    server.pump_at(BEGIN + SLOW_LINGER);
    assert!(server.world().get::<Link>(link).is_none());
    assert!(server.world().resource::<Players>().get(ADA).is_some(), "the seat is held");
}

/// A player and a watcher of a match that has just begun.
fn watched() -> (Server, Entity, Entity) {
    let mut server = server(|config| config.idle_kick = Duration::from_secs(300));
    let (ada, eve) = (come(&mut server, ADA), come(&mut server, PlayerId(2)));
    let bob = come(&mut server, PlayerId(3));
    let world = server.world_mut();
    for (link, watches) in [(ada, false), (eve, true), (bob, false)] {
        assert_eq!(drill::say(world, link, &join(watches)), None);
    }
    (server, bob, eve)
}

#[test]
fn who_watches_a_match_is_not_idle_and_who_plays_none_of_it_is() {
    let (mut server, bob, eve) = watched();
    let now = BEGIN + Duration::from_secs(301);
    server.world_mut().resource_mut::<Clock>().set(now);
    for link in [bob, eve] {
        close_if_idle(server.world_mut(), link);
    }
    let is_closing = |server: &Server, link| {
        matches!(server.world().get::<Link>(link).unwrap().stage, LinkStage::Closing { .. })
    };
    assert!(is_closing(&server, bob) && !is_closing(&server, eve));
    let room = server.world().resource::<Rooms>().get(&"den".parse().unwrap()).unwrap();
    rooms::close(server.world_mut(), room, framekeep_protocol::ClosedReason::Server);
    close_if_idle(server.world_mut(), eve);
    assert!(!is_closing(&server, eve), "the time counts from the end of the match");
    server.world_mut().resource_mut::<Clock>().set(now + Duration::from_secs(300));
    close_if_idle(server.world_mut(), eve);
    assert!(is_closing(&server, eve));
    assert_eq!(
        drill::say(server.world_mut(), eve, &ToServer::Start),
        None,
        "nothing is heard of it any more"
    );
}
