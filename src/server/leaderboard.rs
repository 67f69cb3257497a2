//! `LeaderboardPlugin`: scores of running matches into packets, and leaderboards to the members.

use std::time::Duration;

use bevy_app::{App, Plugin};
use bevy_ecs::prelude::{Entity, IntoScheduleConfigs, Local, World};
use framekeep_sim::{SeatScore, Tick};

use crate::packet::{self, BufferedPacket, PacketKind, buffer_packets};
use crate::schedule::DueRooms;
use crate::{Clock, Pump, ServerConfig, ServerSystems, Stage, events};

/// Scores of running matches into packets, and leaderboards to the members.
pub(crate) struct LeaderboardPlugin;

impl Plugin for LeaderboardPlugin {
    fn build(&self, app: &mut App) {
        app.add_systems(Pump, sample_scores.in_set(ServerSystems::Expire).before(crate::expire::expire));
    }
}

/// Bytes of a coded [`SeatScore`].
const SCORE_BYTES: usize = 15;

/// Samples the due rooms whose match has just completed a second, or a leaderboard's time.
pub(crate) fn sample_scores(world: &mut World, mut sampled: Local<Vec<(Entity, bool)>>) {
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
        sample_room(world, room, board);
    }
}

fn ticks_between(every: Duration, rate: u32) -> u32 {
    (every.as_millis() as u64 * u64::from(rate) / 1_000).clamp(1, u64::from(u32::MAX)) as u32
}

fn sample_room(world: &mut World, room: Entity, board: bool) {
    let Some(mut stage) = world.get_mut::<Stage>(room) else { return };
    let tick = stage.tick();
    let mut scores = Vec::new();
    if stage.ask(|play| play.scores(&mut scores)).is_none() || scores.is_empty() {
        return;
    }
    let made_at = world.resource::<Clock>().now();
    let mut packets = changed(world, room, &scores, tick, made_at);
    if board {
        rank(&mut scores);
        let bytes = scores.iter().flat_map(encode).collect();
        packets.push(BufferedPacket { kind: PacketKind::Leaderboard, seat: None, tick, made_at, bytes });
    }
    buffer_packets(world, room, packets);
    if board {
        events::leaderboard(world, room, &scores);
    }
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
        let is_same = |packet: &BufferedPacket| {
            packet.kind == PacketKind::State && packet.seat == seat && packet.bytes == bytes
        };
        if packet::of_room(world, room).any(|(_, packet)| is_same(packet)) {
            continue;
        }
        for kind in [PacketKind::Score, PacketKind::State] {
            packets.push(BufferedPacket { kind, seat, tick, made_at, bytes: bytes.clone() });
        }
    }
    packets
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

#[cfg(test)]
mod tests {
    use super::*;

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
            let packets = changed(&world, room, &scores, Tick(tick), Duration::ZERO);
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
