//! Views that go to a client without its connection's task.

use std::sync::atomic::Ordering;
use std::sync::{Arc, MutexGuard, PoisonError};
use std::time::Duration;

use framekeep_gate::StateView;
use tokio::time::Instant;

use super::{Place, Shown};
use crate::pipe::{Pipe, Put};
use crate::stats::Stats;
use crate::traffic::Kind;
use crate::view_frames::{Manner, ViewFrames};

/// How a client is sent views without its task.
pub(crate) struct Way {
    pub(crate) pipe: Arc<Pipe>,
    pub(crate) manner: Manner,
    /// How long after a frame the next one waits.
    pub(crate) batch_within: Duration,
}

/// What is needed to show a client views. Locked while one is sent: the task cannot begin anything in between.
#[derive(Default)]
pub(super) struct Direct {
    pub(super) way: Option<Way>,
    /// Whether the task has nothing to do: only then may another one write.
    is_resting: bool,
    /// Whether part of a frame waits until the task flushes it.
    is_cut: bool,
    /// Before this nothing goes out that the server says of itself.
    pub(super) free_at: Option<Instant>,
    /// The id of the last client message that was done.
    pub(super) ack: u64,
    /// What the client was shown last.
    pub(super) base: Option<Arc<StateView>>,
}

/// While this is there, the task has nothing to do.
pub(super) struct Resting<'a>(&'a Shown);

impl Drop for Resting<'_> {
    fn drop(&mut self) {
        self.0.direct().is_resting = false;
    }
}

impl Shown {
    pub(super) fn direct(&self) -> MutexGuard<'_, Direct> {
        self.direct.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn view(&self) -> MutexGuard<'_, Place> {
        self.view.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The task has nothing to do.
    pub(super) fn rest(&self) -> Resting<'_> {
        self.direct().is_resting = true;
        Resting(self)
    }

    /// Before when nothing goes out, and whether something has to be flushed, which is then the caller's to do.
    pub(super) fn look(&self) -> (Option<Instant>, bool) {
        let mut direct = self.direct();
        (direct.free_at, std::mem::take(&mut direct.is_cut))
    }

    /// From now on views are the task's to send.
    pub(crate) fn detach(&self) {
        let mut direct = self.direct();
        (direct.way, direct.is_cut) = (None, false);
    }

    /// Sends the client its view, or has its task do it: where that is at work, something was told, or the client
    /// does not take what it is sent.
    pub(crate) fn pass_on(&self, frames: &mut ViewFrames, stats: &Stats) {
        // Before it is looked at: what is shown afterwards is posted again.
        self.is_posted.store(false, Ordering::Release);
        if !self.send(frames, stats) {
            self.bell.notify_one();
        }
    }

    /// Whether the task has nothing left to do.
    fn send(&self, frames: &mut ViewFrames, stats: &Stats) -> bool {
        let mut direct = self.direct();
        let direct = &mut *direct;
        let (true, Some(way)) = (direct.is_resting, &direct.way) else { return false };
        let now = Instant::now();
        if direct.is_cut || direct.free_at.is_some_and(|free_at| now < free_at) {
            return false;
        }
        let mut place = self.view();
        // Looked at under the lock: what was told before this view was shown is seen.
        if self.is_told.load(Ordering::Acquire) {
            return false;
        }
        let Some((view, at)) = place.view.take() else { return true };
        let rooms_left = place.rooms_left;
        drop(place);
        let (frame, bytes) = frames.frame(direct.base.as_ref(), &view, way.manner, direct.ack);
        let put = way.pipe.put(frame);
        if put == Put::Not {
            self.give_back((view, at), rooms_left);
            return false;
        }
        stats.traffic.tell(Kind::View, bytes);
        self.figures.traffic.tell(Kind::View, bytes);
        stats.views.add(1);
        stats.messages_out.add(1);
        stats.view_delay.record(at.elapsed());
        direct.base = Some(view);
        direct.free_at = Some(now + way.batch_within);
        direct.is_cut = put == Put::InPart;
        !direct.is_cut
    }

    /// A view that nobody took waits again, unless the client has left its room meanwhile.
    pub(super) fn give_back(&self, view: (Arc<StateView>, Instant), rooms_left: u64) {
        let mut place = self.view();
        if place.rooms_left != rooms_left {
            return;
        }
        if place.view.is_none() {
            place.view = Some(view);
        } else {
            // A newer one came meanwhile, and stands for this one.
            self.figures.note_view(true);
        }
    }
}
