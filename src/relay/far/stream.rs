//! `Stream`, what happens in a room that is watched from other nodes: told once, however many watch.

use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use framekeep_gate::StateView;
use framekeep_protocol::{Epoch, RoomId, RoomName, RoomView, ToClient};
use framekeep_sim::Tick;

use super::framed;
use crate::limits::{STREAM_BYTES_MAX, STREAM_MESSAGES_MAX};
use crate::outbox::Outbox;
use crate::wire::{StreamId, ToNear};

/// The most copies of a message that was asked for again and again, as a power of two.
const COPIES_LOG2_MAX: u32 = 8;

/// What happens in a watched room. Every link that watches offers what it is told; the first to offer something has it
/// written, with the next number, to each connection that somebody watches over.
pub(crate) struct Stream {
    id: StreamId,
    room: RoomId,
    told: Mutex<Told>,
}

#[derive(Default)]
struct Told {
    newest: u64,
    /// The last messages as frames, of which the last has the number `newest`.
    kept: VecDeque<Vec<u8>>,
    kept_bytes: usize,
    event: u64,
    view: Option<RoomView>,
    started: Option<Epoch>,
    ended: Option<Epoch>,
    shown: Option<(Epoch, Tick)>,
    /// The connections, and how many watch over each.
    outlets: Vec<(Arc<Outbox>, usize)>,
}

impl Told {
    /// Whether nobody has offered it before.
    fn is_new(&mut self, message: &ToClient) -> bool {
        match message {
            ToClient::Event(event) if event.number > self.event => self.event = event.number,
            ToClient::Room(view) if self.view.as_ref() != Some(view) => {
                if self.view.as_ref().is_some_and(|before| before.event > view.event) {
                    return false;
                }
                self.view = Some(view.clone());
            }
            ToClient::Started(start) if self.started != Some(start.epoch) => {
                (self.started, self.ended, self.shown) = (Some(start.epoch), None, None);
            }
            ToClient::Ended(end) if self.ended != Some(end.epoch) => self.ended = Some(end.epoch),
            _ => return false,
        }
        true
    }

    fn keep(&mut self, frame: Vec<u8>) {
        self.kept_bytes += frame.len();
        self.kept.push_back(frame);
        while self.kept.len() > STREAM_MESSAGES_MAX || self.kept_bytes > STREAM_BYTES_MAX {
            self.kept_bytes -= self.kept.pop_front().map_or(0, |frame| frame.len());
        }
    }
}

impl Stream {
    fn told(&self) -> MutexGuard<'_, Told> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) const fn id(&self) -> StreamId {
        self.id
    }

    /// The number of the newest message.
    pub(super) fn newest(&self) -> u64 {
        self.told().newest
    }

    /// Tells a message to all who watch, unless it was told before.
    pub(super) fn offer(&self, message: ToClient) -> bool {
        let mut told = self.told();
        if !told.is_new(&message) {
            return false;
        }
        told.newest += 1;
        let frame = framed(&ToNear::Stream(self.id, told.newest, message));
        for (outlet, _) in &told.outlets {
            // A connection that is behind asks for it later.
            let _ = outlet.push_stream(frame.clone());
        }
        told.keep(frame);
        true
    }

    /// Shows a view to all who watch, unless a newer one was shown.
    pub(super) fn show(&self, view: &Arc<StateView>) {
        let mut told = self.told();
        let is_old = told.shown.is_some_and(|(epoch, tick)| epoch == view.epoch && tick >= view.tick);
        if is_old {
            return;
        }
        told.shown = Some((view.epoch, view.tick));
        let after = told.newest;
        for (outlet, _) in &told.outlets {
            outlet.show_stream(self.id, after, view);
        }
    }

    /// Sends everything again from a number on, or says that it is not kept any more. What was asked for in vain is
    /// sent in twice as many copies each time: whatever is lost with a period, shorter than the copies are many, does
    /// not meet all of them.
    fn repair(&self, (from, tries): (u64, u8), outbox: &Outbox) {
        let told = self.told();
        if from == 0 || from > told.newest {
            return;
        }
        let missing = (told.newest - from + 1) as usize;
        if missing > told.kept.len() {
            outbox.push_always(framed(&ToNear::Afresh(self.id, told.newest)));
            return;
        }
        let copies = 1_usize << u32::from(tries).min(COPIES_LOG2_MAX);
        let missing = told.kept.iter().skip(told.kept.len() - missing);
        let again = missing.flat_map(|frame| std::iter::repeat_n(frame, copies));
        let mut bytes = 0;
        for frame in again.take(STREAM_MESSAGES_MAX) {
            bytes += frame.len();
            if bytes > 2 * STREAM_BYTES_MAX || !outbox.push_stream(frame.clone()) {
                break;
            }
        }
    }
}

/// The streams of a node.
#[derive(Default)]
pub(crate) struct Streams {
    by_room: Mutex<BTreeMap<RoomName, Arc<Stream>>>,
    given: AtomicU64,
}

impl Streams {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<RoomName, Arc<Stream>>> {
        self.by_room.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn len(&self) -> usize {
        self.lock().len()
    }

    /// Somebody watches a room over a connection.
    pub(super) fn enter(&self, name: &RoomName, room: RoomId, outbox: &Arc<Outbox>) -> Arc<Stream> {
        let mut streams = self.lock();
        let known = streams.get(name).filter(|stream| stream.room == room).cloned();
        let stream = known.unwrap_or_else(|| {
            let id = self.given.fetch_add(1, Ordering::Relaxed) + 1;
            Arc::new(Stream { id, room, told: Mutex::default() })
        });
        let mut told = stream.told();
        match told.outlets.iter_mut().find(|(outlet, _)| Arc::ptr_eq(outlet, outbox)) {
            Some((_, watchers)) => *watchers += 1,
            None => told.outlets.push((outbox.clone(), 1)),
        }
        drop(told);
        streams.insert(name.clone(), stream.clone());
        stream
    }

    /// Somebody does not watch any more.
    pub(super) fn leave(&self, stream: &Arc<Stream>, outbox: &Arc<Outbox>) {
        let mut streams = self.lock();
        let mut told = stream.told();
        if let Some(place) = told.outlets.iter().position(|(outlet, _)| Arc::ptr_eq(outlet, outbox)) {
            told.outlets[place].1 -= 1;
            if told.outlets[place].1 == 0 {
                told.outlets.remove(place);
            }
        }
        if told.outlets.is_empty() {
            streams.retain(|_, known| !Arc::ptr_eq(known, stream));
        }
    }

    /// A connection is gone.
    pub(super) fn leave_all(&self, outbox: &Arc<Outbox>) {
        self.lock().retain(|_, stream| {
            let mut told = stream.told();
            told.outlets.retain(|(outlet, _)| !Arc::ptr_eq(outlet, outbox));
            !told.outlets.is_empty()
        });
    }

    /// Sends again what a connection lacks.
    pub(super) fn repair(&self, stream: StreamId, from: (u64, u8), outbox: &Outbox) {
        let found = self.lock().values().find(|known| known.id == stream).cloned();
        if let Some(stream) = found {
            stream.repair(from, outbox);
        }
    }

    /// Says how far the streams of a connection are: the last message may be what is missing.
    pub(super) fn tell_heads(&self, outbox: &Arc<Outbox>) {
        for stream in self.lock().values() {
            let told = stream.told();
            if told.outlets.iter().any(|(outlet, _)| Arc::ptr_eq(outlet, outbox)) {
                let _ = outbox.push_stream(framed(&ToNear::Head(stream.id, told.newest)));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use framekeep_protocol::CloseReason;

    use super::*;
    use crate::limits::{REPAIR_AGAIN_EVERY, TO_NEAR_BYTES_MAX};
    use crate::near::peer::Cursor;
    use crate::wire::FrameReader;

    const SOMETHING: ToClient = ToClient::Closing { reason: CloseReason::Idle };
    const MESSAGES: u64 = 20;

    /// Lets a stream cross a connection on which frames are lost by their number, until all of it has come; gives how
    /// often was asked.
    fn asks_until_whole(is_lost: impl Fn(u64) -> bool) -> u32 {
        let stream = Stream { id: 1, room: RoomId(1), told: Mutex::default() };
        let outbox = Arc::new(Outbox::default());
        let mut cursor = Cursor::after(0);
        for number in 1..=MESSAGES {
            let mut told = stream.told();
            told.newest = number;
            let frame = framed(&ToNear::Stream(1, number, SOMETHING));
            told.keep(frame.clone());
            assert!(outbox.push_stream(frame));
        }
        let (mut taken, mut crossed, mut asks) = (Vec::new(), 0, 0);
        loop {
            let mut reader = FrameReader::new(TO_NEAR_BYTES_MAX);
            reader.push(&outbox.take(usize::MAX));
            while let Some(body) = reader.next_body().unwrap() {
                crossed += 1;
                if is_lost(crossed) {
                    continue;
                }
                match ToNear::decode(body).unwrap() {
                    ToNear::Stream(_, number, message) => taken.extend(cursor.see(number, message)),
                    other => panic!("{other:?}"),
                }
            }
            cursor.head(MESSAGES);
            let Some(missing) = cursor.missing(REPAIR_AGAIN_EVERY * asks) else { break };
            asks += 1;
            assert!(asks < 1_000, "it stands still at {missing:?}");
            stream.repair(missing, &outbox);
        }
        let numbers: Vec<u64> = taken.into_iter().map(|(number, _)| number).collect();
        assert_eq!(numbers, (1..=MESSAGES).collect::<Vec<_>>());
        asks
    }

    #[test]
    fn whatever_is_lost_with_a_period_what_is_missing_comes() {
        let (mut one_of, mut all_but_one) = (0, 0);
        for period in 2..=128 {
            for phase in 0..period {
                one_of = one_of.max(asks_until_whole(|number| number % period == phase));
                all_but_one = all_but_one.max(asks_until_whole(|number| number % period != phase));
            }
        }
        println!("{one_of} asks at most where one of each period is lost, {all_but_one} where one is not");
        assert!(one_of <= 16 && all_but_one <= 160, "{one_of}, {all_but_one}");
    }

    #[test]
    fn what_a_slow_connection_asks_for_again_stays_bounded() {
        let stream = Stream { id: 1, room: RoomId(1), told: Mutex::default() };
        let outbox = Outbox::default();
        let frame = vec![0; 1_000];
        stream.told().newest = 100;
        (0..100).for_each(|_| stream.told().keep(frame.clone()));
        stream.repair((1, u8::MAX), &outbox);
        assert!(outbox.bytes() <= 2 * STREAM_BYTES_MAX);
        assert!(REPAIR_AGAIN_EVERY >= Duration::from_millis(100));
    }
}
