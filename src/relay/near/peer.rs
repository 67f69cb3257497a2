//! `Peer`, another node as the near end knows it: its connection, the links over it, the streams of watched rooms.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use framekeep_gate::WebLinkId;
use framekeep_protocol::ToClient;

use crate::limits::{DIAL_AGAIN_FIRST, DIAL_AGAIN_MAX, REPAIR_AGAIN_EVERY, STREAM_MESSAGES_MAX};
use crate::outbox::Outbox;
use crate::wire::{Channel, StreamId};

/// Links that were put out of a room of which a peer remembers.
const PUT_OUT_MAX: usize = 64;

/// Another node.
#[derive(Default)]
pub(crate) struct Peer {
    /// What waits for the connection, while there is one.
    pub(crate) outbox: Option<Arc<Outbox>>,
    pub(crate) links: BTreeMap<Channel, WebLinkId>,
    last_channel: Channel,
    /// Whose clients were put out of their room last: the node may send them away altogether.
    put_out: VecDeque<(Channel, WebLinkId)>,
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

    /// The client of a link was put out of its room.
    pub(crate) fn put_out(&mut self, channel: Channel, link: WebLinkId) {
        if self.put_out.len() == PUT_OUT_MAX {
            self.put_out.pop_front();
        }
        self.put_out.push_back((channel, link));
    }

    /// The link whose client was put out of its room under that number, if that was not long ago.
    pub(crate) fn take_put_out(&mut self, channel: Channel) -> Option<WebLinkId> {
        let at = self.put_out.iter().position(|(of, _)| *of == channel)?;
        self.put_out.remove(at).map(|(_, link)| link)
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
        self.put_out.clear();
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
    /// The newest message that is known of.
    newest: u64,
    asked_at: Option<Duration>,
    /// From where it was asked last, and how often without anything of it having come.
    asked: (u64, u8),
    /// Messages after those that are missing.
    ahead: BTreeMap<u64, ToClient>,
    /// Who watches.
    pub(crate) links: BTreeSet<WebLinkId>,
}

impl Cursor {
    /// A stream of which everything up to a number is known.
    pub(crate) const fn after(newest: u64) -> Self {
        Self {
            next: newest + 1,
            newest,
            asked_at: None,
            asked: (0, 0),
            ahead: BTreeMap::new(),
            links: BTreeSet::new(),
        }
    }

    /// A message has come; gives what can be told now, in order.
    pub(crate) fn see(&mut self, number: u64, message: ToClient) -> Vec<(u64, ToClient)> {
        self.newest = self.newest.max(number);
        if number > self.next && self.ahead.len() < STREAM_MESSAGES_MAX {
            self.ahead.insert(number, message);
            return Vec::new();
        }
        if number != self.next {
            return Vec::new();
        }
        let mut told = vec![(number, message)];
        self.next += 1;
        while let Some(message) = self.ahead.remove(&self.next) {
            told.push((self.next, message));
            self.next += 1;
        }
        self.ahead.remove(&number);
        told
    }

    /// There is a message of this number.
    pub(crate) fn head(&mut self, newest: u64) {
        self.newest = self.newest.max(newest);
    }

    /// From which number on messages are to be asked for, if some are missing and it is time; and how often they were
    /// asked for in vain.
    pub(crate) fn missing(&mut self, now: Duration) -> Option<(u64, u8)> {
        if self.newest < self.next {
            self.asked_at = None;
            return None;
        }
        if self.asked_at.is_some_and(|asked| now < asked + REPAIR_AGAIN_EVERY) {
            return None;
        }
        self.asked_at = Some(now);
        let (before, tries) = self.asked;
        // What has helped is tried with a little less.
        let tries = if before == self.next { tries.saturating_add(1) } else { tries.saturating_sub(1) };
        self.asked = (self.next, tries);
        Some(self.asked)
    }

    /// It goes on after a number.
    pub(crate) fn skip_to(&mut self, newest: u64) {
        self.next = self.next.max(newest + 1);
        self.newest = self.newest.max(newest);
        self.ahead = self.ahead.split_off(&self.next);
        self.asked_at = None;
    }
}

#[cfg(test)]
mod tests {
    use framekeep_protocol::CloseReason;
    use proptest::prelude::*;

    use super::*;

    const SOMETHING: ToClient = ToClient::Closing { reason: CloseReason::Idle };

    proptest! {
        /// Whatever is lost, doubled or asked for again: each message is taken once, and in order.
        #[test]
        fn a_stream_is_taken_in_order_without_a_gap(losses in prop::collection::vec(any::<u8>(), 1..200)) {
            let (mut cursor, mut taken, mut now) = (Cursor::after(0), Vec::new(), Duration::ZERO);
            let newest = losses.len() as u64;
            let mut see = |cursor: &mut Cursor, number| {
                taken.extend(cursor.see(number, SOMETHING).into_iter().map(|(number, _)| number));
            };
            for (number, loss) in (1..).zip(&losses) {
                now += Duration::from_millis(u64::from(*loss));
                (0..loss % 3).for_each(|_| see(&mut cursor, number));
                if let Some((from, _)) = cursor.missing(now) {
                    // The repair may be cut short as well.
                    (from..=number.min(from + u64::from(*loss % 5))).for_each(|again| see(&mut cursor, again));
                }
            }
            cursor.head(newest);
            if let Some((from, _)) = cursor.missing(now + REPAIR_AGAIN_EVERY) {
                (from..=newest).for_each(|number| see(&mut cursor, number));
            }
            prop_assert_eq!(taken, (1..=newest).collect::<Vec<_>>());
            prop_assert!(cursor.missing(now + 2 * REPAIR_AGAIN_EVERY).is_none() && cursor.ahead.is_empty());
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
