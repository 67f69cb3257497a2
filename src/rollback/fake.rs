//! For tests: a small game, and a server without a network that commits frames at their deadlines.

use core::time::Duration;
use std::collections::BTreeMap;
use std::sync::Arc;

use framekeep_protocol::{
    Epoch, FRAMES_PER_PACKET_MAX, FramesHead, InputHead, MatchEnd, MatchStart, RoomId, Snapshot,
    begin_frames, decode_inputs, encode_frame,
};
use framekeep_sim::{Frame, Game, Input, Mark, Match, Outcome, Pcg32, SeatInput, Tick, encode_into};
use serde::{Deserialize, Serialize};

/// A number of 12 bits.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Twelve(pub(crate) u16);

impl Input for Twelve {
    const BITS: u32 = 12;

    fn pack(self) -> u64 {
        self.0.into()
    }

    fn unpack(bits: u64) -> Self {
        Self((bits & 0xfff) as u16)
    }
}

/// Four sums that depend on the order of everything, marks included.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Sums {
    pub(crate) sums: [u64; 4],
    repeated: u32,
    rng: Pcg32,
}

pub(crate) struct SumGame;

impl Game for SumGame {
    const NAME: &'static str = "sums";
    const VERSION: u32 = 1;
    const SEATS: core::ops::RangeInclusive<u8> = 1..=4;
    type Config = u32;
    type Input = Twelve;
    type State = Sums;
    type Event = u64;

    fn default_content() -> u32 {
        3
    }

    fn start(content: &u32, seed: u64, seats: u8) -> Sums {
        Sums { sums: [u64::from(seats); 4], repeated: *content, rng: Pcg32::new(seed, 1) }
    }

    fn step(_: &u32, state: &mut Sums, frame: &Frame, events: &mut Vec<u64>) {
        for seat in 0..frame.seat_count().min(4) {
            let input: Twelve = frame.input(seat);
            let sum = &mut state.sums[usize::from(seat)];
            *sum = sum
                .wrapping_mul(31)
                .wrapping_add(u64::from(input.0))
                .wrapping_add(u64::from(state.rng.next_u32()));
            // Small numbers, so that some are equal.
            events.extend(sum.is_multiple_of(3).then_some(*sum % 5));
            state.repeated += u32::from(frame.seat(seat).mark == Mark::Repeated);
        }
    }

    fn outcome(_: &u32, _: &Sums) -> Option<Outcome> {
        None
    }
}

pub(crate) const PERIOD: Duration = Duration::from_nanos(1_000_000_000 / 30);
pub(crate) const EPOCH: Epoch = Epoch::new(5);
const REPEAT_MAX: u32 = 10;
const LATE_NS: i128 = 1_000_000_000 / 30 / 8;

#[derive(Default)]
struct SeatDesk {
    inputs: BTreeMap<u32, u64>,
    input_next: Tick,
    lead: i8,
    ack: Tick,
    repeats: u32,
}

/// Commits a frame at every deadline from the inputs that are there, as DESIGN §6 describes.
pub(crate) struct FakeServer {
    pub(crate) play: Match<SumGame>,
    /// The hash before each tick.
    pub(crate) hashes: Vec<u64>,
    pub(crate) frames: Vec<Frame>,
    /// What the game told, tick by tick.
    pub(crate) events: Vec<Vec<u64>>,
    /// Hashes from clients that differ from ours.
    pub(crate) desyncs: u32,
    deltas: Vec<Vec<u8>>,
    desks: Vec<SeatDesk>,
    first_deadline: Duration,
    send_every: u32,
}

impl FakeServer {
    pub(crate) fn new(seats: u8, first_deadline: Duration, send_every: u32) -> Self {
        let play = Match::start(Arc::new(SumGame::default_content()), 9, seats);
        let hashes = vec![play.hash(&mut Vec::new())];
        let desks = (0..seats).map(|_| SeatDesk::default()).collect();
        let (frames, events, deltas, desyncs) = (Vec::new(), Vec::new(), Vec::new(), 0);
        Self { play, hashes, frames, events, desyncs, deltas, desks, first_deadline, send_every }
    }

    pub(crate) fn start(&self, seat: u8) -> MatchStart {
        let mut content = Vec::new();
        encode_into(&SumGame::default_content(), &mut content);
        MatchStart {
            room: RoomId(1),
            epoch: EPOCH,
            game: SumGame::NAME.into(),
            fingerprint: 0,
            input_bits: 12,
            content,
            seed: 9,
            seats: self.desks.len() as u8,
            seat,
            tick_rate_hz: 30,
            send_every_ticks: self.send_every as u8,
            input_repeat_ticks_max: REPEAT_MAX as u8,
            next: self.play.tick(),
            due_in_us: 0,
        }
    }

    pub(crate) fn deadline(&self, tick: Tick) -> Duration {
        self.first_deadline + PERIOD * tick.0
    }

    pub(crate) fn receive(&mut self, now: Duration, seat: u8, packet: &[u8]) {
        let (deadline, next) = (self.first_deadline, self.play.tick());
        let desk = &mut self.desks[usize::from(seat)];
        let mut inputs = Vec::new();
        let head: InputHead = decode_inputs(packet, 12, next, &mut inputs).expect("a client's packet");
        assert_eq!(head.epoch, EPOCH);
        if let Some(hash) = head.hash
            && head.ack <= next
        {
            self.desyncs += u32::from(self.hashes[head.ack.0 as usize] as u32 != hash);
        }
        desk.ack = desk.ack.max(head.ack);
        let first = head.newest.0 + 1 - inputs.len() as u32;
        for (tick, &bits) in (first..).zip(&inputs).filter(|&(tick, _)| tick >= next.0) {
            desk.inputs.insert(tick, bits);
        }
        if !inputs.is_empty() && head.newest.next() > desk.input_next {
            desk.input_next = head.newest.next();
            let due = (deadline + PERIOD * head.newest.0).as_nanos() as i128;
            desk.lead = ((due - now.as_nanos() as i128) / LATE_NS).clamp(-128, 127) as i8;
        }
    }

    /// Commits the next tick if its deadline has come; says whether it did.
    pub(crate) fn commit(&mut self, now: Duration) -> bool {
        let tick = self.play.tick();
        if now < self.deadline(tick) {
            return false;
        }
        let mut frame = Frame::absent(tick, self.desks.len() as u8);
        let before = self.frames.last().cloned().unwrap_or_else(|| frame.clone());
        for (seat, desk) in (0_u8..).zip(&mut self.desks) {
            let last = before.seat(seat);
            frame.set(
                seat,
                match desk.inputs.remove(&tick.0) {
                    Some(bits) => SeatInput::arrived(bits),
                    None if last.mark == Mark::Absent || desk.repeats >= REPEAT_MAX => SeatInput::ABSENT,
                    None => SeatInput::repeated(last.bits),
                },
            );
            desk.repeats = if frame.seat(seat).mark == Mark::Repeated { desk.repeats + 1 } else { 0 };
        }
        let mut delta = Vec::new();
        encode_frame(&before, &frame, 12, &mut delta);
        self.deltas.push(delta);
        self.play.step(&frame);
        self.hashes.push(self.play.hash(&mut Vec::new()));
        self.frames.push(frame);
        self.events.push(self.play.events().to_vec());
        true
    }

    /// The packet of frames for a seat since what it has acknowledged, if one is due after this tick.
    pub(crate) fn packet(&self, seat: u8) -> Option<Vec<u8>> {
        let next = self.play.tick();
        if !next.0.is_multiple_of(self.send_every) {
            return None;
        }
        let desk = &self.desks[usize::from(seat)];
        let count = next.since(desk.ack).min(FRAMES_PER_PACKET_MAX as u32) as u8;
        let head = FramesHead {
            epoch: EPOCH,
            first: desk.ack,
            count,
            input_next: desk.input_next,
            lead: desk.lead,
            paused: false,
        };
        let mut packet = Vec::new();
        begin_frames(&head, &mut packet);
        self.deltas[desk.ack.0 as usize..][..usize::from(count)]
            .iter()
            .for_each(|delta| packet.extend(delta));
        Some(packet)
    }

    pub(crate) fn snapshot(&mut self, seat: u8) -> Snapshot {
        let mut bytes = Vec::new();
        self.play.encode(&mut bytes);
        let tick = self.play.tick();
        let before =
            self.frames.last().cloned().unwrap_or_else(|| Frame::absent(Tick(0), self.desks.len() as u8));
        self.desks[usize::from(seat)].ack = tick;
        Snapshot::new(EPOCH, tick, &before, self.hashes[tick.0 as usize], &bytes).expect("a small state")
    }

    pub(crate) fn end(&self) -> MatchEnd {
        let ticks = self.play.tick();
        MatchEnd {
            epoch: EPOCH,
            ticks,
            hash: self.hashes[ticks.0 as usize],
            outcome: None,
            reason: framekeep_protocol::EndReason::Outcome,
        }
    }
}
