//! The view: what a spectator draws. Kinds are those of `Kind`.

use framekeep_sim::{Angle, Body, Vec2, View, ViewBody};

use crate::arena::ArenaState;
use crate::arena::kind::{Kind, read_tag};

pub(crate) fn view(state: &ArenaState, view: &mut View) {
    view.ticks_left = state.ticks_left;
    view.scores.extend(state.players.iter().map(|player| player.score));
    for (id, body) in state.world.bodies() {
        let Some((kind, seat)) = read_tag(body.user) else { continue };
        let half = body.shape.half();
        view.bodies.push(ViewBody {
            id: id.to_bits(),
            kind: kind as u8,
            seat,
            x: body.position.x.to_bits(),
            y: body.position.y.to_bits(),
            angle: heading(kind, body).0,
            half_width: half.x.to_bits(),
            half_height: half.y.to_bits(),
        });
    }
}

/// Where a player or a shot goes; how everything else is turned.
fn heading(kind: Kind, body: Body) -> Angle {
    let goes = matches!(kind, Kind::Player | Kind::Projectile) && body.velocity != Vec2::ZERO;
    if goes { body.velocity.angle() } else { body.angle }
}
