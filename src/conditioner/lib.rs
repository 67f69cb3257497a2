//! A bad network as a value: loss, bursts, delay, jitter, duplication, reordering and partitions, from one seed and
//! with the time as an argument. Tests and load tools put it between two ends; it knows nothing of what it carries.
//!
//! ```
//! use core::time::Duration;
//! use framekeep_conditioner::{Conditioner, LinkConditions};
//!
//! let conditions: LinkConditions = "loss=0,delay=20,jitter=0".parse().unwrap();
//! let mut link = Conditioner::new(conditions, 7);
//! link.send(Duration::ZERO, "hello");
//! assert_eq!(link.receive(Duration::from_millis(19)), None);
//! assert_eq!(link.receive(Duration::from_millis(20)), Some("hello"));
//! ```

mod conditioner;
mod conditions;

pub use conditioner::{Conditioner, ConditionerStats, QUEUE_MAX};
pub use conditions::{ConditionsFault, LinkConditions};
