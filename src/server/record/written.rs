//! `Written`, what is to be durable before something else is done.

use bevy_ecs::prelude::World;
use framekeep_journal::{Arrival, Departure, Record};

use super::Recorder;
use super::desk::Mark;

/// Records that are on their way to the disk, sooner than others.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Written {
    /// The number of their batch; `None` where nothing is recorded.
    number: Option<u64>,
    /// How often records had been lost.
    holes: u64,
}

/// Everything that was told up to now.
pub(crate) fn written(world: &mut World) -> Written {
    let Some(journal) = &mut world.resource_mut::<Recorder>().0 else {
        return Written { number: None, holes: 0 };
    };
    journal.is_urgent = true;
    let holes = journal.writer.shared().holes();
    let pending = journal.batch.pending_bytes() > 0;
    let number = if pending { journal.writer.next_batch() } else { journal.writer.next_batch() - 1 };
    if !pending {
        journal.writer.hurry();
    }
    Written { number: Some(number), holes }
}

/// Whether it is durable; `None` if some of it may be lost.
pub(crate) fn is_written(world: &World, written: &Written) -> Option<bool> {
    let Some(journal) = &world.resource::<Recorder>().0 else { return Some(true) };
    let Some(number) = written.number else { return Some(true) };
    let (durable, holes) = (journal.writer.shared().durable(), journal.writer.shared().holes());
    (holes == written.holes).then_some(durable >= number)
}

/// A room goes on at another node.
pub(crate) fn moved_away(world: &mut World, room: u64, departure: &Departure) -> Written {
    tell_departure(&mut world.resource_mut::<Recorder>(), room, departure);
    written(world)
}

pub(super) fn tell_departure(recorder: &mut Recorder, room: u64, departure: &Departure) {
    if let Some(journal) = &mut recorder.0 {
        journal.batch.append(room, &Record::MovedAway(departure.clone()));
        journal.marks.push((room, Mark::Begins));
    }
}

/// Whose a room is that came from another node.
pub(crate) fn moved_in(world: &mut World, room: u64, arrival: &Arrival) {
    if let Some(journal) = &mut world.resource_mut::<Recorder>().0 {
        journal.batch.append(room, &Record::MovedIn(arrival.clone()));
    }
}
