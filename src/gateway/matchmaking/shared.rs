//! One node's part in the matchmaking of a cluster: it opens rooms for the matches that it is given, and moves tickets
//! that it has taken in while the store was away to where all are.

#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use framekeep_gate::{Claim, Question, SharedMatch, SharedQueue, SharedRefused, SharedTicket};
use framekeep_matchmaking::Refused;
use framekeep_protocol::RoomName;
use futures_util::future::join_all;
use tokio::time::MissedTickBehavior;
use tracing::{debug, info, warn};

use super::{Matchmaking, open, reserve, room_name};
use crate::front::Front;

/// How often is looked whether the store is there.
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// Tickets that are on their way to the cluster at once when it is back.
const MOVED_AT_ONCE: usize = 128;

/// How long no matches of this node's own are formed after the store was there.
const TOGETHER_MS: u64 = 1_000;

/// Nodes that come back together do not ask all at once.
const JITTER_MS_MAX: u16 = 1_000;

/// Takes part as long as the front door is open.
pub(crate) async fn run(front: Arc<Front>) {
    let Some(matchmaking) = front.matchmaking.as_ref().filter(|one| one.config.alone_after.is_some()) else {
        return;
    };
    let cluster = loop {
        match front.cluster.get() {
            Some(cluster) => break cluster.clone(),
            None => tokio::time::sleep(LOOK_EVERY).await,
        }
    };
    tokio::join!(
        open_rooms(&front, matchmaking, &cluster),
        come_back(matchmaking, &cluster),
        give_up(matchmaking, &cluster)
    );
}

/// Leaves tickets to the cluster that were this node's alone.
async fn give_up(matchmaking: &Matchmaking, cluster: &Arc<dyn SharedQueue>) {
    loop {
        for id in cluster.given_up().await {
            debug!(%id, "a ticket that this node had alone is the cluster's");
            matchmaking.desk().give_up(id);
        }
        matchmaking.tell();
    }
}

/// Opens rooms for the matches that are this node's.
async fn open_rooms(front: &Arc<Front>, matchmaking: &Matchmaking, cluster: &Arc<dyn SharedQueue>) {
    loop {
        for one in cluster.placed().await {
            let Ok(place) = matchmaking.opening.clone().acquire_owned().await else { return };
            let (front, cluster) = (front.clone(), cluster.clone());
            tokio::spawn(async move {
                open_one(&front, &cluster, one).await;
                drop(place);
            });
        }
    }
}

async fn open_one(front: &Front, cluster: &Arc<dyn SharedQueue>, one: SharedMatch) {
    let Some(matchmaking) = &front.matchmaking else { return };
    match seat_claimed(front, matchmaking, cluster, &one).await {
        Ok(room) => {
            let now_ms = matchmaking.now_ms();
            matchmaking.desk().note_seated(&one.of, (one.rating, &one.blocked), &room, now_ms);
            if !cluster.opened(one.key.clone(), room.clone()).await {
                if one.of.room.is_some() {
                    info!(%room, key = one.key, "a seat is kept for players who were given to another room");
                    return;
                }
                info!(%room, key = one.key, "a match was given to another node: its room is closed here");
                let _ = front.ask(Question::CloseRoom(room)).await;
            }
        }
        Err(why) => {
            warn!(key = one.key, why, "a match has no room: its players wait again");
            if let Some(room) = &one.of.room {
                matchmaking.desk().look_again(room);
            }
            cluster.failed(one.key).await;
        }
    }
}

/// Keeps seats for the players of a match, in a new room or in the one that it is for.
async fn seat_claimed(
    front: &Front,
    matchmaking: &Matchmaking,
    cluster: &Arc<dyn SharedQueue>,
    one: &SharedMatch,
) -> Result<RoomName, String> {
    if let Some(room) = one.of.room.as_deref() {
        let room = RoomName::try_from(room).map_err(|error| error.to_string())?;
        return reserve(front, room, &one.of).await;
    }
    let room = room_name(front, &one.key).ok_or("its name would be too long")?;
    if cluster.claim(room.clone()).await != Claim::Ours {
        return Err("its name cannot be had".to_owned());
    }
    open(front, matchmaking, &one.of, room).await
}

/// Asks what the nodes that had these rooms of matches before knew of them.
pub(super) fn take_over(front: &Arc<Front>, cluster: &Arc<dyn SharedQueue>, rooms: Vec<RoomName>) {
    for room in rooms {
        let (front, cluster) = (front.clone(), cluster.clone());
        tokio::spawn(async move {
            let Some(offer) = cluster.offered(room.clone()).await else { return };
            let Some(matchmaking) = &front.matchmaking else { return };
            let now_ms = matchmaking.now_ms();
            matchmaking.desk().take_over(room, offer, now_ms);
        });
    }
}

/// While the store is there no matches are formed of this node's tickets alone, and those that wait here go to where
/// all wait.
async fn come_back(matchmaking: &Matchmaking, cluster: &Arc<dyn SharedQueue>) {
    let mut turns = tokio::time::interval(LOOK_EVERY);
    turns.set_missed_tick_behavior(MissedTickBehavior::Delay);
    // Tickets that are the cluster's if it has heard of them, and are told until it says so.
    let mut unsure: Vec<(SharedTicket, Duration)> = Vec::new();
    loop {
        turns.tick().await;
        if !cluster.away_for().is_zero() {
            continue;
        }
        for (ticket, waited) in std::mem::take(&mut unsure) {
            if cluster.submit(ticket.clone(), waited).await == Err(SharedRefused::Away) {
                unsure.push((ticket, waited));
            }
        }
        let now_ms = matchmaking.now_ms();
        let waiting = {
            let mut desk = matchmaking.desk();
            desk.pause_until_ms = now_ms + TOGETHER_MS;
            desk.waiting(now_ms)
        };
        if waiting.is_empty() {
            continue;
        }
        let mut random = [0; 2];
        // Without randomness they all ask at once.
        let _ = getrandom::fill(&mut random);
        let jitter_ms = u64::from(u16::from_le_bytes(random) % JITTER_MS_MAX);
        matchmaking.desk().pause_until_ms = now_ms + TOGETHER_MS + jitter_ms;
        tokio::time::sleep(Duration::from_millis(jitter_ms)).await;
        info!(
            tickets = waiting.len(),
            "tickets that were taken in while the store was away go to the cluster"
        );
        unsure.extend(move_all(matchmaking, cluster, waiting).await);
        // Whoever waits for news of them asks the cluster now.
        matchmaking.tell();
    }
}

/// Moves tickets, many at once, until the store does not take them; those of which nobody knows whether it has them.
async fn move_all(
    matchmaking: &Matchmaking,
    cluster: &Arc<dyn SharedQueue>,
    waiting: Vec<(SharedTicket, Duration)>,
) -> Vec<(SharedTicket, Duration)> {
    let mut unsure = Vec::new();
    for some in waiting.chunks(MOVED_AT_ONCE) {
        let moves = some.iter().map(|(ticket, waited)| move_over(matchmaking, cluster, ticket, *waited));
        let moved = join_all(moves).await;
        let is_unsure = |(_, moved): &(_, &Moved)| **moved == Moved::Unsure;
        unsure.extend(some.iter().zip(&moved).filter(is_unsure).map(|(one, _)| one.clone()));
        // The store is away again, or full: the others would only wait for it.
        if moved.iter().any(|moved| *moved != Moved::Done) {
            break;
        }
    }
    unsure
}

/// What became of a ticket that was to go to the cluster.
#[derive(Debug, PartialEq)]
enum Moved {
    /// It is there, or over.
    Done,
    /// Nobody knows whether the cluster has it: it is told of it until it says so.
    Unsure,
    /// It goes on waiting here, and is moved with the next.
    Stays,
}

/// Moves a ticket. From the look at it until the answer no matches are formed here, however long the store takes: it
/// may hang again in between, and the ticket would be the cluster's and in a match of this node.
async fn move_over(
    matchmaking: &Matchmaking,
    cluster: &Arc<dyn SharedQueue>,
    ticket: &SharedTicket,
    waited: Duration,
) -> Moved {
    let (id, now_ms) = (ticket.ticket.id, matchmaking.now_ms());
    {
        let mut desk = matchmaking.desk();
        desk.pause_until_ms = now_ms + 2 * TOGETHER_MS;
        if !desk.begin_move(id) {
            return Moved::Done;
        }
    }
    let told = cluster.submit(ticket.clone(), waited).await;
    let mut desk = matchmaking.desk();
    desk.moving.remove(&id);
    let moved = match told {
        Ok(_) | Err(SharedRefused::Refused(Refused::AlreadyMatched { .. })) => Moved::Done,
        Err(SharedRefused::Away) if cluster.may_have(id) => Moved::Unsure,
        Err(SharedRefused::Away | SharedRefused::Refused(Refused::QueueFull { .. })) => {
            debug!(%id, "a ticket stays here");
            return Moved::Stays;
        }
        Err(SharedRefused::Refused(why)) => {
            info!(%id, %why, "the cluster does not take a ticket: it is over");
            let _ = desk.matcher.cancel(now_ms, id);
            return Moved::Done;
        }
    };
    desk.moved(now_ms, id);
    moved
}
