//! `LinkSink`, where the server puts what a link is told.

use std::sync::Arc;

use core::time::Duration;

use framekeep_protocol::{Epoch, ToClient};
use framekeep_sim::{Tick, View};

/// How a match looks at a tick, for clients that do not simulate.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StateView {
    /// Which match of the room.
    pub epoch: Epoch,
    /// The tick of the next frame.
    pub tick: Tick,
    /// When that tick had ended, since the Unix epoch; zero where that is not known, as of another node's view.
    pub ended_at: Duration,
    /// What is to be drawn.
    pub view: View,
}

impl StateView {
    /// A view of which it is not known when its tick had ended.
    #[must_use]
    pub const fn of(epoch: Epoch, tick: Tick, view: View) -> Self {
        Self { epoch, tick, ended_at: Duration::ZERO, view }
    }
}

/// Bytes of one kind of message in one direction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct KindBytes {
    /// The kind, one of a few words.
    pub kind: &'static str,
    /// "in" or "out".
    pub direction: &'static str,
    /// How many bytes of payload.
    pub bytes: u64,
}

/// What is known of the way to a client over the front door.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LinkWay {
    /// The round trip of its last pings, a mean.
    pub rtt: Option<Duration>,
    /// State views that a newer one replaced because the client did not take them in time, of a hundred.
    pub skipped_percent: u32,
}

/// Where the server puts what a link is told. Every method returns at once; all memory is bounded. What was told and
/// shown lies there until it is let go, so that everything of one turn goes out together.
///
/// Dropping the sink lets all go and says that the link is gone.
pub trait LinkSink: Send + Sync {
    /// Queues a message; `to` is the number of what it answers, or 0. `false` if there is no room: the link is closed
    /// then.
    fn tell(&self, message: &ToClient, to: u64) -> bool;

    /// How many more messages there is room for.
    fn room(&self) -> usize;

    /// How many messages there is room for when nothing waits.
    fn capacity(&self) -> usize;

    /// Shows how the match looks now; stands for every view that was not taken yet.
    fn show(&self, view: &Arc<StateView>);

    /// Whether nobody takes what is told any more.
    fn is_gone(&self) -> bool {
        false
    }

    /// Whether the client itself follows a room to another node.
    fn follows(&self) -> bool {
        false
    }

    /// What is known of the way to the client.
    fn way(&self) -> LinkWay {
        LinkWay::default()
    }

    /// How much was said over the link, by kind and direction.
    fn traffic(&self) -> Vec<KindBytes> {
        Vec::new()
    }

    /// Lets go what was told and shown: nothing more follows in this turn.
    fn let_go(&self);
}
