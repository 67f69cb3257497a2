//! Why a ticket waits, by what the coordinator lets all nodes know.

use framekeep_gate::SharedTicket;
use framekeep_matchmaking::{Hindrance, Matcher, Mode, TicketState, TicketView, Why};

use super::published::Published;
use crate::board::Record;
use crate::coordinator::UNKNOWN_MODE_MS;

/// Why a ticket waits: it is looked at alone, beside how many wait for the same, as the coordinator has said. What the
/// others are like nobody but the coordinator knows.
pub(crate) fn by_published(
    modes: &[Mode],
    published: &Published,
    now_ms: u64,
    record: &Record,
    ticket: &SharedTicket,
) -> Option<Why> {
    let (wish, since_ms) = (&ticket.ticket, record.since_ms);
    let state = TicketState::Waiting;
    let view = TicketView { id: wish.id, state, revision: record.revision, queued_at_ms: since_ms };
    let waited_ms = now_ms.saturating_sub(since_ms);
    if published.lacks(&wish.game, &wish.mode) {
        let ends_at_ms = now_ms.max(since_ms + UNKNOWN_MODE_MS);
        return Some(Why::held_up(view, waited_ms, ends_at_ms, Hindrance::UnknownMode));
    }
    let mut alone = Matcher::new(modes.to_vec()).ok()?;
    if alone.restore(now_ms, wish.clone(), since_ms).is_err() {
        let wait_ms = if wish.wait_ms_max > 0 { wish.wait_ms_max } else { WAIT_MS };
        return Some(Why::held_up(view, waited_ms, since_ms + wait_ms, Hindrance::Elsewhere));
    }
    let mut why = alone.why(now_ms, wish.id).ok()?;
    let pool = alone.queues().find(|queue| queue.tickets > 0)?;
    let queue = published.queue(&pool.game, &pool.mode, pool.tick_rate_hz);
    why.estimate_ms = Why::estimate(queue.and_then(|queue| queue.wait_ms_p50), waited_ms);
    let needed = modes.iter().find(|mode| mode.game == wish.game && mode.name == wish.mode)?.seats();
    why.hindrance = hindrance(published, &alone, ticket, (why.hindrance, since_ms, needed));
    Some(why)
}

/// How long a ticket waits at most of whose mode nothing is known.
const WAIT_MS: u64 = 600_000;

fn hindrance(
    published: &Published,
    alone: &Matcher,
    ticket: &SharedTicket,
    (by_itself, since_ms, needed): (Hindrance, u64, usize),
) -> Hindrance {
    if since_ms >= published.looked_at_ms {
        return Hindrance::NotYet;
    }
    if published.region_too_many(ticket).is_some() {
        return Hindrance::Regions { of_guests: ticket.is_guest };
    }
    if published.no_rooms {
        return Hindrance::NoRooms;
    }
    if let Hindrance::TooFar { .. } = by_itself {
        return by_itself;
    }
    let own = ticket.ticket.party.len() as u64;
    let there = alone.lanes().map(|lane| published.players_in(&lane)).max().unwrap_or(0).max(own);
    let (there, needed) = (u32::try_from(there).unwrap_or(u32::MAX), needed as u32);
    if there < needed { Hindrance::TooFew { there, needed } } else { Hindrance::DoNotFit { there, needed } }
}
