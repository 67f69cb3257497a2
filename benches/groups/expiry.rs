//! What is due among 100,000 rooms' deadlines costs in proportion to what is due.

use std::time::Duration;

use bevy_ecs::prelude::{Entity, World};
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use framekeep_server::{Deadlines, Due};

const ROOMS: u32 = 100_000;
const NOW: Duration = Duration::from_secs(1_000);

/// A deadline for each room, of which the first `due` have come.
fn deadlines(rooms: &[Entity], due: usize) -> Deadlines {
    let mut deadlines = Deadlines::default();
    for (nth, &room) in rooms.iter().enumerate() {
        let at = if nth < due { NOW } else { NOW + Duration::from_secs(1 + nth as u64 % 300) };
        deadlines.put(at, Due::RoomRule, room);
    }
    deadlines
}

/// Takes everything that is due and puts it off again, as a room does that is still needed.
fn expire(deadlines: &mut Deadlines) -> usize {
    let mut count = 0;
    while let Some((due, room)) = deadlines.pop(NOW) {
        deadlines.put(NOW + Duration::from_secs(300), due, room);
        count += 1;
    }
    count
}

fn hundred_thousand_rooms(criterion: &mut Criterion) {
    let mut world = World::new();
    let rooms: Vec<Entity> = (0..ROOMS).map(|_| world.spawn_empty().id()).collect();
    let mut group = criterion.benchmark_group("expiry_100000_rooms");
    group.sample_size(10).measurement_time(Duration::from_secs(2));
    for due in [10, 100, 1_000] {
        let mut queue = deadlines(&rooms, due);
        group.throughput(Throughput::Elements(due as u64));
        group.bench_function(BenchmarkId::new("due", due), |bencher| {
            bencher.iter(|| {
                let count = expire(&mut queue);
                // The same rooms are due again for the next round.
                rooms[..due].iter().for_each(|&room| queue.put(NOW, Due::RoomRule, room));
                assert_eq!(count, due);
            });
        });
        assert_eq!(queue.len(), rooms.len(), "every room still has its one deadline");
    }
    group.finish();
}

criterion_group!(benches, hundred_thousand_rooms);
criterion_main!(benches);
