//! The rules: what happens in one tick, in which order, and when it is over.

use framekeep_sim::{BodyId, Frame, Outcome, Vec2};

use crate::arena::kind::{Kind, read_tag};
use crate::arena::pickup::PICKUP_AWAY_TICKS;
use crate::arena::player::{
    DASH_SPEED, DASH_TICKS, HEALTH_FULL, RAPID_TICKS, RESPAWN_TICKS, SHIELD_TICKS, SHOT_TICKS, WALK_GRIP,
    WALK_SPEED,
};
use crate::arena::projectile::{PROJECTILE_DAMAGE, PROJECTILE_PUSH, PROJECTILE_TICKS};
use crate::arena::{
    Aim, ArenaContent, ArenaEvent, ArenaInput, ArenaState, Direction, Pickup, PickupKind, Player, Projectile,
};

/// Ticks of a second: every time of the rules is meant for this rate. A room that runs at another tick rate plays
/// the same match slower or faster.
pub const TICKS_PER_S: u32 = 30;

/// The state before tick 0: everybody and everything is there.
pub(crate) fn start(content: &ArenaContent, seed: u64, seats: u8) -> ArenaState {
    let mut state = ArenaState::new(content, seed, seats);
    for seat in 0..state.seat_count() {
        place_player(content, &mut state, seat);
    }
    return_pickups(content, &mut state);
    state
}

/// One tick. A match that is over stays as it is.
pub(crate) fn step(
    content: &ArenaContent,
    state: &mut ArenaState,
    frame: &Frame,
    events: &mut Vec<ArenaEvent>,
) {
    if is_over(content, state) {
        return;
    }
    state.ticks_left -= 1;
    return_players(content, state, events);
    return_pickups(content, state);
    for seat in 0..state.seat_count() {
        act(state, seat, frame.input(seat));
    }
    state.world.step();
    settle_contacts(state, events);
    age_projectiles(state);
}

/// The result, once time is up or somebody has reached the score limit.
pub(crate) fn outcome(content: &ArenaContent, state: &ArenaState) -> Option<Outcome> {
    if !is_over(content, state) {
        return None;
    }
    let scores: Vec<i32> = state.players.iter().map(|player| player.score).collect();
    let best = scores.iter().max()?;
    let mut leaders = (0..).zip(&scores).filter(|&(_, score)| score == best);
    let winner = leaders.next().map(|(seat, _)| seat).filter(|_| leaders.next().is_none());
    Some(Outcome { scores, winner })
}

fn is_over(content: &ArenaContent, state: &ArenaState) -> bool {
    let limit = content.score_limit;
    state.ticks_left == 0 || (limit > 0 && state.players.iter().any(|player| player.score >= limit))
}

fn return_players(content: &ArenaContent, state: &mut ArenaState, events: &mut Vec<ArenaEvent>) {
    for seat in 0..state.seat_count() {
        let player = &mut state.players[usize::from(seat)];
        player.tick();
        if player.body.is_none() && player.away_ticks == 0 {
            place_player(content, state, seat);
            events.push(ArenaEvent::Respawned { seat });
        }
    }
}

/// Puts a player where the nearest other one is farthest away.
fn place_player(content: &ArenaContent, state: &mut ArenaState, seat: u8) {
    let Some(place) = safest_spawn(content, state) else { return };
    if let Ok(body) = state.world.add(Player::body(seat, place)) {
        state.players[usize::from(seat)].appear(body);
    }
}

/// Chance decides between equals.
fn safest_spawn(content: &ArenaContent, state: &mut ArenaState) -> Option<Vec2> {
    let first = state.rng.below(content.spawns.len() as u32) as usize;
    let (before, after) = content.spawns.split_at_checked(first)?;
    let places = after.iter().chain(before).map(|spawn| Vec2::new(spawn.x, spawn.y));
    places.max_by_key(|&place| {
        let others = (0..state.seat_count()).filter_map(|seat| state.place_of(seat));
        others.map(|other| (other - place).length_squared_wide()).min()
    })
}

fn return_pickups(content: &ArenaContent, state: &mut ArenaState) {
    for (pickup, place) in state.pickups.iter_mut().zip(&content.pickups) {
        pickup.away_ticks = pickup.away_ticks.saturating_sub(1);
        if pickup.body.is_none() && pickup.away_ticks == 0 {
            pickup.kind = place.kind.draw(&mut state.rng);
            pickup.body = state.world.add(Pickup::body(pickup.kind, Vec2::new(place.x, place.y))).ok();
        }
    }
}

fn act(state: &mut ArenaState, seat: u8, input: ArenaInput) {
    let Some(body) = state.players.get(usize::from(seat)).and_then(|player| player.body) else { return };
    walk(state, seat, body, input.walk, input.dash);
    if input.shoot {
        shoot(state, seat, body, input.aim);
    }
}

fn walk(state: &mut ArenaState, seat: u8, id: BodyId, to: Option<Direction>, dash: bool) {
    let Some(velocity) = state.world.velocity(id) else { return };
    let player = &mut state.players[usize::from(seat)];
    let wanted = |speed| to.map_or(Vec2::ZERO, |direction| Vec2::from_angle(direction.angle(), speed));
    let velocity = if dash && to.is_some() && player.dash_ticks == 0 {
        player.dash_ticks = DASH_TICKS;
        wanted(DASH_SPEED)
    } else {
        velocity.lerp(wanted(WALK_SPEED), WALK_GRIP)
    };
    state.world.set_velocity(id, velocity);
}

fn shoot(state: &mut ArenaState, seat: u8, id: BodyId, aim: Aim) {
    let Some(place) = state.world.position(id) else { return };
    let player = &mut state.players[usize::from(seat)];
    if player.shot_ticks > 0 {
        return;
    }
    player.shot_ticks = if player.rapid_ticks > 0 { SHOT_TICKS / 2 } else { SHOT_TICKS };
    if let Ok(body) = state.world.add(Projectile::body(seat, place, aim)) {
        state.projectiles.push(Projectile { body, owner: seat, ticks_left: PROJECTILE_TICKS });
    }
}

/// Looks at every contact of a player with a shot or a pick-up.
fn settle_contacts(state: &mut ArenaState, events: &mut Vec<ArenaEvent>) {
    for index in 0..state.world.contacts().len() {
        let Some(&contact) = state.world.contacts().get(index) else { return };
        let (Some(a), Some(b)) = (state.kind_of(contact.a), state.kind_of(contact.b)) else { continue };
        let (player, other, kind) = match (a, b) {
            (Kind::Player, kind) => (contact.a, contact.b, kind),
            (kind, Kind::Player) => (contact.b, contact.a, kind),
            _ => continue,
        };
        match kind {
            Kind::Projectile => hit(state, player, other, events),
            Kind::Health | Kind::Shield | Kind::Rapid => pick_up(state, player, other, events),
            Kind::Player | Kind::Crate | Kind::Wall | Kind::Pillar => {}
            Kind::Rotor | Kind::Belt | Kind::Gate => {}
        }
    }
}

fn hit(state: &mut ArenaState, body: BodyId, shot: BodyId, events: &mut Vec<ArenaEvent>) {
    let Some(seat) = state.seat_of(body) else { return };
    let Some(projectile) = state.projectiles.iter_mut().find(|it| it.body == shot && it.harms(seat)) else {
        return;
    };
    projectile.ticks_left = 0;
    let by = projectile.owner;
    push(state, body, shot);
    let player = &mut state.players[usize::from(seat)];
    if player.shield_ticks > 0 {
        return;
    }
    let out = player.hurt(PROJECTILE_DAMAGE);
    events.push(ArenaEvent::Hit { seat, by, health: player.health });
    if out {
        knock_out(state, seat, by);
        events.push(ArenaEvent::KnockedOut { seat, by });
    }
}

/// Away from the shot.
fn push(state: &mut ArenaState, body: BodyId, shot: BodyId) {
    if let (Some(player), Some(shot)) = (state.world.position(body), state.world.position(shot)) {
        let away = (player - shot).with_length(PROJECTILE_PUSH);
        state.world.apply_impulse(body, away);
    }
}

fn knock_out(state: &mut ArenaState, seat: u8, by: u8) {
    let player = &mut state.players[usize::from(seat)];
    player.away_ticks = RESPAWN_TICKS;
    player.rapid_ticks = 0;
    if let Some(body) = player.body.take() {
        state.world.remove(body);
    }
    let points = if by == seat { -1 } else { 1 };
    if let Some(scorer) = state.players.get_mut(usize::from(by)) {
        scorer.score = scorer.score.saturating_add(points);
    }
}

fn pick_up(state: &mut ArenaState, body: BodyId, thing: BodyId, events: &mut Vec<ArenaEvent>) {
    let Some(seat) = state.seat_of(body) else { return };
    let Some(pickup) = state.pickups.iter_mut().find(|pickup| pickup.body == Some(thing)) else { return };
    let player = &mut state.players[usize::from(seat)];
    match pickup.kind {
        PickupKind::Health | PickupKind::Any => player.health = HEALTH_FULL,
        PickupKind::Shield => player.shield_ticks = SHIELD_TICKS,
        PickupKind::Rapid => player.rapid_ticks = RAPID_TICKS,
    }
    events.push(ArenaEvent::PickedUp { seat, kind: pickup.kind });
    pickup.body = None;
    pickup.away_ticks = PICKUP_AWAY_TICKS;
    state.world.remove(thing);
}

fn age_projectiles(state: &mut ArenaState) {
    let world = &mut state.world;
    state.projectiles.retain_mut(|projectile| {
        projectile.ticks_left = projectile.ticks_left.saturating_sub(1);
        let lives = projectile.ticks_left > 0;
        if !lives {
            world.remove(projectile.body);
        }
        lives
    });
}

impl ArenaState {
    fn kind_of(&self, id: BodyId) -> Option<Kind> {
        read_tag(self.world.user(id)?).map(|(kind, _)| kind)
    }

    /// The seat that a player's body belongs to.
    fn seat_of(&self, id: BodyId) -> Option<u8> {
        let (_, seat) = read_tag(self.world.user(id)?)?;
        let player = self.players.get(usize::from(seat))?;
        (player.body == Some(id)).then_some(seat)
    }
}
