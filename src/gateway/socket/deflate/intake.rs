//! `Intake`, the frames of a client, with packed messages unpacked. It has neither clock nor socket.

use std::cell::RefCell;

use bytes::{BufMut as _, BytesMut};
use zlib_rs::{Inflate, InflateFlush, Status};

use super::TAIL;

/// By how much a packed message may be longer than what is in it may be: flushes that were not needed.
const OVERHEAD_MAX: usize = 256;

/// The longest head of a frame: two bytes, a length of eight, a mask of four.
const HEAD_BYTES_MAX: usize = 14;

/// In the first byte of a frame: the last of its message, packed, and what it is.
const FIN: u8 = 0x80;
const RSV1: u8 = 0x40;
/// What no frame of a message may have but the first, which says that it is packed.
const RSV: u8 = 0x70;
const OPCODE: u8 = 0x0f;
/// In the second: whether there is a mask.
const MASKED: u8 = 0x80;
/// Opcodes.
const CONTINUATION: u8 = 0;
const BINARY: u8 = 2;

/// Why what a client sends is not unpacked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(in super::super) enum Refused {
    /// What is in it is longer than a message may be.
    #[error("a packed message holds more than a message may")]
    TooLarge,
    /// It cannot be unpacked, or the frames do not belong together.
    #[error("a packed message cannot be unpacked")]
    Malformed,
}

/// The frames of a client. Those that are not packed pass as they are; the frames of a packed message become one that
/// is not, under a mask of zeros. What is wrong with frames otherwise, who reads them has to find.
pub(super) struct Intake {
    bytes_max: usize,
    head: [u8; HEAD_BYTES_MAX],
    head_bytes: usize,
    /// What is left of the frame whose head was read.
    left: u64,
    /// Where that goes.
    goes: Goes,
    /// The packed message that is being received, and what it is: the first byte of its first frame.
    packed: Vec<u8>,
    packing: Option<u8>,
}

/// Where a frame's payload goes.
#[derive(Clone, Copy)]
enum Goes {
    On,
    /// To the packed message, from under a mask; so many of its bytes were taken off before.
    Gathered {
        mask: [u8; 4],
        at: usize,
        is_last: bool,
    },
}

impl Intake {
    /// Messages may have so many bytes, unpacked.
    pub(super) fn new(bytes_max: usize) -> Self {
        Self {
            bytes_max,
            head: [0; HEAD_BYTES_MAX],
            head_bytes: 0,
            left: 0,
            goes: Goes::On,
            packed: Vec::new(),
            packing: None,
        }
    }

    /// Takes bytes of a client until a packed message is whole, or all of them; gives how many it took. What is to be
    /// read in their place is appended to `out`: never more than was taken, and one message.
    pub(super) fn take(&mut self, bytes: &[u8], out: &mut BytesMut) -> Result<usize, Refused> {
        let mut taken = 0;
        while taken < bytes.len() {
            if self.left == 0 {
                self.head[self.head_bytes] = bytes[taken];
                self.head_bytes += 1;
                taken += 1;
                if self.head_bytes >= 2 && self.head_bytes == self.head_length() {
                    self.head_bytes = 0;
                    if self.begin(out)? {
                        return Ok(taken);
                    }
                }
                continue;
            }
            let part = &bytes[taken..];
            let part = &part[..part.len().min(usize::try_from(self.left).unwrap_or(usize::MAX))];
            taken += part.len();
            self.left -= part.len() as u64;
            if self.pass(part, out)? {
                return Ok(taken);
            }
        }
        Ok(taken)
    }

    /// How long the head is, once two bytes of it are known.
    fn head_length(&self) -> usize {
        let length = match self.head[1] & !MASKED {
            126 => 2,
            127 => 8,
            _ => 0,
        };
        2 + length + if self.head[1] & MASKED == 0 { 0 } else { 4 }
    }

    /// A head was read; `true` if a packed message is whole.
    fn begin(&mut self, out: &mut BytesMut) -> Result<bool, Refused> {
        let (first, second) = (self.head[0], self.head[1]);
        let (length, mask_at) = match second & !MASKED {
            126 => (u64::from(u16::from_be_bytes([self.head[2], self.head[3]])), 4),
            127 => (self.head[2..10].iter().fold(0, |length, byte| length << 8 | u64::from(*byte)), 10),
            length => (u64::from(length), 2),
        };
        self.left = length;
        let opcode = first & OPCODE;
        let is_data = (1..=BINARY).contains(&opcode);
        if is_data && self.packing.is_some() {
            return Err(Refused::Malformed);
        }
        if is_data && first & RSV1 != 0 {
            if first & RSV != RSV1 {
                return Err(Refused::Malformed);
            }
            self.packing = Some(first & !RSV1 | FIN);
        } else if opcode != CONTINUATION || self.packing.is_none() {
            // A packed message may have frames of others in it, which have nothing to do with it.
            self.goes = Goes::On;
            out.put_slice(&self.head[..self.head_length()]);
            return Ok(false);
        } else if first & RSV != 0 {
            return Err(Refused::Malformed);
        }
        if second & MASKED == 0 {
            return Err(Refused::Malformed);
        }
        if length.saturating_add(self.packed.len() as u64) > (self.bytes_max + OVERHEAD_MAX) as u64 {
            return Err(Refused::TooLarge);
        }
        let mask = [0, 1, 2, 3].map(|at| self.head[mask_at + at]);
        self.goes = Goes::Gathered { mask, at: 0, is_last: first & FIN != 0 };
        self.finish(out)
    }

    /// Passes a part of a payload on; `true` if a packed message is whole.
    fn pass(&mut self, part: &[u8], out: &mut BytesMut) -> Result<bool, Refused> {
        match &mut self.goes {
            Goes::On => {
                out.put_slice(part);
                Ok(false)
            }
            Goes::Gathered { mask, at, .. } => {
                let masks = mask.iter().cycle().skip(*at % 4);
                self.packed.extend(part.iter().zip(masks).map(|(byte, mask)| byte ^ mask));
                *at += part.len();
                self.finish(out)
            }
        }
    }

    /// Unpacks a message whose last byte has come.
    fn finish(&mut self, out: &mut BytesMut) -> Result<bool, Refused> {
        if !matches!(self.goes, Goes::Gathered { is_last: true, .. }) || self.left > 0 {
            return Ok(false);
        }
        let Some(first) = self.packing.take() else { return Err(Refused::Malformed) };
        let message = unpack(&self.packed, self.bytes_max);
        self.packed.clear();
        let message = message?;
        out.put_u8(first);
        match message.len() {
            length @ 0..126 => out.put_u8(MASKED | length as u8),
            length @ 126..=0xffff => {
                out.put_u8(MASKED | 126);
                out.put_u16(length as u16);
            }
            length => {
                out.put_u8(MASKED | 127);
                out.put_u64(length as u64);
            }
        }
        out.put_u32(0);
        out.put_slice(&message);
        Ok(true)
    }
}

thread_local! {
    /// Nothing is kept from one message to the next: one for each thread is enough.
    static INFLATE: RefCell<Inflate> = RefCell::new(Inflate::new(false, 15));
}

/// The last block of a stream, with nothing in it. Where one can begin, the block before it is whole.
const LAST: [u8; 5] = [1, 0, 0, 0xff, 0xff];

/// What is in a packed message, of so many bytes at most. It may end a stream and begin another one (section 7.2.3.5),
/// but not end within a block: of one that was cut, nobody knows what is missing.
fn unpack(packed: &[u8], bytes_max: usize) -> Result<Vec<u8>, Refused> {
    INFLATE.with_borrow_mut(|inflate| {
        inflate.reset(false);
        let mut message = vec![0; bytes_max + 1];
        let (written, _) = unpack_part(inflate, packed, &mut message)?;
        for (part, is_last) in [(&TAIL[..], false), (&LAST[..], true)] {
            if unpack_part(inflate, part, &mut message[written..])? != (0, is_last) {
                return Err(Refused::Malformed);
            }
        }
        message.truncate(written);
        Ok(message)
    })
}

/// Unpacks bytes of a stream, until there is no room left: how many come out, and whether the stream ends with them.
fn unpack_part(inflate: &mut Inflate, packed: &[u8], message: &mut [u8]) -> Result<(usize, bool), Refused> {
    let (mut read, mut written, mut is_over) = (0, 0, false);
    while read < packed.len() {
        let (read_before, written_before) = (inflate.total_in(), inflate.total_out());
        let status = inflate.decompress(&packed[read..], &mut message[written..], InflateFlush::SyncFlush);
        let status = status.map_err(|_| Refused::Malformed)?;
        let advance = (inflate.total_in() - read_before) as usize;
        read += advance;
        written += (inflate.total_out() - written_before) as usize;
        if written == message.len() {
            return Err(Refused::TooLarge);
        }
        is_over = matches!(status, Status::StreamEnd);
        match status {
            Status::StreamEnd => inflate.reset(false),
            _ if advance == 0 => return Err(Refused::Malformed),
            _ => {}
        }
    }
    Ok((written, is_over))
}
