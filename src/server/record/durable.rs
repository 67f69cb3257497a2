//! Frames that wait for the disk, and rooms that go on without it.

use std::time::Duration;

use bevy_ecs::prelude::{Query, Res, ResMut};
use tracing::{error, info};

use super::{Journal, Journaled, Outgoing, Recorder};
use crate::room::Room;
use crate::{Clock, Counters, Durability};

/// A journal that is made durable twice a second is late after this: more than that may be lost then.
const SECOND_LATE: Duration = Duration::from_secs(1);
/// How often it is looked whether all rooms are durable.
const LOOK_EVERY: Duration = Duration::from_millis(250);

impl Journal {
    /// Whether a room's newest frame waits for the disk. A room that is behind catches up where it can.
    pub(super) fn holds_back(&mut self, journaled: &mut Journaled, holes: u64, is_quick: bool) -> bool {
        if self.durability != Durability::Tick {
            return false;
        }
        if journaled.told != holes {
            self.fall_behind(journaled);
        } else if is_quick {
            journaled.is_behind = false;
        }
        !journaled.is_behind
    }

    /// Frames of a room are sent that are not durable. It is said before they are; gives whether that is news.
    fn fall_behind(&mut self, journaled: &mut Journaled) -> bool {
        let is_news = journaled.fall_behind(self.writer.shared().durable());
        if is_news {
            self.looked_at = Duration::ZERO;
        }
        is_news
    }
}

/// Hands the records of this pump to the writer as one batch.
pub(super) fn hand_over(mut recorder: ResMut<Recorder>, clock: Res<Clock>) {
    let Some(journal) = &mut recorder.0 else { return };
    if let Some(number) = journal.hand_over()
        && journal.durability != Durability::Off
    {
        journal.held.hand_over(number, clock.now());
    }
}

/// Lets rooms send what has become durable, and what has waited for a tick.
pub(super) fn release_frames(
    mut recorder: ResMut<Recorder>,
    clock: Res<Clock>,
    mut journaled: Query<&mut Journaled>,
    mut outgoing: ResMut<Outgoing>,
    mut counters: ResMut<Counters>,
) {
    let Some(journal) = &mut recorder.0 else { return };
    let (durable, mut held) = (journal.writer.shared().durable(), std::mem::take(&mut journal.held));
    let holes = journal.writer.shared().holes();
    held.release(durable, |frame| {
        if let Ok(mut journaled) = journaled.get_mut(frame.room) {
            if journaled.told != holes {
                // What is done with may be lost.
                journal.fall_behind(&mut journaled);
            }
            journaled.sendable = journaled.sendable.max(frame.next);
            outgoing.0.push(frame.room);
        }
    });
    held.release_late(clock.now(), |frame, number| {
        if let Ok(mut journaled) = journaled.get_mut(frame.room) {
            counters.rooms_behind += u64::from(journal.fall_behind(&mut journaled));
            journaled.unheld = number;
            journaled.sendable = journaled.sendable.max(frame.next);
            outgoing.0.push(frame.room);
        }
    });
    journal.held = held;
    if journal.durability == Durability::Tick {
        outgoing.0.sort_unstable();
        outgoing.0.dedup();
    }
}

/// Says so when rooms go on without being as durable as they should be, and when they are again.
pub(super) fn look_after(
    mut recorder: ResMut<Recorder>,
    clock: Res<Clock>,
    rooms: Query<(&Room, &Journaled)>,
) {
    let Some(journal) = &mut recorder.0 else { return };
    let now = clock.now();
    let lag = journal.held.lag(now);
    let all_late = journal.durability == Durability::Second && lag >= SECOND_LATE;
    let is_news = all_late && !journal.is_told;
    if now < journal.looked_at + LOOK_EVERY && !is_news {
        return;
    }
    journal.looked_at = now;
    let shared = journal.writer.shared();
    let (durable, holes, refuses) = (shared.durable(), shared.holes(), shared.refuses());
    let is_behind = |(_, journaled): &(&Room, &Journaled)| all_late || !journaled.is_durable(durable, holes);
    journal.behind = rooms.iter().filter(is_behind).count();
    match (journal.is_told, journal.behind > 0 || refuses) {
        (false, true) => {
            let (rooms, first) = (journal.behind, rooms.iter().find(is_behind));
            let (lag_ms, failures) = (lag.as_millis() as u64, journal.writer.failures());
            // Of the room that is named, what was sent before that tick is durable.
            let (room, tick) = (first.map(|(room, _)| room.id.0), first.map(|(_, own)| own.durable_to.0));
            error!(
                rooms,
                room,
                tick,
                lag_ms,
                failures,
                "rooms go on without being durable: the disk is slow, full or broken"
            );
            journal.is_told = true;
        }
        (true, false) => {
            info!(rooms = rooms.iter().len(), "all rooms are durable again");
            journal.is_told = false;
        }
        _ => {}
    }
}
