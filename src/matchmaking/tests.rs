//! The matcher against its rules: by example, and random lives against a model that is slow and plain.

mod crowds;
mod lanes;
mod lives;
mod log;
mod model;
mod rules;

use framekeep_protocol::PlayerId;

use crate::{Event, Match, Matcher, Mode, Ticket, TicketId};

/// A ticket of one player, all of whose numbers are `number`.
fn solo(number: u64, mode: &str, rating: i32) -> Ticket {
    Ticket::solo(TicketId(number.into()), "arena", mode, PlayerId(number), rating)
}

/// A ticket of a party whose players are `number`, `number + 1`, and so on.
fn party(number: u64, size: u64, mode: &str, rating: i32) -> Ticket {
    let mut ticket = solo(number, mode, rating);
    ticket.party = (number..number + size).flat_map(|player| solo(player, mode, rating).party).collect();
    ticket
}

fn matcher(modes: impl IntoIterator<Item = Mode>) -> Matcher {
    Matcher::new(modes.into_iter().collect()).unwrap()
}

fn events(matcher: &mut Matcher) -> Vec<Event> {
    std::iter::from_fn(|| matcher.poll()).collect()
}

/// The matches that were formed since events were last taken.
fn formed(matcher: &mut Matcher) -> Vec<std::sync::Arc<Match>> {
    let formed = events(matcher).into_iter().filter_map(|event| match event {
        Event::Formed(of) => Some(of),
        _ => None,
    });
    formed.collect()
}

/// The players of a match by number.
fn players(of: &Match) -> Vec<u64> {
    let mut players: Vec<_> = of.places.iter().map(|place| place.player.0).collect();
    players.sort_unstable();
    players
}
