//! `Pace`, when to send again what is not acknowledged.

use std::time::Duration;

/// Bytes of messages that renet sends at once.
pub(crate) const BURST_BYTES: u64 = 24 << 10;
/// The pause between two full bursts: at most 2.4 MB/s, and never more often than the owner asks.
const BURST_PAUSE: Duration = Duration::from_millis(10);
/// The shortest wait for an acknowledgement; also renet's, which sends nothing again before.
pub(crate) const RESEND_MIN: Duration = Duration::from_millis(100);
/// The longest wait for an acknowledgement.
const RESEND_MAX: Duration = Duration::from_millis(1_000);
/// The wait for an acknowledgement while the round trip is unknown.
const RESEND_FIRST: Duration = Duration::from_millis(120);
/// Bytes that are sent at the full pace to somebody who has acknowledged none of them.
const UNHEARD_BYTES_MAX: u64 = 256 << 10;

/// When to send again what is not acknowledged.
///
/// Waits 1.5 round trips and twice as long after each silence, as TCP does (RFC 6298, section 5). Who
/// acknowledges nothing is sent 256 KiB at the full pace and one burst a second from then on.
#[derive(Default)]
pub(crate) struct Pace {
    unheard_bytes: u64,
    silences: u32,
    /// The last burst was full: there may be more that was never sent.
    pub(crate) full: bool,
}

impl Pace {
    /// The other side has acknowledged something.
    pub(crate) fn heard(&mut self) {
        self.unheard_bytes = 0;
        self.silences = 0;
    }

    /// `bytes` of packets with messages were sent; gives the wait until the next time.
    pub(crate) fn sent(&mut self, bytes: u64, rtt: Option<Duration>) -> Duration {
        self.unheard_bytes += bytes;
        self.full = bytes + 2_048 > BURST_BYTES;
        if self.full && self.unheard_bytes <= UNHEARD_BYTES_MAX {
            return BURST_PAUSE;
        }
        let wait = rtt.map_or(RESEND_FIRST, |rtt| rtt * 3 / 2);
        let wait = wait.clamp(RESEND_MIN, RESEND_MAX) * (1 << self.silences.min(4));
        if bytes > 0 {
            self.silences += 1;
        }
        wait.min(RESEND_MAX)
    }
}
