//! A crowd in front of one room: who gets in, and how soon the others know that they do not.

use std::time::Duration;

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
}

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
        let limit = REFUSAL_MAX.as_millis() as f64;
        (*slowest > limit).then(|| format!("one of the crowd waited {slowest} ms for a no, {limit} may be"))
    }

    pub(crate) fn row(&self) -> (&'static str, String) {
        let Self { seated, refused_full, slowest_refusal_ms: slowest, .. } = self;
        ("crowd seated / refused, slowest ms", format!("{seated} / {refused_full}, {slowest}"))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Answer, CrowdReport};

    fn complaint(seated: usize, full_ms: &[u64], nothing: usize) -> Option<String> {
        let full = full_ms.iter().map(|ms| Some(Answer::Full(Duration::from_millis(*ms))));
        let answers = vec![Some(Answer::Seated); seated];
        let report =
            CrowdReport::new(4, answers.into_iter().chain(full).chain(std::iter::repeat_n(None, nothing)));
        assert_eq!(report.bots as usize, seated + full_ms.len() + nothing);
        report.complaint()
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
