//! `Post`, the links that were shown something, until somebody passes it on.

use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use crate::front::Front;
use crate::queue::Shown;
use crate::view_frames::ViewFrames;

/// Links that are served before others of the thread have their turn.
const LINKS_IN_A_ROW: usize = 32;

/// The links that were shown something. One task passes views on for all of them: waking the task of each link, which
/// then asks everything that it waits for, costs half as much as sending it the view.
#[derive(Default)]
pub(crate) struct Post {
    /// Each link once, so that there are never more than links.
    links: Mutex<Vec<Arc<Shown>>>,
    bell: Notify,
}

impl Post {
    /// A link was shown something. The caller has seen to it that it is not there already.
    pub(crate) fn push(&self, link: Arc<Shown>) {
        let mut links = self.links();
        links.push(link);
        let is_first = links.len() == 1;
        drop(links);
        if is_first {
            self.bell.notify_one();
        }
    }

    fn links(&self) -> MutexGuard<'_, Vec<Arc<Shown>>> {
        self.links.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Passes on what links are shown, for ever.
pub(crate) async fn run(front: Arc<Front>, post: Arc<Post>) {
    let mut frames = ViewFrames::default();
    let mut links = Vec::new();
    loop {
        post.bell.notified().await;
        loop {
            mem::swap(&mut *post.links(), &mut links);
            if links.is_empty() {
                break;
            }
            for (place, link) in links.drain(..).enumerate() {
                let passed_on = || link.pass_on(&mut frames, &front.stats);
                if catch_unwind(AssertUnwindSafe(passed_on)).is_err() {
                    // What is wrong with it is its own task's from now on: no other link is without views for it.
                    link.detach();
                }
                if place % LINKS_IN_A_ROW == LINKS_IN_A_ROW - 1 {
                    tokio::task::yield_now().await;
                }
            }
        }
        frames.forget();
    }
}
