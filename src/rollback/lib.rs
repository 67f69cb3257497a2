//! The client's match: confirmed by the server, predicted ahead of it, rolled back when a guess was wrong.
//!
//! A pure value: packets, inputs and the time go in; packets, events and states come out. No socket, no clock, no
//! thread, no ECS. [`RollbackMatch`] is the whole; a client that does not simulate uses [`ThinMatch`].
//!
//! | piece | what it does |
//! |---|---|
//! | [`FrameStream`] | committed frames in order, out of packets that are not |
//! | [`InputSender`] | own inputs, sent until the server has them |
//! | [`LeadClock`] | when to make which input, from what the server says about the last ones |
//! | [`GameEvent`] | what the game tells: predicted once, confirmed once or taken back |
//! | [`ViewTimeline`] | what is drawn between two ticks, corrections spread over time |
//! | [`SyncTest`] | rolls back at every tick and compares hashes |
//! | [`Histogram`], [`MatchStats`] | figures in fixed memory |

mod backlog;
mod config;
mod drill;
mod event;
mod exchange;
#[cfg(test)]
mod fake;
mod frame_stream;
mod game_event;
mod histogram;
mod input_delay;
mod input_sender;
mod input_status;
mod lead_clock;
mod limits;
mod pose;
mod rollback_match;
#[cfg(test)]
mod scenarios;
mod stats;
mod sync_test;
mod thin_match;
mod timeline;
mod trail;
mod view_timeline;

pub use config::RollbackConfig;
pub use drill::Injected;
pub use event::{Cause, RollbackEvent};
pub use frame_stream::{FrameStream, StreamError};
pub use game_event::{EventId, EventStage, GameEvent};
pub use histogram::Histogram;
pub use input_sender::InputSender;
pub use input_status::InputStatus;
pub use lead_clock::LeadClock;
pub use limits::{
    ADVANCE_TICKS_MAX, BACKLOG_TICKS_MAX, EVENTS_MAX, GAME_EVENTS_MAX, GAP_PATIENCE, HISTORY_TICKS_MAX,
    INPUT_DELAY_TICKS_MAX, OWN_INPUTS_MAX, ROLLBACK_TICKS_MAX, SIMULATE_TICKS_MAX, SIMULATE_TICKS_MIN,
    SNAPSHOT_REQUEST_EVERY, TRAIL_BYTES_MAX, TRAIL_TICKS_MAX,
};
pub use pose::Pose;
pub use rollback_match::{RollbackMatch, SnapshotError, StartError};
pub use stats::MatchStats;
pub use sync_test::{Replayed, SyncFault, SyncTest};
pub use thin_match::ThinMatch;
pub use view_timeline::{Shown, Smoothing, ViewTime, ViewTimeline};
