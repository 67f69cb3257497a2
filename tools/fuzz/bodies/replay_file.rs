//! Any bytes as a replay file, then the same bytes with every check made right, to get behind the checks.

use framekeep_journal::{Replay, SealFault, reseal};

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
    let (ticks, mut next) = (replay.end().ticks, replay.start());
    let mut frames = replay.frames();
    while let Some((frame, _)) = frames.next_frame() {
        assert_eq!((frame.tick, frame.seat_count()), (next, replay.header().seats));
        next = next.next();
    }
    assert_eq!(next, ticks, "the end counts other frames than there are");
    assert_eq!(replay.sealed_by().is_some(), !matches!(replay.check_seal(None), Err(SealFault::Unsigned)));
    let bytes: u64 = replay.parts().map(|part| part.bytes).sum();
    assert_eq!(bytes + 58, data.len() as u64, "the parts are not the file");
    for keyframe in replay.keyframes() {
        assert!(replay.keyframe_state(keyframe).is_some());
        let first = replay.frames_from(keyframe.tick).next_frame().map(|(frame, _)| frame.tick);
        assert_eq!(first, (keyframe.tick < ticks).then_some(keyframe.tick));
    }
}
