//! What is due among 100,000 rooms costs in proportion to what is due.

use std::time::{Duration, Instant};

use bevy_ecs::prelude::Entity;
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use framekeep_protocol::RoomOptions;
use framekeep_server::{Chance, Clock, Games, MemoryWire, NodeKey, Recorder, Server, ServerConfig, drill};

const ROOMS: usize = 100_000;
const NOW: Duration = Duration::from_secs(1_000);

/// A server of so many rooms that wait for their players.
fn server() -> (Server, Vec<Entity>) {
    let config = ServerConfig { rooms_max: ROOMS, threads: 1, ..ServerConfig::default() };
    let (wire, _end) = MemoryWire::pair(config.udp);
    let (games, key) = (Games::new(framekeep_games::registry()), NodeKey::new([1; 32]));
    let (clock, chance) = (Clock::manual(NOW), Chance::seeded(1));
    let mut server = Server::new(config, games, key, Box::new(wire), clock, chance, Recorder::default());
    let options = RoomOptions::new("arena", 2);
    let rooms = (0..ROOMS).map(|number| {
        let name = format!("r-{number}").try_into().expect("a name");
        drill::open_room(server.world_mut(), name, &options).expect("a room")
    });
    let rooms = rooms.collect();
    (server, rooms)
}

/// Looks at `due` rooms whose time seems to be up, again and again; they are still needed and are put off.
fn expire(server: &mut Server, due: &[Entity], times: u64) -> Duration {
    let world = server.world_mut();
    let mut took = Duration::ZERO;
    for _ in 0..times {
        due.iter().for_each(|&room| drill::look_at(world, room));
        let before = Instant::now();
        drill::expire(world);
        took += before.elapsed();
    }
    assert!(drill::next_deadline(world).is_some_and(|next| next > NOW), "everything that was due is done");
    took
}

fn hundred_thousand_rooms(criterion: &mut Criterion) {
    let (mut server, rooms) = server();
    let mut group = criterion.benchmark_group("expiry_100000_rooms");
    group.sample_size(10).measurement_time(Duration::from_secs(2));
    for due in [10, 100, 1_000, 10_000] {
        // Spread over all of them, as in life.
        let some: Vec<Entity> = rooms.iter().copied().step_by(ROOMS / due).collect();
        group.throughput(Throughput::Elements(due as u64));
        group.bench_function(BenchmarkId::new("due", due), |bencher| {
            bencher.iter_custom(|times| expire(&mut server, &some, times));
        });
    }
    group.finish();
    assert_eq!(drill::leftovers(server.world_mut()).names, ROOMS, "no room was closed before its time");
}

criterion_group!(benches, hundred_thousand_rooms);
criterion_main!(benches);
