//! Tickets through nodes and a store in virtual time, with crashes, pauses, partitions, lost answers and replicas that
//! were promoted: no ticket is in two started matches, and none that was acknowledged is lost.

mod alone;
mod history;
mod rooms;
mod world;

use std::ops::Range;

use self::world::{Loss, World};
use crate::board::{Ask, Board, Kept, Record, Stage, Told};
use crate::queue::memory::{Heard, Memory, is_witness};
use crate::{Epoch, NodeId};

/// Tickets that may be left over: a duel lacks one player, pairs three, a crew two.
const TOO_FEW: usize = 6;

const SEEDS: u64 = if cfg!(debug_assertions) { 200 } else { 2_000 };

/// So many seeds, from the one that `FRAMEKEEP_FIRST_SEED` names or from 0.
fn seeds(count: u64) -> Range<u64> {
    let first = std::env::var("FRAMEKEEP_FIRST_SEED").ok().and_then(|text| text.parse().ok()).unwrap_or(0);
    first..first + count
}

/// What came of some schedules.
#[derive(Debug, Default)]
struct Sum {
    tickets: usize,
    matches: usize,
    /// Of them, those into running rooms.
    filled: usize,
    /// Of those, how many were offered seats that others had, and wait again.
    refused: usize,
    /// And those that nodes have formed alone.
    alone: usize,
    /// Tickets that only the store and a node knew of when both were gone, and how many of them are lost or doubled.
    unseen: usize,
    wrong: usize,
}

fn run(seed: u64, loss: Loss, sum: &mut Sum) {
    let outcome = std::panic::catch_unwind(|| {
        let mut world = World::new(seed, loss);
        world.live(24_000);
        world.heal();
        world.live(26_000);
        let known = world.in_the_end();
        let wrong = world.history.check(&known, TOO_FEW, &world.unseen);
        let into = (world.filled, world.refused, world.away.formed);
        (world.history.acknowledged(), world.history.started(), into, world.unseen.len(), wrong)
    });
    let (tickets, matches, (filled, refused, alone), unseen, wrong) =
        outcome.unwrap_or_else(|_| panic!("{loss:?}; begin there with FRAMEKEEP_FIRST_SEED={seed}"));
    // Only a store that was not told of them offers seats a second time.
    assert!(refused == 0 || loss.of_writes(), "{loss:?}, {seed}: seats were offered twice");
    sum.alone += alone;
    sum.tickets += tickets;
    sum.matches += matches;
    sum.filled += filled;
    sum.refused += refused;
    sum.unseen += unseen;
    sum.wrong += wrong;
}

#[test]
fn no_ticket_is_doubled_or_lost_under_any_faults() {
    let mut sum = Sum::default();
    for seed in seeds(SEEDS) {
        run(seed, if seed % 2 == 0 { Loss::Nothing } else { Loss::LastWrites }, &mut sum);
    }
    println!("{sum:?}");
    assert!(sum.tickets > 5_000 && sum.matches > 1_500 && sum.filled > 500, "{sum:?} is too little");
    assert_eq!((sum.unseen, sum.wrong), (0, 0));
    assert!(sum.refused * 1_000 < sum.filled, "{sum:?}");
}

/// A replica is promoted without the last writes in the moment in which a node is gone: what the others have seen they
/// tell again. What they cannot have seen is at most what was done in the last fifth of a second.
#[test]
fn a_node_that_is_gone_with_the_last_writes_takes_only_what_nobody_else_has_seen() {
    let mut sum = Sum::default();
    seeds(SEEDS / 2).for_each(|seed| run(seed, Loss::LastWritesAndANode, &mut sum));
    println!("{sum:?}");
    assert!(sum.tickets > 5_000 && sum.matches > 1_500, "{sum:?} is too little");
    assert!(sum.unseen * 20 < sum.tickets && sum.wrong <= sum.unseen, "{sum:?}");
}

#[test]
fn a_node_that_is_gone_with_the_last_writes_takes_nothing_that_replicas_had_to_know_of() {
    let mut sum = Sum::default();
    seeds(SEEDS / 2).for_each(|seed| run(seed, Loss::CopiedAndANode, &mut sum));
    println!("{sum:?}");
    assert!(sum.tickets > 5_000 && sum.matches > 1_500, "{sum:?} is too little");
    assert_eq!((sum.unseen, sum.wrong), (0, 0));
}

/// The store begins anew, its connections break again and again at first, and clients send tickets again at any time.
#[test]
fn nothing_is_lost_doubled_or_comes_back_to_life_where_the_store_forgets_everything() {
    let mut sum = Sum::default();
    seeds(SEEDS / 2).for_each(|seed| run(seed, Loss::Everything, &mut sum));
    println!("{sum:?}");
    assert!(sum.tickets > 5_000 && sum.matches > 1_500, "{sum:?} is too little");
    assert_eq!((sum.unseen, sum.wrong), (0, 0));
}

/// Nodes match tickets alone while the store is away from all of them, or from one. Clients send their tickets again,
/// to any node, as soon as that hears the store.
#[test]
fn what_nodes_have_matched_alone_is_matched_by_nobody_else_once_the_store_is_back() {
    let mut sum = Sum::default();
    seeds(SEEDS).for_each(|seed| run(seed, Loss::Away, &mut sum));
    println!("{sum:?}");
    assert!(sum.tickets > 5_000 && sum.matches > 1_500 && sum.alone > 500, "{sum:?} is too little");
    assert_eq!((sum.unseen, sum.wrong), (0, 0));
}

/// A ticket of one player that the store takes in, and how it is there.
fn submitted(board: &mut Board, player: &str) -> (Kept, Record) {
    let (id, body) = (format!("{player:0>32}"), "body".to_owned());
    let kept = Kept { id, body, players: player.to_owned(), since_ms: 0 };
    let ask = Ask::Submit { ticket: kept.clone(), limit: 10 };
    let Told::Ticket { record, .. } = board.apply(1_000, None, true, &ask) else { panic!("it waits") };
    (kept, *record)
}

/// A node reads what has changed.
fn read(memory: &mut Memory, board: &mut Board, now_ms: u64) -> Heard {
    let ask = memory.question(now_ms, false);
    memory.hear_changes(now_ms, &board.apply(now_ms, None, true, &ask)).unwrap()
}

#[test]
fn a_node_that_was_cut_off_while_a_ticket_was_over_and_forgotten_does_not_tell_it_again() {
    let (mut memory, mut board) = (Memory::new("1".to_owned()), Board::default());
    assert_eq!(read(&mut memory, &mut board, 1_000), Heard::All);
    let ids = ["1", "2"].map(|digit| {
        let (kept, record) = submitted(&mut board, digit);
        memory.take_in(kept.id.parse().unwrap(), kept.clone(), &record, memory.store_since_ms());
        kept.id
    });
    board.apply(1_100, None, true, &Ask::Cancel { id: ids[0].clone() });
    board.apply(70_000, Some(Epoch(1)), true, &Ask::Sweep { epoch: Epoch(1) });
    assert_eq!(read(&mut memory, &mut board, 70_100), Heard::All);
    assert_eq!(ids.clone().map(|id| memory.keeps(id.parse().unwrap())), [false, true]);
    // A store that has begun anew knows nothing, and is told of the one that waits before it is believed.
    let mut anew = Board::default();
    anew.promote(170_000);
    assert_eq!(read(&mut memory, &mut anew, 170_100), Heard::Anew);
    assert_eq!(read(&mut memory, &mut anew, 170_200), Heard::All);
    let asks = memory.still_to_tell(170_300, 10);
    assert!(matches!(&asks[..], [Ask::Submit { ticket, .. }] if ticket.id == ids[1]), "{asks:?}");
    let told = anew.apply(170_300, None, true, &asks[0]);
    memory.hear_told(170_300, &asks[0], &told);
    assert_eq!(read(&mut memory, &mut anew, 170_400), Heard::All);
    assert!(memory.keeps(ids[1].parse().unwrap()) && memory.untold() == (0, 0));
}

#[test]
fn a_ticket_that_was_taken_in_before_the_first_answer_is_told_to_the_store_that_answers() {
    let (mut memory, mut board) = (Memory::new("1".to_owned()), Board::default());
    let (kept, record) = submitted(&mut board, "1");
    let id = kept.id.clone();
    memory.take_in(id.parse().unwrap(), kept.clone(), &record, None);
    // That store is gone before the node has read anything.
    let mut anew = Board::default();
    anew.promote(2_000);
    assert_eq!(read(&mut memory, &mut anew, 2_100), Heard::Anew);
    assert!(matches!(&memory.still_to_tell(2_100, 10)[..], [Ask::Submit { ticket, .. }] if ticket.id == id));
    // Or the node reads another store while its question is on the way.
    let mut memory = Memory::new("1".to_owned());
    assert_eq!(read(&mut memory, &mut anew, 2_200), Heard::All);
    memory.take_in(id.parse().unwrap(), kept, &record, None);
    assert!(matches!(&memory.still_to_tell(2_300, 10)[..], [Ask::Submit { ticket, .. }] if ticket.id == id));
}

#[test]
fn a_ticket_that_is_sent_again_is_remembered_until_the_room_of_its_match_is_open() {
    let (mut memory, mut board) = (Memory::new("1".to_owned()), Board::default());
    let (kept, mut record) = submitted(&mut board, "1");
    let mut send = |record: &Record| {
        memory.take_in(kept.id.parse().unwrap(), kept.clone(), record, None);
        memory.keeps(kept.id.parse().unwrap())
    };
    assert!(send(&record));
    record.stage = Stage::Matched;
    assert!(send(&record), "the store may forget it together with its match");
    record.plays = true;
    assert!(!send(&record), "its match is told instead");
}

#[test]
fn two_nodes_remember_all_tickets_whoever_coordinates() {
    let nodes = [5, 2, 9].map(NodeId);
    let remember = |coordinator: Option<u64>| {
        let coordinator = coordinator.map(NodeId);
        nodes.map(|node| is_witness(node, &nodes, coordinator) || coordinator == Some(node))
    };
    assert_eq!(remember(None), [true, true, false]);
    assert_eq!(remember(Some(2)), [true, true, false]);
    assert_eq!(remember(Some(9)), [false, true, true]);
    // Who has coordinated is not there any more.
    assert_eq!(remember(Some(1)), [true, true, false]);
}
