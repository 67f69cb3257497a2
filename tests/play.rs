//! A room plays: over good and bad networks, with clients that come late, go, and come back.

use framekeep_tests::Scenario;

#[test]
fn four_clients_play_a_room_and_agree_at_every_tick() {
    let mut play = Scenario::new(1).room("brawl", 4);
    play.run_for(10.0);
    play.assert_all_agree();
    for client in &play.clients {
        assert!(client.hashes.len() > 250, "{} ticks confirmed", client.hashes.len());
    }
    let counters = play.counters();
    assert!(counters.inputs_absent + counters.inputs_repeated < 40, "{counters:?}");
    assert!(counters.hashes_agreed > 1_000, "{counters:?}");
}

#[test]
fn bad_networks_delay_but_never_split() {
    for (seed, link) in
        [(2, "lan"), (3, "wifi"), (4, "mobile"), (5, "loss=20,delay=60,jitter=30,dup=5,reorder=10")]
    {
        let mut play = Scenario::new(seed).link(link).room("brawl", 4);
        play.run_for(12.0);
        play.assert_all_agree();
        for client in &play.clients {
            assert!(client.hashes.len() > 250, "{link}: {} ticks confirmed", client.hashes.len());
        }
    }
}

#[test]
fn frames_are_sent_again_where_they_are_lost_and_nowhere_else() {
    let sent_in = |link: &str, seed: u64, seconds: f64| {
        let mut play = Scenario::new(seed).link(link).room("brawl", 4);
        play.run_for(3.0);
        let before = (play.counters().hot_sent, play.counters().hot_copies);
        play.run_for(seconds);
        (play.counters().hot_sent - before.0, play.counters().hot_copies - before.1)
    };
    for (seed, link) in [(11, "perfect"), (12, "lan"), (13, "delay=50")] {
        let (packets, copies) = sent_in(link, seed, 10.0);
        assert!((1_190..=1_210).contains(&packets), "{link}: {packets} packets to four players at 30 Hz");
        assert_eq!(copies, 0, "{link}");
    }
    // Three seconds are 90 packets a player: more than one of them was lost.
    for seed in 14..18 {
        let (packets, copies) = sent_in("loss=5,delay=50", seed, 5.0);
        assert!(copies >= packets * 9 / 10, "seed {seed}: {copies} copies of {packets} packets");
    }
}
