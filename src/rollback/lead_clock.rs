//! `LeadClock`, when a client makes which input.

use core::time::Duration;

use framekeep_sim::Tick;

use crate::limits::OWN_INPUTS_MAX;

/// Ticks after which the clock only drifts: about two seconds at 30 Hz, in which joining may still upset everything.
const ACQUIRE_TICKS: u32 = 64;
/// One half of the window over which the worst path is remembered, while acquiring and after.
const ACQUIRE_WINDOW_TICKS: u32 = 8;
const WINDOW_TICKS: u32 = 48;
/// The part of the margin that is kept even on the worst recent path.
const SPARE_PART: i64 = 4;
/// What an input that came too late adds to the margin, and the most that adds up to, in 1/8 ticks.
const LATE_STEP_EIGHTHS: i64 = 2;
const LATE_EIGHTHS_MAX: i64 = 16;
/// Ticks without a late input after which the margin shrinks by 1/8 tick.
const CALM_TICKS: u32 = 32;
/// An error over this is corrected at once, in nanoseconds.
const JUMP_NS: i64 = 1_000_000_000;
/// Bounds the caller's clock so that no sum below can overflow: 146 years, which is 2116 for a clock since 1970.
const NOW_NS_MAX: i64 = i64::MAX / 2;

/// An input that was made: for which tick, under which origin, and how long after it was due.
#[derive(Clone, Copy, Debug)]
struct Made {
    tick: Tick,
    origin_ns: i64,
    late_ns: i64,
}

/// When a client makes which input: a clock of ticks that runs ahead of the server by just enough.
///
/// Input tick `n` is due at `origin + n × period`. The server says how long before its deadline an input arrived; with
/// the origin under which that input was made, this gives the origin that would have met the deadline exactly,
/// whatever the clock has done since, so there is no loop that could swing. The best (latest) of these over the last
/// seconds less the margin, or the worst (earliest) less a quarter of it if that is earlier, is where the origin drifts
/// to, by a few percent of the time at most.
#[derive(Clone, Debug)]
pub struct LeadClock {
    period_ns: i64,
    origin_ns: i64,
    updated_ns: i64,
    drift_permille: i64,
    margin_eighths: i64,
    /// How much earlier than its packet's newest the oldest input of a packet is due.
    batch_eighths: i64,
    late_eighths: i64,
    calm: u32,
    /// The earliest origin seen in the last half window and in this one.
    worst_before: Option<i64>,
    worst: Option<i64>,
    /// The latest, which are those of the best path.
    best_before: Option<i64>,
    best: Option<i64>,
    /// The newest input the server has spoken of, and for how many ticks it has.
    newest: Option<Tick>,
    heard_ticks: u32,
    window_ticks: u32,
    /// The best of the ways alone, from when inputs were really made, which depends on when frames are rendered.
    best_way_before: Option<i64>,
    best_way: Option<i64>,
    /// The newest inputs, by tick modulo the length.
    made: Vec<Made>,
    jumps: u32,
}

impl LeadClock {
    /// A clock on which input `first` is due at `now`.
    ///
    /// `margin_eighths` is the lead to aim for in 1/8 ticks over an even path, `drift_permille` the most the rate may
    /// differ from the server's.
    #[must_use]
    pub fn new(
        tick_rate_hz: u16,
        margin_eighths: u32,
        drift_permille: u32,
        first: Tick,
        now: Duration,
    ) -> Self {
        let period_ns = 1_000_000_000 / i64::from(tick_rate_hz.max(1));
        let now_ns = nanoseconds(now);
        Self {
            period_ns,
            origin_ns: now_ns - i64::from(first.0) * period_ns,
            updated_ns: now_ns,
            drift_permille: i64::from(drift_permille),
            margin_eighths: i64::from(margin_eighths),
            batch_eighths: 0,
            late_eighths: 0,
            calm: 0,
            worst_before: None,
            worst: None,
            best_before: None,
            best: None,
            best_way_before: None,
            best_way: None,
            newest: None,
            heard_ticks: 0,
            window_ticks: 0,
            made: vec![Made { tick: Tick(u32::MAX), origin_ns: 0, late_ns: 0 }; OWN_INPUTS_MAX],
            jumps: 0,
        }
    }

    /// The same clock for inputs that are sent `ticks` at a time: the oldest of them must not be late either.
    #[must_use]
    pub fn batched(self, ticks: u32) -> Self {
        Self { batch_eighths: 8 * i64::from(ticks.saturating_sub(1)), ..self }
    }

    /// The length of a tick.
    #[must_use]
    pub fn period(&self) -> Duration {
        Duration::from_nanos(self.period_ns as u64)
    }

    /// Lets time pass: the origin drifts towards where it should be.
    pub fn advance(&mut self, now: Duration) {
        let now_ns = nanoseconds(now);
        let elapsed = (now_ns - self.updated_ns).max(0);
        self.updated_ns = self.updated_ns.max(now_ns);
        let most = elapsed.min(JUMP_NS) * self.drift_permille / 1_000;
        self.origin_ns += self.error_ns().clamp(-most, most);
    }

    /// The newest input tick that is due, or `None` before tick 0.
    #[must_use]
    pub fn due(&self, now: Duration) -> Option<Tick> {
        let since = nanoseconds(now).saturating_sub(self.origin_ns);
        (since >= 0).then(|| Tick(u32::try_from(since / self.period_ns).unwrap_or(u32::MAX)))
    }

    /// When an input is due, as things stand; zero if that lies before the clock's zero.
    #[must_use]
    pub fn due_at(&self, tick: Tick) -> Duration {
        let at = self.origin_ns.saturating_add(i64::from(tick.0) * self.period_ns);
        Duration::from_nanos(at.max(0) as u64)
    }

    /// Remembers that the input of `tick` was made now.
    pub fn made(&mut self, now: Duration, tick: Tick) {
        let due_ns = self.origin_ns.saturating_add(i64::from(tick.0) * self.period_ns);
        let late_ns = nanoseconds(now).saturating_sub(due_ns);
        self.made[slot(tick)] = Made { tick, origin_ns: self.origin_ns, late_ns };
    }

    /// The server's word: input `newest` arrived `lead_eighths` / 8 ticks before its deadline.
    ///
    /// A tick that was not made lately is ignored, so the word of a peer cannot move the clock out of reach.
    ///
    /// Tells whether its way took half a tick or more longer than the best one of the last seconds: it was lost at
    /// first, or late.
    pub fn feedback(&mut self, newest: Tick, lead_eighths: i8) -> bool {
        let Made { tick, origin_ns, late_ns } = self.made[slot(newest)];
        if tick != newest {
            return false;
        }
        let ticks = self.newest.map_or(1, |before| newest.since(before).clamp(1, 8));
        self.newest = Some(newest);
        self.heard_ticks = self.heard_ticks.saturating_add(ticks);
        self.window_ticks += ticks;
        if self.window_ticks > if self.is_acquiring() { ACQUIRE_WINDOW_TICKS } else { WINDOW_TICKS } {
            self.window_ticks = ticks;
            self.worst_before = self.worst.take();
            self.best_before = self.best.take();
            self.best_way_before = self.best_way.take();
        }
        let exact = origin_ns + i64::from(lead_eighths) * self.period_ns / 8;
        self.worst = Some(self.worst.map_or(exact, |worst| worst.min(exact)));
        self.best = Some(self.best.map_or(exact, |best| best.max(exact)));
        self.calm += ticks;
        if self.calm >= CALM_TICKS {
            self.calm = 0;
            self.late_eighths = (self.late_eighths - 1).max(0);
        }
        self.jump_if_far(lead_eighths <= -i8::MAX);
        let way = exact.saturating_add(late_ns);
        self.best_way = Some(self.best_way.map_or(way, |best| best.max(way)));
        let best = self.best_way.max(self.best_way_before).unwrap_or(way);
        best - way >= self.period_ns / 2
    }

    /// The server has committed every tick below `next`: no deadline of theirs is still to come.
    pub fn committed(&mut self, now: Duration, next: Tick) {
        let newest_ns = i64::from(next.0.saturating_sub(1)) * self.period_ns;
        let latest = nanoseconds(now).saturating_sub(newest_ns);
        let worst = [self.worst, self.worst_before].into_iter().flatten().min();
        if next > Tick(0) && worst.unwrap_or(self.origin_ns) > latest {
            self.worst = Some(latest);
            self.jump_if_far(false);
        }
    }

    /// An own input was committed without having arrived in time: aim for more lead.
    pub fn late(&mut self) {
        self.calm = 0;
        self.late_eighths = (self.late_eighths + LATE_STEP_EIGHTHS).min(LATE_EIGHTHS_MAX);
    }

    /// The lead aimed for on the best recent path, in 1/8 ticks, if the worst is hardly worse.
    #[must_use]
    pub fn target_eighths(&self) -> u32 {
        (self.margin_eighths + self.batch_eighths + self.late_eighths) as u32
    }

    /// How often the clock was set instead of drifting.
    #[must_use]
    pub fn jumps(&self) -> u32 {
        self.jumps
    }

    fn is_acquiring(&self) -> bool {
        self.heard_ticks <= ACQUIRE_TICKS
    }

    /// How far the origin is from where it should be; positive: the clock runs too early.
    fn error_ns(&self) -> i64 {
        let Some(worst) = [self.worst, self.worst_before].into_iter().flatten().min() else { return 0 };
        let best = self.best.max(self.best_before).unwrap_or(worst);
        let eighths = |eighths: i64| eighths * self.period_ns / 8;
        // The margin is for what is worse than usual; the worst that was needs a part of it on top.
        let spare = (self.margin_eighths + SPARE_PART - 1) / SPARE_PART;
        let wanted = (best - eighths(self.margin_eighths)).min(worst - eighths(spare));
        wanted - eighths(self.batch_eighths + self.late_eighths) - self.origin_ns
    }

    /// While acquiring the clock is a guess and may be set; later only if it is far out.
    fn jump_if_far(&mut self, out_of_range: bool) {
        let error = self.error_ns();
        let acquiring = self.is_acquiring();
        // Too early only costs latency: after the first look, one at a better path is not enough to give it up at once.
        let sure = self.heard_ticks == 1 || self.worst_before.is_some();
        let bound = match error > 0 {
            true if acquiring && sure => self.period_ns * 2,
            false if acquiring || out_of_range => self.period_ns,
            _ => JUMP_NS,
        };
        if error.abs() > bound {
            self.origin_ns += error;
            self.jumps += 1;
        }
    }
}

fn slot(tick: Tick) -> usize {
    tick.0 as usize % OWN_INPUTS_MAX
}

fn nanoseconds(now: Duration) -> i64 {
    i64::try_from(now.as_nanos()).unwrap_or(NOW_NS_MAX).min(NOW_NS_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HZ: u16 = 30;
    const MS: i64 = 1_000_000;

    /// Plays `ticks` inputs against a server that commits tick n at `start_ms` + n periods, `up_ms(n)` away.
    fn play(
        clock: &mut LeadClock,
        from: u32,
        ticks: u32,
        start_ms: i64,
        up_ms: impl Fn(u32) -> i64,
    ) -> Vec<i64> {
        let mut leads = Vec::new();
        for tick in from..from + ticks {
            let at = clock.due_at(Tick(tick));
            clock.advance(at);
            clock.made(at, Tick(tick));
            let deadline = start_ms * MS + i64::from(tick) * clock.period_ns;
            let early = deadline - (at.as_nanos() as i64 + up_ms(tick) * MS);
            let eighths = (early * 8).div_euclid(clock.period_ns).clamp(-127, 127) as i8;
            if early < 0 {
                clock.late();
            }
            clock.feedback(Tick(tick), eighths);
            leads.push(early / MS);
        }
        leads
    }

    fn clock() -> LeadClock {
        LeadClock::new(HZ, 4, 30, Tick(0), Duration::from_secs(10))
    }

    #[test]
    fn a_steady_path_gets_half_a_tick_of_lead() {
        for start_ms in [9_500, 10_000, 10_020, 10_250, 11_500] {
            let leads = play(&mut clock(), 0, 600, start_ms, |_| 20);
            let last = leads[500..].iter();
            assert!(last.clone().all(|lead| (12..=40).contains(lead)), "{start_ms}: {last:?}");
        }
    }

    #[test]
    fn jitter_is_covered_and_forgotten() {
        let mut clock = clock();
        let leads = play(&mut clock, 0, 600, 10_050, |tick| 20 + i64::from(tick * 7 % 40));
        assert!(leads[200..].iter().all(|&lead| lead >= 0), "{leads:?}");
        let leads = play(&mut clock, 600, 600, 10_050, |_| 20);
        assert!(leads[500..].iter().all(|lead| (12..=40).contains(lead)), "{:?}", &leads[500..]);
    }

    #[test]
    fn once_acquired_the_rate_differs_by_three_percent_at_most() {
        let mut clock = clock();
        play(&mut clock, 0, 200, 10_050, |_| 20);
        let (jumps, mut before) = (clock.jumps(), clock.due_at(Tick(200)));
        for tick in 200..400 {
            play(&mut clock, tick, 1, 10_050, |_| 320);
            let next = clock.due_at(Tick(tick + 1));
            let length = (next - before).as_micros();
            assert!((32_300..=34_400).contains(&length), "a tick of {length} us");
            before = next;
        }
        assert_eq!(clock.jumps(), jumps);
    }

    #[test]
    fn a_bad_start_is_forgotten_within_seconds() {
        let mut clock = clock();
        let leads = play(&mut clock, 0, 150, 10_050, |tick| if tick < 12 { 600 } else { 5 });
        assert!(leads[100..].iter().all(|&lead| lead < 60), "{leads:?}");
    }

    #[test]
    fn a_foreign_tick_and_any_time_are_harmless() {
        let mut clock = clock();
        clock.feedback(Tick(u32::MAX), -128);
        clock.feedback(Tick(7), 127);
        clock.committed(Duration::MAX, Tick(u32::MAX));
        clock.advance(Duration::MAX);
        clock.committed(Duration::ZERO, Tick(u32::MAX));
        clock.advance(Duration::ZERO);
        let _ = (clock.due(Duration::ZERO), clock.due(Duration::MAX), clock.due_at(Tick(u32::MAX)));
    }
}
