//! What the clients that do not simulate are shown of their match.

use std::sync::Arc;

use bevy_ecs::prelude::{Entity, Local, Query, Res};
use framekeep_gate::StateView;
use framekeep_sim::View;

use super::link::{WebLink, WebLinks};
use crate::schedule::DueRooms;
use crate::seat::Seats;
use crate::{Seat, Stage};

/// Shows the state of each due room to those of its members who asked for views: as often as they asked, and once more
/// when the match is over. A room's view is made once and shared.
pub(super) fn show_states(
    due: Res<DueRooms>,
    known: Res<WebLinks>,
    mut rooms: Query<(&mut Stage, Option<&Seats>)>,
    seats: Query<&Seat>,
    links: Query<&WebLink>,
    mut shown_to: Local<Vec<Entity>>,
) {
    if known.is_empty() {
        return;
    }
    for &room in &due.due {
        let Ok((mut stage, taken)) = rooms.get_mut(room) else { continue };
        if !stage.fresh {
            continue;
        }
        shown_to.clear();
        shown_to.extend(Seats::entities(taken).filter_map(|seat| {
            let link = seats.get(seat).ok()?.link?;
            let wants = links.get(link).is_ok_and(|web| is_due(&stage, web.views_hz));
            wants.then_some(link)
        }));
        if shown_to.is_empty() {
            continue;
        }
        let mut view = View::default();
        // A game that panics here ends its match with the next frame.
        if stage.ask(|play| play.view(&mut view)).is_none() {
            continue;
        }
        let view = Arc::new(StateView { epoch: stage.epoch, tick: stage.tick(), view });
        for link in shown_to.iter().filter_map(|&link| links.get(link).ok()) {
            link.sink().show(&view);
        }
    }
}

/// Whether a client that asked for so many views a second is shown this state. Members of a room who asked for the
/// same get the same states.
fn is_due(stage: &Stage, views_hz: u8) -> bool {
    if views_hz == 0 {
        return false;
    }
    let every = (u32::from(stage.timing.rate_hz) / u32::from(views_hz)).max(1);
    stage.is_over() || stage.tick().0.is_multiple_of(every)
}
