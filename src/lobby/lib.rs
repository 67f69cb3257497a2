//! Room phases, seats and deadlines as pure data.
