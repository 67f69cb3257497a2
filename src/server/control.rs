//! What links say on the reliable lane.

use bevy_ecs::prelude::{Entity, World};
use framekeep_protocol::{CONTROL, Refusal, ToClient, ToServer};
use tracing::debug;

use crate::admit::{admit, linger, tell};
use crate::limits::{CONTROL_PER_PUMP_MAX, CONTROL_PER_SECOND_MAX};
use crate::link::{BusyLinks, Control};
use crate::{Clock, Counters, Link, LinkStage, SeatPlay, rooms};

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

fn hear(world: &mut World, entity: Entity, bytes: &[u8]) {
    let second = world.resource::<Clock>().now().as_secs();
    let Some(mut link) = world.get_mut::<Link>(entity) else { return };
    if matches!(link.stage, LinkStage::Closing { .. }) {
        return;
    }
    if link.heard.0 != second {
        link.heard = (second, 0);
    }
    link.heard.1 += 1;
    if link.heard.1 > CONTROL_PER_SECOND_MAX {
        let first = link.heard.1 == CONTROL_PER_SECOND_MAX + 1;
        world.resource_mut::<Counters>().control_refused += 1;
        if first {
            tell(world, entity, &ToClient::Refused(Refusal::TooFast { limit: CONTROL_PER_SECOND_MAX }));
        }
        return;
    }
    let greeting = matches!(link.stage, LinkStage::Greeting { .. });
    let Ok(message) = ToServer::decode(bytes) else {
        world.resource_mut::<Counters>().control_malformed += 1;
        refuse(world, entity, Refusal::BadMessage, true);
        return;
    };
    let result = match message {
        // The name that counts is the one in the ticket, which is signed.
        ToServer::Hello { protocol_version, nonce, name: _, games } => {
            admit(world, entity, protocol_version, nonce, games)
        }
        _ if greeting => Err(Refusal::BadMessage),
        ToServer::Join(join) => rooms::join(world, entity, join),
        ToServer::Leave => rooms::leave(world, entity),
        ToServer::Start => rooms::start(world, entity),
        ToServer::PlayAgain => rooms::play_again(world, entity),
        ToServer::NeedSnapshot { epoch } => {
            let seat = link_seat(world, entity);
            if let Some(mut seat) = seat.and_then(|seat| world.get_mut::<SeatPlay>(seat))
                && seat.epoch == epoch
            {
                seat.snapshot_owed = true;
            }
            Ok(())
        }
        ToServer::Bye => {
            let _ = rooms::leave(world, entity);
            linger(world, entity);
            Ok(())
        }
    };
    if let Err(refusal) = result {
        refuse(world, entity, refusal, greeting);
    }
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
