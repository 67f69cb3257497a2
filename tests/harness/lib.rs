//! Server, clients and a packet simulator under one virtual clock and one seed, in one thread.
//!
//! The server is the production one; only its wire and its clock are swapped. A scenario reads like a sentence:
//!
//! ```text
//! let mut play = Scenario::new(7).link("wifi").room("duel", 2);
//! play.run_for(10.0);
//! play.assert_all_agree();
//! ```

mod apps;
mod client;
mod nodes;
mod scenario;

pub use apps::{AppSeat, Apps};
pub use client::{Client, ClientKind};
pub use nodes::{Nodes, name, room};
pub use scenario::Scenario;
