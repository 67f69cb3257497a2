//! Tests of what players may open, and what it costs them.

use framekeep_protocol::{RoomOptions, ToServer};

use super::*;
use crate::drill;
use crate::seating::tests::{ADA, come, server};

fn wish(room: &str) -> JoinRoom {
    JoinRoom::seat(room.parse().unwrap(), Some(RoomOptions::new("arena", 2)))
}

#[test]
fn names_of_matches_are_the_servers_own() {
    let mut server = server(|_| {});
    let link = come(&mut server, ADA);
    let said = drill::say(server.world_mut(), link, &ToServer::Join(wish("match-7-0a")));
    assert!(matches!(said, Some(Refusal::NameReserved { .. })), "{said:?}");
    assert!(!may_open(server.world_mut(), link, &wish("match-7-0a")));
    assert_eq!(drill::say(server.world_mut(), link, &ToServer::Join(wish("matches"))), None);
}

#[test]
fn a_name_is_claimed_only_for_a_room_that_its_player_may_open_and_pays_for_once() {
    let mut server = server(|_| {});
    let link = come(&mut server, ADA);
    let world = server.world_mut();
    let mut unsound = wish("den");
    unsound.create = Some(RoomOptions { content: "nowhere".to_owned(), ..RoomOptions::new("arena", 2) });
    assert!(!may_open(world, link, &unsound));
    assert!(!may_open(world, link, &JoinRoom { create: None, ..wish("den") }));
    let limit = crate::limits::ROOMS_OPENED.times;
    for nth in 0..limit {
        let wish = wish(&format!("den-{nth}"));
        assert!(may_open(world, link, &wish) && may_open(world, link, &wish), "asked twice, paid once");
    }
    assert!(!may_open(world, link, &wish("one-more")), "that was all it may");
    let last = wish(&format!("den-{}", limit - 1));
    assert_eq!(drill::say(world, link, &ToServer::Join(last)), None, "what is paid for is opened");
    assert!(!may_open(world, link, &wish("another")), "who sits in a room opens none");
}
