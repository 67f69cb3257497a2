//! What a player may do only so often, also with a new link.

use framekeep_protocol::ToServer;

use super::*;
use crate::limits::{CODES_WRONG, ROOMS_OPENED};
use crate::seating::tests::{ADA, BEGIN, come, server};
use crate::{Server, control, drill};

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
    let too_fast = Some(Refusal::TooFast { limit: CODES_WRONG.times });
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
    let too_fast = Some(Refusal::TooFast { limit: ROOMS_OPENED.times });
    assert_eq!(ask(&mut server, ADA, &private("one-more", "", true)), too_fast);
    server.world_mut().resource_mut::<Clock>().set(BEGIN + ROOMS_OPENED.within);
    assert_eq!(ask(&mut server, ADA, &private("one-more", "", true)), None);
}
