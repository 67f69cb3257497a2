//! `RoundTrip`, how long the other side takes to acknowledge.

use std::time::Duration;

use framekeep_protocol::AckRanges;

/// A probe that is not acknowledged for this long was lost.
const PROBE_TIME: Duration = Duration::from_secs(3);

/// How long the other side takes to acknowledge, averaged. One packet with messages is timed at once, as TCP
/// does (RFC 6298, section 3): acknowledgements themselves wait for company and tell nothing.
#[derive(Default)]
pub(crate) struct RoundTrip {
    probe: Option<(u64, Duration)>,
    average: Option<Duration>,
}

impl RoundTrip {
    pub(crate) const fn average(&self) -> Option<Duration> {
        self.average
    }

    /// A packet with messages is being sent.
    pub(crate) fn sent(&mut self, now: Duration, sequence: u64) {
        if self.probe.is_none_or(|(_, at)| now.saturating_sub(at) > PROBE_TIME) {
            self.probe = Some((sequence, now));
        }
    }

    /// An acknowledgement came.
    pub(crate) fn heard(&mut self, now: Duration, acks: AckRanges<'_>) {
        let Some((_, at)) = self.probe.take_if(|(sequence, _)| acks.contains(*sequence)) else { return };
        let sample = now.saturating_sub(at);
        self.average = Some(self.average.map_or(sample, |average| average * 7 / 8 + sample / 8));
    }
}
