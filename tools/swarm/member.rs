//! `Member`, one bot, its socket and its timer.

use std::time::Duration;

use framekeep_client::TokenError;

use crate::bot::{Bot, Orders};
use crate::line::Line;

/// Datagrams taken at once from where a room goes.
const ACROSS_MAX: usize = 64;
/// How long a bot waits before it tries again to come back.
const RETRY: Duration = Duration::from_millis(250);

/// One bot, its socket and its timer.
pub(crate) struct Member {
    pub(crate) line: Line,
    /// The one to where its room goes.
    across: Option<Line>,
    /// The first line has another socket than before.
    pub(crate) is_new_line: bool,
    pub(crate) bot: Option<Bot>,
    pub(crate) orders: Orders,
    pub(crate) timer_at: Duration,
    /// When it connects again, while it is away.
    pub(crate) back_at: Option<Duration>,
}

impl Member {
    pub(crate) fn new(line: Line, orders: Orders, timer_at: Duration) -> Self {
        Self { line, across: None, is_new_line: false, bot: None, orders, timer_at, back_at: None }
    }

    /// Whether it is to connect now.
    pub(crate) fn is_due(&self, now: Duration) -> bool {
        self.bot.is_none() || self.back_at.is_some_and(|at| at <= now)
    }

    /// Connects for the first time, or again after its link was lost.
    pub(crate) fn connect(&mut self, ticket: &[u8], now: Duration) -> Result<(), TokenError> {
        self.back_at = None;
        match &mut self.bot {
            Some(bot) => bot.come_back(ticket, now),
            None => {
                self.bot = Some(Bot::new(self.orders.clone(), ticket, now)?);
                Ok(())
            }
        }
    }

    /// Lets through what is due, both ways, and gives the time of the next turn.
    pub(crate) fn turn(&mut self, now: Duration) -> Duration {
        if let Some(back_at) = self.back_at {
            return back_at;
        }
        let Self { line, across, bot: Some(bot), .. } = self else { return Duration::MAX };
        while let Some(mut datagram) = line.arrived(now) {
            bot.handle_datagram(now, &mut datagram);
        }
        if let Some(server) = bot.set_out(now) {
            *across = line.beside(server).ok();
        }
        if let Some(over) = across {
            receive_across(over, bot, now);
            if bot.arrive(now, |datagram| line.send(now, datagram)) {
                line.flush(Duration::MAX);
                if let Some(over) = across.take() {
                    line.replace(over);
                }
                self.is_new_line = true;
            } else if !bot.is_crossing() {
                *across = None;
            }
        }
        let send_across = |datagram: &[u8]| {
            if let Some(across) = across {
                across.send(now, datagram);
            }
        };
        let wake_at = bot.turn(now, |datagram| line.send(now, datagram), send_across);
        line.flush(now);
        if let Some(across) = across {
            across.flush(now);
        }
        if bot.wants_link() {
            self.back_at = Some(now + RETRY);
            return now + RETRY;
        }
        line.next_due().map_or(wake_at, |due| due.min(wake_at))
    }
}

/// Takes everything that has come from where the room goes.
fn receive_across(line: &mut Line, bot: &mut Bot, now: Duration) {
    let mut buffer = [0; 2_048];
    for _ in 0..ACROSS_MAX {
        match line.receive(now, &mut buffer) {
            Ok(Some(length)) => bot.handle_across(now, &mut buffer[..length]),
            // On a bad network what was taken comes out later; without anything new that is all.
            _ if line.next_due().is_none() => break,
            _ => {}
        }
    }
    while let Some(mut datagram) = line.arrived(now) {
        bot.handle_across(now, &mut datagram);
    }
}
