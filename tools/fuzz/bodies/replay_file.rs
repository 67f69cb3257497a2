//! Any bytes as a replay file, then the same bytes with every check made right, to get behind the checks.

use framekeep_journal::{Replay, reseal};
use framekeep_sim::Tick;

pub(crate) fn run(data: &[u8]) {
    read(data);
    let mut resealed = data.to_vec();
    if reseal(&mut resealed) {
        read(&resealed);
    }
}

fn read(data: &[u8]) {
    let replay = match Replay::read(data.to_vec()) {
        Ok(replay) => replay,
        Err(damaged) => return assert!(damaged.offset <= data.len() as u64, "damage after the end"),
    };
    let (ticks, mut next) = (replay.end().ticks, Tick(0));
    let mut frames = replay.frames();
    while let Some((frame, _)) = frames.next_frame() {
        assert_eq!((frame.tick, frame.seat_count()), (next, replay.header().seats));
        next = next.next();
    }
    assert_eq!(next, ticks, "the end counts other frames than there are");
    for keyframe in replay.keyframes() {
        assert!(replay.keyframe_state(keyframe).is_some());
        let first = replay.frames_from(keyframe.tick).next_frame().map(|(frame, _)| frame.tick);
        assert_eq!(first, (keyframe.tick < ticks).then_some(keyframe.tick));
    }
}
