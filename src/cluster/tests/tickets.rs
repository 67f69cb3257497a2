//! Tickets through nodes and a store in virtual time, with crashes, pauses, partitions, lost answers and replicas that
//! were promoted: no ticket is in two started matches, and none that was acknowledged is lost.

mod history;
mod rooms;
mod world;

use self::world::{Loss, World};

/// Tickets that may be left over: a duel lacks one player, pairs three, a crew two.
const TOO_FEW: usize = 6;

const SEEDS: u64 = if cfg!(debug_assertions) { 200 } else { 2_000 };

fn run(seed: u64, loss: Loss) -> (usize, usize, usize) {
    let outcome = std::panic::catch_unwind(|| {
        let mut world = World::new(seed, loss);
        world.live(24_000);
        world.heal();
        world.live(26_000);
        let known = world.in_the_end();
        world.history.check(&known, TOO_FEW);
        (world.history.acknowledged(), world.history.started(), world.filled)
    });
    outcome.unwrap_or_else(|_| panic!("seed {seed}, {loss:?}"))
}

#[test]
fn no_ticket_is_doubled_or_lost_under_any_faults() {
    let (mut tickets, mut matches, mut filled) = (0, 0, 0);
    for seed in 0..SEEDS {
        let loss = if seed % 2 == 0 { Loss::Nothing } else { Loss::LastWrites };
        let (acknowledged, started, into_rooms) = run(seed, loss);
        tickets += acknowledged;
        matches += started;
        filled += into_rooms;
    }
    println!("{tickets} tickets, {matches} matches, {filled} of them into running rooms");
    assert!(
        tickets > 5_000 && matches > 1_500 && filled > 500,
        "{tickets} tickets, {matches} matches, {filled} into running rooms are too few to mean anything"
    );
}
