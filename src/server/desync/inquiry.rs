//! `Inquiry`, what is asked of one client and what it answers, until there is enough to look at.

use std::sync::Arc;
use std::time::Duration;

use framekeep_journal::{DesyncCause, HashPair, MatchHeader};
use framekeep_protocol::{DesyncAnswer, DesyncAsk, Epoch, PlayerId};
use framekeep_sim::{AnyGame, Tick};

use super::recall::Block;

/// A client's hash that was not ours, and all that is known of the match at that moment.
pub(super) struct Inquiry {
    pub(super) about: About,
    /// Our hashes, the last one at [`About::noticed`].
    pub(super) ours: Vec<(Tick, u64)>,
    /// The client's state was ours at this tick.
    pub(super) good: Option<Tick>,
    /// What the client claimed.
    pub(super) claimed: u32,
    /// After this the client has had its time.
    pub(super) until: Duration,
    pub(super) step: Step,
}

/// Which match and which client it is about.
#[derive(Clone)]
pub(super) struct About {
    pub(super) game: Arc<dyn AnyGame>,
    pub(super) header: MatchHeader,
    pub(super) room: u64,
    pub(super) epoch: Epoch,
    pub(super) index: u8,
    pub(super) player: PlayerId,
    /// The tick of the hash that differed.
    pub(super) noticed: Tick,
    /// The match up to that tick.
    pub(super) blocks: Vec<Arc<Block>>,
}

/// What the client is to answer next.
pub(super) enum Step {
    Hashes,
    State(Found),
}

/// Where the states began to differ, and the client's state of that tick as far as it has come.
#[derive(Default)]
pub(super) struct Found {
    pub(super) first_bad: Tick,
    pub(super) exact: bool,
    pub(super) pairs: Vec<HashPair>,
    /// The lengths of the state and of its block, once the first part is there.
    pub(super) lengths: Option<(u32, u32)>,
    pub(super) block: Vec<u8>,
}

/// What follows from an answer.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// Nothing yet.
    Wait,
    /// Another question.
    Ask(DesyncAsk),
    /// Everything is there.
    Examine,
    /// Nothing more is asked, and there is nothing to look at.
    Close(DesyncCause),
}

impl Inquiry {
    /// The first question.
    pub(super) fn first_ask(&self) -> DesyncAsk {
        DesyncAsk::Hashes { epoch: self.about.epoch, upto: self.about.noticed }
    }

    /// Takes an answer. One to another question than the one that was asked is a lie like any other.
    pub(super) fn hear(&mut self, answer: DesyncAnswer) -> Next {
        let epoch = self.about.epoch;
        match (&mut self.step, answer) {
            (Step::Hashes, DesyncAnswer::Hashes { epoch: of, first, hashes }) if of == epoch => {
                self.compare(first, &hashes)
            }
            (Step::State(found), DesyncAnswer::Part { epoch: of, tick, len, packed, offset, bytes })
                if of == epoch && tick == found.first_bad =>
            {
                found.take(len, packed, offset, &bytes)
            }
            (Step::State(found), DesyncAnswer::NoState { epoch: of, tick })
                if of == epoch && tick == found.first_bad =>
            {
                (found.lengths, found.block) = (None, Vec::new());
                Next::Examine
            }
            _ => Next::Close(DesyncCause::Forged),
        }
    }

    /// The client has had its time.
    pub(super) fn time_out(&mut self) -> Next {
        match &mut self.step {
            Step::Hashes => Next::Close(DesyncCause::Silent),
            Step::State(found) => {
                (found.lengths, found.block) = (None, Vec::new());
                Next::Examine
            }
        }
    }

    fn compare(&mut self, first: Tick, theirs: &[u32]) -> Next {
        if theirs.is_empty() {
            return Next::Close(DesyncCause::Silent);
        }
        let end = u64::from(first.0) + theirs.len() as u64;
        if end != u64::from(self.about.noticed.0) + 1 || theirs.last() != Some(&self.claimed) {
            return Next::Close(DesyncCause::Forged);
        }
        let pairs: Vec<HashPair> = self
            .ours
            .iter()
            .filter(|(tick, _)| *tick >= first)
            .map(|&(tick, server)| HashPair { tick, server, client: theirs[tick.since(first) as usize] })
            .collect();
        let since = self.good.map_or(Tick(0), Tick::next);
        // The last pair is the one that was noticed, so there is one that differs.
        let Some(bad) = pairs.iter().position(|pair| pair.tick >= since && !pair.agrees()) else {
            return Next::Close(DesyncCause::Forged);
        };
        let first_bad = pairs[bad].tick;
        let before_is_good = bad.checked_sub(1).is_some_and(|before| pairs[before].agrees());
        let exact = before_is_good || self.good.map(Tick::next) == Some(first_bad);
        let ask = DesyncAsk::State { epoch: self.about.epoch, tick: first_bad };
        self.step = Step::State(Found { first_bad, exact, pairs, ..Found::default() });
        Next::Ask(ask)
    }
}

impl Found {
    /// Parts come in order, all of one block; bounds were checked when the message was read.
    fn take(&mut self, len: u32, packed: u32, offset: u32, bytes: &[u8]) -> Next {
        let lengths = *self.lengths.get_or_insert((len, packed));
        if lengths != (len, packed) || offset as usize != self.block.len() {
            return Next::Close(DesyncCause::Forged);
        }
        self.block.extend_from_slice(bytes);
        if self.block.len() < packed as usize { Next::Wait } else { Next::Examine }
    }

    /// The client's hash at the first bad tick, as it told it.
    pub(super) fn claimed(&self) -> Option<u32> {
        self.pairs.iter().find(|pair| pair.tick == self.first_bad).map(|pair| pair.client)
    }
}

#[cfg(test)]
mod tests {
    use framekeep_sim::GameRegistry;

    use super::*;

    const EPOCH: Epoch = Epoch::new(2);

    /// A client whose hash differs at tick 20; ours are 1,000 and the tick.
    fn inquiry(good: Option<u32>) -> Inquiry {
        let registry = GameRegistry::new().with::<framekeep_games::arena::Arena>();
        let game = registry.get("arena").unwrap().clone();
        let about = About {
            game,
            header: MatchHeader::default(),
            room: 1,
            epoch: EPOCH,
            index: 0,
            player: PlayerId(1),
            noticed: Tick(20),
            blocks: Vec::new(),
        };
        Inquiry {
            about,
            ours: (5..=20).map(|tick| (Tick(tick), 1_000 + u64::from(tick))).collect(),
            good: good.map(Tick),
            claimed: 7,
            until: Duration::ZERO,
            step: Step::Hashes,
        }
    }

    fn hashes(first: u32, bad: impl Fn(u32) -> bool) -> DesyncAnswer {
        let theirs = (first..=20).map(|tick| if bad(tick) { 7 } else { 1_000 + tick });
        DesyncAnswer::Hashes { epoch: EPOCH, first: Tick(first), hashes: theirs.collect() }
    }

    fn part(offset: u32, bytes: usize) -> DesyncAnswer {
        let (tick, bytes) = (Tick(18), vec![1; bytes]);
        DesyncAnswer::Part { epoch: EPOCH, tick, len: 9, packed: 8, offset, bytes }
    }

    fn asks(next: Next) -> u32 {
        match next {
            Next::Ask(DesyncAsk::State { tick, .. }) => tick.0,
            other => panic!("{other:?}"),
        }
    }

    fn found(inquiry: &Inquiry) -> &Found {
        match &inquiry.step {
            Step::State(found) => found,
            Step::Hashes => panic!("still at the hashes"),
        }
    }

    #[test]
    fn the_first_bad_tick_is_found_and_known_to_be_the_first() {
        for (first, good, exact) in
            [(1, None, true), (17, None, true), (18, None, false), (18, Some(17), true)]
        {
            let mut it = inquiry(good);
            assert_eq!(asks(it.hear(hashes(first, |tick| tick >= 18))), 18);
            assert_eq!((found(&it).exact, found(&it).claimed()), (exact, Some(7)), "{first} {good:?}");
        }
        // Before the tick at which it was right last, it was healed; that is another matter.
        let mut it = inquiry(Some(12));
        assert_eq!(asks(it.hear(hashes(5, |tick| !(9..18).contains(&tick)))), 18);
    }

    #[test]
    fn the_parts_of_a_state_are_put_together() {
        let mut it = inquiry(None);
        assert_eq!(asks(it.hear(hashes(5, |tick| tick >= 18))), 18);
        assert_eq!(it.hear(part(0, 5)), Next::Wait);
        assert_eq!(it.hear(part(5, 3)), Next::Examine);
        assert_eq!((found(&it).block.len(), found(&it).lengths), (8, Some((9, 8))));
    }

    #[test]
    fn who_has_no_state_or_is_slow_is_looked_at_without_it() {
        let asked = || {
            let mut it = inquiry(None);
            assert_eq!(asks(it.hear(hashes(5, |tick| tick >= 18))), 18);
            assert_eq!(it.hear(part(0, 5)), Next::Wait);
            it
        };
        let mut it = asked();
        assert_eq!(it.hear(DesyncAnswer::NoState { epoch: EPOCH, tick: Tick(18) }), Next::Examine);
        assert_eq!(found(&it).lengths, None);
        let mut it = asked();
        assert_eq!(it.time_out(), Next::Examine);
        assert_eq!(found(&it).lengths, None);
        assert_eq!(inquiry(None).time_out(), Next::Close(DesyncCause::Silent));
    }

    #[test]
    fn lies_end_it() {
        let forged = Next::Close(DesyncCause::Forged);
        let other = Epoch::new(3);
        let cases = [
            hashes(5, |_| false),
            DesyncAnswer::Hashes { epoch: EPOCH, first: Tick(6), hashes: vec![7; 16] },
            DesyncAnswer::Hashes { epoch: EPOCH, first: Tick(u32::MAX), hashes: vec![7; 128] },
            DesyncAnswer::Hashes { epoch: other, first: Tick(20), hashes: vec![7] },
            DesyncAnswer::NoState { epoch: EPOCH, tick: Tick(20) },
            part(0, 5),
        ];
        for case in cases {
            assert_eq!(inquiry(None).hear(case.clone()), forged, "{case:?}");
        }
        let none = DesyncAnswer::Hashes { epoch: EPOCH, first: Tick(20), hashes: Vec::new() };
        assert_eq!(inquiry(None).hear(none), Next::Close(DesyncCause::Silent));
        let mut it = inquiry(None);
        it.hear(hashes(5, |tick| tick >= 18));
        assert_eq!(it.hear(part(1, 5)), forged, "a part that does not begin where it should");
        let mut it = inquiry(None);
        it.hear(hashes(5, |tick| tick >= 18));
        assert_eq!(it.hear(hashes(5, |tick| tick >= 18)), forged, "hashes instead of a state");
    }
}
