//! A crowd in front of one room: who gets in, and how soon the others know that they do not.

use std::time::Duration;

use framekeep_rollback::MatchStats;
use serde::Serialize;

/// A crowd comes within this time.
pub(crate) const CROWD_COMES: Duration = Duration::from_secs(1);
/// Who does not get in is told within this time of setting out.
const REFUSAL_MAX: Duration = Duration::from_secs(1);

/// What one of a crowd was told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    /// It has a seat.
    Seated,
    /// The room is full; so long after it set out.
    Full(Duration),
    /// Something else.
    Other,
}

/// What a crowd has shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub(crate) struct CrowdReport {
    bots: u64,
    seats: u64,
    seated: u64,
    refused_full: u64,
    /// From the first datagram of a bot to its refusal, hand-shake included.
    slowest_refusal_ms: f64,
    /// Of those who were seated, in their own room: frames that came, frames that others of it had long before them,
    /// inputs that came too late, and the time from an input to its frame.
    room_frames: u64,
    room_frames_missing: u64,
    room_inputs_late: u64,
    room_confirm_ms_p99: f64,
}

/// Frames the seated of a crowd have at the least at the end of a window: half a second's.
const ROOM_FRAMES_MIN: u64 = 15;

impl CrowdReport {
    /// `answers` holds `None` for who was told nothing.
    pub(crate) fn new(seats: u8, answers: impl IntoIterator<Item = Option<Answer>>) -> Self {
        let mut report = Self { seats: seats.into(), ..Self::default() };
        for answer in answers {
            report.bots += 1;
            match answer {
                Some(Answer::Seated) => report.seated += 1,
                Some(Answer::Full(after)) => {
                    report.refused_full += 1;
                    let ms = after.as_micros() as f64 / 1_000.0;
                    report.slowest_refusal_ms = report.slowest_refusal_ms.max(ms);
                }
                Some(Answer::Other) | None => {}
            }
        }
        report
    }

    /// How those who were seated played meanwhile; `behind` holds how many frames each lacked at the end.
    pub(crate) fn with_room(self, stats: &MatchStats, behind: u64) -> Self {
        Self {
            room_frames: stats.frames,
            room_frames_missing: behind + stats.frames_skipped,
            room_inputs_late: stats.inputs_late,
            room_confirm_ms_p99: stats.confirm_us.quantile(990) as f64 / 1_000.0,
            ..self
        }
    }

    /// What went wrong, if something did.
    pub(crate) fn complaint(&self) -> Option<String> {
        if self.bots == 0 {
            return Some("no crowd came: the window never began".to_owned());
        }
        let seats = self.seats.min(self.bots);
        let Self { bots, seated, refused_full, slowest_refusal_ms: slowest, .. } = self;
        if *seated != seats || *refused_full != bots - seats {
            let refused = bots - seats;
            return Some(format!(
                "of a crowd of {bots}, {seated} were seated and {refused_full} told that the room is full: \
                 {seats} and {refused} were to be"
            ));
        }
        let (frames, missing, late) = (self.room_frames, self.room_frames_missing, self.room_inputs_late);
        if frames < seats * ROOM_FRAMES_MIN || missing > 0 || late > 0 {
            return Some(format!(
                "in the crowd's own room {frames} frames came, {missing} are missing and {late} inputs were late"
            ));
        }
        let limit = REFUSAL_MAX.as_millis() as f64;
        (*slowest > limit).then(|| format!("one of the crowd waited {slowest} ms for a no, {limit} may be"))
    }

    pub(crate) fn row(&self) -> (&'static str, String) {
        let Self { seated, refused_full, slowest_refusal_ms: slowest, room_confirm_ms_p99: confirm, .. } =
            self;
        let row = format!("{seated} / {refused_full}, {slowest}, {confirm}");
        ("crowd seated / refused, slowest, confirm p99 ms", row)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Answer, CrowdReport, MatchStats};

    fn played(frames: u64) -> MatchStats {
        MatchStats { frames, ..MatchStats::default() }
    }

    #[test]
    fn a_room_that_stands_still_behind_its_crowd_is_a_failure() {
        let report = CrowdReport::new(4, vec![Some(Answer::Seated); 4]);
        assert_eq!(report.with_room(&played(120), 0).complaint(), None);
        assert!(report.with_room(&played(20), 0).complaint().is_some());
        assert!(report.with_room(&played(120), 9).complaint().unwrap().contains("9 are missing"));
    }

    fn complaint(seated: usize, full_ms: &[u64], nothing: usize) -> Option<String> {
        let full = full_ms.iter().map(|ms| Some(Answer::Full(Duration::from_millis(*ms))));
        let answers = vec![Some(Answer::Seated); seated];
        let report =
            CrowdReport::new(4, answers.into_iter().chain(full).chain(std::iter::repeat_n(None, nothing)));
        assert_eq!(report.bots as usize, seated + full_ms.len() + nothing);
        report.with_room(&played(120), 0).complaint()
    }

    #[test]
    fn four_seats_are_taken_and_everybody_else_is_told() {
        assert_eq!(complaint(4, &[3, 1_000, 20], 0), None);
        assert_eq!(complaint(3, &[], 0), None, "fewer than there are seats");
    }

    #[test]
    fn a_fifth_seat_a_missing_answer_and_a_late_one_are_failures() {
        assert!(complaint(5, &[3, 4], 0).is_some());
        assert!(complaint(4, &[3], 1).is_some());
        assert!(complaint(3, &[3, 4], 0).is_some());
        assert!(complaint(4, &[3, 1_001], 0).unwrap().contains("1001 ms"));
    }
}
