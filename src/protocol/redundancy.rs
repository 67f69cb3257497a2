//! `Redundancy`, how often a packet of the hot lane is sent again.

use core::time::Duration;

/// How many copies of each packet of the hot lane a side sends, from what it learns of the way to the other: the same
/// rule for clients and servers.
///
/// Every packet holds what the last ones held, so a lost one costs an interval, 33 ms at 30 Hz. On a way that loses
/// or delays packets that is more than a margin can hide; copies after a quarter, a half and three quarters of the
/// interval make it 8 ms. There is one more copy with each sign that those there are were not enough, and a quiet way
/// costs none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Redundancy {
    copies: u8,
    raised_at: Duration,
    until: Duration,
}

/// How long the first copy is sent on after the last sign that it is needed.
const HOLD: Duration = Duration::from_secs(10);
/// The same of each further one, for which signs are rare because the others do their work.
const HOLD_MORE: Duration = Duration::from_secs(30);
/// Signs within this time are one.
const ONE_SIGN: Duration = Duration::from_millis(500);

impl Redundancy {
    /// Most copies of a packet.
    pub const COPIES_MAX: u8 = 3;

    /// A packet was lost, or so late that it could as well have been.
    pub fn note_loss(&mut self, now: Duration) {
        if self.copies < Self::COPIES_MAX && (self.copies == 0 || now >= self.raised_at + ONE_SIGN) {
            self.copies += 1;
            self.raised_at = now;
        }
        self.until = now + self.hold();
    }

    /// How many copies of a packet to send now, 0 to [`Redundancy::COPIES_MAX`].
    pub fn copies(&mut self, now: Duration) -> u8 {
        if self.copies > 0 && now >= self.until {
            self.copies -= 1;
            self.until = now + self.hold();
        }
        self.copies
    }

    const fn hold(&self) -> Duration {
        if self.copies > 1 { HOLD_MORE } else { HOLD }
    }

    /// What [`Redundancy::copies`] gave last, or would give but for the time.
    #[must_use]
    pub const fn wanted(&self) -> u8 {
        self.copies
    }

    /// How long after a packet its copy number `copy`, from 1, is due, where packets are `interval` apart.
    #[must_use]
    pub fn copy_after(interval: Duration, copy: u8) -> Duration {
        interval * u32::from(copy) / (u32::from(Self::COPIES_MAX) + 1)
    }
}

#[cfg(test)]
mod tests {
    use super::{Duration, Redundancy};

    const S: Duration = Duration::from_secs(1);

    #[test]
    fn copies_come_with_losses_and_go_when_there_are_none() {
        let mut redundancy = Redundancy::default();
        assert_eq!(redundancy.copies(100 * S), 0);
        redundancy.note_loss(100 * S);
        redundancy.note_loss(100 * S + S / 10);
        assert_eq!(redundancy.copies(101 * S), 1, "a burst is one sign");
        (102..105).for_each(|second| redundancy.note_loss(second * S));
        assert_eq!(redundancy.copies(133 * S), Redundancy::COPIES_MAX);
        assert_eq!(redundancy.copies(134 * S), 2);
        assert_eq!(redundancy.copies(164 * S), 1);
        assert_eq!(redundancy.copies(173 * S), 1);
        assert_eq!(redundancy.copies(174 * S), 0);
        assert_eq!(redundancy.copies(1_000 * S), 0);
    }

    #[test]
    fn copies_lie_evenly_between_two_packets() {
        assert_eq!(Redundancy::copy_after(40 * S, 1), 10 * S);
        assert_eq!(Redundancy::copy_after(40 * S, 3), 30 * S);
    }
}
