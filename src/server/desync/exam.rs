//! What a desync turns out to be: the server's state made again, the client's compared with it.

use framekeep_journal::{DesyncCause, DesyncReport, REPORT_FIELDS_MAX, REPORT_FRAMES_MAX, StateAt, cut_text};
use framekeep_protocol::DesyncAnswer;
use framekeep_sim::{AnyMatch, FieldDiff, Frame, hash_bytes};

use super::inquiry::{About, Found};
use super::recall::frames_between;
use crate::guard::{discard, guarded, guarded_with};

/// Everything there is to look at.
pub(super) struct Exam {
    pub(super) about: About,
    pub(super) found: Found,
    pub(super) now_unix_s: u64,
}

impl Exam {
    /// Looks. A report is there if there is something to show.
    pub(super) fn run(self) -> (DesyncCause, Option<DesyncReport>) {
        let client = match self.client_state() {
            Ok(client) => client,
            Err(cause) => return (cause, None),
        };
        // A broken state may be one that the game never expected; the game may as well be what is broken.
        let mut slot = None;
        let made = guarded_with(&mut slot, |slot| self.make_again(slot)).ok().flatten();
        let (mut made, play) = match (made, slot) {
            (Some(made), Some(play)) => (made, play),
            (_, slot) => {
                discard(slot);
                return (DesyncCause::ServerDiffers, None);
            }
        };
        let (mut cause, mut fields) = (DesyncCause::NoState, Vec::new());
        if let Some(bytes) = &client {
            match guarded(|| play.diff(bytes, REPORT_FIELDS_MAX)) {
                Ok(Ok(differing)) => (cause, fields) = (DesyncCause::StateDiffers, differing),
                _ => cause = DesyncCause::Undecodable,
            }
        }
        discard(play);
        let first_bad = self.found.first_bad;
        let sent = self.found.pairs.iter().find(|pair| pair.tick == first_bad).map(|pair| pair.server);
        if sent != Some(hash_bytes(&made.server.bytes)) {
            cause = DesyncCause::ServerDiffers;
        }
        fields.iter_mut().for_each(cut_field);
        let About { header, room, epoch, index, player, noticed, .. } = self.about;
        made.frames.retain(|frame| frame.tick >= made.base.tick);
        let report = DesyncReport {
            header,
            room: room.to_owned(),
            epoch: epoch.get(),
            made_unix_s: self.now_unix_s,
            seat: index,
            player: player.0,
            cause,
            noticed,
            first_bad,
            exact: self.found.exact,
            hashes: self.found.pairs,
            fields,
            server: made.server,
            client: client.map(|bytes| StateAt { tick: first_bad, bytes }),
            base: made.base,
            frames: made.frames,
        };
        (cause, Some(report))
    }

    /// The client's state, if it gave one; it must be the one whose hash it told.
    fn client_state(&self) -> Result<Option<Vec<u8>>, DesyncCause> {
        let Some((len, _)) = self.found.lengths else { return Ok(None) };
        let state = DesyncAnswer::unpack_state(&self.found.block, len).ok_or(DesyncCause::Forged)?;
        let is_claimed = Some(hash_bytes(&state) as u32) == self.found.claimed();
        if is_claimed { Ok(Some(state)) } else { Err(DesyncCause::Forged) }
    }

    /// Plays the server's match up to the first bad tick again, in `slot`.
    fn make_again(&self, slot: &mut Option<Box<dyn AnyMatch>>) -> Option<Made> {
        let About { game, header, blocks, .. } = &self.about;
        let first_bad = self.found.first_bad;
        let from = first_bad.earlier(REPORT_FRAMES_MAX as u32);
        let (block, frames) = frames_between(blocks, from, first_bad, game.input_bits())?;
        let play = slot.insert(game.start(&header.content, header.seed, header.seats).ok()?);
        play.restore(block.first, &block.state).ok()?;
        let base_tick = from.max(block.first);
        let mut base = StateAt { tick: base_tick, bytes: Vec::new() };
        for frame in &frames {
            if frame.tick == base_tick {
                play.encode(&mut base.bytes);
            }
            play.step(frame);
        }
        let mut server = StateAt { tick: first_bad, bytes: Vec::new() };
        play.encode(&mut server.bytes);
        if frames.is_empty() {
            base.bytes.clone_from(&server.bytes);
        }
        Some(Made { base, server, frames })
    }
}

/// The server's side, made again.
struct Made {
    base: StateAt,
    server: StateAt,
    frames: Vec<Frame>,
}

fn cut_field(field: &mut FieldDiff) {
    for text in [&mut field.path, &mut field.left, &mut field.right] {
        *text = cut_text(text);
    }
}
