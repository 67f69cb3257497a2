//! `permit`, who may do what to a room in which phase: the table of `docs/ROOMS.md`.

use framekeep_protocol::RoomPhase;

/// What somebody is to a room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Not in the room.
    Stranger,
    /// Watches.
    Spectator,
    /// Has a seat.
    Member,
    /// Has a seat and decides.
    Host,
    /// The server itself, or who operates it.
    Server,
}

impl Role {
    /// All roles.
    pub const ALL: [Self; 5] = [Self::Stranger, Self::Spectator, Self::Member, Self::Host, Self::Server];
}

/// What can be done to a room that exists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names say it; `Operation` explains each")]
pub enum Action {
    Join,
    Spectate,
    Leave,
    Reserve,
    Ready,
    Unready,
    Choose,
    Start,
    Abort,
    Finish,
    Rematch,
    Kick,
    Ban,
    HandOver,
    Lock,
    Unlock,
    Chat,
    Close,
}

impl Action {
    /// All actions.
    pub const ALL: [Self; 18] = [
        Self::Join,
        Self::Spectate,
        Self::Leave,
        Self::Reserve,
        Self::Ready,
        Self::Unready,
        Self::Choose,
        Self::Start,
        Self::Abort,
        Self::Finish,
        Self::Rematch,
        Self::Kick,
        Self::Ban,
        Self::HandOver,
        Self::Lock,
        Self::Unlock,
        Self::Chat,
        Self::Close,
    ];
}

/// Why a rule does not allow an action, whatever else is true of the room.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Forbidden {
    /// The phase is another.
    #[error("{action:?} cannot be done while the room is {phase}")]
    Phase {
        /// What was asked for.
        action: Action,
        /// The phase the room is in.
        phase: RoomPhase,
    },
    /// The role is another.
    #[error("{action:?} is not for a {role:?}")]
    Role {
        /// What was asked for.
        action: Action,
        /// What the asker is to the room.
        role: Role,
    },
}

/// Whether a role may do something in a phase. What depends on more than these (seats, codes, readiness) is
/// decided by [`Lobby::apply`](crate::Lobby::apply).
///
/// # Errors
/// [`Forbidden`]: the role is checked first, then the phase; a closed room allows nothing.
pub const fn permit(phase: RoomPhase, action: Action, role: Role) -> Result<(), Forbidden> {
    if matches!(phase, RoomPhase::Closed) {
        return Err(Forbidden::Phase { action, phase });
    }
    let allowed = match action {
        Action::Join | Action::Spectate => matches!(role, Role::Stranger),
        Action::Leave => matches!(role, Role::Spectator | Role::Member | Role::Host),
        Action::Ready | Action::Unready => matches!(role, Role::Member | Role::Host),
        Action::Chat => matches!(role, Role::Spectator | Role::Member | Role::Host | Role::Server),
        Action::Abort => matches!(role, Role::Member | Role::Host | Role::Server),
        Action::Finish => matches!(role, Role::Server),
        Action::Choose | Action::Start | Action::Rematch | Action::HandOver => matches!(role, Role::Host),
        Action::Reserve | Action::Kick | Action::Ban | Action::Lock | Action::Unlock | Action::Close => {
            matches!(role, Role::Host | Role::Server)
        }
    };
    if !allowed {
        return Err(Forbidden::Role { action, role });
    }
    let in_time = match action {
        Action::Ready | Action::Unready | Action::Start => {
            matches!(phase, RoomPhase::Waiting | RoomPhase::Preparing | RoomPhase::Ready)
        }
        Action::Choose => !matches!(phase, RoomPhase::Playing),
        Action::Abort | Action::Finish => matches!(phase, RoomPhase::Playing),
        Action::Rematch => matches!(phase, RoomPhase::Finished),
        _ => true,
    };
    if in_time { Ok(()) } else { Err(Forbidden::Phase { action, phase }) }
}

/// The table of `docs/ROOMS.md`: for each action the roles that may do it, by phase.
#[must_use]
pub fn table() -> String {
    let mut text = String::from("| action |");
    for phase in crate::PHASES {
        text += &format!(" {phase} |");
    }
    text += "\n|---|---|---|---|---|---|---|\n";
    for action in Action::ALL {
        text += &format!("| {} |", format!("{action:?}").to_lowercase());
        for phase in crate::PHASES {
            let roles: Vec<_> = Role::ALL
                .into_iter()
                .filter(|role| permit(phase, action, *role).is_ok())
                .map(|role| format!("{role:?}").to_lowercase())
                .collect();
            text += &format!(" {} |", if roles.is_empty() { "–".to_owned() } else { roles.join(", ") });
        }
        text += "\n";
    }
    text
}

/// The second table of `docs/ROOMS.md`: which event leads from which phase to which.
#[must_use]
pub fn transitions() -> String {
    let mut text = String::from("| event |");
    for phase in crate::PHASES {
        text += &format!(" {phase} |");
    }
    text += "\n|---|---|---|---|---|---|---|\n";
    for event in crate::PhaseEvent::ALL {
        text += &format!("| {event:?} |");
        for phase in crate::PHASES {
            let next = crate::transition(phase, event);
            text += &next.map_or_else(|_| " – |".to_owned(), |next| format!(" {next} |"));
        }
        text += "\n";
    }
    text
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_document_has_the_tables_of_the_code() {
        let document = include_str!("../../docs/ROOMS.md");
        for table in [super::table(), super::transitions()] {
            assert!(document.contains(&table), "docs/ROOMS.md must have this table:\n{table}");
        }
    }
}
