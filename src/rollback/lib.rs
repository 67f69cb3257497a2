//! The client's match: predicts, rolls back, runs ahead.
