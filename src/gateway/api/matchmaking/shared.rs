//! Tickets that are the cluster's, not only this node's.

use std::sync::Arc;
use std::time::Duration;

use axum::http::{HeaderMap, StatusCode};
use framekeep_gate::{SharedQueue, SharedRefused, SharedState, SharedStatus, SharedTicket};
use framekeep_matchmaking::TicketId;
use framekeep_protocol::PlayerId;

use super::show::{self, StatusJson};
use super::{WAIT_S_MAX, Watch, problem};
use crate::front::Front;
use crate::matchmaking::Matchmaking;
use crate::problem::Problem;
use crate::request::has_key;

/// How often is looked where the room of a match is that somebody waits for news of.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// The queue of the cluster that takes that ticket now. `None` where the node works alone: always, or because the store
/// has been away for as long as it is waited for. A ticket that the store may have is never taken by the node alone.
pub(super) fn queue<'a>(
    front: &'a Front,
    matchmaking: &Matchmaking,
    id: TicketId,
) -> Result<Option<&'a Arc<dyn SharedQueue>>, Problem> {
    let Some(alone_after) = matchmaking.alone_after() else { return Ok(None) };
    let cluster = front.cluster.get().ok_or_else(Problem::busy)?;
    let away_for = cluster.away_for();
    if away_for.is_zero() {
        return Ok(Some(cluster));
    }
    if away_for < alone_after || cluster.may_have(id) { Err(away()) } else { Ok(None) }
}

/// For how long this node has matched the tickets that it takes in by itself, as the store is away; `None` while it
/// does not, and of a node that always does.
pub(crate) fn alone_ms(front: &Front, matchmaking: &Matchmaking) -> Option<u64> {
    let alone_for = front.cluster.get()?.away_for().checked_sub(matchmaking.alone_after()?)?;
    Some(u64::try_from(alone_for.as_millis()).unwrap_or(u64::MAX))
}

pub(super) fn away() -> Problem {
    let detail =
        "the store of the cluster does not answer: send the same ticket again, with its id, in a second";
    Problem::new(StatusCode::SERVICE_UNAVAILABLE, "store_away", detail)
}

fn refused(refused: SharedRefused) -> Problem {
    match refused {
        SharedRefused::Refused(refused) => problem(refused),
        SharedRefused::Away => away(),
    }
}

/// Lets a ticket wait.
pub(super) async fn submit(
    front: &Front,
    cluster: &Arc<dyn SharedQueue>,
    ticket: SharedTicket,
) -> Result<StatusJson, Problem> {
    let status = cluster.submit(ticket, Duration::ZERO).await.map_err(refused)?;
    show::shared(front, status)
}

/// A ticket that this node does not have itself.
pub(super) struct Elsewhere {
    cluster: Arc<dyn SharedQueue>,
    id: TicketId,
    with_key: bool,
}

/// The ticket of that number, if it is the cluster's.
pub(super) fn elsewhere(
    front: &Front,
    matchmaking: &Matchmaking,
    headers: &HeaderMap,
    id: &str,
) -> Result<Option<Elsewhere>, Problem> {
    let Some(cluster) = front.cluster.get().filter(|_| matchmaking.alone_after().is_some()) else {
        return Ok(None);
    };
    let with_key = has_key(front, headers)?;
    let Ok(id) = id.parse() else { return Ok(None) };
    if matchmaking.desk().tickets.contains_key(&id) {
        return Ok(None);
    }
    Ok(Some(Elsewhere { cluster: cluster.clone(), id, with_key }))
}

impl Elsewhere {
    /// The ticket as it is, for those who may know of it.
    async fn status(&self) -> Result<SharedStatus, Problem> {
        let status = self.cluster.show(self.id).await.map_err(refused)?;
        if self.with_key || status.ticket.is_guest {
            return Ok(status);
        }
        Err(Problem::not_found("there is no such ticket, or it is forgotten"))
    }

    /// How it is, at once or as soon as there is news.
    pub(super) async fn watch(&self, front: &Front, watch: Watch) -> Result<StatusJson, Problem> {
        let until = tokio::time::Instant::now() + Duration::from_secs(watch.wait_s.min(WAIT_S_MAX));
        loop {
            let news = self.cluster.news(self.id);
            let status = self.status().await?;
            let is_over = matches!(status.state, SharedState::Ended(_) | SharedState::Lost);
            if watch.revision != Some(status.revision) || is_over {
                return show::shared(front, status);
            }
            // That the node of a room is gone is no news of a ticket.
            let is_matched = status.state == SharedState::Matched;
            let look_at =
                if is_matched { until.min(tokio::time::Instant::now() + LOOK_EVERY) } else { until };
            if tokio::time::timeout_at(look_at, news).await.is_err() && look_at == until {
                return show::shared(front, status);
            }
        }
    }

    /// Takes it back.
    pub(super) async fn cancel(&self, front: &Front) -> Result<StatusJson, Problem> {
        self.status().await?;
        show::shared(front, self.cluster.cancel(self.id).await.map_err(refused)?)
    }

    /// Answers for a player who was asked.
    pub(super) async fn answer(
        &self,
        front: &Front,
        player: PlayerId,
        accepts: bool,
    ) -> Result<StatusJson, Problem> {
        self.status().await?;
        show::shared(front, self.cluster.answer(self.id, player, accepts).await.map_err(refused)?)
    }
}
