//! `Replay`, a sealed match that was read and found whole.

use framekeep_sim::{AnyGame, AnyMatch, DecodeError, Tick, decode};

use crate::chunk::ChunkCursor;
use crate::limits::{CHUNK_RAW_BYTES_MAX, HEADER_RAW_BYTES_MAX, SECTION_RAW_BYTES_MAX};
use crate::section::{Chain, Kind, MAGIC, PREFIX_BYTES, Section};
use crate::trailer::{Place, Trailer, check_footer};
use crate::{Damaged, Frames, Keyframe, MatchEnd, MatchHeader, REPLAY_VERSION, keyframe};

/// A sealed match whose every byte was checked.
///
/// Keeps the file as it is and unpacks one section at a time: reading a file takes no more memory than the file,
/// its largest section (9 MiB at most), and 48 bytes a section.
#[derive(Clone, Debug)]
pub struct Replay {
    bytes: Vec<u8>,
    header: MatchHeader,
    end: MatchEnd,
    root: [u8; 32],
    chunks: Vec<(Tick, Section)>,
    keyframes: Vec<(Keyframe, Section)>,
}

/// A tick that a replay cannot be put at.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotSeekable {
    /// The match was not that long.
    #[error("tick {tick} is after the end of the match at tick {end}")]
    AfterEnd {
        /// The tick asked for.
        tick: Tick,
        /// How many frames there are.
        end: Tick,
    },
    /// The game cannot read the content or a keyframe: other rules made them.
    #[error("the game cannot read what the replay holds: {0}")]
    Unreadable(#[from] DecodeError),
}

impl Replay {
    /// Reads a whole file and checks every byte of it.
    ///
    /// # Errors
    /// [`Damaged`] says where the damaged part starts; truncation, changed bytes, bytes that follow and content out
    /// of bounds all count.
    pub fn read(bytes: Vec<u8>) -> Result<Self, Damaged> {
        check_prefix(&bytes)?;
        let mut walk = Walk::new(&bytes)?;
        while walk.trailer.is_none() {
            walk.section()?;
        }
        let Walk { header, chunks, keyframes, chain, offset, trailer, .. } = walk;
        let (section, trailer) = trailer.unwrap_or_default();
        check_footer(&bytes, offset, section, chain)?;
        Ok(Self { header, end: trailer.end, root: chain.0, chunks, keyframes, bytes })
    }

    /// What the match was played with.
    #[must_use]
    pub fn header(&self) -> &MatchHeader {
        &self.header
    }

    /// How the match ended.
    #[must_use]
    pub fn end(&self) -> &MatchEnd {
        &self.end
    }

    /// The root of the digest chain: it stands for the whole file.
    #[must_use]
    pub fn root(&self) -> [u8; 32] {
        self.root
    }

    /// The file.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The states within the replay, in the order of their ticks.
    pub fn keyframes(&self) -> impl Iterator<Item = Keyframe> + '_ {
        self.keyframes.iter().map(|(keyframe, _)| *keyframe)
    }

    /// The canonical encoding of the state at a keyframe of this replay; `None` if it is not one of this replay.
    #[must_use]
    pub fn keyframe_state(&self, keyframe: Keyframe) -> Option<Vec<u8>> {
        let (_, section) = self.keyframes.iter().find(|(known, _)| *known == keyframe)?;
        let mut raw = Vec::new();
        section.unpack(&self.bytes, SECTION_RAW_BYTES_MAX, &mut raw).ok()?;
        keyframe::decode(&raw).ok().map(|(_, _, state)| state.to_vec())
    }

    /// All frames and hashes from the first on.
    #[must_use]
    pub fn frames(&self) -> Frames<'_> {
        self.frames_from(Tick(0))
    }

    /// The frames and hashes from `tick` on.
    #[must_use]
    pub fn frames_from(&self, tick: Tick) -> Frames<'_> {
        Frames::new(self, tick)
    }

    /// The match as it was before the frame of `tick`: from the nearest keyframe, re-simulated.
    ///
    /// # Errors
    /// [`NotSeekable`] if there is no such tick or `game` is not the match's.
    pub fn seek(&self, game: &dyn AnyGame, tick: Tick) -> Result<Box<dyn AnyMatch>, NotSeekable> {
        if tick > self.end.ticks {
            return Err(NotSeekable::AfterEnd { tick, end: self.end.ticks });
        }
        let mut play = game.start(&self.header.content, self.header.seed, self.header.seats)?;
        if let Some(keyframe) = self.keyframes().take_while(|keyframe| keyframe.tick <= tick).last() {
            let state = self.keyframe_state(keyframe).unwrap_or_default();
            play.restore(keyframe.tick, &state)?;
        }
        let mut frames = self.frames_from(play.tick());
        while play.tick() < tick {
            let Some((frame, _)) = frames.next_frame() else { break };
            play.step(frame);
        }
        Ok(play)
    }

    /// The chunk that holds `tick`, or the number of chunks.
    pub(crate) fn chunk_of(&self, tick: Tick) -> usize {
        if tick >= self.end.ticks {
            return self.chunks.len();
        }
        self.chunks.partition_point(|&(first, _)| first <= tick).saturating_sub(1)
    }

    /// Overwrites `raw` with a chunk; `None` after the last.
    pub(crate) fn open_chunk(&self, number: usize, raw: &mut Vec<u8>) -> Option<ChunkCursor> {
        let (_, section) = self.chunks.get(number)?;
        section.unpack(&self.bytes, CHUNK_RAW_BYTES_MAX, raw).ok()?;
        ChunkCursor::open(raw, self.header.seats, u32::from(self.header.input_bits)).ok()
    }
}

fn check_prefix(bytes: &[u8]) -> Result<(), Damaged> {
    if !bytes.starts_with(&MAGIC) {
        return Err(Damaged::new(0, "this is not a replay: it does not start with FKREPLAY"));
    }
    let Some(version) = bytes.get(MAGIC.len()..).and_then(<[u8]>::first_chunk) else {
        return Err(Damaged::new(bytes.len(), "the file ends before its version"));
    };
    let version = u16::from_le_bytes(*version);
    if version == REPLAY_VERSION {
        return Ok(());
    }
    let what = format!("format version {version}, and this build reads {REPLAY_VERSION}");
    Err(Damaged::new(MAGIC.len(), what))
}

/// Reads section after section and checks that they belong together.
struct Walk<'a> {
    bytes: &'a [u8],
    offset: usize,
    chain: Chain,
    raw: Vec<u8>,
    header: MatchHeader,
    chunks: Vec<(Tick, Section)>,
    keyframes: Vec<(Keyframe, Section)>,
    /// The tick of the next frame.
    next: Tick,
    /// The hash after the last frame.
    hash: Option<u64>,
    /// Where the trailer starts, and the trailer.
    trailer: Option<(usize, Trailer)>,
}

impl<'a> Walk<'a> {
    /// Reads the header, which must come first.
    fn new(bytes: &'a [u8]) -> Result<Self, Damaged> {
        let (mut chain, mut raw) = (Chain::start(), Vec::new());
        let section = Section::read(bytes, PREFIX_BYTES, &mut chain)?;
        if section.kind != Kind::Header {
            return Err(Damaged::new(section.offset, "the first section is not a header"));
        }
        section.unpack(bytes, HEADER_RAW_BYTES_MAX, &mut raw)?;
        let header: MatchHeader = decode(&raw).map_err(|error| Damaged::new(section.offset, error))?;
        header.validate().map_err(|error| Damaged::new(section.offset, error))?;
        Ok(Self {
            bytes,
            offset: section.end,
            chain,
            raw,
            header,
            chunks: Vec::new(),
            keyframes: Vec::new(),
            next: Tick(0),
            hash: None,
            trailer: None,
        })
    }

    fn section(&mut self) -> Result<(), Damaged> {
        let section = Section::read(self.bytes, self.offset, &mut self.chain)?;
        self.offset = section.end;
        let limit = match section.kind {
            Kind::Chunk => CHUNK_RAW_BYTES_MAX,
            Kind::Header | Kind::Keyframe | Kind::Trailer => SECTION_RAW_BYTES_MAX,
        };
        section.unpack(self.bytes, limit, &mut self.raw)?;
        match section.kind {
            Kind::Header => Err("a second header"),
            Kind::Chunk => self.chunk(section),
            Kind::Keyframe => self.keyframe(section),
            Kind::Trailer => self.trailer(section),
        }
        .map_err(|what| Damaged::new(section.offset, what))
    }

    fn chunk(&mut self, section: Section) -> Result<(), &'static str> {
        let mut cursor = ChunkCursor::open(&self.raw, self.header.seats, u32::from(self.header.input_bits))?;
        if cursor.first != self.next {
            return Err("a chunk does not continue the one before");
        }
        self.chunks.push((cursor.first, section));
        self.next = cursor.first.later(cursor.count);
        self.hash = Some(cursor.check(&self.raw)?);
        Ok(())
    }

    fn keyframe(&mut self, section: Section) -> Result<(), &'static str> {
        let (tick, hash, _) = keyframe::decode(&self.raw)?;
        if tick != self.next || self.keyframes.last().is_some_and(|(last, _)| last.tick == tick) {
            return Err("a keyframe is not where its tick is");
        }
        self.keyframes.push((Keyframe { tick, hash, offset: section.offset as u64 }, section));
        Ok(())
    }

    fn trailer(&mut self, section: Section) -> Result<(), &'static str> {
        let trailer: Trailer = decode(&self.raw).map_err(|_| "the trailer is malformed")?;
        if trailer.end.ticks != self.next {
            return Err("the trailer counts other frames than there are");
        }
        if self.hash.is_some_and(|hash| hash != trailer.end.hash) {
            return Err("the trailer's hash is not that of the last frame");
        }
        let place = |tick: Tick, offset: usize| Place { tick: tick.0, offset: offset as u64 };
        let chunks = self.chunks.iter().map(|(tick, section)| place(*tick, section.offset));
        let keyframes = self.keyframes.iter().map(|(keyframe, section)| place(keyframe.tick, section.offset));
        if !chunks.eq(trailer.chunks.iter().copied()) || !keyframes.eq(trailer.keyframes.iter().copied()) {
            return Err("the index does not point at what there is");
        }
        self.trailer = Some((section.offset, trailer));
        Ok(())
    }
}
