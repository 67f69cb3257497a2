//! `Peer`, a WebSocket client that never waits, and the messages it says (`src/gateway/framekeep.proto`).

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};

use anyhow::{Context, Result, bail, ensure};
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use zlib_rs::{Inflate, InflateFlush};

/// A client.
pub(crate) struct Peer {
    pub(crate) stream: TcpStream,
    inbox: Vec<u8>,
    /// The id of the last request.
    id: u64,
    /// Unpacks what the server packs.
    inflate: Option<Inflate>,
    /// Bytes that have come since they were counted last.
    pub(crate) bytes: u64,
}

/// How a client connects.
#[derive(Clone, Copy, Default)]
pub(crate) struct Wishes {
    /// State views a second.
    pub(crate) views_hz: u32,
    /// Views say when their ticks had ended.
    pub(crate) times: bool,
    /// It offers to unpack messages.
    pub(crate) compression: bool,
}

/// The window that the server keeps for a client that asks for no other.
const WINDOW_BITS: u8 = 12;

/// Lets the process, and the server it starts, have as many sockets as the system gives.
pub(crate) fn allow_files() -> Result<()> {
    let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE)?;
    setrlimit(Resource::RLIMIT_NOFILE, hard, hard)?;
    Ok(())
}

/// Fields of a message in protobuf.
#[derive(Default)]
pub(crate) struct Fields(Vec<u8>);

impl Fields {
    pub(crate) fn number(mut self, field: u32, value: u64) -> Self {
        put_varint(&mut self.0, u64::from(field << 3));
        put_varint(&mut self.0, value);
        self
    }

    pub(crate) fn bytes(mut self, field: u32, bytes: &[u8]) -> Self {
        put_varint(&mut self.0, u64::from(field << 3 | 2));
        put_varint(&mut self.0, bytes.len() as u64);
        self.0.extend_from_slice(bytes);
        self
    }

    pub(crate) fn message(self, field: u32, message: Self) -> Self {
        self.bytes(field, &message.0)
    }
}

fn put_varint(out: &mut Vec<u8>, mut value: u64) {
    while value > 0x7f {
        out.push(value as u8 & 0x7f | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

impl Peer {
    /// Connects and says who it is; waits for its welcome.
    pub(crate) fn connect(to: SocketAddr, ticket: &str, wishes: Wishes) -> Result<Self> {
        let mut stream = TcpStream::connect(to)?;
        stream.set_nodelay(true)?;
        let offer = if wishes.compression { "Sec-WebSocket-Extensions: permessage-deflate\r\n" } else { "" };
        write!(
            stream,
            "GET /ws HTTP/1.1\r\nHost: {to}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\
             Sec-WebSocket-Protocol: framekeep.v1.protobuf\r\n{offer}\r\n"
        )?;
        let inflate = wishes.compression.then(|| Inflate::new(false, WINDOW_BITS));
        let mut peer = Self { stream, inbox: Vec::new(), id: 0, inflate, bytes: 0 };
        while !peer.inbox.windows(4).any(|end| end == b"\r\n\r\n") {
            peer.read_more()?;
        }
        let end = peer.inbox.windows(4).position(|end| end == b"\r\n\r\n").context("no head")? + 4;
        ensure!(peer.inbox.starts_with(b"HTTP/1.1 101"), "the server does not upgrade");
        let head = String::from_utf8_lossy(&peer.inbox[..end]).to_lowercase();
        let is_packed = head.contains(&format!("server_max_window_bits={WINDOW_BITS}"));
        ensure!(is_packed == wishes.compression, "compression is not as it was asked for: {head}");
        peer.inbox.drain(..end);
        let who = Fields::default().bytes(1, ticket.as_bytes()).number(2, wishes.views_hz.into());
        let who = who.number(3, wishes.times.into());
        peer.say(Fields::default().message(3, who))?;
        let mut welcome = false;
        while !welcome {
            peer.read_more()?;
            peer.hear(|field, _| welcome |= field == 3)?;
        }
        peer.stream.set_nonblocking(true)?;
        Ok(peer)
    }

    fn read_more(&mut self) -> Result<()> {
        let mut buffer = [0; 16 << 10];
        let length = self.stream.read(&mut buffer)?;
        ensure!(length > 0, "the server has closed the connection");
        self.inbox.extend_from_slice(&buffer[..length]);
        Ok(())
    }

    /// Sends a request with the next id.
    pub(crate) fn ask(&mut self, field: u32, body: Fields) -> Result<()> {
        self.id += 1;
        self.say(Fields::default().number(1, self.id).message(field, body))
    }

    /// Sends a message; it is short and fits the socket's buffer.
    pub(crate) fn say(&mut self, message: Fields) -> Result<()> {
        let data = message.0;
        let mut frame = vec![0x82];
        match u8::try_from(data.len()) {
            Ok(length @ ..=125) => frame.push(0x80 | length),
            _ => {
                frame.push(0x80 | 126);
                frame.extend_from_slice(&(data.len() as u16).to_be_bytes());
            }
        }
        // A mask of zeros is a mask.
        frame.extend_from_slice(&[0; 4]);
        frame.extend_from_slice(&data);
        self.stream.write_all(&frame).context("the server takes nothing")
    }

    /// Reads what has come without waiting.
    pub(crate) fn receive(&mut self, buffer: &mut [u8]) -> Result<()> {
        loop {
            match self.stream.read(buffer) {
                Ok(0) => bail!("the server has closed the connection"),
                Ok(length) => {
                    self.bytes += length as u64;
                    self.inbox.extend_from_slice(&buffer[..length]);
                    if length < buffer.len() {
                        return Ok(());
                    }
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Hears each message that is there whole: the number of its body in `ServerMessage`, and the body.
    pub(crate) fn hear(&mut self, mut hear: impl FnMut(u64, &[u8])) -> Result<()> {
        let mut at = 0;
        let mut pong = None;
        while let Some((first, start, end)) = frame(&self.inbox[at..]) {
            let mut data = &self.inbox[at + start..at + end];
            let unpacked;
            if let Some(inflate) = self.inflate.as_mut().filter(|_| first & 0x40 != 0) {
                unpacked = unpack(inflate, data)?;
                data = &unpacked;
            }
            match first & 0x0f {
                2 => {
                    fields(data, |_, _, message| {
                        fields(message, |field, number, body| {
                            if number.is_none() && field >= 3 {
                                hear(field, body);
                            }
                        });
                    });
                }
                8 => bail!("the server says good-bye: {}", String::from_utf8_lossy(data)),
                9 => pong = Some(data.to_vec()),
                _ => {}
            }
            at += end;
        }
        self.inbox.drain(..at);
        if let Some(data) = pong.filter(|data| data.len() < 126) {
            let mut frame = vec![0x8a, 0x80 | data.len() as u8, 0, 0, 0, 0];
            frame.extend_from_slice(&data);
            self.stream.write_all(&frame)?;
        }
        Ok(())
    }
}

/// What is in a packed message.
fn unpack(inflate: &mut Inflate, data: &[u8]) -> Result<Vec<u8>> {
    let mut out = vec![0; 32 << 10];
    let before = inflate.total_out();
    for part in [data, &[0, 0, 0xff, 0xff]] {
        let at = (inflate.total_out() - before) as usize;
        let done = inflate.decompress(part, &mut out[at..], InflateFlush::SyncFlush);
        done.map_err(|error| anyhow::anyhow!("a message cannot be unpacked: {}", error.as_str()))?;
    }
    out.truncate((inflate.total_out() - before) as usize);
    Ok(out)
}

/// The first frame if it is whole: its first byte, and from where to where its data is.
fn frame(bytes: &[u8]) -> Option<(u8, usize, usize)> {
    let (first, short) = (*bytes.first()?, usize::from(*bytes.get(1)? & 0x7f));
    let (start, length) = match short {
        126 => (4, usize::from(u16::from_be_bytes(bytes.get(2..4)?.try_into().ok()?))),
        127 => (10, u64::from_be_bytes(bytes.get(2..10)?.try_into().ok()?) as usize),
        length => (2, length),
    };
    (bytes.len() >= start + length).then_some((first, start, start + length))
}

/// Every field of a message in protobuf: its number, and its value or its bytes.
pub(crate) fn fields(mut bytes: &[u8], mut visit: impl FnMut(u64, Option<u64>, &[u8])) {
    while let Some(key) = take_varint(&mut bytes) {
        let Some(value) = take_varint(&mut bytes) else { return };
        match key & 7 {
            0 => visit(key >> 3, Some(value), &[]),
            2 => {
                let Some((body, rest)) = bytes.split_at_checked(value as usize) else { return };
                visit(key >> 3, None, body);
                bytes = rest;
            }
            _ => return,
        }
    }
}

fn take_varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let (&byte, rest) = bytes.split_first()?;
        *bytes = rest;
        value |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return Some(value);
        }
    }
    None
}
