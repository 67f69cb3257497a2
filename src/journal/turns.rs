//! `Turn`, who had which seat of a match and when, as far as its journal tells.

use framekeep_protocol::PlayerId;
use framekeep_sim::Tick;

use crate::{MatchHeader, RoomState};

/// Most turns that are remembered of a match.
const TURNS_MAX: usize = 256;

/// A player's time in a seat of a match.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Turn {
    /// The seat.
    pub seat: u8,
    /// The player.
    pub player: PlayerId,
    /// The player's name.
    pub name: String,
    /// From this frame on.
    pub from: Tick,
    /// Before this frame; `None` for who has the seat still.
    pub until: Option<Tick>,
}

/// The turns with which a match begins.
pub(crate) fn of(header: &MatchHeader) -> Vec<Turn> {
    let turn = |seated: &crate::Seated| Turn {
        seat: seated.seat,
        player: PlayerId(seated.player),
        name: seated.name.clone(),
        from: Tick(0),
        until: None,
    };
    header.players.iter().map(turn).collect()
}

/// Brings turns up to what is told of the room before the frame of tick `now`.
pub(crate) fn note(turns: &mut Vec<Turn>, room: &RoomState, now: Tick) {
    let playing = || room.members.iter().filter(|member| !member.out);
    for turn in turns.iter_mut().filter(|turn| turn.until.is_none()) {
        if !playing().any(|member| (member.seat, member.player) == (turn.seat, turn.player)) {
            turn.until = Some(now);
        }
    }
    for member in playing() {
        let is_known = turns.iter().any(|turn| turn.seat == member.seat && turn.until.is_none());
        if !is_known && turns.len() < TURNS_MAX {
            let (seat, player, name) = (member.seat, member.player, member.name.as_str().to_owned());
            turns.push(Turn { seat, player, name, from: now, until: None });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flips::room;
    use crate::{Entry, Lives, MatchEnd, MatchResumed, MatchStarted, Record, sample};

    fn take(lives: &mut Lives, record: Record<'_>) {
        lives.take(&Entry { offset: 0, room: 7, record }).unwrap();
    }

    fn step(lives: &mut Lives, tick: u32) {
        take(lives, Record::Step { tick: Tick(tick), hash: 0, delta: &[] });
    }

    /// Bob gives up before tick 3 and leaves his seat, which cy takes before tick 5.
    #[test]
    fn players_who_leave_and_come_are_told_with_their_ticks() {
        let mut header = sample::header(2);
        header.players = [(0, 9, "ada"), (1, 8, "bob")]
            .map(|(seat, player, name)| crate::Seated { seat, player, name: name.into() })
            .to_vec();
        let started = MatchStarted { epoch: 3, header };
        let (mut lives, mut room) = (Lives::default(), room());
        take(&mut lives, Record::Room(Box::new(room.clone())));
        take(&mut lives, Record::MatchStarted(Box::new(started.clone())));
        for tick in 0..6 {
            if tick == 3 {
                room.members[1].out = true;
                take(&mut lives, Record::Room(Box::new(room.clone())));
            }
            if tick == 5 {
                (room.members[1].out, room.members[1].player) = (false, PlayerId(5));
                room.members[1].name = "cy".parse().unwrap();
                take(&mut lives, Record::Room(Box::new(room.clone())));
            }
            step(&mut lives, tick);
        }
        let told = |lives: &Lives| -> Vec<(u64, u32, Option<u32>)> {
            let play = lives.get(7).unwrap().play.as_ref().unwrap();
            let turns = play.turns().iter();
            turns.map(|turn| (turn.player.0, turn.from.0, turn.until.map(|until| until.0))).collect()
        };
        let expected = [(9, 0, None), (8, 0, Some(3)), (5, 5, None)];
        assert_eq!(told(&lives), expected);
        // Told once more it is known still; without what was told before it is known from there.
        let mut later = Lives::default();
        let again = Record::MatchResumed(Box::new(MatchResumed { started, ticks: Tick(0) }));
        for lives in [&mut lives, &mut later] {
            take(lives, Record::Room(Box::new(room.clone())));
            take(lives, again.clone());
        }
        assert_eq!(told(&lives), expected);
        assert_eq!(told(&later), [(9, 0, None), (8, 0, Some(0)), (5, 0, None)]);
        take(&mut lives, Record::MatchEnded { epoch: 3, end: MatchEnd::default() });
        assert_eq!(lives.take_ended()[0].play.turns().len(), 3);
    }
}
