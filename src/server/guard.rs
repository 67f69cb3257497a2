//! `Failure`, what a game did that ends its match, and `guarded`, which keeps a panic in its own room.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

use tracing::error;

/// Bytes of a panic's message that are kept.
const MESSAGE_BYTES_MAX: usize = 240;

/// Why a game's match is given up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FailureCause {
    /// It panicked, and did so again in a match rebuilt from its last good state; or it could not start one.
    Panicked,
    /// Its steps have taken more than their share by
    /// [`ServerConfig::step_budget`](crate::ServerConfig::step_budget).
    OverBudget,
    /// Its state has outgrown [`ServerConfig::state_bytes_max`](crate::ServerConfig::state_bytes_max).
    TooLarge,
}

impl FailureCause {
    /// All causes, in the order in which [`Counters::failures`](crate::Counters::failures) counts them.
    pub const ALL: [Self; 3] = [Self::Panicked, Self::OverBudget, Self::TooLarge];

    /// The cause's name in metrics.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Panicked => "panicked",
            Self::OverBudget => "over_budget",
            Self::TooLarge => "too_large",
        }
    }
}

/// What a game did that ends its match.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Failure {
    /// What kind of thing.
    pub cause: FailureCause,
    /// What exactly: the panic's message, or the value and the limit.
    pub message: String,
}

impl Failure {
    pub(crate) fn new(cause: FailureCause, message: impl Into<String>) -> Self {
        Self { cause, message: message.into() }
    }

    fn panicked(payload: &(dyn Any + Send)) -> Self {
        let text = payload.downcast_ref::<String>().map(String::as_str);
        let text =
            text.or_else(|| payload.downcast_ref::<&str>().copied()).unwrap_or("a panic without a text");
        let end = text.floor_char_boundary(MESSAGE_BYTES_MAX);
        Self::new(FailureCause::Panicked, &text[..end])
    }
}

/// Calls into a game. A panic is a value afterwards, so that it harms only the room it is for; what the game was
/// changing is not to be used any more then.
///
/// # Errors
/// The [`Failure`] of a game that panicked.
pub(crate) fn guarded<T>(call: impl FnOnce() -> T) -> Result<T, Failure> {
    catch_unwind(AssertUnwindSafe(call)).map_err(|payload| {
        let failure = Failure::panicked(payload.as_ref());
        // A payload may panic itself when it is dropped.
        std::mem::forget(payload);
        failure
    })
}

/// The same for a call that makes what is a game's own. It is put into `slot`: unwinding does not drop it, for a second
/// panic would end the process then. After a panic it is gone.
///
/// # Errors
/// The [`Failure`] of a game that panicked.
pub(crate) fn guarded_with<P, T>(
    slot: &mut Option<P>,
    call: impl FnOnce(&mut Option<P>) -> T,
) -> Result<T, Failure> {
    let result = guarded(|| call(&mut *slot));
    if result.is_err() {
        discard(slot.take());
    }
    result
}

/// Drops what is a game's. A panic then harms nobody, for what it was of is gone.
pub(crate) fn discard<T>(value: T) {
    if let Err(failure) = guarded(|| drop(value)) {
        error!(%failure, "a game panicked when what was its own was dropped");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_panics_when_it_is_dropped_is_gone_all_the_same() {
        struct Sore;
        impl Drop for Sore {
            fn drop(&mut self) {
                panic!("not me");
            }
        }
        discard(Sore);
        let mut slot = None;
        let failed = guarded_with(&mut slot, |slot| {
            *slot = Some(Sore);
            panic!("nor the maker");
        });
        let failed: Result<(), Failure> = failed;
        assert_eq!(failed.unwrap_err().message, "nor the maker");
        assert!(slot.is_none());
    }

    #[test]
    fn a_panic_becomes_its_message() {
        assert_eq!(guarded(|| 5), Ok(5));
        let message = |call: fn()| guarded(call).unwrap_err().message;
        assert_eq!(message(|| panic!("plain")), "plain");
        assert_eq!(message(|| panic!("number {}", 7)), "number 7");
        assert_eq!(message(|| std::panic::panic_any(7_u8)), "a panic without a text");
        assert_eq!(message(|| panic!("{}", "ä".repeat(500))).len(), MESSAGE_BYTES_MAX);
    }
}
