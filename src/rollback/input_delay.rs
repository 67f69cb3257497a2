//! `InputDelay`, how many ticks after it is made an input is played here.

use crate::RollbackConfig;
use crate::limits::INPUT_DELAY_TICKS_MAX;

/// Arrivals of frames over which depths are judged: about eight seconds at 30 Hz.
const WINDOW: u32 = 256;
/// Arrivals in a window that may go deeper than is aimed for: under one percent.
const DEEP_MAX: u32 = 1;
/// Arrivals that are not judged: at the beginning, when the clock is a guess, and after a change.
const SETTLE: u32 = 64;

/// How many ticks after it is made an input is played here: as configured, and more where the way is so long that
/// rollbacks would go deeper than is aimed for. Goes up by a tick when that happens in one arrival of a hundred, and
/// down when a tick less would have done for a whole window.
#[derive(Clone, Debug)]
pub(crate) struct InputDelay {
    fixed: u32,
    extra: u32,
    aim: u32,
    settling: u32,
    /// Arrivals in this window: all, those too deep, and those that would have been with a tick less.
    seen: u32,
    deep: u32,
    deep_with_less: u32,
}

impl InputDelay {
    pub(crate) fn new(config: &RollbackConfig) -> Self {
        Self {
            fixed: config.input_delay_ticks,
            extra: 0,
            aim: config.predicted_ticks_aim,
            settling: SETTLE,
            seen: 0,
            deep: 0,
            deep_with_less: 0,
        }
    }

    /// The delay now.
    pub(crate) fn ticks(&self) -> u32 {
        self.fixed + self.extra
    }

    /// A frame came for whose tick inputs had been made `made` ticks ahead.
    pub(crate) fn note_arrival(&mut self, made: u32) {
        if self.settling > 0 {
            self.settling -= 1;
            return;
        }
        let depth = made.saturating_sub(self.ticks());
        self.seen += 1;
        self.deep += u32::from(depth > self.aim);
        self.deep_with_less += u32::from(depth >= self.aim);
        if self.deep > DEEP_MAX && self.ticks() < INPUT_DELAY_TICKS_MAX {
            self.change(self.extra + 1);
        } else if self.seen >= WINDOW {
            self.change(if self.deep_with_less == 0 { self.extra.saturating_sub(1) } else { self.extra });
        }
    }

    fn change(&mut self, extra: u32) {
        if extra != self.extra {
            (self.extra, self.settling) = (extra, SETTLE);
        }
        (self.seen, self.deep, self.deep_with_less) = (0, 0, 0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(delay: &mut InputDelay, arrivals: u32, made: impl Fn(u32) -> u32) -> u32 {
        (0..arrivals).for_each(|arrival| delay.note_arrival(made(arrival)));
        delay.ticks()
    }

    #[test]
    fn a_long_way_delays_inputs_and_a_short_one_does_not() {
        let mut delay = InputDelay::new(&RollbackConfig::default());
        assert_eq!(after(&mut delay, 2_000, |_| 8), 0);
        assert_eq!(after(&mut delay, 2_000, |arrival| 12 + u32::from(arrival % 50 == 0)), 3);
        assert_eq!(after(&mut delay, 2_000, |_| 8), 0);
    }

    #[test]
    fn an_outage_delays_by_a_tick_for_a_while() {
        let mut delay =
            InputDelay::new(&RollbackConfig { input_delay_ticks: 2, ..RollbackConfig::default() });
        after(&mut delay, 500, |_| 9);
        assert_eq!(after(&mut delay, 50, |arrival| 80 - arrival), 3);
        assert_eq!(after(&mut delay, 1_000, |_| 9), 2);
        assert_eq!(after(&mut delay, 5_000, |_| 90), INPUT_DELAY_TICKS_MAX);
    }
}
