//! `GameEvent`, what the game tells of a tick: at first as a prediction, then for certain or taken back.

use std::collections::VecDeque;

use framekeep_sim::Tick;

use crate::limits::GAME_EVENTS_MAX;

/// Names one event of a match on this client: the same from its prediction to its end, used for no other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EventId(pub u64);

/// How sure an event is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum EventStage {
    /// It happens if nobody does anything unforeseen. Told once; [`EventStage::Confirmed`] or
    /// [`EventStage::Cancelled`] follows with the same id, once.
    Predicted,
    /// It has happened. Told exactly once for every event of every confirmed tick.
    Confirmed {
        /// Whether it was told as predicted before: a sound that was started then is not started again.
        predicted: bool,
    },
    /// It was predicted and does not happen, or nobody knows any more: a snapshot has skipped its tick.
    Cancelled,
}

/// What the game tells of a tick, and how sure it is.
///
/// An event played again by a rollback is the same if tick and value are; of several equal ones in one tick the
/// first stays the first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GameEvent<E> {
    /// Which event.
    pub id: EventId,
    /// The tick in whose step it happens.
    pub tick: Tick,
    /// How sure it is.
    pub stage: EventStage,
    /// What happens.
    pub event: E,
}

/// What was told as predicted of one tick.
struct Told<E> {
    tick: Tick,
    events: Vec<(Option<EventId>, E)>,
}

/// Tells every event once for each of its stages, whatever is played again.
pub(crate) struct EventLog<E> {
    /// By tick modulo the length.
    told: Vec<Told<E>>,
    /// What was told before the tick was played again.
    before: Vec<(Option<EventId>, E)>,
    queue: VecDeque<GameEvent<E>>,
    next: u64,
    dropped: u64,
}

impl<E: Clone + PartialEq> EventLog<E> {
    /// For at most `ticks` predicted ticks at a time.
    pub(crate) fn new(ticks: usize) -> Self {
        Self {
            told: (0..ticks).map(|_| Told { tick: Tick(u32::MAX), events: Vec::new() }).collect(),
            before: Vec::new(),
            queue: VecDeque::new(),
            next: 0,
            dropped: 0,
        }
    }

    /// The oldest event that was not polled yet.
    pub(crate) fn poll(&mut self) -> Option<GameEvent<E>> {
        self.queue.pop_front()
    }

    /// How many events nobody polled in time since this was asked last.
    pub(crate) fn take_dropped(&mut self) -> u64 {
        core::mem::take(&mut self.dropped)
    }

    /// `tick` was predicted, for the first time or again.
    pub(crate) fn predicted(&mut self, tick: Tick, events: &[E]) {
        self.reconcile(tick, events);
        let slot = self.slot(tick);
        let mut told = core::mem::take(&mut self.told[slot].events);
        for (id, event) in told.iter_mut().filter(|(id, _)| id.is_none()) {
            *id = Some(self.push(None, tick, EventStage::Predicted, event.clone()));
        }
        self.told[slot].events = told;
    }

    /// `tick` is confirmed.
    pub(crate) fn confirmed(&mut self, tick: Tick, events: &[E]) {
        self.reconcile(tick, events);
        let slot = self.slot(tick);
        let mut told = core::mem::take(&mut self.told[slot].events);
        for (id, event) in told.drain(..) {
            self.push(id, tick, EventStage::Confirmed { predicted: id.is_some() }, event);
        }
        self.told[slot].events = told;
    }

    /// Takes back what was predicted of ticks below `first` or from `end` on.
    pub(crate) fn keep(&mut self, first: Tick, end: Tick) {
        for slot in 0..self.told.len() {
            let Told { tick, events } = &self.told[slot];
            if !events.is_empty() && !(first..end).contains(tick) {
                self.reconcile(*tick, &[]);
            }
        }
    }

    /// Makes the events told of a tick these; those that are new have no id, those that are gone are cancelled.
    fn reconcile(&mut self, tick: Tick, events: &[E]) {
        let slot = self.slot(tick);
        let told = &mut self.told[slot];
        if told.tick != tick {
            // Whatever was told of the tick before in this place is settled: the ring is as long as the prediction.
            told.events.clear();
            told.tick = tick;
        }
        if told.events.iter().map(|(_, event)| event).eq(events) {
            return;
        }
        core::mem::swap(&mut self.before, &mut told.events);
        for event in events {
            let same = self.before.iter().position(|(_, before)| before == event);
            told.events.push(same.map_or_else(|| (None, event.clone()), |same| self.before.remove(same)));
        }
        let mut gone = core::mem::take(&mut self.before);
        for (id, event) in gone.drain(..) {
            self.push(id, tick, EventStage::Cancelled, event);
        }
        self.before = gone;
    }

    fn push(&mut self, id: Option<EventId>, tick: Tick, stage: EventStage, event: E) -> EventId {
        let id = id.unwrap_or_else(|| {
            self.next += 1;
            EventId(self.next)
        });
        if self.queue.len() >= GAME_EVENTS_MAX {
            self.queue.pop_front();
            self.dropped += 1;
        }
        self.queue.push_back(GameEvent { id, tick, stage, event });
        id
    }

    fn slot(&self, tick: Tick) -> usize {
        tick.0 as usize % self.told.len()
    }
}

#[cfg(test)]
mod tests {
    use super::{EventLog, EventStage, GAME_EVENTS_MAX, Tick};

    fn told(log: &mut EventLog<char>) -> String {
        let mut text = String::new();
        while let Some(told) = log.poll() {
            let sign = match told.stage {
                EventStage::Predicted => '?',
                EventStage::Confirmed { predicted: true } => '=',
                EventStage::Confirmed { predicted: false } => '+',
                EventStage::Cancelled => '-',
            };
            text.extend([sign, told.event]);
            text += &told.id.0.to_string();
        }
        text
    }

    #[test]
    fn an_event_is_told_once_at_each_stage() {
        let mut log = EventLog::new(4);
        log.predicted(Tick(7), &['a', 'b']);
        log.predicted(Tick(7), &['a', 'b']);
        assert_eq!(told(&mut log), "?a1?b2");
        log.predicted(Tick(7), &['b', 'c']);
        assert_eq!(told(&mut log), "-a1?c3", "what stays keeps its id wherever it stands");
        log.confirmed(Tick(7), &['d', 'c']);
        assert_eq!(told(&mut log), "-b2+d4=c3");
        log.predicted(Tick(11), &['a']);
        assert_eq!(told(&mut log), "?a5", "the next tick in the same place begins with nothing");
    }

    #[test]
    fn equal_events_of_a_tick_are_told_apart() {
        let mut log = EventLog::new(4);
        log.predicted(Tick(1), &['a', 'a', 'a']);
        log.predicted(Tick(1), &['a', 'a']);
        assert_eq!(told(&mut log), "?a1?a2?a3-a3");
        log.confirmed(Tick(1), &['a', 'a', 'a', 'a']);
        assert_eq!(told(&mut log), "=a1=a2+a4+a5");
    }

    #[test]
    fn what_a_snapshot_skips_is_taken_back() {
        let mut log = EventLog::new(4);
        (4..8).for_each(|tick| log.predicted(Tick(tick), &['x']));
        told(&mut log);
        log.keep(Tick(6), Tick(7));
        assert_eq!(told(&mut log), "-x1-x2-x4");
    }

    #[test]
    fn what_nobody_polls_is_dropped_and_counted() {
        let mut log = EventLog::new(2);
        (0..GAME_EVENTS_MAX as u32 + 5).for_each(|tick| log.confirmed(Tick(tick), &['x']));
        assert_eq!(log.take_dropped(), 5);
        assert_eq!(log.poll().map(|told| told.tick), Some(Tick(5)));
    }
}
