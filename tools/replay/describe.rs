//! Numbers and results as people read them.

use framekeep_sim::Outcome;

/// `1234567` as `1,234,567`.
pub(crate) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Ticks at a rate as minutes and seconds: `1:30.0`.
pub(crate) fn duration(ticks: u32, tick_rate_hz: u16) -> String {
    let tenths = u64::from(ticks) * 10 / u64::from(tick_rate_hz.max(1));
    format!("{}:{:02}.{}", tenths / 600, tenths / 10 % 60, tenths % 10)
}

pub(crate) fn outcome(outcome: Option<&Outcome>) -> String {
    match outcome {
        None => "none".into(),
        Some(Outcome { scores, winner: None }) => format!("a draw, scores {scores:?}"),
        Some(Outcome { scores, winner: Some(seat) }) => format!("seat {seat} wins, scores {scores:?}"),
    }
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::{duration, grouped};

    #[test]
    fn numbers_are_grouped() {
        assert_eq!([0, 999, 1_000, 12_345_678].map(grouped), ["0", "999", "1,000", "12,345,678"]);
    }

    #[test]
    fn ticks_become_minutes() {
        assert_eq!((duration(0, 30), duration(2_715, 30)), ("0:00.0".into(), "1:30.5".into()));
    }
}
