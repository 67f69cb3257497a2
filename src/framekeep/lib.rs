//! The pieces of the `framekeep` binary: arguments → configuration → identity → logs → a running server.
//!
//! This is the only crate that wires the shells together; everything it decides is in [`Settings`], and where each
//! value of it came from in [`Origin`].

mod agones;
mod args;
mod banner;
mod base64;
mod check;
mod cluster;
mod config;
mod cpu;
#[cfg(test)]
mod deploy;
mod exit;
mod front_door;
mod healthcheck;
mod heir;
mod http;
mod identity;
mod logs;
mod manual;
mod modes;
mod notify;
mod operate;
mod output;
mod ports;
mod relay;
mod reload;
mod results;
mod rooms;
mod serve;
mod signals;
mod supervision;
mod together;
mod token;
#[cfg(feature = "top")]
mod top;
mod watchdog;

pub use args::{Args, Command};
pub use check::CheckFailed;
pub use cluster::ClusterFault;
pub use config::{
    Allowed, Commit, Compression, ConfigError, Durability, Effective, Guests, Isolated, KEYS, Key,
    LayerSources, Literal, LogFormat, Origin, Problem, Role, Settings, Unfinished, Value,
};
pub use cpu::refuse_old_cpu;
pub use exit::{CommandError, Exit, run};
pub use front_door::FrontDoorError;
pub use healthcheck::HealthError;
pub use identity::{IdentityError, IdentityKey, KeySource};
pub use modes::ModesError;
pub use operate::OperateError;
pub use results::{ResultsError, When, WhenError};
pub use rooms::RoomsError;
#[cfg(feature = "top")]
pub use top::TopError;
