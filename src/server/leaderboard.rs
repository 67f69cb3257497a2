//! `LeaderboardPlugin`: scores of running matches into packets, and leaderboards to the members.

use std::collections::VecDeque;
use std::time::Duration;

use bevy_app::{App, Plugin};
use bevy_ecs::prelude::{Entity, IntoScheduleConfigs, Local, Mut, World};
use framekeep_protocol::{Epoch, RoomEventKind};
use framekeep_sim::{SeatScore, Tick};

use crate::packet::{self, BufferedPacket, PacketKind, buffer_packets};
use crate::schedule::DueRooms;
use crate::{Clock, Pump, Room, ServerConfig, ServerSystems, Stage, StepTimer, events, record, step};

/// Scores of running matches into packets, and leaderboards to the members.
pub(crate) struct LeaderboardPlugin;

impl Plugin for LeaderboardPlugin {
    fn build(&self, app: &mut App) {
        app.add_systems(Pump, sample_scores.in_set(ServerSystems::Expire).before(crate::expire::expire));
    }
}

/// Bytes of a coded [`SeatScore`].
const SCORE_BYTES: usize = 15;

/// How the seats of a match stand after a tick. Nobody is told before the frames that led there are durable.
pub(crate) struct Standing {
    room: Entity,
    epoch: Epoch,
    tick: Tick,
    made_at: Duration,
    scores: Vec<SeatScore>,
    /// A leaderboard is made of it, too.
    board: bool,
}

/// Samples the due rooms whose match has just completed a second, or a leaderboard's time.
pub(crate) fn sample_scores(
    world: &mut World,
    mut sampled: Local<Vec<(Entity, bool)>>,
    mut waiting: Local<VecDeque<Standing>>,
) {
    // Frames wait for a tick of the room at most, so there is one for a room, seldom two.
    for _ in 0..waiting.len() {
        let Some(standing) = waiting.pop_front() else { break };
        waiting.extend(publish(world, standing));
    }
    let every = world.resource::<ServerConfig>().leaderboard_every;
    sampled.clear();
    for &room in &world.resource::<DueRooms>().due {
        let Some(stage) = world.get::<Stage>(room).filter(|stage| stage.fresh && !stage.is_over()) else {
            continue;
        };
        let (tick, rate) = (stage.tick().0, u32::from(stage.timing.rate_hz).max(1));
        let board = tick.is_multiple_of(ticks_between(every, rate));
        if tick > 0 && (board || tick.is_multiple_of(rate)) {
            sampled.push((room, board));
        }
    }
    for &(room, board) in &*sampled {
        if let Some(standing) = sample_room(world, room, board) {
            waiting.extend(publish(world, standing));
        }
    }
}

fn ticks_between(every: Duration, rate: u32) -> u32 {
    (every.as_millis() as u64 * u64::from(rate) / 1_000).clamp(1, u64::from(u32::MAX)) as u32
}

/// Asks the match how its seats stand.
fn sample_room(world: &mut World, room: Entity, board: bool) -> Option<Standing> {
    let (mut scores, made_at) = (Vec::new(), world.resource::<Clock>().now());
    let (epoch, tick) = world.resource_scope(|world, timer: Mut<StepTimer>| {
        let mut stage = world.get_mut::<Stage>(room)?;
        step::ask(&mut stage, &timer, |play| play.scores(&mut scores))?;
        Some((stage.epoch, stage.tick()))
    })?;
    Some(Standing { room, epoch, tick, made_at, scores, board })
}

/// Puts what has changed into packets, and tells the members what the packets say; gives it back as long as that is too
/// early.
fn publish(world: &mut World, standing: Standing) -> Option<Standing> {
    let Standing { room, epoch, tick, made_at, board, .. } = standing;
    // What of a match comes after its end is told by its result.
    world.get::<Stage>(room).filter(|stage| stage.epoch == epoch && !stage.is_over())?;
    if !record::is_settled(world, room, tick) {
        return Some(standing);
    }
    let mut scores = standing.scores;
    if let Some(this) = world.get::<Room>(room) {
        scores.retain(|score| plays(this, score.seat));
    }
    let packets = changed(world, room, &scores, tick, made_at);
    buffer_packets(world, room, packets);
    forward_scores(world, room, tick);
    if board {
        buffer_board(world, room, tick, made_at);
        forward_board(world, room, tick);
    }
    None
}

/// Whether somebody has the seat and has not given the match up. Nobody else's score is kept or shown.
fn plays(room: &Room, seat: u8) -> bool {
    let occupant = room.roster().seats().get(usize::from(seat)).and_then(Option::as_ref);
    occupant.is_some_and(|occupant| !occupant.out)
}

/// The packets of a kind of the running match, oldest first; those of the match before wait for their cleanup.
fn of_match(world: &World, room: Entity, kind: PacketKind) -> impl Iterator<Item = &BufferedPacket> {
    let since = world.get::<Stage>(room).map_or(Duration::ZERO, |stage| stage.started_at);
    let meant = move |packet: &&BufferedPacket| packet.kind == kind && packet.made_at > since;
    packet::of_room(world, room).map(|(_, packet)| packet).filter(meant)
}

/// A score frame and the newest state of each seat whose score is not what its state packet says.
fn changed(
    world: &World,
    room: Entity,
    scores: &[SeatScore],
    tick: Tick,
    made_at: Duration,
) -> Vec<BufferedPacket> {
    let mut packets = Vec::new();
    for score in scores {
        let seat = Some(score.seat);
        let bytes: Box<[u8]> = Box::new(encode(score));
        let mut states = of_match(world, room, PacketKind::State);
        if states.any(|packet| packet.seat == seat && packet.bytes == bytes) {
            continue;
        }
        for kind in [PacketKind::Score, PacketKind::State] {
            packets.push(BufferedPacket { kind, seat, tick, made_at, bytes: bytes.clone() });
        }
    }
    packets
}

/// A leaderboard of what the seats' state packets say.
fn buffer_board(world: &mut World, room: Entity, tick: Tick, made_at: Duration) {
    let Some(this) = world.get::<Room>(room) else { return };
    let states = of_match(world, room, PacketKind::State);
    let mut scores: Vec<SeatScore> =
        states.flat_map(|packet| decode(&packet.bytes)).filter(|score| plays(this, score.seat)).collect();
    if scores.is_empty() {
        return;
    }
    rank(&mut scores);
    let bytes = scores.iter().flat_map(encode).collect();
    let kind = PacketKind::Leaderboard;
    buffer_packets(world, room, vec![BufferedPacket { kind, seat: None, tick, made_at, bytes }]);
}

/// Tells the members what the score frames of a tick say.
fn forward_scores(world: &mut World, room: Entity, tick: Tick) {
    let frames = of_match(world, room, PacketKind::Score).filter(|packet| packet.tick == tick);
    let mut scores: Vec<SeatScore> = frames.flat_map(|packet| decode(&packet.bytes)).collect();
    scores.sort_unstable_by_key(|score| score.seat);
    if !scores.is_empty() {
        events::tell_scores(world, room, RoomEventKind::Scores(scores));
    }
}

/// Tells the members what the leaderboard of a tick says.
fn forward_board(world: &mut World, room: Entity, tick: Tick) {
    if let Some(board) = newest_board(world, room).filter(|(at, _)| *at == tick) {
        events::tell_scores(world, room, RoomEventKind::Leaderboard(board.1));
    }
}

/// The newest leaderboard of the match that runs in a room, and its tick.
fn newest_board(world: &World, room: Entity) -> Option<(Tick, Vec<SeatScore>)> {
    world.get::<Stage>(room).filter(|stage| !stage.is_over())?;
    of_match(world, room, PacketKind::Leaderboard)
        .last()
        .map(|packet| (packet.tick, decode(&packet.bytes).collect()))
}

/// Shows the newest leaderboard to a link that has just come into a room where a match runs, or come back.
pub(crate) fn show_board(world: &mut World, room: Entity, link: Entity) {
    if let Some((_, scores)) = newest_board(world, room) {
        events::tell_newest(world, room, link, RoomEventKind::Leaderboard(scores));
    }
}

/// Best first; of equal scores the lower seat.
fn rank(scores: &mut [SeatScore]) {
    scores.sort_by_key(|score| (std::cmp::Reverse(score.score), score.seat));
}

/// Seat, score, combo and accuracy, little-endian.
fn encode(score: &SeatScore) -> [u8; SCORE_BYTES] {
    let mut bytes = [0; SCORE_BYTES];
    bytes[0] = score.seat;
    bytes[1..9].copy_from_slice(&score.score.to_le_bytes());
    bytes[9..13].copy_from_slice(&score.combo.to_le_bytes());
    bytes[13..].copy_from_slice(&score.accuracy_permille.to_le_bytes());
    bytes
}

/// What [`encode`] has made; what is left over is no score.
fn decode(bytes: &[u8]) -> impl Iterator<Item = SeatScore> {
    let (scores, _) = bytes.as_chunks::<SCORE_BYTES>();
    scores.iter().map(|bytes| {
        let [seat, s0, s1, s2, s3, s4, s5, s6, s7, c0, c1, c2, c3, a0, a1] = *bytes;
        SeatScore {
            seat,
            score: i64::from_le_bytes([s0, s1, s2, s3, s4, s5, s6, s7]),
            combo: u32::from_le_bytes([c0, c1, c2, c3]),
            accuracy_permille: u16::from_le_bytes([a0, a1]),
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_packets_say_is_what_was_put_into_them() {
        let scores = [
            SeatScore { seat: 63, score: -5, combo: u32::MAX, accuracy_permille: 1_000 },
            SeatScore { seat: 0, score: i64::MAX, combo: 7, accuracy_permille: 1 },
        ];
        let bytes: Vec<u8> = scores.iter().flat_map(encode).collect();
        assert!(decode(&bytes).eq(scores));
        assert_eq!(decode(&bytes[..20]).count(), 1);
    }

    fn score(seat: u8, score: i64) -> SeatScore {
        SeatScore { seat, score, ..SeatScore::default() }
    }

    #[test]
    fn the_best_comes_first_and_of_equals_the_lower_seat() {
        let mut scores = [score(0, 5), score(1, 9), score(2, 9), score(3, -1)];
        rank(&mut scores);
        assert_eq!(scores.map(|score| score.seat), [1, 2, 0, 3]);
    }

    #[test]
    fn only_what_changed_makes_packets() {
        let mut world = World::new();
        let room = world.spawn_empty().id();
        for (tick, scores) in [(30, [score(0, 1), score(1, 0)]), (60, [score(0, 2), score(1, 0)])] {
            let packets = changed(&world, room, &scores, Tick(tick), Duration::from_secs(1));
            buffer_packets(&mut world, room, packets);
        }
        let mut all: Vec<_> = packet::of_room(&world, room)
            .map(|(_, packet)| (packet.seat, packet.kind, packet.tick.0))
            .collect();
        all.sort_unstable();
        let (a, b) = (Some(0), Some(1));
        use PacketKind::{Score, State};
        assert_eq!(all, [(a, Score, 30), (a, Score, 60), (a, State, 60), (b, Score, 30), (b, State, 30)]);
    }

    #[test]
    fn leaderboards_come_at_whole_ticks() {
        assert_eq!(ticks_between(Duration::from_secs(2), 30), 60);
        assert_eq!(ticks_between(Duration::from_millis(1), 30), 1);
    }
}
