//! Reports: how the node is, once a second, gathered a little in each pump.

use std::sync::Arc;
use std::time::Duration;

use bevy_ecs::prelude::{Entity, Mut, Resource, World};
use framekeep_gate::{Hold, Report, RoomRow};
use framekeep_lobby::Roster;
use framekeep_protocol::RoomPhase;

use super::gauges::players_and_watchers;
use super::link::WebLinks;
use super::{Drain, Gate, samples};
use crate::limits::ROOMS_LISTED_PER_PUMP;
use crate::{
    CleanupStats, CleanupTier, Clock, Games, Link, PacketKind, Phase, Recorder, Room, Rooms, ServerConfig,
    Stage, moves, why_alive,
};

/// How often a report is made.
const REPORT_EVERY: Duration = Duration::from_secs(1);

/// A report as it grows, some rooms a pump, so that no frame waits for thousands of rows.
#[derive(Resource, Default)]
pub(super) struct Reporting {
    started_at: Option<Duration>,
    begun_at: Duration,
    left: Vec<Entity>,
    rows: Vec<RoomRow>,
    /// The last report has rooms that are not durable.
    undurable: bool,
    /// A report that could not be handed over yet.
    waiting: Option<Arc<Report>>,
    /// Count and sum of each histogram at the last report.
    before: [(u64, u64); samples::HISTOGRAMS],
}

/// Goes on with the report, or begins another.
pub(super) fn report(world: &mut World) {
    if !world.contains_resource::<Gate>() {
        return;
    }
    world.resource_scope(|world, mut reporting: Mut<'_, Reporting>| {
        if reporting.waiting.is_some() {
            hand_over(world, &mut reporting);
        } else {
            go_on(world, &mut reporting);
        }
    });
}

fn go_on(world: &mut World, reporting: &mut Reporting) {
    let now = world.resource::<Clock>().now();
    if reporting.left.is_empty() {
        // That is told within a second, so a report of it does not wait for one.
        let undurable = world.resource::<Recorder>().undurable_rooms() > 0;
        let is_news = std::mem::replace(&mut reporting.undurable, undurable) != undurable;
        if reporting.started_at.is_some() && now < reporting.begun_at + REPORT_EVERY && !is_news {
            return;
        }
        reporting.started_at.get_or_insert(now);
        reporting.begun_at = now;
        reporting.left = world.resource::<Rooms>().by_name.values().copied().collect();
    }
    let rest = reporting.left.len().saturating_sub(ROOMS_LISTED_PER_PUMP);
    let listed = reporting.left.split_off(rest);
    // A room that is on its way here is the other node's, and is told of there.
    let own = listed.into_iter().filter(|room| !moves::is_arriving(world, *room));
    reporting.rows.extend(own.filter_map(|room| row(world, room)));
    if reporting.left.is_empty() {
        let report = make(world, reporting, now);
        reporting.waiting = Some(Arc::new(report));
        hand_over(world, reporting);
    }
}

fn hand_over(world: &World, reporting: &mut Reporting) {
    let Some(report) = &reporting.waiting else { return };
    if world.resource::<Gate>().0.report(report) {
        reporting.waiting = None;
    }
}

fn make(world: &mut World, reporting: &mut Reporting, now: Duration) -> Report {
    let mut rows = std::mem::take(&mut reporting.rows);
    rows.sort_unstable_by(|a, b| a.name.cmp(&b.name));
    let (players, watchers) = players_and_watchers(world);
    let ms = |at: Duration| at.as_millis() as u64;
    Report {
        unix_ms: ms(now),
        started_unix_ms: ms(reporting.started_at.unwrap_or(now)),
        name: world.resource::<ServerConfig>().name.clone(),
        draining: world.resource::<Drain>().is_on(),
        playing: rows.iter().filter(|row| row.tick.is_some()).count() as u64,
        links: world.query::<&Link>().iter(world).len() as u64,
        web_links: world.resource::<WebLinks>().len() as u64,
        players,
        watchers,
        rooms_max: world.resource::<ServerConfig>().rooms_max as u64,
        players_max: world.resource::<ServerConfig>().clients_max as u64,
        rooms: Arc::new(rows),
        moves: moves::under_way(world),
        samples: samples::samples(world),
        histograms: samples::histograms(world, &mut reporting.before),
        cleanup: cleanup(world.resource::<CleanupStats>()),
        games: world.resource::<Games>().catalogue(),
    }
}

fn cleanup(stats: &CleanupStats) -> Vec<(String, u64)> {
    let mut numbers = vec![
        ("failures".to_owned(), stats.failures),
        ("retries".to_owned(), stats.retries),
        ("given_up".to_owned(), stats.given_up),
        ("forced".to_owned(), stats.forced),
    ];
    for (kind, count) in PacketKind::ALL.iter().zip(stats.packets) {
        numbers.push((format!("packets_{}", kind.name()), count));
    }
    for (tier, finished) in CleanupTier::ALL.iter().zip(stats.finished) {
        numbers.push((format!("finished_{}", tier.name()), finished));
    }
    numbers
}

/// The seats that are neither taken nor kept for somebody.
fn free_seats(roster: &Roster) -> Vec<u8> {
    let is_kept = |seat: u8| roster.reserved_seats().any(|(kept, _)| kept == seat);
    let free = (0_u8..).zip(roster.seats()).filter(|(seat, taken)| taken.is_none() && !is_kept(*seat));
    free.map(|(seat, _)| seat).collect()
}

/// A room as operators see it.
pub(super) fn row(world: &World, entity: Entity) -> Option<RoomRow> {
    let room = world.get::<Room>(entity)?;
    let stage = world.get::<Stage>(entity);
    let holds: Vec<Hold> = why_alive::why_alive(world, entity)
        .into_iter()
        .map(|hold| Hold { what: hold.what, until_unix_ms: hold.until_unix_ms })
        .collect();
    let lobby = &room.lobby;
    Some(RoomRow {
        name: room.name.as_str().to_owned(),
        id: format!("{:016x}", room.id.0),
        game: room.game.name().to_owned(),
        content: lobby.content().to_owned(),
        phase: world.get::<Phase>(entity).map_or(RoomPhase::Closed, |phase| phase.0).to_string(),
        seats: lobby.roster().capacity().into(),
        taken: lobby.roster().taken().into(),
        free_seats: free_seats(lobby.roster()),
        connected: why_alive::connected(world, entity),
        spectators: lobby.watchers().count() as u32,
        private: !lobby.options().code.is_empty(),
        locked: lobby.is_locked(),
        tick_rate_hz: room.tick_rate_hz.into(),
        tick: stage.map(|stage| stage.tick().0),
        plays: stage.map(|stage| (stage.started_at.as_secs(), stage.epoch.get())),
        step_us: stage.map_or(0, |stage| stage.health.step_took.as_micros() as u64),
        bytes: why_alive::bytes(world, entity) as u64,
        next_deadline_unix_ms: holds.iter().filter_map(|hold| hold.until_unix_ms).min(),
        holds,
        members: Vec::new(),
        traffic: Vec::new(),
    })
}
