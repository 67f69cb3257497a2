//! `ReplayBuilder`, a replay file as the match is played.

use std::io::{self, Write};
use std::sync::Arc;

use framekeep_sim::{Frame, Tick, encode_into, hash_bytes};

use crate::chunk::ChunkBuilder;
use crate::section::{Chain, Kind, append, prefix};
use crate::trailer::{Place, Trailer, append_footer};
use crate::{
    InvalidHeader, KEYFRAME_FIRST_TICK, KEYFRAME_TICKS, MatchEnd, MatchHeader, REPLAY_VERSION, SealKey,
    keyframe, signatures,
};

/// A frame that does not continue the match, or has another number of seats.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the replay is at tick {next} with {seats} seats, and the frame has tick {tick} and {frame_seats} seats"
)]
pub struct OutOfOrder {
    /// The tick that comes next.
    pub next: Tick,
    /// The seats of the match.
    pub seats: u8,
    /// The tick that came.
    pub tick: Tick,
    /// The seats that came.
    pub frame_seats: u8,
}

/// What was sealed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sealed {
    /// The length of the file.
    pub bytes: u64,
    /// The root of the digest chain: it stands for the whole match.
    pub root: [u8; 32],
}

/// Collects a match as it is played, compressed chunk by chunk, and seals it into a file.
///
/// A copy shares what was compressed before, so that it costs little while the match runs.
///
/// Holds a few bytes a tick: hashes do not compress, and take 4. A frame that does not fill a chunk
/// ([`CHUNK_FRAMES`](crate::CHUNK_FRAMES)) allocates nothing once warm.
#[derive(Clone, Debug)]
pub struct ReplayBuilder {
    /// The file so far: what stands before the sections, then each of them.
    pieces: Vec<Arc<[u8]>>,
    bytes: usize,
    chain: Chain,
    /// The chain's digest after each section: what is signed.
    digests: Vec<[u8; 32]>,
    chunk: ChunkBuilder,
    /// The tick of the first frame.
    start: Tick,
    seats: u8,
    trailer: Trailer,
    keyframe_due: bool,
    raw: Vec<u8>,
}

impl ReplayBuilder {
    /// A replay of a match before its first frame.
    ///
    /// # Errors
    /// [`InvalidHeader`] names the value that is out of range.
    pub fn new(header: &MatchHeader) -> Result<Self, InvalidHeader> {
        header.validate()?;
        let (prefix, mut raw) = (prefix(REPLAY_VERSION), Vec::new());
        encode_into(header, &mut raw);
        let mut builder = Self {
            pieces: vec![prefix.as_slice().into()],
            bytes: prefix.len(),
            chain: Chain::start(REPLAY_VERSION),
            digests: Vec::new(),
            chunk: ChunkBuilder::new(Tick(0), header.seats, u32::from(header.input_bits)),
            start: Tick(0),
            seats: header.seats,
            trailer: Trailer::default(),
            keyframe_due: false,
            raw,
        };
        builder.append(Kind::Header);
        Ok(builder)
    }

    /// A replay of the rest of a match: from the state before the frame of `tick`, in its canonical encoding.
    ///
    /// # Errors
    /// [`InvalidHeader`] names the value that is out of range.
    pub fn resume(header: &MatchHeader, tick: Tick, state: &[u8]) -> Result<Self, InvalidHeader> {
        let mut builder = Self::new(header)?;
        builder.chunk = ChunkBuilder::new(tick, header.seats, u32::from(header.input_bits));
        builder.start = tick;
        builder.keyframe_due = true;
        builder.push_keyframe(state);
        builder.trailer.end.hash = hash_bytes(state);
        Ok(builder)
    }

    /// The tick of the next frame.
    #[must_use]
    pub fn next(&self) -> Tick {
        self.chunk.next()
    }

    /// Bytes held so far.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Adds the next frame and the hash of the state after it.
    ///
    /// # Errors
    /// [`OutOfOrder`]; nothing is added then.
    pub fn push(&mut self, frame: &Frame, hash: u64) -> Result<(), OutOfOrder> {
        let (next, seats, frame_seats) = (self.next(), self.seats, frame.seat_count());
        if frame.tick != next || frame_seats != seats {
            return Err(OutOfOrder { next, seats, tick: frame.tick, frame_seats });
        }
        self.chunk.push(frame, hash);
        self.trailer.end.hash = hash;
        self.keyframe_due = false;
        if self.chunk.is_full() {
            self.close_chunk();
            self.keyframe_due = is_keyframe(Tick(self.next().0 - self.start.0));
        }
        Ok(())
    }

    /// Whether the state after the last frame should be added now with [`push_keyframe`](Self::push_keyframe).
    #[must_use]
    pub fn keyframe_due(&self) -> bool {
        self.keyframe_due
    }

    /// Adds the canonical encoding of the state after the last frame. Does nothing if none is due.
    pub fn push_keyframe(&mut self, state: &[u8]) {
        if !std::mem::take(&mut self.keyframe_due) {
            return;
        }
        let tick = self.next();
        keyframe::encode(tick, hash_bytes(state), state, &mut self.raw);
        self.trailer.keyframes.push(Place { tick: tick.0, offset: self.bytes as u64 });
        self.append(Kind::Keyframe);
    }

    /// Writes the whole file, unsigned. `end.ticks` and `end.hash` are taken from the frames; an empty match keeps
    /// the hash of its start state as given.
    ///
    /// # Errors
    /// What the sink says.
    pub fn seal(self, end: MatchEnd, out: &mut impl Write) -> io::Result<Sealed> {
        self.finish(end, None, out)
    }

    /// [`seal`](Self::seal), signed section by section: some 20 µs for each 256 ticks.
    ///
    /// # Errors
    /// What the sink says.
    pub fn seal_signed(self, end: MatchEnd, key: &SealKey, out: &mut impl Write) -> io::Result<Sealed> {
        self.finish(end, Some(key), out)
    }

    fn finish(mut self, end: MatchEnd, key: Option<&SealKey>, out: &mut impl Write) -> io::Result<Sealed> {
        let ticks = self.next();
        if self.chunk.count() > 0 {
            self.close_chunk();
        }
        let hash = if ticks == Tick(0) && self.start == Tick(0) { end.hash } else { self.trailer.end.hash };
        self.trailer.end = MatchEnd { ticks, hash, ..end };
        let trailer = self.bytes;
        self.raw.clear();
        encode_into(&self.trailer, &mut self.raw);
        self.append(Kind::Trailer);
        let root = self.chain.0;
        if let Some(key) = key {
            signatures::encode(key, &self.digests, &mut self.raw);
            self.append(Kind::Signatures);
        }
        let mut footer = Vec::new();
        append_footer(trailer, self.chain, &mut footer);
        for piece in self.pieces.iter().map(|piece| &piece[..]).chain([&footer[..]]) {
            out.write_all(piece)?;
        }
        Ok(Sealed { bytes: (self.bytes + footer.len()) as u64, root })
    }

    /// Appends what `raw` holds as a section.
    fn append(&mut self, kind: Kind) {
        let mut section = Vec::new();
        append(kind, &self.raw, &mut self.chain, &mut section);
        self.bytes += section.len();
        self.pieces.push(section.into());
        self.digests.push(self.chain.0);
    }

    /// The sections of the file as far as its chunks are closed, each by itself.
    pub(crate) fn sections(&self) -> impl Iterator<Item = &[u8]> {
        self.pieces.iter().skip(1).map(|piece| &piece[..])
    }

    /// The chunk that is not closed yet.
    pub(crate) fn open_chunk(&self) -> &ChunkBuilder {
        &self.chunk
    }

    fn close_chunk(&mut self) {
        let first = self.next().earlier(self.chunk.count());
        self.trailer.chunks.push(Place { tick: first.0, offset: self.bytes as u64 });
        self.chunk.take(&mut self.raw);
        self.append(Kind::Chunk);
    }
}

fn is_keyframe(Tick(tick): Tick) -> bool {
    tick.is_multiple_of(KEYFRAME_TICKS) || tick.is_power_of_two() && tick >= KEYFRAME_FIRST_TICK
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use framekeep_sim::Tick;

    use crate::{NotSeekable, Replay, ReplayBuilder, Verifier, sample};

    /// The end of a match, from `start` on.
    fn rest(whole: &Replay, start: Tick) -> Replay {
        let (games, mut state, mut file) = (sample::registry(), Vec::new(), Vec::new());
        let game = games.get("drift").unwrap();
        let mut play = whole.seek(&**game, start).unwrap();
        play.encode(&mut state);
        let mut builder = ReplayBuilder::resume(whole.header(), start, &state).unwrap();
        let mut frames = whole.frames_from(start);
        while let Some((frame, _)) = frames.next_frame() {
            play.step(frame);
            builder.push(frame, play.hash(&mut state)).unwrap();
            if builder.keyframe_due() {
                builder.push_keyframe(&state);
            }
        }
        builder.seal(whole.end().clone(), &mut file).unwrap();
        Replay::read(file).unwrap()
    }

    #[test]
    fn a_copy_of_a_match_that_runs_shares_what_was_compressed() {
        let whole = sample::replay(3, 1_400);
        let mut builder = ReplayBuilder::new(whole.header()).unwrap();
        let mut frames = whole.frames();
        while let Some((frame, hash)) = frames.next_frame() {
            builder.push(frame, hash.low().into()).unwrap();
        }
        let copy = builder.clone();
        assert!(copy.pieces.len() > 5);
        assert!(copy.pieces.iter().zip(&builder.pieces).all(|(one, other)| Arc::ptr_eq(one, other)));
        let mut file = Vec::new();
        let sealed = copy.seal(whole.end().clone(), &mut file).unwrap();
        assert_eq!(
            (sealed.bytes, Replay::read(file.clone()).unwrap().bytes()),
            (file.len() as u64, &file[..])
        );
    }

    #[test]
    fn the_rest_of_a_match_is_a_replay() {
        let whole = sample::replay(3, 1_400);
        for start in [1, 256, 700, 1_400].map(Tick) {
            let rest = rest(&whole, start);
            assert_eq!((rest.start(), rest.end()), (start, whole.end()));
            let verified = Verifier::new(sample::registry()).verify(&rest, &mut |_, _| {}).unwrap();
            assert_eq!((verified.ticks, verified.hash), (whole.end().ticks, whole.end().hash));
            let (games, mut scratch) = (sample::registry(), Vec::new());
            let game = games.get("drift").unwrap();
            let before = rest.seek(&**game, start.earlier(1)).err();
            assert_eq!(before, Some(NotSeekable::BeforeStart { tick: start.earlier(1), start }));
            for tick in [start, Tick(1_400)] {
                let here = rest.seek(&**game, tick).unwrap().hash(&mut scratch);
                assert_eq!(here, whole.seek(&**game, tick).unwrap().hash(&mut scratch));
            }
        }
    }
}
