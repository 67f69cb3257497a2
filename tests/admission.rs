//! Who is let in: tickets, versions, rules.

use framekeep_client::{ClientHello, ClientLink, LinkState};
use framekeep_protocol::{PlayerId, Refusal};
use framekeep_tests::Scenario;

#[test]
fn a_foreign_fingerprint_is_refused_with_both_shown() {
    let mut play = Scenario::new(21);
    let number = play.come("modder");
    let name = play.clients[number].name.clone();
    let ticket = play.ticket(&name);
    let (now, server) = (play.now(), play.fingerprint());
    play.clients[number].connect(&ticket, now, server ^ 1);
    play.run_until("refused", |play| !play.clients[number].refusals.is_empty());
    let refusal = play.clients[number].refusals[0].clone();
    assert_eq!(refusal, Refusal::WrongRules { game: "arena".to_owned(), server, client: server ^ 1 });
    let sentence = refusal.to_string();
    assert!(
        sentence.contains(&format!("{server:016x}")) && sentence.contains(&format!("{:016x}", server ^ 1))
    );
    play.run_for(2.0);
    assert!(!play.clients[number].is_connected());
}

#[test]
fn a_ticket_opens_one_link() {
    let mut play = Scenario::new(22);
    let number = play.come("ada");
    let name = play.clients[number].name.clone();
    let ticket = play.ticket(&name);
    let (now, fingerprint) = (play.now(), play.fingerprint());
    play.clients[number].connect(&ticket, now, fingerprint);
    play.run_until("connected", |play| play.clients[number].is_connected());
    // Once more from the same address, and from another one.
    play.clients[number].connect(&ticket, now, fingerprint);
    let other = play.come("eve");
    play.clients[other].connect(&ticket, now, fingerprint);
    play.run_for(3.0);
    assert!(!play.clients[number].is_connected() && !play.clients[other].is_connected());
    let counters = play.counters();
    assert!(counters.datagrams_refused.total() > 0, "requests of a linked address are refused by the guard");
    assert!(counters.tickets_refused + counters.requests_refused > 0, "{counters:?}");
}

#[test]
fn a_ticket_expires() {
    let mut play = Scenario::new(23);
    let number = play.come("ada");
    play.clients[number].vanish();
    let ticket = play.ticket(&play.clients[number].name.clone());
    play.run_for(11.0);
    let hello = ClientHello { name: play.clients[number].name.clone(), games: Vec::new() };
    let later = play.now() + std::time::Duration::from_secs(2 * 86_400);
    assert!(ClientLink::new(&ticket, hello, later).is_err(), "long after, the client sees it itself");
    // Soon after it may be the client's clock that is wrong: the server decides.
    let before = play.now() - std::time::Duration::from_secs(11);
    play.clients[number].connect(&ticket, before, 0);
    play.run_for(2.0);
    assert!(!matches!(play.clients[number].state(), Some(LinkState::Connected)));
}

#[test]
fn a_ticket_of_another_server_is_refused() {
    let (mut play, other) = (Scenario::new(24), Scenario::new(25));
    let number = play.come("eve");
    let forged = other.ticket_for(PlayerId(7), &play.clients[number].name);
    let now = play.now();
    play.clients[number].connect(&forged, now, 0);
    play.run_for(3.0);
    assert!(!play.clients[number].is_connected());
    assert!(play.counters().requests_refused > 0);
}
