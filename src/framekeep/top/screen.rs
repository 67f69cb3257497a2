//! `Screen`, what is drawn.

use std::io;
use std::net::SocketAddr;

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::{Color, Style, Stylize as _};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, Paragraph, Row, Sparkline, Table};

use super::reading::{Reading, Room};

/// Longest turns of the last readings that are remembered.
const TURNS_KEPT: usize = 240;

/// Alerts that are shown, the worst first.
const ALERTS_SHOWN: usize = 4;

/// What rooms are sorted by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Order {
    Name,
    Step,
    Connected,
    Memory,
}

impl Order {
    const fn next(self) -> Self {
        match self {
            Self::Name => Self::Step,
            Self::Step => Self::Connected,
            Self::Connected => Self::Memory,
            Self::Memory => Self::Name,
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Name => "name",
            Self::Step => "step",
            Self::Connected => "connected",
            Self::Memory => "memory",
        }
    }
}

/// What is drawn, and how it was before.
pub(super) struct Screen {
    address: SocketAddr,
    last: Option<Reading>,
    before: Option<Reading>,
    /// Why there is no newer reading.
    gone: Option<String>,
    turns_us: Vec<u64>,
    order: Order,
    first: usize,
}

impl Screen {
    pub(super) fn new(address: SocketAddr) -> Self {
        let (order, turns_us) = (Order::Name, Vec::new());
        Self { address, last: None, before: None, gone: None, turns_us, order, first: 0 }
    }

    /// Takes what the server says, or why it says nothing.
    pub(super) fn take(&mut self, reading: io::Result<Reading>) {
        match reading {
            Ok(reading) => {
                if self.turns_us.len() == TURNS_KEPT {
                    self.turns_us.remove(0);
                }
                self.turns_us.push((reading.node.tick_max_s * 1e6) as u64);
                self.before = self.last.replace(reading);
                self.gone = None;
            }
            Err(error) => self.gone = Some(error.to_string()),
        }
    }

    pub(super) fn sort_by_next(&mut self) {
        self.order = self.order.next();
        self.first = 0;
    }

    pub(super) fn scroll(&mut self, rows: isize) {
        let last = self.last.as_ref().map_or(0, |reading| reading.rooms.len().saturating_sub(1));
        self.first = self.first.saturating_add_signed(rows).min(last);
    }

    pub(super) fn draw(&mut self, frame: &mut Frame<'_>) {
        let Some(reading) = self.last.clone() else { return };
        let alerts = (reading.alerts.len().min(ALERTS_SHOWN) as u16).max(u16::from(self.gone.is_some()));
        let numbers = if frame.area().height >= 20 { 6 } else { 2 };
        let [title, top, told, rooms, keys] = Layout::vertical([
            Constraint::Length(1),
            Constraint::Length(numbers),
            Constraint::Length(alerts),
            Constraint::Min(3),
            Constraint::Length(1),
        ])
        .areas(frame.area());
        frame.render_widget(self.title(&reading), title);
        let [left, right] = Layout::horizontal([Constraint::Max(60), Constraint::Fill(1)]).areas(top);
        frame.render_widget(Paragraph::new(self.numbers(&reading)), left);
        self.draw_turns(frame, right);
        frame.render_widget(Paragraph::new(self.told(&reading)), told);
        self.draw_rooms(frame, rooms, &reading);
        let help = format!(" q quit   s sort (by {})   ↑↓ PgUp PgDn scroll", self.order.name());
        frame.render_widget(Line::from(help).dim(), keys);
    }

    fn title(&self, reading: &Reading) -> Line<'static> {
        let node = &reading.node;
        let up = node.as_of_unix_ms.saturating_sub(node.started_unix_ms) / 1_000;
        let state = match (&self.gone, node.draining) {
            (Some(_), _) => Span::from("gone").bold().red(),
            (None, true) => Span::from("draining").bold().yellow(),
            (None, false) => Span::from("ready").bold().green(),
        };
        Line::from(vec![
            Span::from(format!(" node {} ", node.name)).bold(),
            Span::from(format!("version {} at {}, up {}, ", node.version, self.address, duration(up))),
            state,
        ])
    }

    fn numbers(&self, reading: &Reading) -> Vec<Line<'static>> {
        let node = &reading.node;
        let before = self.before.as_ref();
        let rate = |line: &str| before.map_or(0.0, |before| reading.rate(before, line));
        let ms = |name: &str| {
            let mean = reading.mean(before, name).or_else(|| reading.mean(None, name));
            mean.map_or_else(|| "-".to_owned(), |mean| format!("{:.1}", mean * 1e3))
        };
        // By kind there, all of it here.
        let web = |way: &str| -> f64 {
            let of = format!("direction=\"{way}\"}}");
            reading
                .lines("framekeep_websocket_bytes_total{")
                .filter(|line| line.ends_with(&of))
                .map(rate)
                .sum()
        };
        let lost = |way: &str| {
            let of = rate(&format!("framekeep_play_packets_total{{direction=\"{way}\"}}"));
            let lost = rate(&format!("framekeep_play_packets_lost_total{{direction=\"{way}\"}}"));
            if of > 0.0 { lost / of * 100.0 } else { 0.0 }
        };
        let udp = node.links.saturating_sub(node.websocket_links);
        let (tick_in, tick_out) = (
            rate("framekeep_udp_bytes_total{direction=\"in\"}") + web("in"),
            rate("framekeep_udp_bytes_total{direction=\"out\"}") + web("out"),
        );
        vec![
            line("turns", format!("{:.1} ms, longest {:.1}", node.tick_mean_s * 1e3, node.tick_max_s * 1e3)),
            line("rooms", format!("{}, {} play; {} players", node.rooms, node.playing, node.players)),
            line(
                "links",
                format!(
                    "{udp} udp, {} web; {}/s in, {}/s out",
                    node.websocket_links,
                    bytes(tick_in),
                    bytes(tick_out)
                ),
            ),
            line(
                "way",
                format!(
                    "rtt udp {} web {} ms; lost {:.1}% in {:.1}% out",
                    ms("framekeep_udp_rtt_seconds"),
                    ms("framekeep_websocket_rtt_seconds"),
                    lost("in"),
                    lost("out")
                ),
            ),
            line(
                "disk",
                format!(
                    "durable {} ms; {} rooms not; journal {}",
                    ms("framekeep_journal_durable_seconds"),
                    reading.number("framekeep_undurable_rooms"),
                    bytes(reading.number("framekeep_journal_bytes"))
                ),
            ),
            line(
                "faults",
                format!(
                    "{} desyncs, {} failed, {} refused",
                    reading.number("framekeep_desyncs_total"),
                    reading.total("framekeep_match_failures_total"),
                    reading.total("framekeep_datagrams_refused_total")
                        + reading.total("framekeep_web_refused_total")
                ),
            ),
        ]
    }

    fn draw_turns(&self, frame: &mut Frame<'_>, area: Rect) {
        let block = Block::new().title(Line::from(" longest turns").dim());
        let inside = block.inner(area);
        frame.render_widget(block, area);
        let shown = usize::from(inside.width).min(self.turns_us.len());
        let newest = &self.turns_us[self.turns_us.len() - shown..];
        let highest = newest.iter().copied().max().unwrap_or_default().max(1_000);
        let line = Sparkline::default().data(newest).max(highest).style(Style::new().fg(Color::Cyan));
        frame.render_widget(line, inside);
    }

    fn told(&self, reading: &Reading) -> Vec<Line<'static>> {
        if let Some(gone) = &self.gone {
            return vec![Line::from(format!(" the server does not answer: {gone}")).red()];
        }
        let mut alerts = reading.alerts.clone();
        alerts.sort_by_key(|alert| alert.severity != "critical");
        let told = alerts.iter().take(ALERTS_SHOWN).map(|alert| {
            let text = format!(" {}: {} ({:.3})", alert.name, alert.text, alert.value);
            let line = Line::from(text).bold();
            if alert.severity == "critical" { line.red() } else { line.yellow() }
        });
        told.collect()
    }

    fn draw_rooms(&self, frame: &mut Frame<'_>, area: Rect, reading: &Reading) {
        let mut rooms: Vec<&Room> = reading.rooms.iter().collect();
        match self.order {
            Order::Name => rooms.sort_by(|a, b| a.name.cmp(&b.name)),
            Order::Step => rooms.sort_by_key(|room| std::cmp::Reverse(room.step_us)),
            Order::Connected => rooms.sort_by_key(|room| std::cmp::Reverse(room.connected)),
            Order::Memory => rooms.sort_by_key(|room| std::cmp::Reverse(room.bytes)),
        }
        let rows = rooms.into_iter().skip(self.first).take(usize::from(area.height)).map(row);
        let widths = [
            if area.width > 100 { Constraint::Length(40) } else { Constraint::Min(16) },
            Constraint::Length(8),
            Constraint::Length(9),
            Constraint::Length(6),
            Constraint::Length(5),
            Constraint::Length(8),
            Constraint::Length(8),
            Constraint::Length(9),
        ];
        let head = ["room", "game", "phase", "seats", "watch", "tick", "step us", "memory"];
        let head = Row::new(head).style(Style::new().bold().reversed());
        frame.render_widget(Table::new(rows, widths).header(head).column_spacing(1), area);
    }
}

fn row(room: &Room) -> Row<'static> {
    let row = Row::new([
        room.name.clone(),
        room.game.clone(),
        room.phase.clone(),
        format!("{}/{}", room.connected, room.seats),
        room.spectators.to_string(),
        room.tick.map_or_else(|| "-".to_owned(), |tick| tick.to_string()),
        room.step_us.to_string(),
        bytes(room.bytes as f64),
    ]);
    if room.phase == "playing" { row } else { row.style(Style::new().dim()) }
}

fn line(name: &'static str, text: String) -> Line<'static> {
    Line::from(vec![Span::from(format!(" {name:<7}")).dim(), Span::from(text)])
}

fn bytes(count: f64) -> String {
    match count {
        ..1e3 => format!("{count:.0} B"),
        ..1e6 => format!("{:.1} kB", count / 1e3),
        ..1e9 => format!("{:.1} MB", count / 1e6),
        _ => format!("{:.1} GB", count / 1e9),
    }
}

fn duration(seconds: u64) -> String {
    let (hours, minutes) = (seconds / 3_600, seconds / 60 % 60);
    match hours {
        0 => format!("{minutes}m{:02}s", seconds % 60),
        1..48 => format!("{hours}h{minutes:02}m"),
        _ => format!("{}d{}h", hours / 24, hours % 24),
    }
}
