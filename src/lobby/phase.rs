//! Phases of a room and the one function that changes them.

use framekeep_protocol::RoomPhase;

/// What can change a room's phase.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RoomEvent {
    /// The room is full, or its host starts it.
    Start,
    /// The match has an outcome, or was given up.
    End,
    /// The host wants another match.
    PlayAgain,
    /// The room ends.
    Close,
}

impl RoomEvent {
    /// All events.
    pub const ALL: [Self; 4] = [Self::Start, Self::End, Self::PlayAgain, Self::Close];
}

/// An event that a phase does not allow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a room that is {phase:?} does not allow {event:?}")]
pub struct NotNow {
    /// The phase the room is in.
    pub phase: RoomPhase,
    /// What was asked for.
    pub event: RoomEvent,
}

/// The phase after `event`.
///
/// # Errors
/// [`NotNow`] if the phase does not allow it; the phase stays as it is.
pub const fn transition(phase: RoomPhase, event: RoomEvent) -> Result<RoomPhase, NotNow> {
    match (phase, event) {
        (RoomPhase::Waiting | RoomPhase::Preparing | RoomPhase::Ready, RoomEvent::Start)
        | (RoomPhase::Finished, RoomEvent::PlayAgain) => Ok(RoomPhase::Playing),
        (RoomPhase::Playing, RoomEvent::End) => Ok(RoomPhase::Finished),
        (
            RoomPhase::Waiting
            | RoomPhase::Preparing
            | RoomPhase::Ready
            | RoomPhase::Playing
            | RoomPhase::Finished,
            RoomEvent::Close,
        ) => Ok(RoomPhase::Closed),
        (phase, event) => Err(NotNow { phase, event }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_pair_has_the_documented_answer() {
        use RoomPhase::{Closed, Finished, Playing, Preparing, Ready, Waiting};
        for phase in [Waiting, Preparing, Ready, Playing, Finished, Closed] {
            for event in RoomEvent::ALL {
                let expected = match (phase, event) {
                    (Closed, _) => None,
                    (_, RoomEvent::Close) => Some(Closed),
                    (Waiting | Preparing | Ready, RoomEvent::Start) => Some(Playing),
                    (Playing, RoomEvent::End) => Some(Finished),
                    (Finished, RoomEvent::PlayAgain) => Some(Playing),
                    _ => None,
                };
                assert_eq!(transition(phase, event).ok(), expected, "{phase:?} and {event:?}");
            }
        }
    }
}
