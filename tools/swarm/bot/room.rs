//! What a bot knows of its room, and when it asks for another match.

use framekeep_protocol::{RoomEventKind, RoomPhase, RoomView, ToServer};

use super::Bot;
use crate::crowd::Answer;

impl Bot {
    pub(super) fn sit_down(&mut self, view: &RoomView) {
        (self.is_seated, self.seat) = (true, view.seat);
        self.answer.get_or_insert(Answer::Seated);
        if let Some(back) = &mut self.coming_back {
            back.note_seated(view.seat, view.phase == RoomPhase::Playing);
        }
        self.note_room(view);
    }

    pub(super) fn note_room(&mut self, view: &RoomView) {
        self.is_host = view.members.iter().any(|member| member.seat == view.seat && member.host);
        self.phase = view.phase;
        self.consider_another();
    }

    pub(super) fn note_event(&mut self, event: &RoomEventKind) {
        match event {
            RoomEventKind::HostChanged { host } => self.is_host = self.player == Some(*host),
            RoomEventKind::Phase(phase) => self.phase = *phase,
            _ => {}
        }
        self.consider_another();
    }

    /// A host that was made one, or came back, after the match has ended asks for another as well.
    fn consider_another(&mut self) {
        if self.phase == RoomPhase::Finished && (self.play.is_none() || self.judged) {
            self.ask_again();
        }
    }

    /// Asks for another match, once, if that is for this bot to do.
    pub(super) fn ask_again(&mut self) {
        if self.is_host && !self.is_leaving && !self.asked_again {
            self.asked_again = true;
            let _ = self.link.send_control(&ToServer::PlayAgain);
        }
    }
}
