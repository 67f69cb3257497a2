//! What meets the border of a world with walls.

use alloc::vec::Vec;

use super::base::{LAG_MARGIN, Lag};
use super::hull::P;
use super::manifold::{Manifold, ManifoldPoint, dot};
use super::meeting::Meeting;
use super::pairing::BORDER;
use super::proxy::{MARGIN, Proxies, Proxy, way_of};
use super::state::State;

const ONE: i32 = 1 << 30;
/// Outward directions of the sides, in the order of their numbers.
const SIDES: [P; 4] = [(-ONE, 0), (ONE, 0), (0, -ONE), (0, ONE)];

/// Adds every solid dynamic shape that is at the border or comes there in this tick.
pub(crate) fn meet_border(state: &State, tick: i64, proxies: &Proxies, meetings: &mut Vec<Meeting>) {
    let extent = state.desc.half_extent;
    let (width, height) = (extent.x.to_bits(), extent.y.to_bits());
    for spot in &proxies.edge {
        let who = proxies.who(state, spot, 0);
        let motion = &state.motions[usize::from(who.slot)];
        let brief = state.blueprints.brief(who.kind);
        let swing = (i64::from(motion.spin.unsigned_abs()) * i64::from(brief.reach - brief.radius)) >> 16;
        let speed = i64::from(motion.x.unsigned_abs().max(motion.y.unsigned_abs())) + swing;
        let way = way_of(speed.min(i64::from(i32::MAX)) as i32, tick);
        // However it is turned, nothing of it is farther out than its reach. What is rounded is below two steps.
        let lags = proxies.lags_of(who.slot, BORDER);
        let lag = if lags.is_some() { LAG_MARGIN } else { 0 };
        let room = |end: i32, at: i32| i64::from(end) - i64::from(at).abs() - i64::from(brief.reach) - 2;
        if room(width, spot.x).min(room(height, spot.y)) <= way + i64::from(MARGIN + lag) {
            let proxy = &proxies.of(state, spot);
            meet(state, proxies, (proxy, lags), (width, height), way as i32 + lag, meetings);
        }
    }
}

#[inline(never)]
fn meet(
    state: &State,
    proxies: &Proxies,
    (proxy, lags): (&Proxy, Option<[Lag; 2]>),
    (width, height): P,
    way: i32,
    meetings: &mut Vec<Meeting>,
) {
    let kind = state.blueprints.get(proxy.kind);
    if kind.blueprint.part.sensor {
        return;
    }
    let hull = proxies.hulls.get(proxy.hull as usize).unwrap_or(&kind.hull);
    let lever = proxy.lever(state);
    let margin = way.saturating_add(MARGIN);
    for (side, &normal) in (0..).zip(&SIDES) {
        let end = if normal.0 == 0 { height } else { width };
        let to_wall = i64::from(end) - dot(normal, proxy.x, proxy.y) - i64::from(hull.radius);
        let mut manifold = Manifold { normal, ..Manifold::default() };
        for (corner, &(x, y)) in (0..).zip(hull.points()) {
            let separation = to_wall - dot(normal, x, y);
            if separation <= i64::from(margin) {
                let separation = separation.clamp(-(1 << 30), 1 << 30) as i32;
                let (rx, ry) = super::manifold::along(normal, hull.radius);
                keep(&mut manifold, ManifoldPoint { x: x + rx, y: y + ry, separation, feature: corner });
            }
        }
        if manifold.count > 0 {
            let mut meeting = Meeting {
                a: proxy.slot,
                b: BORDER,
                sub_a: proxy.sub,
                sub_b: side,
                kind_a: proxy.kind,
                kind_b: proxy.kind,
                sensor: false,
                wakes: false,
                manifold,
                lever_a: (lever.x.to_bits(), lever.y.to_bits()),
                lever_b: (0, 0),
                margin: 0,
                bare: manifold.points.map(|point| point.separation),
                stays: false,
            };
            if lags.is_some() {
                meeting.follow(lags);
            }
            meetings.push(meeting);
        }
    }
}

/// Keeps the two points that are nearest to the wall, the nearer one first of those that are added later.
fn keep(manifold: &mut Manifold, point: ManifoldPoint) {
    let count = usize::from(manifold.count);
    if count < 2 {
        manifold.points[count] = point;
        manifold.count += 1;
        return;
    }
    let worse = usize::from(manifold.points[1].separation > manifold.points[0].separation);
    if point.separation < manifold.points[worse].separation {
        manifold.points[worse] = point;
    }
}
