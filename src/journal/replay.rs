//! `Replay`, a sealed match that was read and found whole.

use framekeep_sim::{AnyGame, AnyMatch, DecodeError, Tick, decode};

use crate::chunk::ChunkCursor;
use crate::limits::{CHUNK_RAW_BYTES_MAX, HEADER_RAW_BYTES_MAX, SECTION_RAW_BYTES_MAX};
use crate::section::{Chain, Kind, MAGIC, PREFIX_BYTES, Section};
use crate::signatures::{self, Signatures};
use crate::trailer::{FOOTER_BYTES, Place, Trailer, check_footer};
use crate::{Damaged, Frames, Keyframe, MatchEnd, MatchHeader, REPLAY_VERSION, keyframe};

/// A sealed match whose every byte was checked.
///
/// Keeps the file as it is and unpacks one section at a time: reading a file takes no more memory than the file,
/// its largest section (9 MiB at most), and some 150 bytes a section.
#[derive(Clone, Debug)]
pub struct Replay {
    bytes: Vec<u8>,
    version: u16,
    start: Tick,
    header: MatchHeader,
    end: MatchEnd,
    root: [u8; 32],
    chunks: Vec<(Tick, Section)>,
    keyframes: Vec<(Keyframe, Section)>,
    /// What is signed: every section up to the trailer.
    pub(crate) signable: Vec<Signable>,
    pub(crate) signatures: Option<Signatures>,
    signatures_section: Option<Section>,
}

/// A section, and the chain's digest after it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Signable {
    pub(crate) section: Section,
    /// The tick of the first frame that is not in the sections before.
    pub(crate) tick: Tick,
    pub(crate) digest: [u8; 32],
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
    /// The replay is of the rest of a match.
    #[error("tick {tick} is before the replay begins at tick {start}")]
    BeforeStart {
        /// The tick asked for.
        tick: Tick,
        /// The tick of the first frame.
        start: Tick,
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
        let version = check_prefix(&bytes)?;
        let mut walk = Walk::new(&bytes, version)?;
        while walk.trailer.is_none() || walk.is_at_signatures() {
            let next = walk.next;
            walk.section().map_err(|damage| damage.from(next))?;
        }
        let Walk {
            header,
            chunks,
            keyframes,
            chain,
            offset,
            trailer,
            signable,
            signatures,
            signatures_section,
            next,
            start,
            ..
        } = walk;
        let (section, trailer) = trailer.unwrap_or_default();
        check_footer(&bytes, offset, section, chain).map_err(|damage| damage.from(next))?;
        let root = signable.last().map_or(chain.0, |trailer| trailer.digest);
        Ok(Self {
            header,
            end: trailer.end,
            root,
            version,
            start,
            chunks,
            keyframes,
            bytes,
            signable,
            signatures,
            signatures_section,
        })
    }

    /// The version of the file's format.
    #[must_use]
    pub fn version(&self) -> u16 {
        self.version
    }

    /// The tick of the first frame: 0, unless it is the rest of a match, which then begins with a keyframe.
    #[must_use]
    pub fn start(&self) -> Tick {
        self.start
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

    /// The root of the digest chain: it stands for the whole match.
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
        self.frames_from(self.start)
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
        if tick < self.start {
            return Err(NotSeekable::BeforeStart { tick, start: self.start });
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

    pub(crate) fn signatures_section(&self) -> Option<Section> {
        self.signatures_section
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
        ChunkCursor::open(raw, self.version, self.header.seats, u32::from(self.header.input_bits)).ok()
    }
}

/// The version, if this build reads it.
fn check_prefix(bytes: &[u8]) -> Result<u16, Damaged> {
    if !bytes.starts_with(&MAGIC) {
        return Err(Damaged::new(0, "this is not a replay: it does not start with FKREPLAY"));
    }
    let Some(version) = bytes.get(MAGIC.len()..).and_then(<[u8]>::first_chunk) else {
        return Err(Damaged::new(bytes.len(), "the file ends before its version"));
    };
    let version = u16::from_le_bytes(*version);
    if (1..=REPLAY_VERSION).contains(&version) {
        return Ok(version);
    }
    let what = format!("format version {version}, and this build reads 1 to {REPLAY_VERSION}");
    Err(Damaged::new(MAGIC.len(), what))
}

/// Reads section after section and checks that they belong together.
struct Walk<'a> {
    bytes: &'a [u8],
    version: u16,
    offset: usize,
    chain: Chain,
    raw: Vec<u8>,
    header: MatchHeader,
    chunks: Vec<(Tick, Section)>,
    keyframes: Vec<(Keyframe, Section)>,
    /// The tick of the first frame.
    start: Tick,
    /// The tick of the next frame.
    next: Tick,
    /// The hash after the last frame.
    hash: Option<u64>,
    /// Where the trailer starts, and the trailer.
    trailer: Option<(usize, Trailer)>,
    signable: Vec<Signable>,
    signatures: Option<Signatures>,
    signatures_section: Option<Section>,
}

impl<'a> Walk<'a> {
    /// Reads the header, which must come first.
    fn new(bytes: &'a [u8], version: u16) -> Result<Self, Damaged> {
        let (mut chain, mut raw) = (Chain::start(version), Vec::new());
        let section = Section::read(bytes, PREFIX_BYTES, &mut chain)?;
        if section.kind != Kind::Header {
            return Err(Damaged::new(section.offset, "the first section is not a header"));
        }
        section.unpack(bytes, HEADER_RAW_BYTES_MAX, &mut raw)?;
        let header: MatchHeader = decode(&raw).map_err(|error| Damaged::new(section.offset, error))?;
        header.validate().map_err(|error| Damaged::new(section.offset, error))?;
        Ok(Self {
            bytes,
            version,
            offset: section.end,
            chain,
            raw,
            header,
            chunks: Vec::new(),
            keyframes: Vec::new(),
            start: Tick(0),
            next: Tick(0),
            hash: None,
            trailer: None,
            signable: vec![Signable { section, tick: Tick(0), digest: chain.0 }],
            signatures: None,
            signatures_section: None,
        })
    }

    /// Whether signatures follow the trailer. They are longer than the footer, which follows otherwise.
    fn is_at_signatures(&self) -> bool {
        let rest = self.bytes.get(self.offset..).unwrap_or_default();
        self.version >= 2
            && self.signatures.is_none()
            && rest.len() > FOOTER_BYTES
            && rest[0] == Kind::Signatures as u8
    }

    fn section(&mut self) -> Result<(), Damaged> {
        let section = Section::read(self.bytes, self.offset, &mut self.chain)?;
        self.offset = section.end;
        let limit = match section.kind {
            Kind::Chunk => CHUNK_RAW_BYTES_MAX,
            Kind::Header | Kind::Keyframe | Kind::Trailer | Kind::Signatures => SECTION_RAW_BYTES_MAX,
        };
        section.unpack(self.bytes, limit, &mut self.raw)?;
        let (kind, offset) = (section.kind, section.offset);
        if kind != Kind::Signatures {
            self.signable.push(Signable { section, tick: self.next, digest: self.chain.0 });
        }
        match (kind, self.trailer.is_some()) {
            (Kind::Header, _) => Err("a second header"),
            (Kind::Chunk, false) => self.chunk(section),
            (Kind::Keyframe, false) => self.keyframe(section),
            (Kind::Trailer, false) => self.trailer(section),
            (Kind::Signatures, true) => self.signatures(section),
            (Kind::Signatures, false) => Err("signatures before the trailer"),
            (_, true) => Err("a second trailer"),
        }
        .map_err(|what| Damaged::new(offset, what))
    }

    fn chunk(&mut self, section: Section) -> Result<(), &'static str> {
        let mut cursor =
            ChunkCursor::open(&self.raw, self.version, self.header.seats, u32::from(self.header.input_bits))?;
        if cursor.first != self.next {
            return Err("a chunk does not continue the one before");
        }
        if cursor.first.0.checked_add(cursor.count).is_none() {
            return Err("a chunk goes on beyond the last tick there can be");
        }
        self.chunks.push((cursor.first, section));
        self.next = cursor.first.later(cursor.count);
        self.hash = Some(cursor.check(&self.raw)?);
        Ok(())
    }

    fn keyframe(&mut self, section: Section) -> Result<(), &'static str> {
        let (tick, hash, _) = keyframe::decode(&self.raw)?;
        let begins = self.chunks.is_empty() && self.keyframes.is_empty() && self.version >= 2;
        if begins {
            (self.start, self.next) = (tick, tick);
            self.hash = Some(hash);
        }
        if tick != self.next || self.keyframes.last().is_some_and(|(last, _)| last.tick == tick) {
            return Err("a keyframe is not where its tick is");
        }
        self.keyframes.push((Keyframe { tick, hash, offset: section.offset as u64 }, section));
        Ok(())
    }

    fn signatures(&mut self, section: Section) -> Result<(), &'static str> {
        self.signatures = Some(signatures::decode(&self.raw)?);
        self.signatures_section = Some(section);
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

#[cfg(test)]
mod tests {
    use framekeep_sim::{Pcg32, Tick};
    use proptest::prelude::*;

    use crate::{InvalidHeader, MatchHeader, NotSeekable, Replay, ReplayBuilder, reseal, sample};

    #[test]
    fn every_frame_and_hash_comes_back() {
        for (seats, ticks) in [(1, 1), (2, 255), (4, 256), (4, 257), (64, 6_200)] {
            let replay = sample::replay(seats, ticks);
            let (mut rng, mut frames) = (Pcg32::new(3, 3), replay.frames());
            for tick in 0..ticks {
                let (frame, _) = frames.next_frame().unwrap();
                assert_eq!(*frame, sample::frame(&mut rng, tick, seats));
            }
            assert!(frames.next_frame().is_none());
            assert_eq!((replay.end().ticks, replay.header()), (Tick(ticks), &sample::header(seats)));
            let keyframes: Vec<_> = replay.keyframes().map(|keyframe| keyframe.tick.0).collect();
            assert_eq!(keyframes, if ticks > 2_048 { vec![512, 1_024, 2_048, 4_096, 6_144] } else { vec![] });
        }
    }

    #[test]
    fn a_match_without_frames_is_a_replay() {
        let replay = sample::replay(2, 0);
        assert_eq!(replay.end().ticks, Tick(0));
        assert!(replay.frames().next_frame().is_none());
    }

    #[test]
    fn frames_start_at_any_tick() {
        let replay = sample::replay(2, 600);
        for from in [0, 1, 255, 256, 511, 599] {
            assert_eq!(replay.frames_from(Tick(from)).next_frame().unwrap().0.tick, Tick(from));
        }
        assert!(replay.frames_from(Tick(600)).next_frame().is_none());
    }

    #[test]
    fn seeking_gives_the_state_of_that_tick() {
        let (replay, games) = (sample::replay(2, 4_500), sample::registry());
        let (game, mut scratch) = (games.get("drift").unwrap(), Vec::new());
        for tick in [0, 1, 300, 512, 513, 2_048, 4_095, 4_500] {
            let play = replay.seek(&**game, Tick(tick)).unwrap();
            assert_eq!(play.tick(), Tick(tick));
            if let Some((_, hash)) = tick.checked_sub(1).and_then(|tick| {
                replay.frames_from(Tick(tick)).next_frame().map(|(frame, hash)| (frame.tick, hash))
            }) {
                assert!(hash.agrees(play.hash(&mut scratch)));
            }
        }
        let error = replay.seek(&**game, Tick(4_501)).err().unwrap();
        assert_eq!(error, NotSeekable::AfterEnd { tick: Tick(4_501), end: Tick(4_500) });
    }

    /// 4 KiB and more, with every kind of section: each of the 32,768 flips and more is found, where it is.
    #[test]
    fn every_flipped_bit_is_damage_in_its_part_or_before() {
        let whole = Replay::read(sample::signed(3, 560)).unwrap();
        let (mut file, parts) = (whole.bytes().to_vec(), whole.parts().collect::<Vec<_>>());
        assert!(file.len() >= 4_096, "{} bytes", file.len());
        for bit in 0..file.len() * 8 {
            let at = bit / 8;
            file[at] ^= 1 << (bit % 8);
            let damage = Replay::read(file.clone()).expect_err("a flipped bit was not found");
            file[at] ^= 1 << (bit % 8);
            let part = parts.iter().rfind(|part| part.offset <= at as u64);
            let start = part.map_or(0, |part| part.offset);
            assert!(damage.offset <= at as u64 && damage.offset >= start.min(8), "bit {bit}: {damage}");
            let in_header = part.is_none_or(|part| part.name == "header");
            assert_eq!(damage.tick.is_none(), in_header, "bit {bit}: {damage}");
            assert!(damage.tick <= part.map(|part| part.tick), "bit {bit}: {damage}");
        }
    }

    #[test]
    fn every_truncation_and_extension_is_damage() {
        let file = sample::replay(3, 300).bytes().to_vec();
        for length in 0..file.len() {
            let damage = Replay::read(file[..length].to_vec()).unwrap_err();
            assert!(damage.offset <= length as u64);
        }
        let mut longer = file.clone();
        longer.push(0);
        assert_eq!(Replay::read(longer).unwrap_err().offset, file.len() as u64);
    }

    #[test]
    fn another_version_is_named() {
        let mut file = sample::replay(2, 10).bytes().to_vec();
        file[8] = 3;
        let damage = Replay::read(file).unwrap_err().to_string();
        assert_eq!(damage, "damaged at byte 8: format version 3, and this build reads 1 to 2");
    }

    #[test]
    fn a_builder_refuses_what_does_not_continue() {
        let mut builder = ReplayBuilder::new(&sample::header(2)).unwrap();
        let (mut rng, hash) = (Pcg32::new(1, 1), 1);
        builder.push(&sample::frame(&mut rng, 0, 2), hash).unwrap();
        let error = builder.push(&sample::frame(&mut rng, 0, 2), hash).unwrap_err();
        assert!(error.to_string().contains("at tick 1 with 2 seats, and the frame has tick 0"), "{error}");
        assert!(builder.push(&sample::frame(&mut rng, 1, 3), hash).is_err());
        assert_eq!(builder.next(), Tick(1));
        let error: InvalidHeader = ReplayBuilder::new(&MatchHeader::default()).unwrap_err();
        assert!(error.to_string().contains("game name"));
    }

    #[test]
    fn the_same_match_gives_the_same_file() {
        assert_eq!(sample::replay(4, 900).root(), sample::replay(4, 900).root());
    }

    proptest! {
        #[test]
        fn garbage_is_refused_without_a_panic(mut garbage in proptest::collection::vec(any::<u8>(), 0..400)) {
            prop_assert!(Replay::read(garbage.clone()).is_err());
            garbage.splice(0..0, *b"FKREPLAY\x02\x00");
            reseal(&mut garbage);
            let _ = Replay::read(garbage);
        }

        /// Behind the checks: bytes change, then every check is made right again.
        #[test]
        fn resealed_changes_are_refused_or_read_without_a_panic(
            changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
        ) {
            let mut file = sample::replay(3, 40).bytes().to_vec();
            for (index, byte) in changes {
                let at = index.index(file.len());
                file[at] = byte;
            }
            if reseal(&mut file) && let Ok(replay) = Replay::read(file) {
                let mut frames = replay.frames();
                while frames.next_frame().is_some() {}
            }
        }
    }
}
