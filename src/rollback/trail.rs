//! `Trail`, the hashes and states of the last confirmed ticks: what a client can show when its state differs.

use framekeep_protocol::{DESYNC_HASHES_MAX, DesyncAnswer, DesyncAsk, Epoch};
use framekeep_sim::Tick;

use crate::limits::TRAIL_BYTES_MAX;

/// No tick.
const NONE: Tick = Tick(u32::MAX);

#[derive(Clone, Debug)]
struct Place {
    tick: Tick,
    hash: u64,
    /// Empty where the state is forgotten.
    state: Vec<u8>,
}

/// The hashes and canonical encodings of the last confirmed states, as they were when they were confirmed.
///
/// Memory is reused: once warm, nothing is allocated.
#[derive(Clone, Debug)]
pub(crate) struct Trail {
    /// By tick, modulo the length.
    places: Vec<Place>,
    newest: Tick,
    /// For how many ticks states are kept.
    ticks: u32,
}

impl Trail {
    /// Keeps hashes for [`DESYNC_HASHES_MAX`] ticks and states for `ticks`; nothing at all if that is 0.
    pub(crate) fn new(ticks: u32) -> Self {
        let length = if ticks == 0 { 0 } else { DESYNC_HASHES_MAX };
        let place = Place { tick: NONE, hash: 0, state: Vec::new() };
        Self { places: vec![place; length], newest: NONE, ticks: ticks.min(length as u32) }
    }

    /// Adds a state, or replaces that of the same tick. One that does not follow the newest begins anew.
    pub(crate) fn push(&mut self, tick: Tick, hash: u64, state: &[u8]) {
        if self.places.is_empty() {
            return;
        }
        let fitting = TRAIL_BYTES_MAX / state.len().max(1);
        let kept = (self.ticks as usize).min(fitting);
        let oldest = self.place(Tick(tick.0.wrapping_sub(kept as u32)));
        let mut memory = std::mem::take(&mut self.places[oldest].state);
        memory.clear();
        if kept > 0 {
            memory.extend_from_slice(state);
        }
        let place = self.place(tick);
        self.places[place] = Place { tick, hash, state: memory };
        self.newest = tick;
    }

    /// What is known of a tick.
    fn get(&self, tick: Tick) -> Option<&Place> {
        if self.places.is_empty() {
            return None;
        }
        let place = &self.places[self.place(tick)];
        (place.tick == tick && tick <= self.newest).then_some(place)
    }

    /// The answer to what a server asks.
    pub(crate) fn answer(&self, ask: DesyncAsk) -> Vec<DesyncAnswer> {
        match ask {
            DesyncAsk::Hashes { epoch, upto } => vec![self.hashes(epoch, upto)],
            DesyncAsk::State { epoch, tick } => {
                let state =
                    self.get(tick).map(|place| place.state.as_slice()).filter(|state| !state.is_empty());
                DesyncAnswer::state(epoch, tick, state)
            }
        }
    }

    /// The hashes up to and with `upto`, back to the first that is missing.
    fn hashes(&self, epoch: Epoch, upto: Tick) -> DesyncAnswer {
        let mut hashes = Vec::new();
        let mut first = upto;
        let mut tick = Some(upto);
        while let Some(place) = tick.and_then(|tick| self.get(tick)) {
            hashes.push(place.hash as u32);
            first = place.tick;
            tick = place.tick.0.checked_sub(1).map(Tick);
            if hashes.len() == DESYNC_HASHES_MAX {
                break;
            }
        }
        hashes.reverse();
        DesyncAnswer::Hashes { epoch, first, hashes }
    }

    fn place(&self, tick: Tick) -> usize {
        tick.0 as usize % self.places.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EPOCH: Epoch = Epoch::new(1);

    fn state(tick: u32) -> Vec<u8> {
        tick.to_le_bytes().to_vec()
    }

    fn hashes(trail: &Trail, upto: u32) -> (u32, Vec<u32>) {
        match trail.answer(DesyncAsk::Hashes { epoch: EPOCH, upto: Tick(upto) }).remove(0) {
            DesyncAnswer::Hashes { first, hashes, .. } => (first.0, hashes),
            other => panic!("{other:?}"),
        }
    }

    fn has_state(trail: &Trail, tick: u32) -> bool {
        let answers = trail.answer(DesyncAsk::State { epoch: EPOCH, tick: Tick(tick) });
        matches!(answers[0], DesyncAnswer::Part { len: 4, .. })
    }

    #[test]
    fn the_last_ticks_are_kept_and_the_older_ones_forgotten() {
        let mut trail = Trail::new(16);
        (1..=300_u32).for_each(|tick| trail.push(Tick(tick), tick.into(), &state(tick)));
        assert_eq!(hashes(&trail, 300), (173, (173..=300).collect()));
        assert_eq!(hashes(&trail, 298), (173, (173..=298).collect()));
        assert!(hashes(&trail, 301).1.is_empty());
        assert!(hashes(&trail, 100).1.is_empty());
        assert!(has_state(&trail, 300) && has_state(&trail, 285));
        assert!(!has_state(&trail, 284) && !has_state(&trail, 301) && !has_state(&trail, 172));
    }

    #[test]
    fn a_gap_ends_the_hashes_and_a_tick_can_be_told_anew() {
        let mut trail = Trail::new(16);
        (1..=5_u32).chain(9..=12).for_each(|tick| trail.push(Tick(tick), tick.into(), &state(tick)));
        assert_eq!(hashes(&trail, 12), (9, vec![9, 10, 11, 12]));
        assert_eq!(hashes(&trail, 4), (1, vec![1, 2, 3, 4]));
        trail.push(Tick(11), 77, &state(77));
        trail.push(Tick(12), 78, &state(78));
        assert_eq!(hashes(&trail, 12), (9, vec![9, 10, 77, 78]));
        assert!(hashes(&trail, 7).1.is_empty());
    }

    #[test]
    fn large_states_are_kept_for_fewer_ticks_and_nothing_where_nothing_is_wanted() {
        let mut trail = Trail::new(64);
        let large = vec![0; TRAIL_BYTES_MAX / 2];
        (1..=9_u32).for_each(|tick| trail.push(Tick(tick), 0, &large));
        assert_eq!(trail.places.iter().filter(|place| !place.state.is_empty()).count(), 2);
        trail.push(Tick(10), 0, &vec![0; TRAIL_BYTES_MAX + 1]);
        assert!(!has_state(&trail, 10));
        assert_eq!(hashes(&trail, 10).1.len(), 10);
        let mut none = Trail::new(0);
        none.push(Tick(1), 1, &state(1));
        assert_eq!((hashes(&none, 1).1.len(), has_state(&none, 1)), (0, false));
    }
}
