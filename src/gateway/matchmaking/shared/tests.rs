//! A ticket goes to the cluster while its store hangs again.

use std::future::pending;
use std::sync::Mutex;

use framekeep_gate::{AloneMatch, ClusterStatus, Later, SharedOffer, SharedStatus};
use framekeep_matchmaking::{Ended, Mode, QueueView, Ticket, TicketId};
use framekeep_protocol::{PlayerId, PlayerName, StartRule};
use tokio::sync::oneshot;

use super::super::{MatchmakingConfig, ModeSetup};
use super::*;

type Told = Result<SharedStatus, SharedRefused>;

/// A cluster whose store answers when it is told to.
struct Hanging {
    answers: Mutex<Vec<oneshot::Receiver<Told>>>,
    may_have: bool,
}

impl SharedQueue for Hanging {
    fn node(&self) -> String {
        "0000000000000001".to_owned()
    }

    fn away_for(&self) -> Duration {
        Duration::ZERO
    }

    fn may_have(&self, _: TicketId) -> bool {
        self.may_have
    }

    fn submit(&self, _: SharedTicket, _: Duration) -> Later<'_, Told> {
        let answer = self.answers.lock().unwrap().pop().unwrap();
        Box::pin(async { answer.await.unwrap() })
    }

    fn show(&self, _: TicketId) -> Later<'_, Told> {
        Box::pin(pending())
    }

    fn cancel(&self, _: TicketId) -> Later<'_, Told> {
        Box::pin(pending())
    }

    fn answer(&self, _: TicketId, _: PlayerId, _: bool) -> Later<'_, Told> {
        Box::pin(pending())
    }

    fn news(&self, _: TicketId) -> Later<'_, ()> {
        Box::pin(pending())
    }

    fn queues(&self) -> Vec<QueueView> {
        Vec::new()
    }

    fn placed(&self) -> Later<'_, Vec<SharedMatch>> {
        Box::pin(pending())
    }

    fn claim(&self, _: RoomName) -> Later<'_, Claim> {
        Box::pin(pending())
    }

    fn opened(&self, _: String, _: RoomName) -> Later<'_, bool> {
        Box::pin(pending())
    }

    fn failed(&self, _: String) -> Later<'_, ()> {
        Box::pin(pending())
    }

    fn formed_alone(&self, _: AloneMatch) {}

    fn over_alone(&self, _: &SharedTicket, _: Duration, _: Ended) {}

    fn given_up(&self) -> Later<'_, Vec<TicketId>> {
        Box::pin(pending())
    }

    fn offer(&self, _: SharedOffer) {}

    fn withdraw(&self, _: &RoomName) {}

    fn offered(&self, _: RoomName) -> Later<'_, Option<SharedOffer>> {
        Box::pin(pending())
    }

    fn others(&self) -> Vec<String> {
        Vec::new()
    }

    fn reopens(&self) -> bool {
        false
    }

    fn status(&self) -> Later<'_, ClusterStatus> {
        Box::pin(pending())
    }
}

/// A node where so many wait for matches of two.
fn waiting_for_a_duel(count: u64) -> Matchmaking {
    let duel = ModeSetup { mode: Mode::new("arena", "duel", 2, 1), start: StartRule::Full, backfill: false };
    let config = MatchmakingConfig { modes: vec![duel], ..MatchmakingConfig::default() };
    let matchmaking = Matchmaking::new(&config).unwrap();
    for number in 1..=count {
        let ticket = Ticket::solo(TicketId(number.into()), "arena", "duel", PlayerId(number), 1_500);
        matchmaking.submit(ticket, vec![PlayerName::try_from("ada").unwrap()], false).unwrap();
    }
    matchmaking
}

/// Two tickets wait at a node, and one of them is moved while the store takes longer than the pause of the rounds: the
/// matches that are formed meanwhile, what becomes of the ticket, and the matches that are formed afterwards.
fn hangs_again(may_have: bool, answer: Told) -> (usize, Moved, usize) {
    let matchmaking = waiting_for_a_duel(2);
    let (sender, receiver) = oneshot::channel();
    let cluster: Arc<dyn SharedQueue> = Arc::new(Hanging { answers: Mutex::new(vec![receiver]), may_have });
    let (ticket, waited) = matchmaking.desk().waiting(matchmaking.now_ms()).remove(0);
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        let (moved, during) = tokio::join!(move_over(&matchmaking, &cluster, &ticket, waited), async {
            matchmaking.desk().pause_until_ms = 0;
            let formed = matchmaking.round(true).formed.len();
            sender.send(answer).unwrap();
            formed
        });
        matchmaking.desk().pause_until_ms = 0;
        (during, moved, matchmaking.round(true).formed.len())
    })
}

#[test]
fn a_ticket_that_is_on_its_way_to_the_cluster_is_in_no_match_of_its_node() {
    assert_eq!(hangs_again(true, Err(SharedRefused::Away)), (0, Moved::Unsure, 0));
    // Nothing was asked: it is this node's again.
    assert_eq!(hangs_again(false, Err(SharedRefused::Away)), (0, Moved::Stays, 1));
    let other = SharedRefused::Refused(Refused::OtherTicket(TicketId(1)));
    assert_eq!(hangs_again(false, Err(other)), (0, Moved::Done, 0));
}

#[test]
fn tickets_go_to_the_cluster_many_at_once() {
    const COUNT: u64 = 300;
    let matchmaking = waiting_for_a_duel(COUNT);
    let (mut senders, receivers): (Vec<_>, Vec<_>) = (0..COUNT).map(|_| oneshot::channel()).unzip();
    let hanging = Arc::new(Hanging { answers: Mutex::new(receivers), may_have: false });
    let cluster: Arc<dyn SharedQueue> = hanging.clone();
    let waiting = matchmaking.desk().waiting(matchmaking.now_ms());
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let unsure = runtime.block_on(async {
        let answer = async {
            for asked in [128, 256, 300] {
                while (COUNT as usize - hanging.answers.lock().unwrap().len()) < asked {
                    tokio::task::yield_now().await;
                }
                // All of them are asked for before any of them is answered.
                while COUNT as usize - senders.len() < asked {
                    let told = Err(SharedRefused::Refused(Refused::OtherTicket(TicketId(1))));
                    senders.pop().unwrap().send(told).unwrap();
                }
            }
        };
        tokio::join!(move_all(&matchmaking, &cluster, waiting), answer).0
    });
    assert!(unsure.is_empty() && matchmaking.desk().moving.is_empty());
    assert!(matchmaking.desk().waiting(matchmaking.now_ms()).is_empty());
}
