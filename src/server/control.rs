//! What links say on the reliable lane.

use bevy_ecs::prelude::{Entity, World};
use framekeep_lobby::Operation;
use framekeep_protocol::{CONTROL, LeftReason, Refusal, ToClient, ToServer};
use tracing::debug;

use crate::admit::{admit, linger, tell};
use crate::limits::{CONTROL_PER_PUMP_MAX, CONTROL_PER_SECOND_MAX};
use crate::link::{BusyLinks, Control};
use crate::{Clock, Counters, Fault, Faults, Link, LinkStage, Rooms, SeatOf, SeatPlay, desync, moves, rooms};

/// What a link that asks too much in a second hears.
const TOO_FAST: Refusal = Refusal::TooFast { limit: CONTROL_PER_SECOND_MAX, within_s: 1 };

/// Hears what busy links say and answers each.
pub(crate) fn hear_links(world: &mut World) {
    if world.resource::<BusyLinks>().links.is_empty() {
        return;
    }
    let mut entities: Vec<Entity> = world.resource::<BusyLinks>().links.iter().copied().collect();
    entities.sort_unstable();
    let mut messages = Vec::new();
    for entity in entities {
        let Some(mut control) = world.get_mut::<Control>(entity) else { continue };
        for _ in 0..CONTROL_PER_PUMP_MAX {
            let Some(bytes) = control.0.poll(CONTROL) else { break };
            messages.push((entity, bytes));
        }
    }
    for (entity, bytes) in messages {
        hear(world, entity, &bytes);
    }
}

/// Hears one message; gives why not, if it is refused.
pub(crate) fn hear(world: &mut World, entity: Entity, bytes: &[u8]) -> Option<Refusal> {
    let now = world.resource::<Clock>().now();
    let second = now.as_secs();
    let mut link = world.get_mut::<Link>(entity)?;
    if matches!(link.stage, LinkStage::Closing { .. }) {
        return None;
    }
    if link.heard.0 != second {
        link.heard = (second, 0);
    }
    link.active_at = now;
    // A client that was asked for its state answers with many messages, which are bounded by what was asked.
    let is_asked = ToServer::is_desync_answer(bytes) && desync::is_asked(world, entity);
    let mut link = world.get_mut::<Link>(entity)?;
    link.heard.1 += u32::from(!is_asked);
    if link.heard.1 > CONTROL_PER_SECOND_MAX {
        let first = link.heard.1 == CONTROL_PER_SECOND_MAX + 1;
        world.resource_mut::<Counters>().control_refused += 1;
        if first {
            world.resource_mut::<Faults>().note(entity, Fault::TooFast { limit: CONTROL_PER_SECOND_MAX });
            tell(world, entity, &ToClient::Refused(TOO_FAST));
        }
        return Some(TOO_FAST);
    }
    let greeting = matches!(link.stage, LinkStage::Greeting { .. });
    if !greeting && waits_for_move(world, entity, bytes) {
        return None;
    }
    let Ok(message) = ToServer::decode(bytes) else {
        world.resource_mut::<Counters>().control_malformed += 1;
        refuse(world, entity, Refusal::BadMessage, true);
        return Some(Refusal::BadMessage);
    };
    let result = match message {
        // The name that counts is the one in the ticket, which is signed.
        ToServer::Hello { protocol_version, nonce, name: _, games } => {
            admit(world, entity, protocol_version, nonce, games)
        }
        _ if greeting => Err(Refusal::BadMessage),
        ToServer::Join(join) => rooms::join(world, entity, join),
        ToServer::Leave => rooms::ask(world, entity, Operation::Leave(LeftReason::Asked)),
        ToServer::Ready { ready } => rooms::ask(world, entity, Operation::Ready(ready)),
        ToServer::Choose { content } => rooms::choose(world, entity, content),
        ToServer::Start => rooms::ask(world, entity, Operation::Start),
        ToServer::Abort => rooms::ask(world, entity, Operation::Abort),
        ToServer::PlayAgain => rooms::ask(world, entity, Operation::Rematch),
        ToServer::Reserve { player } => rooms::ask(world, entity, Operation::Reserve(player)),
        ToServer::Kick { player, ban } => rooms::ask(world, entity, Operation::Kick { player, ban }),
        ToServer::HandOver { player } => rooms::ask(world, entity, Operation::HandOver(player)),
        ToServer::Lock { locked } => rooms::ask(world, entity, Operation::Lock(locked)),
        ToServer::Chat { text } => rooms::ask(world, entity, Operation::Chat(text)),
        ToServer::Close => rooms::ask(world, entity, Operation::Close),
        ToServer::NeedSnapshot { epoch } => {
            let seat = link_seat(world, entity);
            if let Some(mut seat) = seat.and_then(|seat| world.get_mut::<SeatPlay>(seat))
                && seat.epoch == epoch
            {
                seat.snapshot_owed = true;
            }
            Ok(())
        }
        ToServer::DesyncAnswer(answer) => {
            desync::hear(world, entity, answer);
            Ok(())
        }
        ToServer::Bye => {
            say_bye(world, entity);
            Ok(())
        }
    };
    let refusal = result.err()?;
    refuse(world, entity, refusal.clone(), greeting);
    Some(refusal)
}

/// Leaves the room, and ends the link.
fn say_bye(world: &mut World, entity: Entity) {
    let _ = rooms::ask(world, entity, Operation::Leave(LeftReason::Asked));
    linger(world, entity);
}

/// Keeps what is said in a room that stands still because it moves, or by whoever wants to join it.
fn waits_for_move(world: &mut World, entity: Entity, bytes: &[u8]) -> bool {
    if !world.resource::<moves::Moves>().is_busy() {
        return false;
    }
    let Some(link) = world.get::<Link>(entity) else { return false };
    let (player, seat) = (link.player, link.seat);
    let mut room = seat.and_then(|seat| world.get::<SeatOf>(seat)).map(|room| room.0);
    if room.is_none()
        && let Ok(ToServer::Join(join)) = ToServer::decode(bytes)
    {
        room = world.resource::<Rooms>().get(&join.room);
    }
    room.is_some_and(|room| moves::keep_said(world, room, player, bytes))
}

fn link_seat(world: &World, link: Entity) -> Option<Entity> {
    world.get::<Link>(link)?.seat
}

/// Tells a link why not; a link that fails its greeting is closed as well.
fn refuse(world: &mut World, entity: Entity, refusal: Refusal, close: bool) {
    world.resource_mut::<Counters>().control_refused += 1;
    debug!(%refusal, "a request is refused");
    tell(world, entity, &ToClient::Refused(refusal));
    if close {
        linger(world, entity);
    }
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;
    use std::time::Duration;

    use framekeep_link::QuietRenet;
    use framekeep_protocol::{PROTOCOL_VERSION, PlayerId, PlayerName, Role, Side};
    use framekeep_sim::GameRegistry;

    use super::*;
    use crate::{Chance, Clock, Games, MemoryWire, NodeKey, Recorder, Server, ServerConfig};

    const NONCE: [u8; 16] = [7; 16];

    /// A server with one link that has been welcomed, and the other end of its reliable lane.
    fn greeted() -> (Server, Entity, QuietRenet) {
        let address = SocketAddr::from(([127, 0, 0, 1], 7_770));
        let (wire, _end) = MemoryWire::pair(address);
        let clock = Clock::manual(Duration::from_secs(1_000));
        let games = Games::new(GameRegistry::new());
        let key = NodeKey::new([1; 32]);
        let config = ServerConfig { threads: 1, ..ServerConfig::default() };
        let (chance, recorder) = (Chance::seeded(1), Recorder::default());
        let mut server = Server::new(config, games, key, Box::new(wire), clock, chance, recorder);
        let link = Link {
            player: PlayerId(1),
            address,
            stage: LinkStage::Greeting { nonce: NONCE, until: Duration::from_secs(2_000) },
            shard: Entity::PLACEHOLDER,
            player_entity: Entity::PLACEHOLDER,
            seat: None,
            only_room: None,
            role: Role::Player,
            issued_at_s: 0,
            heard: (0, 0),
            active_at: Duration::ZERO,
        };
        let entity = server.world_mut().spawn((link, Control(QuietRenet::new(Side::Server), [0; 2]))).id();
        (server, entity, QuietRenet::new(Side::Client))
    }

    fn hello(protocol_version: u16, nonce: [u8; 16]) -> Vec<u8> {
        let name = PlayerName::try_from("ada".to_owned()).unwrap();
        ToServer::Hello { protocol_version, nonce, name, games: Vec::new() }.encode()
    }

    /// What the link was told, in order.
    fn told(server: &mut Server, link: Entity, other: &mut QuietRenet) -> Vec<ToClient> {
        let now = Duration::from_secs(1_001);
        let mut control = server.world_mut().get_mut::<Control>(link).unwrap();
        control.0.transmit(now, |payload| assert!(other.receive(now, payload).is_ok()));
        std::iter::from_fn(|| other.poll(CONTROL)).map(|bytes| ToClient::decode(&bytes).unwrap()).collect()
    }

    fn is_closing(server: &Server, link: Entity) -> bool {
        matches!(server.world().get::<Link>(link).unwrap().stage, LinkStage::Closing { .. })
    }

    #[test]
    fn a_wrong_version_is_refused_with_both_shown_and_the_link_closed() {
        let (mut server, link, mut other) = greeted();
        hear(server.world_mut(), link, &hello(PROTOCOL_VERSION + 1, NONCE));
        let expected = Refusal::WrongVersion { server: PROTOCOL_VERSION, client: PROTOCOL_VERSION + 1 };
        assert_eq!(told(&mut server, link, &mut other), [ToClient::Refused(expected)]);
        assert!(is_closing(&server, link));
        assert_eq!(server.world().resource::<Counters>().control_refused, 1);
    }

    #[test]
    fn a_hello_that_does_not_echo_the_nonce_is_refused() {
        let (mut server, link, mut other) = greeted();
        hear(server.world_mut(), link, &hello(PROTOCOL_VERSION, [8; 16]));
        assert_eq!(told(&mut server, link, &mut other), [ToClient::Refused(Refusal::BadNonce)]);
        assert!(is_closing(&server, link));
    }

    #[test]
    fn what_cannot_be_read_or_comes_before_the_hello_closes_the_link() {
        for bytes in [vec![0xff; 40], ToServer::Start.encode()] {
            let (mut server, link, mut other) = greeted();
            hear(server.world_mut(), link, &bytes);
            assert_eq!(told(&mut server, link, &mut other), [ToClient::Refused(Refusal::BadMessage)]);
            assert!(is_closing(&server, link));
        }
    }

    #[test]
    fn a_link_that_asks_too_much_is_told_so_once_a_second() {
        let (mut server, link, mut other) = greeted();
        hear(server.world_mut(), link, &hello(PROTOCOL_VERSION, NONCE));
        for _ in 0..500 {
            hear(server.world_mut(), link, &ToServer::Start.encode());
        }
        let told = told(&mut server, link, &mut other);
        let too_fast = ToClient::Refused(TOO_FAST);
        assert_eq!(told.iter().filter(|message| **message == too_fast).count(), 1);
        assert_eq!(told.len(), CONTROL_PER_SECOND_MAX as usize + 1, "admitted, refused, and too fast once");
        assert!(!is_closing(&server, link));
    }
}
