//! `Keys`, what the keyboard says. A terminal tells when a key goes down and not when it comes up, so one walks on
//! until another key is pressed.

use bevy_ecs::prelude::Resource;
use crossterm::event::KeyCode;
use framekeep_games::arena::{ArenaInput, Direction};

/// What the keyboard says.
#[derive(Resource, Clone, Copy, Debug, Default)]
pub(crate) struct Keys {
    walk: Option<Direction>,
    facing: Option<Direction>,
    shoot: bool,
    /// Frames for which a dash is still held.
    dash_frames: u8,
}

impl Keys {
    /// A key went down.
    pub(crate) fn press(&mut self, key: KeyCode) {
        let walk = match key {
            KeyCode::Up | KeyCode::Char('w') => Direction::Up,
            KeyCode::Down | KeyCode::Char('s') => Direction::Down,
            KeyCode::Left | KeyCode::Char('a') => Direction::Left,
            KeyCode::Right | KeyCode::Char('d') => Direction::Right,
            KeyCode::Char('x') => return self.walk = None,
            KeyCode::Char(' ') => return self.shoot = !self.shoot,
            KeyCode::Char('e') => return self.dash_frames = 6,
            _ => return,
        };
        (self.walk, self.facing) = (Some(walk), Some(walk));
    }

    /// The input of this frame.
    pub(crate) fn input(&mut self) -> ArenaInput {
        let dash = self.dash_frames > 0;
        self.dash_frames = self.dash_frames.saturating_sub(1);
        let aim = self.facing.map_or_else(Default::default, Direction::aim);
        ArenaInput { walk: self.walk, aim, shoot: self.shoot, dash }
    }
}
