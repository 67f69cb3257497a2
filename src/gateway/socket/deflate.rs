//! Compressed messages (`permessage-deflate`, RFC 7692), where an operator has switched them on.
//!
//! What comes is inflated on its way to the library that knows WebSockets ([`Inflating`]); what goes is deflated before
//! it gets there ([`Deflater`]). A client is told to begin anew with each message, so that nothing is kept of what it
//! said; of what it is told a window is kept. To begin anew with each of those would clear 128 KiB of tables a message:
//! a client that asks for that is told everything as it is.

mod inflating;
mod intake;
mod offer;
use bytes::{Bytes, BytesMut};
use zlib_rs::{Deflate, DeflateConfig, DeflateError, DeflateFlush};

pub(super) use inflating::Inflating;
pub(super) use intake::Refused;
pub(super) use offer::{Agreed, agree};

/// What a flush leaves at the end of a message, and who receives it puts there again (section 7.2.1).
const TAIL: [u8; 4] = [0, 0, 0xff, 0xff];

/// Smaller messages are sent as they are.
const BYTES_MIN: usize = 48;

/// The smallest effort: on views the largest saves a few percent for several times the work.
const LEVEL: i32 = 1;

/// Sizes the buffers of what is packed; views are small.
const MEM_LEVEL: i32 = 5;

/// Packs what one client is told.
pub(super) struct Deflater {
    deflate: Deflate,
    /// Bytes before and after, since they were asked for last.
    figures: [usize; 2],
}

impl Deflater {
    pub(super) fn new(agreed: Agreed) -> Self {
        // Below zero: without zlib's own head and sum.
        let window_bits = -i32::from(agreed.window_bits);
        let config =
            DeflateConfig { level: LEVEL, window_bits, mem_level: MEM_LEVEL, ..DeflateConfig::default() };
        Self { deflate: Deflate::new_with_config(config), figures: [0; 2] }
    }

    pub(super) fn take_figures(&mut self) -> [usize; 2] {
        std::mem::take(&mut self.figures)
    }

    /// Whether a message is long enough to be packed.
    pub(super) fn takes(message: &[u8]) -> bool {
        message.len() >= BYTES_MIN
    }

    /// A message packed; `None` where it goes as it is. What went through the window the client has to see, however
    /// long it is.
    pub(super) fn pack(&mut self, message: &[u8]) -> Option<Bytes> {
        if !Self::takes(message) {
            return None;
        }
        let mut packed = BytesMut::zeroed(message.len() / 2 + 64);
        let (mut read, mut written) = (0, 0);
        loop {
            let (read_before, written_before) = (self.deflate.total_in(), self.deflate.total_out());
            self.compress(&message[read..], &mut packed[written..]).ok()?;
            read += (self.deflate.total_in() - read_before) as usize;
            written += (self.deflate.total_out() - written_before) as usize;
            // As long as there is no room left, there may be more.
            if written < packed.len() {
                break;
            }
            packed.resize(packed.len() + message.len() / 2 + 64, 0);
        }
        packed.truncate(written);
        let length = packed.strip_suffix(&TAIL)?.len();
        packed.truncate(length);
        self.figures[0] += message.len();
        self.figures[1] += length;
        Some(packed.freeze())
    }

    fn compress(&mut self, message: &[u8], packed: &mut [u8]) -> Result<(), DeflateError> {
        self.deflate.compress(message, packed, DeflateFlush::SyncFlush).map(drop)
    }
}

#[cfg(test)]
mod tests;
