//! `Partings`, ends of rooms and matches that are told again until they are durable.

use std::collections::VecDeque;

use framekeep_journal::{MatchEnd, Record, SegmentWriter};

use super::desk::Mark;

/// So many wait for the disk at most; the oldest are given up first.
const PARTINGS_MAX: usize = 16_384;

/// What is over.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Parting {
    /// The match of a room, by its epoch.
    Match(u8, MatchEnd),
    /// The room.
    Room,
}

struct Waiting {
    room: u64,
    parting: Parting,
    /// The batch it was told in; `None` while that is being filled.
    number: Option<u64>,
    /// How often records had been lost when it was told.
    holes: u64,
}

/// Ends of rooms and matches that are not durable. Rooms that are open are told whole after a loss; of what is over
/// nothing but its end is left to tell, and without it the next start would take it for going on.
#[derive(Default)]
pub(super) struct Partings(VecDeque<Waiting>);

impl Partings {
    /// Tells what is over, for the first time.
    pub(super) fn tell(
        &mut self,
        room: u64,
        parting: Parting,
        holes: u64,
        batch: &mut SegmentWriter<Vec<u8>>,
        marks: &mut Vec<(u64, Mark)>,
    ) {
        append(room, &parting, batch, marks);
        if self.0.len() >= PARTINGS_MAX {
            self.0.pop_front();
        }
        self.0.push_back(Waiting { room, parting, number: None, holes });
    }

    /// The batch that was being filled has this number.
    pub(super) fn hand_over(&mut self, number: u64) {
        self.0
            .iter_mut()
            .rev()
            .map_while(|waiting| waiting.number.is_none().then_some(waiting))
            .for_each(|waiting| waiting.number = Some(number));
    }

    /// Forgets what is durable. `durable` is to be read before `holes`.
    pub(super) fn forget(&mut self, durable: u64, holes: u64) {
        let is_durable = |waiting: &Waiting| {
            waiting.holes == holes && waiting.number.is_some_and(|number| number <= durable)
        };
        while self.0.front().is_some_and(is_durable) {
            self.0.pop_front();
        }
    }

    /// Tells all that is left once more; gives how many bytes that took.
    pub(super) fn tell_again(
        &mut self,
        holes: u64,
        batch: &mut SegmentWriter<Vec<u8>>,
        marks: &mut Vec<(u64, Mark)>,
    ) -> usize {
        let before = batch.pending_bytes();
        for waiting in &mut self.0 {
            append(waiting.room, &waiting.parting, batch, marks);
            (waiting.number, waiting.holes) = (None, holes);
        }
        batch.pending_bytes() - before
    }
}

fn append(room: u64, parting: &Parting, batch: &mut SegmentWriter<Vec<u8>>, marks: &mut Vec<(u64, Mark)>) {
    match parting {
        Parting::Match(epoch, end) => {
            batch.append(room, &Record::MatchEnded { epoch: *epoch, end: end.clone() });
        }
        Parting::Room => {
            batch.append(room, &Record::RoomClosed);
            marks.push((room, Mark::Ends));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::segments;

    #[test]
    fn an_end_is_told_again_until_it_is_durable() {
        let (mut batch, mut marks) = (segments::batch(), Vec::new());
        let mut partings = Partings::default();
        partings.tell(7, Parting::Match(2, MatchEnd::default()), 0, &mut batch, &mut marks);
        partings.tell(7, Parting::Room, 0, &mut batch, &mut marks);
        let bytes = batch.pending_bytes();
        partings.hand_over(1);
        partings.tell(8, Parting::Room, 0, &mut batch, &mut marks);
        partings.hand_over(2);
        partings.forget(1, 0);
        assert_eq!(partings.0.len(), 1);
        partings.tell(9, Parting::Match(0, MatchEnd::default()), 0, &mut batch, &mut marks);
        partings.hand_over(3);
        partings.forget(3, 1);
        assert_eq!(partings.0.len(), 2, "done with, and lost");
        marks.clear();
        assert!(partings.tell_again(1, &mut batch, &mut marks) <= bytes);
        assert_eq!(marks, [(8, Mark::Ends)]);
        partings.forget(3, 1);
        assert_eq!(partings.0.len(), 2, "on its way");
        partings.hand_over(4);
        partings.forget(4, 1);
        assert_eq!(partings.0.len(), 0);
    }
}
