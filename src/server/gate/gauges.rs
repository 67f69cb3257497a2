//! What is measured as it is now: links, rooms, queues, the disk.

use bevy_ecs::prelude::World;
use framekeep_protocol::{RoomPhase, SPECTATOR_SEAT};

use super::link::{WebLink, WebLinks};
use super::samples::Samples;
use super::{Drain, Gate};
use crate::copies::Copies;
use crate::{Clock, Counters, Dispatch, Link, Phase, Players, Recorder, Results, Rooms, Seat};

/// Everything that is measured as it is now.
pub(super) fn gauges(samples: &mut Samples, world: &mut World) {
    people(samples, world);
    rooms(samples, world);
    queues(samples, world);
    disk(samples, world);
    let draining = world.resource::<Drain>().is_on();
    let help = "Whether the node lets nobody open rooms any more";
    samples.gauge("framekeep_draining", help, [], f64::from(u8::from(draining)));
}

fn people(samples: &mut Samples, world: &mut World) {
    let web = world.resource::<WebLinks>().len();
    let links = world.query::<&Link>().iter(world).len();
    let help = "Links that are open, by transport";
    samples.gauge("framekeep_links", help, [("transport", "websocket")], web as f64);
    samples.gauge("framekeep_links", help, [("transport", "udp")], links.saturating_sub(web) as f64);
    let (players, watchers) = players_and_watchers(world);
    samples.gauge("framekeep_players", "Players the node knows, without those who watch", [], players as f64);
    samples.gauge("framekeep_watchers", "Players and operators who watch a room", [], watchers as f64);
    let handshakes = world.resource::<Dispatch>().handshakes() as f64;
    samples.gauge("framekeep_handshakes", "Addresses in a hand-shake", [], handshakes);
}

/// How many players the node knows, without those who watch, and how many watch.
pub(super) fn players_and_watchers(world: &mut World) -> (u64, u64) {
    let known = world.resource::<Players>().len() as u64;
    let seats = world.query::<&Seat>();
    let watchers = seats.iter_manual(world).filter(|seat| seat.index == SPECTATOR_SEAT).count() as u64;
    (known.saturating_sub(watchers), watchers)
}

fn rooms(samples: &mut Samples, world: &mut World) {
    let mut phases = [0_u32; RoomPhase::ALL.len()];
    for phase in world.query::<&Phase>().iter(world) {
        if let Some(place) = RoomPhase::ALL.iter().position(|known| *known == phase.0) {
            phases[place] += 1;
        }
    }
    for (phase, count) in RoomPhase::ALL.into_iter().zip(phases) {
        samples.gauge("framekeep_rooms", "Rooms, by phase", [("phase", phase.name())], f64::from(count));
    }
    let counters = world.resource::<Counters>();
    let help = "Rooms of a killed server that were opened again at the start";
    samples.counter("framekeep_rooms_recovered_total", help, [], counters.rooms_recovered);
    let moves = world.resource::<crate::Moves>();
    let help = "Rooms that went to other nodes, came from them, or stayed though they were to go";
    let counts =
        [("out", moves.rooms_moved_away), ("in", moves.rooms_moved_in), ("stayed", moves.moves_given_up)];
    samples.by("framekeep_rooms_moved_total", help, "direction", counts);
    let help = "How long it took to play them to where they were";
    samples.gauge("framekeep_recovery_seconds", help, [], counters.recovery_ms as f64 / 1_000.0);
}

/// What waits to be done.
fn queues(samples: &mut Samples, world: &mut World) {
    let mut web = world.query::<&WebLink>();
    let told: usize =
        web.iter(world).map(|link| link.sink().capacity().saturating_sub(link.sink().room())).sum();
    let deadlines = world.resource::<Rooms>().deadlines.len();
    let orders = world.get_resource::<Gate>().map_or(0, |gate| gate.0.waiting());
    let copies = world.resource::<Copies>().len();
    let (journal, seals) = world.resource::<Recorder>().waiting_bytes();
    let depths =
        [("orders", orders), ("websocket_messages", told), ("copies", copies), ("deadlines", deadlines)];
    for (queue, depth) in depths {
        let help =
            "What waits in a queue: orders of the front door, messages for WebSockets, packets, deadlines";
        samples.gauge("framekeep_queue_depth", help, [("queue", queue)], depth as f64);
    }
    for (queue, bytes) in [("journal", journal), ("replays", seals)] {
        let help = "Bytes that wait for the disk";
        samples.gauge("framekeep_disk_queue_bytes", help, [("queue", queue)], bytes as f64);
    }
}

fn disk(samples: &mut Samples, world: &mut World) {
    let now = world.resource::<Clock>().now();
    let (recorder, counters) = (world.resource::<Recorder>(), world.resource::<Counters>());
    let help = "Batches and files that could not be written";
    samples.counter("framekeep_journal_failures_total", help, [], recorder.failures());
    let help = "Bytes of the journal on the disk";
    samples.gauge("framekeep_journal_bytes", help, [], recorder.journal_bytes() as f64);
    let help = "For how long the oldest records have been on their way to the disk";
    samples.gauge("framekeep_durability_lag_seconds", help, [], recorder.lag(now).as_secs_f64());
    let help = "Rooms that go on without being as durable as they should be";
    samples.gauge("framekeep_undurable_rooms", help, [], recorder.undurable_rooms() as f64);
    let help = "Times a room went on without waiting for a disk that was slower than its tick";
    samples.counter("framekeep_rooms_behind_total", help, [], counters.rooms_behind);
    let help = "Times the UDP socket was opened anew after it had failed";
    samples.counter("framekeep_sockets_reopened_total", help, [], counters.sockets_reopened);
    let lost = world.resource::<Results>().lost();
    samples.counter("framekeep_results_lost_total", "Results of matches that could not be kept", [], lost);
}
