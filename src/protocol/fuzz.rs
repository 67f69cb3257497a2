//! The corpus of the fuzz targets as plain tests.

#[expect(unreachable_pub, reason = "a fuzz target is a crate of its own")]
#[path = "../../tools/fuzz/bodies/control_codec.rs"]
mod control_codec;
#[path = "../../tools/fuzz/bodies/corpus.rs"]
mod corpus;
#[expect(unreachable_pub, reason = "a fuzz target is a crate of its own")]
#[path = "../../tools/fuzz/bodies/guard_datagram.rs"]
mod guard_datagram;
#[expect(unreachable_pub, reason = "a fuzz target is a crate of its own")]
#[path = "../../tools/fuzz/bodies/guard_payload.rs"]
mod guard_payload;
#[expect(unreachable_pub, reason = "a fuzz target is a crate of its own")]
#[path = "../../tools/fuzz/bodies/hot_lane.rs"]
mod hot_lane;

#[test]
fn control_codec_corpus() {
    corpus::run("control_codec", control_codec::run);
}

#[test]
fn guard_datagram_corpus() {
    corpus::run("guard_datagram", guard_datagram::run);
}

#[test]
fn guard_payload_corpus() {
    corpus::run("guard_payload", guard_payload::run);
}

#[test]
fn hot_lane_corpus() {
    corpus::run("hot_lane", hot_lane::run);
}
