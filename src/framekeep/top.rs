//! `framekeep top`: a server that runs, in a terminal.

mod reading;
mod screen;

use std::io;
use std::net::SocketAddr;
use std::str::FromStr;
use std::time::{Duration, Instant};

use ratatui::backend::TestBackend;
use ratatui::crossterm::event::{self, Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers};
use ratatui::{DefaultTerminal, Terminal};

use crate::args::TopArgs;
use crate::config::Settings;
use crate::{CommandError, Exit, output};
use reading::Reading;
use screen::Screen;

/// A server cannot be watched.
#[derive(Debug, thiserror::Error)]
pub enum TopError {
    /// HTTP is switched off.
    #[error("http.address is off: there is nobody to ask; name the address of a running server with --http")]
    Off,
    /// Nobody answers.
    #[error("http://{address}/ does not answer as a server of Framekeep: {source}")]
    Unreachable {
        /// Who was asked.
        address: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
    /// There is no terminal to draw in.
    #[error("cannot draw in this terminal: {0}; `framekeep top --once 80x24` prints one picture")]
    Terminal(io::Error),
}

impl TopError {
    /// The exit code of this error.
    #[must_use]
    pub fn exit(&self) -> Exit {
        match self {
            TopError::Off => Exit::Usage,
            TopError::Unreachable { .. } => Exit::Bind,
            TopError::Terminal(_) => Exit::Failure,
        }
    }
}

/// How large a picture is, in cells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size {
    columns: u16,
    rows: u16,
}

impl FromStr for Size {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parsed = text.split_once('x').and_then(|(columns, rows)| {
            let (columns, rows) = (columns.parse().ok()?, rows.parse().ok()?);
            let fits = (40..=500).contains(&columns) && (12..=200).contains(&rows);
            fits.then_some(Self { columns, rows })
        });
        parsed.ok_or_else(|| "a size is COLUMNSxROWS, such as 80x24, from 40x12 to 500x200".to_owned())
    }
}

/// Watches the server until `q`, or prints one picture of it.
pub(crate) fn run(args: &TopArgs, settings: &Settings) -> Result<(), CommandError> {
    let address = settings.http.address.ok_or(TopError::Off)?;
    let first = Reading::take(address).map_err(|source| TopError::Unreachable { address, source })?;
    let mut screen = Screen::new(address);
    screen.take(Ok(first));
    if let Some(size) = args.once {
        let picture = picture(&mut screen, size).map_err(TopError::Terminal)?;
        return output::print(&picture);
    }
    let mut terminal = ratatui::try_init().map_err(TopError::Terminal)?;
    let watched = watch(&mut terminal, &mut screen, address, Duration::from_millis(args.interval_ms));
    // The terminal is given back whatever happened.
    ratatui::restore();
    watched.map_err(|error| TopError::Terminal(error).into())
}

fn watch(
    terminal: &mut DefaultTerminal,
    screen: &mut Screen,
    address: SocketAddr,
    interval: Duration,
) -> io::Result<()> {
    let mut look_at = Instant::now() + interval;
    loop {
        terminal.draw(|frame| screen.draw(frame))?;
        if event::poll(look_at.saturating_duration_since(Instant::now()))? {
            if let Event::Key(key) = event::read()?
                && hear(screen, key)
            {
                return Ok(());
            }
            continue;
        }
        look_at = Instant::now() + interval;
        screen.take(Reading::take(address));
    }
}

/// Does what a key asks for; `true` to end.
fn hear(screen: &mut Screen, key: KeyEvent) -> bool {
    if key.kind != KeyEventKind::Press {
        return false;
    }
    match key.code {
        KeyCode::Char('q') | KeyCode::Esc => return true,
        KeyCode::Char('c') if key.modifiers.contains(KeyModifiers::CONTROL) => return true,
        KeyCode::Char('s') => screen.sort_by_next(),
        KeyCode::Down | KeyCode::Char('j') => screen.scroll(1),
        KeyCode::Up | KeyCode::Char('k') => screen.scroll(-1),
        KeyCode::PageDown | KeyCode::Char(' ') => screen.scroll(10),
        KeyCode::PageUp => screen.scroll(-10),
        KeyCode::Home => screen.scroll(isize::MIN),
        _ => {}
    }
    false
}

/// One picture as text.
fn picture(screen: &mut Screen, size: Size) -> io::Result<String> {
    let mut terminal = Terminal::new(TestBackend::new(size.columns, size.rows)).map_err(io::Error::other)?;
    terminal.draw(|frame| screen.draw(frame)).map_err(io::Error::other)?;
    let buffer = terminal.backend().buffer();
    let mut text = String::new();
    for row in buffer.content().chunks(usize::from(size.columns)) {
        let line: String = row.iter().map(|cell| cell.symbol()).collect();
        text.push_str(line.trim_end());
        text.push('\n');
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read() {
        assert_eq!("80x24".parse(), Ok(Size { columns: 80, rows: 24 }));
        for bad in ["", "80", "80x", "8x24", "80x9999", "-1x24"] {
            assert!(bad.parse::<Size>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_picture_has_every_room_for_which_there_is_a_row() {
        let address = "127.0.0.1:7780".parse().expect("an address");
        for (columns, rows, seen) in [(80, 24, 5), (200, 50, 5), (40, 12, 1)] {
            let mut screen = Screen::new(address);
            screen.take(Ok(Reading::sample(5)));
            let text = picture(&mut screen, Size { columns, rows }).expect("a picture");
            assert_eq!(text.lines().count(), usize::from(rows));
            let rooms = (0..5).filter(|number| text.contains(&format!("room-{number}"))).count();
            assert!(rooms >= seen, "{text}");
            assert!(text.contains("tick_spike"), "{text}");
        }
    }

    #[test]
    fn a_server_that_is_gone_is_said_to_be() {
        let mut screen = Screen::new("127.0.0.1:7780".parse().expect("an address"));
        screen.take(Ok(Reading::sample(1)));
        screen.take(Err(io::Error::other("connection refused")));
        let text = picture(&mut screen, Size { columns: 80, rows: 24 }).expect("a picture");
        assert!(text.contains("connection refused") && text.contains("room-0"), "{text}");
    }

    #[test]
    fn keys_scroll_sort_and_end() {
        let mut screen = Screen::new("127.0.0.1:7780".parse().expect("an address"));
        screen.take(Ok(Reading::sample(40)));
        let size = Size { columns: 80, rows: 24 };
        let before = picture(&mut screen, size).expect("a picture");
        assert!(!hear(&mut screen, KeyCode::PageDown.into()));
        let after = picture(&mut screen, size).expect("a picture");
        assert_ne!(before, after);
        assert!(!hear(&mut screen, KeyCode::Char('s').into()));
        assert!(hear(&mut screen, KeyCode::Char('q').into()));
        assert!(hear(&mut screen, KeyEvent::new(KeyCode::Char('c'), KeyModifiers::CONTROL)));
    }
}
