//! `Traffic`, how much is said over WebSockets, by kind and direction.

use framekeep_gate::KindBytes;

use crate::stats::Count;
use crate::wire::{ClientBody, ServerBody};

/// What a message is, as far as its bytes are counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// How a match looks.
    View,
    /// What happened in a room.
    Event,
    /// How a room is.
    Room,
    /// That a match begins or ends.
    Match,
    /// What a player does in a match.
    Input,
    /// What a player asks for, and its refusal.
    Request,
    /// Who somebody is, pings, acknowledgements, and what is no message.
    Control,
}

/// The kinds by name, with the direction in which there are any.
const KINDS: [(Kind, &str, [bool; 2]); 7] = [
    (Kind::View, "view", [false, true]),
    (Kind::Event, "event", [false, true]),
    (Kind::Room, "room", [false, true]),
    (Kind::Match, "match", [false, true]),
    (Kind::Input, "input", [true, false]),
    (Kind::Request, "request", [true, true]),
    (Kind::Control, "control", [true, true]),
];

impl Kind {
    pub(crate) const fn of_server(body: Option<&ServerBody>) -> Self {
        match body {
            Some(ServerBody::View(_)) => Self::View,
            Some(ServerBody::Event(_)) => Self::Event,
            Some(ServerBody::Joined(_) | ServerBody::Room(_) | ServerBody::Left(_)) => Self::Room,
            Some(ServerBody::Started(_) | ServerBody::Ended(_)) => Self::Match,
            Some(ServerBody::Refused(_)) => Self::Request,
            _ => Self::Control,
        }
    }

    pub(crate) const fn of_client(body: Option<&ClientBody>) -> Self {
        match body {
            Some(ClientBody::Input(_)) => Self::Input,
            Some(
                ClientBody::Authenticate(_)
                | ClientBody::Resume(_)
                | ClientBody::Sync(_)
                | ClientBody::Ping(_)
                | ClientBody::Acknowledge(_)
                | ClientBody::Bye(_),
            )
            | None => Self::Control,
            Some(_) => Self::Request,
        }
    }
}

/// How much was said, by kind and direction.
#[derive(Debug, Default)]
pub(crate) struct Traffic([[Count; 2]; KINDS.len()]);

impl Traffic {
    /// A client has said something.
    pub(crate) fn hear(&self, kind: Kind, bytes: usize) {
        self.0[kind as usize][0].add(bytes as u64);
    }

    /// A client was told something.
    pub(crate) fn tell(&self, kind: Kind, bytes: usize) {
        self.0[kind as usize][1].add(bytes as u64);
    }

    /// All of it.
    pub(crate) fn all(&self) -> impl Iterator<Item = KindBytes> {
        let ways = [(0, "in"), (1, "out")];
        KINDS.into_iter().flat_map(move |(kind, name, there)| {
            let ways = ways.into_iter().filter(move |(way, _)| there[*way]);
            ways.map(move |(way, direction)| {
                let bytes = self.0[kind as usize][way].get();
                KindBytes { kind: name, direction, bytes }
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::{Input, Pong};

    #[test]
    fn bytes_are_counted_by_kind_and_direction() {
        let traffic = Traffic::default();
        traffic.hear(Kind::of_client(Some(&ClientBody::Input(Input::default()))), 5);
        traffic.tell(Kind::of_server(Some(&ServerBody::Pong(Pong::default()))), 7);
        let seen: Vec<_> = traffic.all().filter(|one| one.bytes > 0).collect();
        let (input, pong) = (("input", "in", 5), ("control", "out", 7));
        let seen: Vec<_> = seen.iter().map(|one| (one.kind, one.direction, one.bytes)).collect();
        assert_eq!(seen, [input, pong]);
    }

    #[test]
    fn every_kind_stands_in_its_place() {
        for (place, (kind, ..)) in KINDS.into_iter().enumerate() {
            assert_eq!(kind as usize, place);
        }
    }
}
