//! `Hold`, why segments are kept that no open room needs: what came of a match is not on the disk yet.

use std::sync::Arc;

/// A match is over, and its replay or its result is still on its way to the disk. Until the last clone is dropped the
/// journal keeps what the next start would make them from.
#[derive(Clone, Debug, Default)]
pub(crate) struct Hold(Arc<()>);

/// The holds there are, each with the first segment it keeps. There are as many as replays and results may wait.
#[derive(Debug, Default)]
pub(super) struct Holds(Vec<(u64, Hold)>);

impl Holds {
    /// Keeps segments from `first` on.
    pub(super) fn take(&mut self, first: u64, hold: Hold) {
        self.0.push((first, hold));
    }

    /// Forgets the holds that nobody has any more; gives whether there were any.
    pub(super) fn forget(&mut self) -> bool {
        let before = self.0.len();
        self.0.retain(|(_, hold)| Arc::strong_count(&hold.0) > 1);
        before > self.0.len()
    }

    /// Gives up those that keep the first segment that is held; gives how many.
    pub(super) fn give_up_oldest(&mut self) -> u64 {
        let (before, oldest) = (self.0.len(), self.floor());
        self.0.retain(|(first, _)| Some(*first) != oldest);
        (before - self.0.len()) as u64
    }

    /// The first segment that is held.
    pub(super) fn floor(&self) -> Option<u64> {
        self.0.iter().map(|(first, _)| *first).min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hold_lasts_as_long_as_somebody_has_it() {
        let (mut holds, replay) = (Holds::default(), Hold::default());
        let result = replay.clone();
        holds.take(7, replay.clone());
        holds.take(3, Hold::default());
        assert!(holds.forget());
        drop(replay);
        assert!(!holds.forget());
        let third = Hold::default();
        holds.take(5, third.clone());
        assert_eq!((holds.give_up_oldest(), holds.floor()), (1, Some(7)));
        assert_eq!(holds.floor(), Some(7));
        drop(result);
        assert!(holds.forget());
        assert_eq!(holds.floor(), None);
    }
}
