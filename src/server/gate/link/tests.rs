//! Links through the front door: which of two acts for a player.

use std::sync::Mutex;

use framekeep_gate::StateView;
use framekeep_protocol::{CloseReason, PlayerName, Role, TokenId};

use super::*;
use crate::NodeKey;
use crate::seating::tests::{ADA, BEGIN, join, server};

/// Remembers what it is told.
#[derive(Default)]
struct Told(Mutex<Vec<ToClient>>);

impl LinkSink for Told {
    fn tell(&self, message: &ToClient, _to: u64) -> bool {
        self.0.lock().unwrap().push(message.clone());
        true
    }

    fn room(&self) -> usize {
        100
    }

    fn capacity(&self) -> usize {
        100
    }

    fn show(&self, _view: &Arc<StateView>) {}
}

/// A link with a ticket of its own.
fn come(world: &mut World, number: u8) -> Arc<Told> {
    let issued_at_s = BEGIN.as_secs() + u64::from(number);
    let ticket = Ticket {
        token_id: TokenId([number; 16]),
        player: ADA,
        name: PlayerName::try_from("ada".to_owned()).unwrap(),
        room: None,
        role: Role::Player,
        issued_at_s,
        expires_at_s: issued_at_s + 60,
    };
    let ticket = Box::new(crate::ticket::sealed(world.resource::<NodeKey>(), &ticket));
    let sink = Arc::new(Told::default());
    let from = SocketAddr::from(([127, 0, 0, 1], 1));
    open(world, NewLink { link: id(number), ticket, from, views_hz: 0, sink: Arc::clone(&sink) as _ });
    sink
}

fn id(number: u8) -> WebLinkId {
    WebLinkId(number.into())
}

#[test]
fn a_link_that_was_taken_over_cannot_sync_its_way_back_to_the_seat() {
    let mut server = server(|_| {});
    let world = server.world_mut();
    let first = come(world, 1);
    say(world, id(1), 1, &join(false));
    let second = come(world, 2);
    let told = |sink: &Told| sink.0.lock().unwrap().clone();
    assert_eq!(told(&first).last(), Some(&ToClient::Closing { reason: CloseReason::TakenOver }));
    let heard = told(&first).len();
    sync(world, id(1));
    let seat = world.query::<&Seat>().single(world).unwrap();
    assert_eq!(seat.link, entity_of(world, id(2)));
    assert_eq!(told(&first).len(), heard, "nothing more is told to it");
    assert!(matches!(told(&second)[..], [ToClient::Admitted { .. }, ToClient::Joined(_), ..]));
    server.pump_at(BEGIN + Duration::from_secs(5));
    let world = server.world_mut();
    assert_eq!(entity_of(world, id(1)), None);
    let seat = world.query::<&Seat>().single(world).unwrap();
    assert_eq!(seat.link, entity_of(world, id(2)), "the end of the first link takes nothing from the second");
    sync(world, id(2));
    let views = told(&second).into_iter().filter(|told| matches!(told, ToClient::Joined(_))).count();
    assert_eq!(views, 2, "who has the seat is shown the room again");
}
