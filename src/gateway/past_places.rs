//! `PastPlaces`, of which every other node has a few: one that hangs holds nobody up who asks another.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use crate::problem::Problem;

/// Questions that a node is asked at one time; it plays one match at a time.
pub(crate) const ASKED_MAX: usize = 2;

/// Answers of all nodes that arrive at one time.
const ARRIVING_MAX: usize = 4;

/// How long a place is waited for.
pub(crate) const PLACE_WITHIN: Duration = Duration::from_secs(2);

/// Places for questions of the past of matches at other nodes, and for what they answer.
pub(crate) struct PastPlaces {
    /// By the node; those of whom nobody asks anything are forgotten.
    asking: Mutex<HashMap<String, Arc<Semaphore>>>,
    arriving: Arc<Semaphore>,
}

impl Default for PastPlaces {
    fn default() -> Self {
        Self { asking: Mutex::default(), arriving: Arc::new(Semaphore::new(ARRIVING_MAX)) }
    }
}

impl PastPlaces {
    /// A place to ask a node, kept until the answer is here.
    pub(crate) async fn ask(&self, node: &str) -> Result<OwnedSemaphorePermit, Problem> {
        let places = {
            let mut asking = self.asking.lock().unwrap_or_else(PoisonError::into_inner);
            // Whoever has a place, or waits for one, holds on to them.
            asking.retain(|_, places| Arc::strong_count(places) > 1);
            let places = asking.entry(node.to_owned());
            places.or_insert_with(|| Arc::new(Semaphore::new(ASKED_MAX))).clone()
        };
        place(places).await
    }

    /// A place to take an answer in, of whatever node: it may be long. A node that says nothing takes none.
    pub(crate) async fn arrive(&self) -> Result<OwnedSemaphorePermit, Problem> {
        place(self.arriving.clone()).await
    }
}

async fn place(of: Arc<Semaphore>) -> Result<OwnedSemaphorePermit, Problem> {
    let place = timeout(PLACE_WITHIN, of.acquire_owned()).await;
    place.ok().and_then(Result::ok).ok_or_else(Problem::busy)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::socket::player::on_a_still_clock;

    #[test]
    fn every_node_has_its_places_and_who_waits_too_long_for_one_is_told() {
        on_a_still_clock(async {
            let places = PastPlaces::default();
            let mut taken = Vec::new();
            for _ in 0..ASKED_MAX {
                taken.push(places.ask("hung").await.expect("a place"));
            }
            assert_eq!(places.ask("hung").await.map(drop), Err(Problem::busy()));
            for node in 0..100 {
                assert!(places.ask(&format!("node {node}")).await.is_ok(), "another node has its own");
            }
            assert!(places.asking.lock().unwrap().len() <= 2, "who is not asked is forgotten");
            taken.clear();
            assert!(places.ask("hung").await.is_ok());
            for _ in 0..ARRIVING_MAX {
                taken.push(places.arrive().await.expect("a place"));
            }
            assert_eq!(places.arrive().await.map(drop), Err(Problem::busy()), "of all nodes together");
        });
    }
}
