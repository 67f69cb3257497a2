//! `Way`, what is known of the way to a seat's client.

use std::time::Duration;

/// What is known of the way to a seat's client: means over the last packets.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Way {
    rtt: Option<Duration>,
    /// Lost or late, in millionths: small losses are not rounded away.
    lost_ppm: u32,
}

impl Way {
    /// A packet has come: how long ago what it acknowledges was sent, if that is known, and how many before it are
    /// missing.
    pub(crate) fn note(&mut self, age: Option<Duration>, missing: u32) {
        if let Some(age) = age {
            self.rtt = Some(self.rtt.map_or(age, |rtt| (rtt * 7 + age) / 8));
        }
        let missing = u64::from(missing);
        let share_ppm = (1_000_000 * missing / (missing + 1)) as u32;
        self.lost_ppm = ((u64::from(self.lost_ppm) * 31 + u64::from(share_ppm)) / 32) as u32;
    }

    /// The round trip; nothing before the first acknowledgement.
    pub(crate) fn rtt_ms(&self) -> Option<u32> {
        self.rtt.map(|rtt| u32::try_from(rtt.as_millis()).unwrap_or(u32::MAX))
    }

    /// How many of a hundred packets are lost or late; nothing before the first acknowledgement.
    pub(crate) fn loss_percent(&self) -> Option<u32> {
        self.rtt.map(|_| (self.lost_ppm + 5_000) / 10_000)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_way_is_a_mean_of_the_last_packets() {
        let mut way = Way::default();
        assert_eq!((way.rtt_ms(), way.loss_percent()), (None, None));
        (0..100).for_each(|_| way.note(Some(Duration::from_millis(40)), 0));
        assert_eq!((way.rtt_ms(), way.loss_percent()), (Some(40), Some(0)));
        (0..300).for_each(|packet| way.note(None, u32::from(packet % 10 == 0)));
        assert!((3..=8).contains(&way.loss_percent().unwrap()), "one of eleven is lost: {way:?}");
        (0..100).for_each(|_| way.note(Some(Duration::from_millis(80)), 0));
        assert_eq!(way.rtt_ms(), Some(79));
    }
}
