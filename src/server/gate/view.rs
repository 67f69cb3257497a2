//! What the clients that do not simulate are shown of their match.

use std::collections::VecDeque;
use std::sync::Arc;

use bevy_ecs::prelude::{Entity, Local, Query, Res, ResMut};
use framekeep_gate::StateView;
use framekeep_protocol::RoomId;
use framekeep_sim::View;

use super::link::{WebLink, WebLinks};
use crate::record::Journaled;
use crate::schedule::DueRooms;
use crate::seat::Seats;
use crate::{Room, Seat, Stage, StepTimer, step};

/// Bodies of a view for which there is room at once.
const BODIES_EXPECTED: usize = 16;

/// A state that is not shown yet: the frames that led to it are not durable.
pub(super) struct Unsettled {
    room: Entity,
    link: Entity,
    view: Arc<StateView>,
}

/// Shows the state of each due room to those of its members who asked for views: as often as they asked, and once more
/// when the match is over. A room's view is made once and shared. What players on UDP are not sent before it is
/// durable is not shown before either.
pub(super) fn show_states(
    due: Res<DueRooms>,
    mut known: ResMut<WebLinks>,
    mut rooms: Query<(&Room, &mut Stage, Option<&Seats>, Option<&Journaled>)>,
    seats: Query<&Seat>,
    links: Query<&WebLink>,
    mut waiting: Local<VecDeque<Unsettled>>,
    mut shown_to: Local<Vec<Entity>>,
    timer: Res<StepTimer>,
) {
    if known.is_empty() {
        waiting.clear();
        return;
    }
    waiting.retain(|unsettled| {
        let Ok((_, stage, taken, journaled)) = rooms.get(unsettled.room) else { return false };
        let is_there = |seat| seats.get(seat).is_ok_and(|seat| seat.link == Some(unsettled.link));
        // Who has left meanwhile is shown nothing more of the room.
        if stage.epoch != unsettled.view.epoch || !Seats::entities(taken).any(is_there) {
            return false;
        }
        let is_settled = journaled.is_none_or(|journaled| journaled.sendable >= unsettled.view.tick);
        if let Ok(link) = links.get(unsettled.link)
            && is_settled
        {
            link.sink().show(&unsettled.view);
            known.note_told(unsettled.link);
        }
        !is_settled
    });
    for &room in &due.due {
        let Ok((of, mut stage, taken, journaled)) = rooms.get_mut(room) else { continue };
        if !stage.fresh {
            continue;
        }
        let phase = phase(of.id);
        shown_to.clear();
        shown_to.extend(Seats::entities(taken).filter_map(|seat| {
            let link = seats.get(seat).ok()?.link?;
            let wants = links.get(link).is_ok_and(|web| is_due(&stage, phase, web.views_hz));
            wants.then_some(link)
        }));
        if shown_to.is_empty() {
            continue;
        }
        let mut view = View { bodies: Vec::with_capacity(BODIES_EXPECTED), ..View::default() };
        if step::ask(&mut stage, &timer, |play| play.view(&mut view)).is_none() {
            continue;
        }
        let (epoch, tick, ended_at) = (stage.epoch, stage.tick(), stage.stepped_at);
        let view = Arc::new(StateView { epoch, tick, ended_at, view });
        if journaled.is_none_or(|journaled| journaled.sendable >= view.tick) {
            for link in shown_to.iter().filter_map(|&link| links.get(link).ok()) {
                link.sink().show(&view);
            }
            shown_to.iter().for_each(|&link| known.note_told(link));
        } else {
            // Frames wait for a tick of the room at most, so there is one for a link, seldom two.
            waiting.extend(shown_to.iter().map(|&link| Unsettled { room, link, view: view.clone() }));
        }
    }
}

/// Whether a client that asked for so many views a second is shown this state. Members of a room who asked for the
/// same get the same states.
fn is_due(stage: &Stage, phase: u32, views_hz: u8) -> bool {
    if views_hz == 0 {
        return false;
    }
    stage.is_over() || falls_due(stage.tick().0, phase, stage.timing.rate_hz.into(), views_hz.into())
}

/// How far a room is ahead of its tick in what it shows. Where not every tick is shown, rooms that began together
/// would all be shown on the same ticks, and nothing in between.
fn phase(id: RoomId) -> u32 {
    // Other bits than those that spread rooms over the time of a tick.
    (id.0 >> 48) as u32
}

/// Whether a view falls on a tick: where the rate is no multiple of what was asked for, they come now sooner, now
/// later, and as many as were asked for.
fn falls_due(tick: u32, phase: u32, rate_hz: u64, views_hz: u64) -> bool {
    let tick = u64::from(tick) + u64::from(phase);
    let before = tick * views_hz / rate_hz.max(1);
    let after = (tick + 1) * views_hz / rate_hz.max(1);
    after > before
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_many_views_are_shown_as_were_asked_for() {
        for (rate_hz, views_hz, shown) in
            [(30, 12, 12), (30, 20, 20), (30, 15, 15), (60, 1, 1), (128, 50, 50), (30, 30, 30), (20, 60, 20)]
        {
            for second in [0, 7, 100_000] {
                let ticks = second * rate_hz as u32..(second + 1) * rate_hz as u32;
                for phase in [0, 1, 7, 0xffff] {
                    let due = ticks.clone().filter(|&tick| falls_due(tick, phase, rate_hz, views_hz)).count();
                    assert_eq!(due, shown, "{views_hz} of {rate_hz} a second");
                }
            }
        }
    }

    #[test]
    fn rooms_that_begin_together_are_not_all_shown_on_the_same_ticks() {
        let shown = |tick: u32| {
            let rooms =
                (0..1_000_u64).map(|room| RoomId::new(room.wrapping_mul(0x9e37_79b9_7f4a_7c15), false));
            rooms.filter(|&room| falls_due(tick, phase(room), 30, 15)).count()
        };
        assert!((1..60).all(|tick| (400..600).contains(&shown(tick))));
    }
}
