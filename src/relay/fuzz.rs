//! The corpus of the fuzz target as a plain test.

#[path = "../../tools/fuzz/bodies/corpus.rs"]
mod corpus;
#[expect(unreachable_pub, reason = "a fuzz target is a crate of its own")]
#[path = "../../tools/fuzz/bodies/relay_frames.rs"]
mod relay_frames;

#[test]
fn relay_frames_corpus() {
    corpus::run("relay_frames", relay_frames::run);
}
