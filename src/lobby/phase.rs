//! Phases of a room and the one function that changes them.

use framekeep_protocol::RoomPhase;

/// What can change a room's phase.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PhaseEvent {
    /// Enough players are there, or the host opens the room.
    Gathered,
    /// Too few players are left.
    Dispersed,
    /// Everybody is ready.
    AllReady,
    /// Somebody is not ready any more, or has just come.
    NotReady,
    /// The match starts.
    Start,
    /// The match has an outcome, or was given up.
    End,
    /// The host wants another match.
    Rematch,
    /// The room ends.
    Close,
}

impl PhaseEvent {
    /// All events.
    pub const ALL: [Self; 8] = [
        Self::Gathered,
        Self::Dispersed,
        Self::AllReady,
        Self::NotReady,
        Self::Start,
        Self::End,
        Self::Rematch,
        Self::Close,
    ];
}

/// All phases in the order of a room's life.
pub const PHASES: [RoomPhase; 6] = RoomPhase::ALL;

/// An event that a phase does not allow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a room that is {phase} does not allow {event:?}")]
pub struct NotNow {
    /// The phase the room is in.
    pub phase: RoomPhase,
    /// What was asked for.
    pub event: PhaseEvent,
}

/// The phase after `event`.
///
/// # Errors
/// [`NotNow`] if the phase does not allow it; the phase stays as it is.
pub const fn transition(phase: RoomPhase, event: PhaseEvent) -> Result<RoomPhase, NotNow> {
    match (phase, event) {
        (RoomPhase::Waiting, PhaseEvent::Gathered)
        | (RoomPhase::Ready, PhaseEvent::NotReady)
        | (RoomPhase::Finished, PhaseEvent::Rematch) => Ok(RoomPhase::Preparing),
        (RoomPhase::Preparing | RoomPhase::Ready, PhaseEvent::Dispersed) => Ok(RoomPhase::Waiting),
        (RoomPhase::Preparing, PhaseEvent::AllReady) => Ok(RoomPhase::Ready),
        (RoomPhase::Ready, PhaseEvent::Start) => Ok(RoomPhase::Playing),
        (RoomPhase::Playing, PhaseEvent::End) => Ok(RoomPhase::Finished),
        (
            RoomPhase::Waiting
            | RoomPhase::Preparing
            | RoomPhase::Ready
            | RoomPhase::Playing
            | RoomPhase::Finished,
            PhaseEvent::Close,
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
        for phase in PHASES {
            for event in PhaseEvent::ALL {
                let expected = match (phase, event) {
                    (Closed, _) => None,
                    (_, PhaseEvent::Close) => Some(Closed),
                    (Waiting, PhaseEvent::Gathered) => Some(Preparing),
                    (Preparing | Ready, PhaseEvent::Dispersed) => Some(Waiting),
                    (Preparing, PhaseEvent::AllReady) => Some(Ready),
                    (Ready, PhaseEvent::NotReady) => Some(Preparing),
                    (Ready, PhaseEvent::Start) => Some(Playing),
                    (Playing, PhaseEvent::End) => Some(Finished),
                    (Finished, PhaseEvent::Rematch) => Some(Preparing),
                    _ => None,
                };
                assert_eq!(transition(phase, event).ok(), expected, "{phase:?} and {event:?}");
            }
        }
    }
}
