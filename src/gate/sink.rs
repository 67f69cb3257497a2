//! `LinkSink`, where the server puts what a link is told.

use std::sync::Arc;

use framekeep_protocol::{Epoch, ToClient};
use framekeep_sim::{Tick, View};

/// How a match looks at a tick, for clients that do not simulate.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StateView {
    /// Which match of the room.
    pub epoch: Epoch,
    /// The tick of the next frame.
    pub tick: Tick,
    /// What is to be drawn.
    pub view: View,
}

/// Where the server puts what a link is told. Every method returns at once; all memory is bounded.
///
/// Dropping the sink says that the link is gone.
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
}
