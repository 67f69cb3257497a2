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
