//! The taken seats of one room, as operators see them.

use bevy_ecs::prelude::{Entity, World};
use framekeep_gate::MemberRow;

use super::link::WebLink;
use crate::seat::Seats;
use crate::{Room, Seat, SeatPlay};

/// The taken seats of a room, in their order, and who watches.
pub(super) fn members(world: &World, room: Entity) -> Vec<MemberRow> {
    let mut rows: Vec<MemberRow> =
        Seats::entities(world.get::<Seats>(room)).filter_map(|seat| row(world, room, seat)).collect();
    rows.sort_unstable_by(|a, b| (a.seat, &a.player).cmp(&(b.seat, &b.player)));
    rows
}

fn row(world: &World, room: Entity, entity: Entity) -> Option<MemberRow> {
    let seat = world.get::<Seat>(entity)?;
    let is_web = seat.link.is_some_and(|link| world.get::<WebLink>(link).is_some());
    let roster = world.get::<Room>(room)?.lobby.roster();
    let occupant = roster.seats().get(usize::from(seat.index)).and_then(Option::as_ref);
    // Who is shown states acknowledges no frames: nothing is known of the way.
    let play = world.get::<SeatPlay>(entity).filter(|_| seat.link.is_some() && !is_web);
    Some(MemberRow {
        seat: seat.index,
        player: seat.player.to_string(),
        name: occupant.map(|occupant| occupant.name.as_str().to_owned()).unwrap_or_default(),
        transport: match seat.link {
            None => "",
            Some(_) if is_web => "websocket",
            Some(_) => "udp",
        },
        rtt_ms: play.and_then(|play| play.way.rtt_ms()),
        loss_percent: play.and_then(|play| play.way.loss_percent()),
        lead_ms: play.filter(|play| play.way.rtt_ms().is_some()).map(SeatPlay::lead_ms),
    })
}
