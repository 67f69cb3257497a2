//! The pieces of the `framekeep` binary: arguments → configuration → identity → logs → a running server.
//!
//! This is the only crate that wires the shells together; everything it decides is in [`Settings`], and where each
//! value of it came from in [`Origin`].

mod args;
mod banner;
mod base64;
mod config;
mod cpu;
mod exit;
mod front_door;
mod identity;
mod logs;
mod output;
mod results;
mod rooms;
mod serve;
mod token;
mod watchdog;

pub use args::{Args, Command};
pub use config::{
    Allowed, Commit, ConfigError, Durability, Effective, Guests, KEYS, Key, LayerSources, Literal, LogFormat,
    Origin, Problem, Settings, Value,
};
pub use cpu::refuse_old_cpu;
pub use exit::{CommandError, Exit, run};
pub use front_door::FrontDoorError;
pub use identity::{IdentityError, IdentityKey, KeySource};
pub use results::{ResultsError, When, WhenError};
pub use rooms::RoomsError;
