//! `ArenaBot`, a player without a person: for demos, load and tests.

use framekeep_sim::{Angle, Fx, Pcg32, Vec2};

use crate::arena::{Aim, ArenaInput, ArenaState, Direction};

/// Closer than this a bot circles its opponent instead of chasing, in world units.
const CIRCLE_DISTANCE: Fx = Fx::from_int(5);

/// Acts as a person might: changes direction three to six times a second, corrects its aim a little less often,
/// fires in bursts, dashes now and then. The same seed and the same states give the same inputs.
///
/// One bot plays one seat; call it once per tick, with ticks that grow.
///
/// ```
/// use framekeep_games::arena::{Arena, ArenaBot};
/// use framekeep_sim::{Frame, Game, Input, Match, SeatInput, Tick};
/// let mut play = Match::<Arena>::start(Arena::default_content().into(), 7, 2);
/// let mut bots = [ArenaBot::new(1), ArenaBot::new(2)];
/// for tick in 0..300 {
///     let mut frame = Frame::absent(Tick(tick), 2);
///     for (seat, bot) in (0..).zip(&mut bots) {
///         frame.set(seat, SeatInput::arrived(bot.input(play.state(), seat, tick).pack()));
///     }
///     play.step(&frame);
/// }
/// ```
#[derive(Clone, Debug)]
pub struct ArenaBot {
    rng: Pcg32,
    held: ArenaInput,
    walk_until: u32,
    aim_until: u32,
    trigger_until: u32,
}

/// What a bot sees from where it stands.
struct Sight {
    /// The way to the nearest opponent.
    opponent: Vec2,
    /// The way to the nearest pick-up, or to the opponent if there is none.
    goal: Vec2,
}

impl ArenaBot {
    /// A bot; bots of different seeds act differently.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        let rng = Pcg32::new(seed, 0xb07);
        Self { rng, held: ArenaInput::default(), walk_until: 0, aim_until: 0, trigger_until: 0 }
    }

    /// The input for `tick` of a bot that sees the state.
    pub fn input(&mut self, state: &ArenaState, seat: u8, tick: u32) -> ArenaInput {
        self.act(tick, || look(state, seat))
    }

    /// The input for `tick` of a bot that sees nothing: for clients that do not simulate.
    pub fn blind_input(&mut self, tick: u32) -> ArenaInput {
        self.act(tick, || None)
    }

    /// Keeps what is held until its time is over. A direction lasts 5 to 10 ticks, an aim 7 to 14.
    fn act(&mut self, tick: u32, look: impl Fn() -> Option<Sight>) -> ArenaInput {
        if tick >= self.walk_until {
            self.walk_until = tick.saturating_add(5 + self.rng.below(6));
            self.held.walk = self.choose_walk(look());
            self.held.dash = self.rng.below(6) == 0;
        }
        if tick >= self.aim_until {
            self.aim_until = tick.saturating_add(7 + self.rng.below(8));
            self.held.aim = self.choose_aim(look());
        }
        if tick >= self.trigger_until {
            self.held.shoot = !self.held.shoot;
            let ticks = if self.held.shoot { 30 + self.rng.below(60) } else { 8 + self.rng.below(16) };
            self.trigger_until = tick.saturating_add(ticks);
        }
        self.held
    }

    fn choose_walk(&mut self, sight: Option<Sight>) -> Option<Direction> {
        let whim = self.rng.below(16);
        let Some(sight) = sight else {
            return Direction::ALL.get(whim as usize % 9).copied();
        };
        let near = sight.opponent.is_within(Vec2::ZERO, CIRCLE_DISTANCE);
        match whim {
            0 => None,
            1..=3 => Direction::ALL.get(self.rng.below(8) as usize).copied(),
            4..=8 => Some(toward(sight.goal)),
            9..=12 if near => Some(toward(sight.opponent.turned_left())),
            13.. if near => Some(toward(-sight.opponent.turned_left())),
            _ => Some(toward(sight.opponent)),
        }
    }

    /// At the opponent, give or take one step.
    fn choose_aim(&mut self, sight: Option<Sight>) -> Aim {
        match sight {
            Some(sight) => {
                let step = step_of(sight.opponent, u16::from(Aim::STEPS)) + self.rng.below(3) as u8;
                Aim::new(step + Aim::STEPS - 1)
            }
            None => Aim::new(self.rng.below(u32::from(Aim::STEPS)) as u8),
        }
    }
}

/// Nothing while the bot is knocked out or alone.
fn look(state: &ArenaState, seat: u8) -> Option<Sight> {
    let own = state.place_of(seat)?;
    let nearest = |ways: &mut dyn Iterator<Item = Vec2>| ways.min_by_key(|way| way.length_squared_wide());
    let others = (0..state.seat_count()).filter(|&other| other != seat);
    let opponent = nearest(&mut others.filter_map(|other| state.place_of(other)).map(|place| place - own))?;
    let goal = nearest(&mut state.pickup_places().map(|place| place - own)).unwrap_or(opponent);
    Some(Sight { opponent, goal })
}

/// Which of `steps` equal parts of a turn is nearest to the direction of `way`.
fn step_of(way: Vec2, steps: u16) -> u8 {
    let part = (1_u32 << 16) / u32::from(steps.max(1));
    let Angle(angle) = way.angle();
    (((u32::from(angle) + part / 2) / part) % u32::from(steps.max(1))) as u8
}

fn toward(way: Vec2) -> Direction {
    Direction::ALL[usize::from(step_of(way, 8) % 8)]
}

#[cfg(test)]
mod tests {
    use super::{ArenaBot, step_of, toward};
    use crate::arena::{ArenaInput, Direction};
    use framekeep_sim::Vec2;

    #[test]
    fn points_where_the_way_leads() {
        assert_eq!(toward(Vec2::from_ints(3, 0)), Direction::Right);
        assert_eq!(toward(Vec2::from_ints(-2, 2)), Direction::UpLeft);
        assert_eq!(toward(Vec2::from_ints(1, -9)), Direction::Down);
        assert_eq!(step_of(Vec2::from_ints(0, -1), 32), 24);
        assert_eq!(step_of(Vec2::from_ints(100, -1), 32), 0);
    }

    #[test]
    fn a_blind_bot_changes_its_mind_as_a_person_would() {
        let mut bot = ArenaBot::new(3);
        let inputs: Vec<ArenaInput> = (0..3_000).map(|tick| bot.blind_input(tick)).collect();
        let walks = inputs.windows(2).filter(|pair| pair[0].walk != pair[1].walk).count();
        let any = inputs.windows(2).filter(|pair| pair[0] != pair[1]).count();
        assert!((300..=600).contains(&walks), "{walks} changes of direction in 100 s");
        assert!(any < 900, "{any} changes in 100 s");
        let again: Vec<ArenaInput> = {
            let mut bot = ArenaBot::new(3);
            (0..3_000).map(|tick| bot.blind_input(tick)).collect()
        };
        assert_eq!(inputs, again);
    }
}
