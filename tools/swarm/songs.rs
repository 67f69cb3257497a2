//! Matches played from beginning to end.

use serde::Serialize;

/// How many rooms played as many songs, or matches, as they were to.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct SongReport {
    per_room: u32,
    rooms_finished: u32,
    #[serde(skip)]
    rooms: u32,
}

impl SongReport {
    pub(crate) fn new(per_room: u32, rooms: u32, rooms_finished: u32) -> Self {
        Self { per_room, rooms_finished, rooms }
    }

    /// What went wrong, if something did.
    pub(crate) fn complaint(&self) -> Option<String> {
        let Self { per_room, rooms_finished: finished, rooms } = self;
        (finished < rooms).then(|| {
            format!("{finished} of {rooms} rooms played {per_room} whole songs or matches: all were to")
        })
    }

    pub(crate) fn row(&self) -> (&'static str, String) {
        let Self { per_room, rooms_finished, .. } = self;
        ("rooms that finished x songs", format!("{rooms_finished} x {per_room}"))
    }
}

#[cfg(test)]
mod tests {
    use super::SongReport;

    #[test]
    fn a_room_that_did_not_finish_is_a_failure() {
        assert_eq!(SongReport::new(2, 50, 50).complaint(), None);
        assert!(SongReport::new(2, 50, 49).complaint().unwrap().starts_with("49 of 50"));
    }
}
