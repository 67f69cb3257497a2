//! The taken seats of one room, as operators see them.

use bevy_ecs::prelude::{Entity, World};
use framekeep_gate::{KindBytes, MemberRow};
use framekeep_protocol::SPECTATOR_SEAT;

use super::link::WebLink;
use crate::link::Control;
use crate::seat::Seats;
use crate::{Room, Seat, SeatPlay};

/// The taken seats of a room, in their order, and who watches.
pub(super) fn members(world: &World, room: Entity) -> Vec<MemberRow> {
    let mut rows: Vec<MemberRow> =
        Seats::entities(world.get::<Seats>(room)).filter_map(|seat| row(world, room, seat)).collect();
    rows.sort_unstable_by(|a, b| (a.seat, &a.player).cmp(&(b.seat, &b.player)));
    rows
}

/// What the links of a room's members have carried, by kind and direction: over UDP in this match, over WebSocket since
/// they came.
pub(super) fn traffic(world: &World, room: Entity) -> Vec<KindBytes> {
    let mut sums: Vec<KindBytes> = Vec::new();
    for seat in Seats::entities(world.get::<Seats>(room)) {
        let Some(link) = world.get::<Seat>(seat).and_then(|seat| seat.link) else { continue };
        let carried = match world.get::<WebLink>(link) {
            Some(web) => web.sink().traffic(),
            None => over_udp(world, seat, link),
        };
        for one in carried {
            match sums.iter_mut().find(|sum| (sum.kind, sum.direction) == (one.kind, one.direction)) {
                Some(sum) => sum.bytes += one.bytes,
                None => sums.push(one),
            }
        }
    }
    sums
}

fn over_udp(world: &World, seat: Entity, link: Entity) -> Vec<KindBytes> {
    let play = world.get::<SeatPlay>(seat).map_or([0; 2], |play| play.traffic);
    let control = world.get::<Control>(link).map_or([0; 2], |control| control.1);
    let both = |kind: &'static str, [came, went]: [u64; 2]| {
        [KindBytes { kind, direction: "in", bytes: came }, KindBytes { kind, direction: "out", bytes: went }]
    };
    both("play", play).into_iter().chain(both("reliable", control)).collect()
}

fn row(world: &World, room: Entity, entity: Entity) -> Option<MemberRow> {
    let seat = world.get::<Seat>(entity)?;
    let web = seat.link.and_then(|link| world.get::<WebLink>(link));
    let roster = world.get::<Room>(room)?.lobby.roster();
    let occupant = roster.seats().get(usize::from(seat.index)).and_then(Option::as_ref);
    let play = world.get::<SeatPlay>(entity).filter(|_| seat.link.is_some());
    let (rtt_ms, loss_percent) = match web {
        Some(web) => over_web(web),
        None => (play.and_then(|play| play.way.rtt_ms()), play.and_then(|play| play.way.loss_percent())),
    };
    let has_lead = seat.index != SPECTATOR_SEAT && rtt_ms.is_some();
    Some(MemberRow {
        seat: seat.index,
        player: seat.player.to_string(),
        name: occupant.map(|occupant| occupant.name.as_str().to_owned()).unwrap_or_default(),
        transport: match seat.link {
            None => "",
            Some(_) if web.is_some() => "websocket",
            Some(_) => "udp",
        },
        rtt_ms,
        loss_percent,
        lead_ms: play.filter(|_| has_lead).map(SeatPlay::lead_ms),
    })
}

/// Round trip, and how many views of a hundred were left out: TCP loses nothing, whoever is slow is shown less.
fn over_web(web: &WebLink) -> (Option<u32>, Option<u32>) {
    let way = web.sink().way();
    let rtt_ms = way.rtt.map(|rtt| u32::try_from(rtt.as_millis()).unwrap_or(u32::MAX));
    (rtt_ms, rtt_ms.filter(|_| web.views_hz > 0).map(|_| way.skipped_percent))
}
