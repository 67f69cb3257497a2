//! `Peer`, another node as the near end knows it: its connection, the links over it, the streams of watched rooms.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use framekeep_gate::WebLinkId;

use crate::limits::{DIAL_AGAIN_FIRST, DIAL_AGAIN_MAX, REPAIR_AGAIN_EVERY};
use crate::outbox::Outbox;
use crate::wire::{Channel, StreamId};

/// Another node.
#[derive(Default)]
pub(crate) struct Peer {
    /// What waits for the connection, while there is one.
    pub(crate) outbox: Option<Arc<Outbox>>,
    pub(crate) links: BTreeMap<Channel, WebLinkId>,
    last_channel: Channel,
    pub(crate) streams: BTreeMap<StreamId, Cursor>,
    pub(crate) is_dialing: bool,
    tries: u32,
    pub(crate) dial_at: Duration,
    pub(crate) heard_at: Duration,
    pub(crate) beat_at: Duration,
}

impl Peer {
    /// A number for a link, which no other link of this node had for long.
    pub(crate) fn open(&mut self, link: WebLinkId) -> Channel {
        loop {
            self.last_channel = self.last_channel.wrapping_add(1);
            if !self.links.contains_key(&self.last_channel) {
                self.links.insert(self.last_channel, link);
                return self.last_channel;
            }
        }
    }

    /// A link does not watch any more.
    pub(crate) fn unwatch(&mut self, stream: StreamId, link: WebLinkId) {
        if let Some(cursor) = self.streams.get_mut(&stream) {
            cursor.links.remove(&link);
            if cursor.links.is_empty() {
                self.streams.remove(&stream);
            }
        }
    }

    pub(crate) fn connected(&mut self, outbox: Arc<Outbox>, now: Duration) {
        (self.outbox, self.is_dialing, self.tries) = (Some(outbox), false, 0);
        (self.heard_at, self.beat_at) = (now, now);
        self.streams.clear();
    }

    /// There is no connection; it is tried again after a pause, of which up to a half is cut by `chance`.
    pub(crate) fn failed(&mut self, now: Duration, chance: u32) {
        self.outbox = None;
        self.is_dialing = false;
        self.streams.clear();
        let pause = DIAL_AGAIN_FIRST.saturating_mul(1 << self.tries.min(8)).min(DIAL_AGAIN_MAX);
        self.tries = self.tries.saturating_add(1);
        self.dial_at = now + pause - pause / 2 * (chance % 256) / 256;
    }
}

/// How far a stream was received.
#[derive(Debug)]
pub(crate) struct Cursor {
    next: u64,
    asked_at: Option<Duration>,
    /// Who watches.
    pub(crate) links: BTreeSet<WebLinkId>,
}

/// What is to be done about a message of a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Seen {
    /// It is the next one.
    Next,
    /// It was there before.
    Again,
    /// Some are missing before it, and are asked for from this number on.
    Ask(u64),
    /// Some are missing before it, and were just asked for.
    Wait,
}

impl Cursor {
    /// A stream of which everything up to a number is known.
    pub(crate) const fn after(newest: u64) -> Self {
        Self { next: newest + 1, asked_at: None, links: BTreeSet::new() }
    }

    /// A message has come.
    pub(crate) fn see(&mut self, number: u64, now: Duration) -> Seen {
        if number < self.next {
            return Seen::Again;
        }
        if number == self.next {
            self.next += 1;
            return Seen::Next;
        }
        self.miss(now)
    }

    /// There is a message of this number.
    pub(crate) fn head(&mut self, newest: u64, now: Duration) -> Seen {
        if newest < self.next { Seen::Again } else { self.miss(now) }
    }

    fn miss(&mut self, now: Duration) -> Seen {
        if self.asked_at.is_some_and(|asked| now < asked + REPAIR_AGAIN_EVERY) {
            return Seen::Wait;
        }
        self.asked_at = Some(now);
        Seen::Ask(self.next)
    }

    /// It goes on after a number.
    pub(crate) fn skip_to(&mut self, newest: u64) {
        self.next = self.next.max(newest + 1);
        self.asked_at = None;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Whatever is lost, doubled or asked for again: each message is taken once, and in order.
        #[test]
        fn a_stream_is_taken_in_order_without_a_gap(losses in prop::collection::vec(any::<u8>(), 1..200)) {
            let (mut cursor, mut taken, mut now) = (Cursor::after(0), Vec::new(), Duration::ZERO);
            let newest = losses.len() as u64;
            let mut see = |number, now| match cursor.see(number, now) {
                Seen::Next => { taken.push(number); None }
                Seen::Ask(from) => Some(from),
                Seen::Again | Seen::Wait => None,
            };
            for (number, loss) in (1..).zip(&losses) {
                now += Duration::from_millis(u64::from(*loss));
                for _ in 0..loss % 3 {
                    if let Some(from) = see(number, now) {
                        // The repair may be cut short as well.
                        for again in from..=number.min(from + u64::from(*loss % 5)) {
                            see(again, now);
                        }
                    }
                }
            }
            if let Seen::Ask(from) = cursor.head(newest, now + REPAIR_AGAIN_EVERY) {
                for number in from..=newest {
                    prop_assert_eq!(cursor.see(number, now), Seen::Next);
                    taken.push(number);
                }
            }
            prop_assert_eq!(taken, (1..=newest).collect::<Vec<_>>());
        }
    }

    #[test]
    fn connections_are_tried_again_less_and_less_often() {
        let mut peer = Peer::default();
        let pauses: Vec<_> = (0..6)
            .map(|_| {
                peer.failed(Duration::ZERO, 0);
                peer.dial_at.as_millis()
            })
            .collect();
        assert_eq!(pauses, [100, 200, 400, 800, 1_000, 1_000]);
        peer.failed(Duration::ZERO, 255);
        assert!((500..510).contains(&peer.dial_at.as_millis()));
    }

    #[test]
    fn no_two_links_have_the_same_number() {
        let mut peer = Peer { last_channel: u32::MAX - 1, ..Peer::default() };
        let given: Vec<_> = (0..3).map(|link| peer.open(WebLinkId(link))).collect();
        peer.last_channel = u32::MAX - 1;
        assert_eq!((given, peer.open(WebLinkId(9))), (vec![u32::MAX, 0, 1], 2));
    }
}
