//! Links that are lost on purpose: when, whose, and whether their players came back.

use std::collections::VecDeque;
use std::time::Duration;

use framekeep_rollback::Histogram;
use framekeep_sim::Pcg32;
use serde::Serialize;

/// A player whose link was lost connects again after at most this many milliseconds.
const AWAY_MS_MAX: u32 = 5_000;
/// From being admitted again to playing.
const RESUME_MAX: Duration = Duration::from_secs(1);
/// After this long a player counts as not back, whatever comes then; the server holds seats for so long by default.
const RETURN_MAX: Duration = Duration::from_secs(30);
/// How many of a thousand must come back as they should.
const RESUMED_PERMILLE_MIN: u64 = 999;
/// How many of a thousand may take longer than [`RESUME_MAX`]: between two matches there is nothing to play.
const LATE_PERMILLE_MAX: u64 = 10;

/// When links are lost, at moments that the seed decides.
pub(crate) struct LossPlan {
    moments: VecDeque<Duration>,
    rng: Pcg32,
}

impl LossPlan {
    /// Spreads losses over a window that begins at time zero.
    pub(crate) fn new(losses: u32, window: Duration, seed: u64) -> Self {
        let mut rng = Pcg32::new(seed, 0x1055);
        let window_ms = u32::try_from(window.as_millis()).unwrap_or(u32::MAX).max(1);
        let mut moments: Vec<_> =
            (0..losses).map(|_| Duration::from_millis(rng.below(window_ms).into())).collect();
        moments.sort();
        Self { moments: moments.into(), rng }
    }

    /// Has the window begin at `since`.
    pub(crate) fn begin(&mut self, since: Duration) {
        self.moments.iter_mut().for_each(|moment| *moment += since);
    }

    /// When the next link is to be lost.
    pub(crate) fn next(&self) -> Option<Duration> {
        self.moments.front().copied()
    }

    /// One of `count` players, and how long it is away; the loss is off the plan.
    pub(crate) fn take(&mut self, count: u32) -> (u32, Duration) {
        self.moments.pop_front();
        let chosen = self.rng.below(count.max(1));
        (chosen, Duration::from_millis(self.rng.below(AWAY_MS_MAX + 1).into()))
    }
}

/// A player on the way back to its seat.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Return {
    seat: u8,
    lost_at: Duration,
    admitted_at: Option<Duration>,
    seated: Option<Seated>,
}

#[derive(Clone, Copy, Debug)]
struct Seated {
    seat: u8,
    match_runs: bool,
}

/// How a return went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Returned {
    /// Same seat, so long after being admitted, and playing unless no match ran.
    Resumed(Duration),
    /// The same, but later than it should be.
    Late(Duration),
    /// Another seat, or none in all the time there was.
    Failed,
}

impl Return {
    pub(crate) fn new(seat: u8, lost_at: Duration) -> Self {
        Self { seat, lost_at, admitted_at: None, seated: None }
    }

    pub(crate) fn note_admitted(&mut self, now: Duration) {
        self.admitted_at = Some(now);
    }

    pub(crate) fn note_seated(&mut self, seat: u8, match_runs: bool) {
        self.seated = Some(Seated { seat, match_runs });
    }

    /// How it went, once that is known.
    pub(crate) fn settle(&self, now: Duration, is_playing: bool) -> Option<Returned> {
        let (Some(admitted_at), Some(seated)) = (self.admitted_at, self.seated) else {
            return (now > self.lost_at + RETURN_MAX).then_some(Returned::Failed);
        };
        let took = now.saturating_sub(admitted_at);
        if seated.seat != self.seat || now > self.lost_at + RETURN_MAX {
            return Some(Returned::Failed);
        }
        let returned = if took <= RESUME_MAX { Returned::Resumed(took) } else { Returned::Late(took) };
        (is_playing || !seated.match_runs).then_some(returned)
    }
}

/// How many links were lost on purpose, and what became of their players.
#[derive(Clone, Debug, Default)]
pub(crate) struct LossTally {
    losses: u64,
    resumed: u64,
    late: u64,
    /// From being admitted again to playing.
    resume_us: Histogram,
}

impl LossTally {
    /// Whether a link was lost, on purpose or with its server.
    pub(crate) fn any(&self) -> bool {
        self.losses > 0
    }

    pub(crate) fn note_loss(&mut self) {
        self.losses += 1;
    }

    pub(crate) fn note_return(&mut self, returned: Returned) {
        self.resumed += u64::from(!matches!(returned, Returned::Failed));
        self.late += u64::from(matches!(returned, Returned::Late(_)));
        if let Returned::Resumed(took) | Returned::Late(took) = returned {
            self.resume_us.record(took.as_micros() as u64);
        }
    }

    pub(crate) fn merge(&mut self, other: &Self) {
        self.losses += other.losses;
        self.resumed += other.resumed;
        self.late += other.late;
        self.resume_us.merge(&other.resume_us);
    }
}

/// What the drill has shown.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct LossReport {
    wanted: u64,
    losses: u64,
    resumed: u64,
    /// Rounded down: all of them are 1000, and only all.
    resumed_permille: u64,
    /// Of those, how many took over a second from being admitted to playing.
    late: u64,
    resume_ms_p50: f64,
    resume_ms_p99: f64,
}

impl LossReport {
    pub(crate) fn new(wanted: u32, tally: &LossTally) -> Self {
        let ms = |permille| tally.resume_us.quantile(permille) as f64 / 1_000.0;
        Self {
            wanted: wanted.into(),
            losses: tally.losses,
            resumed: tally.resumed,
            resumed_permille: (tally.resumed * 1_000).checked_div(tally.losses).unwrap_or(0),
            late: tally.late,
            resume_ms_p50: ms(500),
            resume_ms_p99: ms(990),
        }
    }

    /// What went wrong, if something did.
    pub(crate) fn complaint(&self) -> Option<String> {
        if self.losses < self.wanted {
            return Some(format!("{} links were to be lost, {} were", self.wanted, self.losses));
        }
        if self.late * 1_000 > self.losses * LATE_PERMILLE_MAX {
            return Some(format!("{} of {} players were back late, over a second", self.late, self.losses));
        }
        (self.resumed_permille < RESUMED_PERMILLE_MIN).then(|| {
            format!(
                "{} of {} lost links resumed ({} of 1000, {RESUMED_PERMILLE_MIN} are wanted)",
                self.resumed, self.losses, self.resumed_permille
            )
        })
    }

    pub(crate) fn row(&self) -> (&'static str, String) {
        let Self { resumed, losses, resume_ms_p50: p50, resume_ms_p99: p99, .. } = self;
        ("links resumed / lost, p50 / p99 ms", format!("{resumed} / {losses}, {p50} / {p99}"))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{LossPlan, LossReport, LossTally, RETURN_MAX, Return, Returned};

    const LOST: Duration = Duration::from_secs(100);

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    fn admitted(seat: u8, match_runs: bool) -> Return {
        let mut back = Return::new(2, LOST);
        back.note_admitted(LOST + ms(500));
        back.note_seated(seat, match_runs);
        back
    }

    #[test]
    fn losses_lie_in_the_window_and_the_seed_decides_them() {
        let moments = |seed| {
            let mut plan = LossPlan::new(100, ms(10_000), seed);
            plan.begin(LOST);
            std::iter::from_fn(|| {
                let at = plan.next()?;
                Some((at, plan.take(7)))
            })
            .collect::<Vec<_>>()
        };
        let all = moments(1);
        assert_eq!(all.len(), 100);
        assert!(all.is_sorted_by_key(|(at, _)| *at));
        assert!(all.iter().all(|(at, (who, away))| {
            (LOST..LOST + ms(10_000)).contains(at) && *who < 7 && *away <= ms(5_000)
        }));
        assert_eq!(all, moments(1));
        assert_ne!(all, moments(2));
    }

    #[test]
    fn a_player_is_back_when_it_plays_on_the_same_seat() {
        let now = LOST + ms(600);
        assert_eq!(Return::new(2, LOST).settle(now, true), None, "not yet admitted");
        assert_eq!(admitted(2, true).settle(now, false), None, "not yet playing");
        assert_eq!(admitted(2, true).settle(now, true), Some(Returned::Resumed(ms(100))));
        assert_eq!(
            admitted(2, false).settle(now, false),
            Some(Returned::Resumed(ms(100))),
            "nothing to play"
        );
        assert_eq!(admitted(3, true).settle(now, true), Some(Returned::Failed), "another seat");
    }

    #[test]
    fn a_second_after_being_admitted_is_late() {
        let back = admitted(2, true);
        assert_eq!(back.settle(LOST + ms(1_500), true), Some(Returned::Resumed(ms(1_000))));
        assert_eq!(back.settle(LOST + ms(1_501), true), Some(Returned::Late(ms(1_001))));
        let never = LOST + RETURN_MAX + ms(1);
        assert_eq!(back.settle(never, false), Some(Returned::Failed));
        assert_eq!(Return::new(2, LOST).settle(never, false), Some(Returned::Failed));
    }

    #[test]
    fn one_of_a_thousand_may_stay_away() {
        let report = |resumed: u64, losses: u64| {
            let tally = LossTally { losses, resumed, ..LossTally::default() };
            LossReport::new(losses as u32, &tally).complaint()
        };
        assert_eq!(report(999, 1_000), None);
        assert!(report(998, 1_000).is_some());
        assert!(report(99, 100).is_some());
        assert!(LossReport::new(5, &LossTally::default()).complaint().is_some());
    }
}
