//! Scenes shared by the benches and the scorecard.
