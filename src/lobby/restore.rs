//! `LobbyState`, a room as data that outlives its process.

use framekeep_protocol::{PlayerId, PlayerName, RoomPhase};

use crate::{Lobby, LobbyOptions, Occupant};

/// What a [`Lobby`] has besides its options.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LobbyState {
    /// Where it is in its life.
    pub phase: RoomPhase,
    /// Who sits where.
    pub seats: Vec<(u8, Occupant)>,
    /// For whom which free seat is kept.
    pub reserved: Vec<(u8, PlayerId)>,
    /// Who may start matches.
    pub host: Option<PlayerId>,
    /// Who watches as the room allows it.
    pub spectators: Vec<(PlayerId, PlayerName)>,
    /// Who watches and operates the server.
    pub operators: Vec<(PlayerId, PlayerName)>,
    /// Who may not come back.
    pub banned: Vec<PlayerId>,
    /// Nobody else is let in.
    pub locked: bool,
    /// The host has opened a room that is not full.
    pub opened: bool,
    /// What the next match is played on.
    pub content: String,
}

impl Lobby {
    /// All that an equal room can be made from with [`Lobby::restored`].
    #[must_use]
    pub fn state(&self) -> LobbyState {
        let roster = self.roster();
        let seats = roster.seats().iter().zip(0_u8..);
        LobbyState {
            phase: self.phase(),
            seats: seats.filter_map(|(taken, seat)| Some((seat, taken.clone()?))).collect(),
            reserved: roster.reserved_seats().collect(),
            host: roster.host(),
            spectators: self.spectators().to_vec(),
            operators: self.operators().to_vec(),
            banned: self.banned().to_vec(),
            locked: self.is_locked(),
            opened: self.is_opened(),
            content: self.content().to_owned(),
        }
    }

    /// A room as it was. What does not fit it, a seat that is not there or taken twice, is left out.
    #[must_use]
    pub fn restored(options: LobbyOptions, state: LobbyState) -> Self {
        let content = state.content.clone();
        let mut lobby = Self::new(options, content);
        lobby.take_over(state);
        lobby
    }
}

#[cfg(test)]
mod tests {
    use framekeep_protocol::{CommitPolicy, LeftReason, StartRule};

    use super::*;
    use crate::{Actor, Operation};

    fn options() -> LobbyOptions {
        LobbyOptions {
            name: "den".parse().unwrap(),
            seats: 4,
            seats_min: 2,
            start: StartRule::Ready,
            code: "x".to_owned(),
            spectators_max: 2,
            commit: CommitPolicy::Deadline,
        }
    }

    #[test]
    fn a_room_comes_back_as_it_was_after_every_operation() {
        let player = |id| Actor::Player(PlayerId(id));
        let name = |text: &str| text.parse::<PlayerName>().unwrap();
        let join = |text: &str| Operation::Join { name: name(text), code: "x".to_owned() };
        let mut lobby = Lobby::new(options(), "pit".to_owned());
        let story = [
            (player(1), join("ada")),
            (player(2), join("bob")),
            (player(3), Operation::Spectate { name: name("eve"), code: "x".to_owned() }),
            (player(4), Operation::Oversee { name: name("root") }),
            (player(1), Operation::Reserve(PlayerId(9))),
            (player(1), Operation::Ready(true)),
            (player(1), Operation::Lock(true)),
            (player(1), Operation::Kick { player: PlayerId(7), ban: true }),
            (player(1), Operation::HandOver(PlayerId(2))),
            (player(2), Operation::Ready(true)),
            (player(1), Operation::Abort),
            (player(1), Operation::Leave(LeftReason::Asked)),
            (Actor::Server, Operation::Finish),
        ];
        for (actor, operation) in story {
            let text = format!("{operation:?}");
            let _ = lobby.apply(actor, operation);
            assert_eq!(Lobby::restored(options(), lobby.state()), lobby, "after {text}");
        }
    }
}
