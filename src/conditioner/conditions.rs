//! `LinkConditions`, how bad a network is.

use core::fmt;
use core::str::FromStr;
use core::time::Duration;

/// One percent, in the parts per million that chances are given in.
const PERCENT: u32 = 10_000;
const MILLION: u32 = 1_000_000;

/// How bad a network is, in one direction. Chances are in parts per million.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LinkConditions {
    /// The share of packets that are lost, in parts per million, 0 to 1,000,000.
    pub loss_ppm: u32,
    /// How many packets in a row a loss takes on average, 1 or more; 1 makes losses independent.
    pub burst_packets: u32,
    /// The mean delay of a packet.
    pub delay: Duration,
    /// How far the delay may lie above or below the mean, evenly distributed. Packets can overtake each other.
    pub jitter: Duration,
    /// The share of packets that arrive twice, in parts per million.
    pub duplicate_ppm: u32,
    /// The share of packets that are held back by another delay and jitter, or 10 ms if that is more.
    pub reorder_ppm: u32,
}

impl LinkConditions {
    /// Nothing is lost and everything arrives at once.
    pub const PERFECT: Self = Self {
        loss_ppm: 0,
        burst_packets: 1,
        delay: Duration::ZERO,
        jitter: Duration::ZERO,
        duplicate_ppm: 0,
        reorder_ppm: 0,
    };
    /// A wired network in one building: 1 ms ± 0.5 ms, one packet in 10,000 lost.
    pub const LAN: Self = Self {
        loss_ppm: 100,
        delay: Duration::from_millis(1),
        jitter: Duration::from_micros(500),
        ..Self::PERFECT
    };
    /// 2 % loss, 20 ms ± 10 ms.
    pub const WIFI: Self = Self {
        loss_ppm: 2 * PERCENT,
        delay: Duration::from_millis(20),
        jitter: Duration::from_millis(10),
        ..Self::PERFECT
    };
    /// 5 % loss in bursts of three on average, 80 ms ± 40 ms.
    pub const MOBILE: Self = Self {
        loss_ppm: 5 * PERCENT,
        burst_packets: 3,
        delay: Duration::from_millis(80),
        jitter: Duration::from_millis(40),
        ..Self::PERFECT
    };

    /// Whether packets pass untouched, so that there is nothing to do.
    #[must_use]
    pub fn is_perfect(&self) -> bool {
        self.loss_ppm == 0
            && self.duplicate_ppm == 0
            && self.reorder_ppm == 0
            && self.delay.is_zero()
            && self.jitter.is_zero()
    }
}

impl Default for LinkConditions {
    fn default() -> Self {
        Self::PERFECT
    }
}

/// A text that describes no network.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConditionsFault {
    /// Neither a preset nor a list of `name=value`.
    #[error(
        "{0:?} is neither perfect, lan, wifi, mobile nor a list like loss=2,delay=20,jitter=10,dup=1,reorder=1,burst=3"
    )]
    Unknown(String),
    /// The value is no number, or out of range.
    #[error("{name}={value}: expected a number from 0 to {max} {unit}")]
    Value {
        /// The name.
        name: &'static str,
        /// The value.
        value: String,
        /// The largest allowed.
        max: u32,
        /// What it is counted in.
        unit: &'static str,
    },
}

impl FromStr for LinkConditions {
    type Err = ConditionsFault;

    fn from_str(text: &str) -> Result<Self, ConditionsFault> {
        match text {
            "perfect" => return Ok(Self::PERFECT),
            "lan" => return Ok(Self::LAN),
            "wifi" => return Ok(Self::WIFI),
            "mobile" => return Ok(Self::MOBILE),
            _ => {}
        }
        let mut conditions = Self::PERFECT;
        for part in text.split(',') {
            let (name, value) = part.split_once('=').ok_or_else(|| ConditionsFault::Unknown(text.into()))?;
            match name.trim() {
                "loss" => conditions.loss_ppm = percent("loss", value)?,
                "dup" => conditions.duplicate_ppm = percent("dup", value)?,
                "reorder" => conditions.reorder_ppm = percent("reorder", value)?,
                "delay" => conditions.delay = milliseconds("delay", value)?,
                "jitter" => conditions.jitter = milliseconds("jitter", value)?,
                "burst" => {
                    conditions.burst_packets =
                        thousandths("burst", value, 1_000, "packets")?.div_ceil(1_000).max(1)
                }
                _ => return Err(ConditionsFault::Unknown(text.into())),
            }
        }
        Ok(conditions)
    }
}

impl fmt::Display for LinkConditions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let presets =
            [("perfect", Self::PERFECT), ("lan", Self::LAN), ("wifi", Self::WIFI), ("mobile", Self::MOBILE)];
        if let Some((name, _)) = presets.iter().find(|(_, preset)| preset == self) {
            return f.write_str(name);
        }
        let percent = |ppm: u32| f64::from(ppm) / f64::from(PERCENT);
        let ms = |time: Duration| time.as_secs_f64() * 1e3;
        write!(f, "loss={},burst={}", percent(self.loss_ppm), self.burst_packets)?;
        write!(f, ",delay={},jitter={}", ms(self.delay), ms(self.jitter))?;
        write!(f, ",dup={},reorder={}", percent(self.duplicate_ppm), percent(self.reorder_ppm))
    }
}

fn percent(name: &'static str, value: &str) -> Result<u32, ConditionsFault> {
    let value = value.trim();
    let thousandths = thousandths(name, value.strip_suffix('%').unwrap_or(value), 100, "percent")?;
    Ok((thousandths * (PERCENT / 1_000)).min(MILLION))
}

fn milliseconds(name: &'static str, value: &str) -> Result<Duration, ConditionsFault> {
    let value = value.trim();
    let microseconds = thousandths(name, value.strip_suffix("ms").unwrap_or(value), 60_000, "milliseconds")?;
    Ok(Duration::from_micros(microseconds.into()))
}

/// A decimal number with at most three places that count, in thousandths.
fn thousandths(
    name: &'static str,
    value: &str,
    max: u32,
    unit: &'static str,
) -> Result<u32, ConditionsFault> {
    let fault = || ConditionsFault::Value { name, value: value.into(), max, unit };
    let (whole, places) = value.trim().split_once('.').unwrap_or((value.trim(), ""));
    if places.len() > 3 || !places.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(fault());
    }
    let whole: u32 = whole.parse().ok().filter(|&whole| whole <= max).ok_or_else(fault)?;
    let places = format!("{places:0<3}").parse::<u32>().unwrap_or(0);
    Some(whole * 1_000 + places).filter(|&all| all <= max * 1_000).ok_or_else(fault)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_read_with_or_without_units() {
        let conditions: LinkConditions =
            "loss=2.5%,delay=20ms,jitter=0.5,dup=1,reorder=3,burst=4".parse().unwrap();
        let expected = LinkConditions {
            loss_ppm: 25_000,
            burst_packets: 4,
            delay: Duration::from_millis(20),
            jitter: Duration::from_micros(500),
            duplicate_ppm: 10_000,
            reorder_ppm: 30_000,
        };
        assert_eq!(conditions, expected);
        assert_eq!(conditions.to_string().parse(), Ok(conditions));
    }

    #[test]
    fn presets_have_names() {
        for name in ["perfect", "lan", "wifi", "mobile"] {
            assert_eq!(name.parse::<LinkConditions>().unwrap().to_string(), name);
        }
    }

    #[test]
    fn nonsense_is_refused_with_the_way_out() {
        let fault = "loss=200".parse::<LinkConditions>().unwrap_err();
        assert_eq!(fault.to_string(), "loss=200: expected a number from 0 to 100 percent");
        assert!("wlan".parse::<LinkConditions>().unwrap_err().to_string().contains("neither perfect"));
        for bad in ["loss=-1", "delay=x", "loss=1.2345", "loss=", "burst=99999999999", "loss=1,,"] {
            assert!(bad.parse::<LinkConditions>().is_err(), "{bad}");
        }
    }
}
