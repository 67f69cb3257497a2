//! What a player may do only so often, also with a new link; what a view of a room stands for.

use std::time::Duration;

use framekeep_protocol::{RoomView, ToClient, ToServer};

use super::*;
use crate::limits::{CODES_WRONG, ROOMS_OPENED};
use crate::seating::tests::{ADA, BEGIN, come, join, server, told};
use crate::{Server, control, drill, why_alive};

fn private(name: &str, code: &str, create: bool) -> ToServer {
    let options = RoomOptions { code: "right".to_owned(), ..RoomOptions::new("arena", 2) };
    let join = JoinRoom::seat(name.parse().unwrap(), create.then_some(options));
    ToServer::Join(JoinRoom { code: code.to_owned(), ..join })
}

/// Asks with a new link each time.
fn ask(server: &mut Server, player: PlayerId, message: &ToServer) -> Option<Refusal> {
    let link = come(server, player);
    let refused = control::hear(server.world_mut(), link, &message.encode());
    let _ = ask_to_leave(server, link);
    drill::lose(server.world_mut(), link);
    refused
}

fn ask_to_leave(server: &mut Server, link: Entity) -> Option<Refusal> {
    control::hear(server.world_mut(), link, &ToServer::Leave.encode())
}

#[test]
fn codes_cannot_be_guessed_for_long_whatever_the_link() {
    let mut server = server(|_| {});
    let host = come(&mut server, PlayerId(9));
    assert_eq!(control::hear(server.world_mut(), host, &private("den", "", true).encode()), None);
    let wrong = Some(Refusal::WrongCode { room: "den".parse().unwrap() });
    for guess in 0..CODES_WRONG.times {
        assert_eq!(ask(&mut server, ADA, &private("den", &format!("{guess}"), false)), wrong);
    }
    let too_fast = Some(CODES_WRONG.refusal());
    for code in ["wrong", "right"] {
        assert_eq!(ask(&mut server, ADA, &private("den", code, false)), too_fast, "{code} is not looked at");
    }
    assert_eq!(ask(&mut server, PlayerId(2), &private("den", "right", false)), None, "others come in");
    server.world_mut().resource_mut::<Clock>().set(BEGIN + CODES_WRONG.within);
    assert_eq!(ask(&mut server, ADA, &private("den", "right", false)), None);
}

#[test]
fn who_reconnects_may_not_open_more_rooms_for_that() {
    let mut server = server(|_| {});
    for room in 0..ROOMS_OPENED.times {
        assert_eq!(ask(&mut server, ADA, &private(&format!("r-{room}"), "", true)), None);
    }
    let too_fast = Some(ROOMS_OPENED.refusal());
    assert_eq!(ask(&mut server, ADA, &private("one-more", "", true)), too_fast);
    server.world_mut().resource_mut::<Clock>().set(BEGIN + ROOMS_OPENED.within);
    assert_eq!(ask(&mut server, ADA, &private("one-more", "", true)), None);
}

/// The last view of its room that a link is told, and the events after it.
fn view_and_events(server: &mut Server, link: Entity) -> (RoomView, Vec<RoomEventKind>) {
    let mut view = None;
    let mut events = Vec::new();
    for message in told(server, link) {
        match message {
            ToClient::Room(new) | ToClient::Joined(new) => {
                view = Some(new);
                events.clear();
            }
            ToClient::Event(event) => events.push(event.kind),
            _ => {}
        }
    }
    (view.unwrap(), events)
}

#[test]
fn a_view_has_who_watches_and_for_whom_seats_are_kept_until_they_are_released() {
    let mut server = server(|_| {});
    let (ada, eve, late) = (come(&mut server, ADA), come(&mut server, PlayerId(2)), PlayerId(7));
    let world = server.world_mut();
    assert_eq!(drill::say(world, ada, &join(false)), None);
    assert_eq!(drill::say(world, eve, &join(true)), None);
    assert_eq!(drill::say(world, ada, &ToServer::Reserve { player: late }), None);
    let room = world.resource::<Rooms>().get(&"den".parse().unwrap()).unwrap();
    let is_kept = |world: &World| why_alive(world, room).iter().any(|hold| hold.what.contains("is kept for"));
    assert!(is_kept(world), "{:?}", why_alive(world, room));
    server.pump_at(BEGIN + Duration::from_millis(10));
    drill::hush(server.world_mut(), ada);
    assert_eq!(drill::say(server.world_mut(), ada, &join(false)), None);
    let (view, _) = view_and_events(&mut server, ada);
    assert_eq!(view.watchers.iter().map(|who| who.player).collect::<Vec<_>>(), [PlayerId(2)]);
    assert_eq!(view.kept, [late]);
    drill::hush(server.world_mut(), ada);
    server.world_mut().resource_mut::<Clock>().set(BEGIN + RESERVATION_LIFE);
    release_reservations(server.world_mut(), room);
    assert!(!is_kept(server.world()));
    let heard = told(&mut server, ada);
    let event = RoomEventKind::Released { player: late };
    let released = |told: &ToClient| matches!(told, ToClient::Event(told) if told.kind == event);
    assert!(heard.iter().any(released), "{heard:?}");
}

#[test]
fn whoever_is_in_a_room_that_gives_way_is_told_where_the_other_one_is_and_its_name_is_free() {
    let mut server = server(|_| {});
    let (ada, eve) = (come(&mut server, ADA), come(&mut server, PlayerId(2)));
    let world = server.world_mut();
    assert_eq!(drill::say(world, ada, &join(false)), None);
    assert_eq!(drill::say(world, eve, &join(true)), None);
    let room = world.resource::<Rooms>().get(&"den".parse().unwrap()).unwrap();
    give_way(world, room, "eu2".to_owned());
    for link in [ada, eve] {
        let heard = told(&mut server, link);
        let kinds = heard.iter().filter_map(|told| match told {
            ToClient::Event(event) => Some(&event.kind),
            _ => None,
        });
        let is_end = |kind: &&RoomEventKind| {
            matches!(kind, RoomEventKind::Elsewhere { .. } | RoomEventKind::Closed(_))
        };
        let node = "eu2".to_owned();
        let closed = RoomEventKind::Closed(ClosedReason::Elsewhere);
        let told: Vec<_> = kinds.filter(is_end).collect();
        assert_eq!(told, [&RoomEventKind::Elsewhere { node }, &closed], "{heard:?}");
        assert!(heard.contains(&ToClient::Left { reason: LeftReason::Elsewhere }), "{heard:?}");
    }
    assert_eq!(drill::say(server.world_mut(), ada, &join(false)), None, "the name is kept from nobody");
}
