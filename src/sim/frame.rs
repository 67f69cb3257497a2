//! `Frame`, a tick and one input per seat.

use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use crate::{Input, SEATS_MAX, Tick};

/// How a seat's input came to be in a frame.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[repr(u8)]
pub enum Mark {
    /// Nobody acted for this seat: the input is the default one.
    #[default]
    Absent = 0,
    /// The player's input for exactly this tick was there in time.
    Arrived = 1,
    /// It was not; the player's last input was used again.
    Repeated = 2,
}

/// One seat's part of a frame: packed input bits and how they came about.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct SeatInput {
    /// The packed input ([`Input::pack`]); 0 when absent.
    pub bits: u64,
    /// How the input came to be here.
    pub mark: Mark,
}

impl SeatInput {
    /// Nobody acted.
    pub const ABSENT: Self = Self { bits: 0, mark: Mark::Absent };

    /// An input that arrived in time.
    #[must_use]
    pub const fn arrived(bits: u64) -> Self {
        Self { bits, mark: Mark::Arrived }
    }

    /// The last input used again.
    #[must_use]
    pub const fn repeated(bits: u64) -> Self {
        Self { bits, mark: Mark::Repeated }
    }
}

/// A tick and one input per seat in seat order. Committed once, never changed afterwards.
///
/// ```
/// use framekeep_sim::{Frame, SeatInput, Tick};
/// let mut frame = Frame::absent(Tick(7), 2);
/// frame.set(1, SeatInput::arrived(0b101));
/// assert_eq!(frame.seat(1).bits, 0b101);
/// assert_eq!(frame.seat(9), SeatInput::ABSENT); // a seat the frame does not have
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Frame {
    /// The tick this frame steps.
    pub tick: Tick,
    seats: Vec<SeatInput>,
}

impl Frame {
    /// A frame in which nobody acts, for `seats` seats (at most [`SEATS_MAX`]).
    #[must_use]
    pub fn absent(tick: Tick, seats: u8) -> Self {
        Self { tick, seats: alloc::vec![SeatInput::ABSENT; usize::from(seats.min(SEATS_MAX))] }
    }

    /// How many seats the frame has, 0 to [`SEATS_MAX`].
    #[must_use]
    pub fn seat_count(&self) -> u8 {
        self.seats.len() as u8
    }

    /// All seats in order.
    #[must_use]
    pub fn seats(&self) -> &[SeatInput] {
        &self.seats
    }

    /// One seat; absent if the frame does not have it.
    #[must_use]
    pub fn seat(&self, seat: u8) -> SeatInput {
        self.seats.get(usize::from(seat)).copied().unwrap_or(SeatInput::ABSENT)
    }

    /// Sets one seat; nothing happens if the frame does not have it.
    pub fn set(&mut self, seat: u8, input: SeatInput) {
        if let Some(place) = self.seats.get_mut(usize::from(seat)) {
            *place = input;
        }
    }

    /// Makes every seat absent.
    pub fn clear(&mut self) {
        self.seats.fill(SeatInput::ABSENT);
    }

    /// The input of one seat as the game's type; the default input if absent.
    #[must_use]
    pub fn input<I: Input>(&self, seat: u8) -> I {
        let seat = self.seat(seat);
        if seat.mark == Mark::Absent { I::default() } else { I::unpack(seat.bits) }
    }

    /// Becomes a copy of `other` without giving up its allocation.
    pub fn copy_from(&mut self, other: &Self) {
        self.tick = other.tick;
        self.seats.clone_from(&other.seats);
    }
}
