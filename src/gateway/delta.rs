//! What has changed from one state view to the next.

use framekeep_gate::StateView;
use framekeep_sim::ViewBody;

use crate::wire;

/// The view as a message: whole without a view before it, or what has changed since.
#[must_use]
pub(crate) fn delta(before: Option<&StateView>, now: &StateView) -> wire::StateView {
    let before = before.filter(|before| before.epoch == now.epoch);
    let mut out = wire::StateView {
        epoch: now.epoch.get().into(),
        tick: now.tick.0,
        whole: before.is_none(),
        ticks_left: now.view.ticks_left,
        ..wire::StateView::default()
    };
    let Some(before) = before else {
        out.bodies = now.view.bodies.iter().map(whole).collect();
        out.scores.clone_from(&now.view.scores);
        return out;
    };
    if before.view.scores != now.view.scores {
        out.scores.clone_from(&now.view.scores);
    }
    let mut old: Vec<&ViewBody> = before.view.bodies.iter().collect();
    old.sort_unstable_by_key(|body| body.id);
    let mut seen = vec![false; old.len()];
    for body in &now.view.bodies {
        match old.binary_search_by_key(&body.id, |old| old.id) {
            Ok(index) => {
                seen[index] = true;
                change(old[index], body, &mut out);
            }
            Err(_) => out.bodies.push(whole(body)),
        }
    }
    out.gone = old.iter().zip(seen).filter(|(_, seen)| !seen).map(|(body, _)| body.id).collect();
    out
}

fn change(old: &ViewBody, new: &ViewBody, out: &mut wire::StateView) {
    let moved = ViewBody { x: new.x, y: new.y, angle: new.angle, ..*old };
    if moved != *new {
        out.bodies.push(whole(new));
    } else if old != new {
        out.moved.push(new.id);
        out.dx.push(new.x.wrapping_sub(old.x));
        out.dy.push(new.y.wrapping_sub(old.y));
        out.angle.push(new.angle.into());
    }
}

fn whole(body: &ViewBody) -> wire::Body {
    wire::Body {
        id: body.id,
        kind: body.kind.into(),
        seat: body.seat.into(),
        x: body.x,
        y: body.y,
        angle: body.angle.into(),
        half_width: body.half_width.unsigned_abs(),
        half_height: body.half_height.unsigned_abs(),
    }
}

#[cfg(test)]
mod tests {
    use framekeep_protocol::Epoch;
    use framekeep_sim::{Tick, View};

    use super::*;

    fn body(id: u32, x: i32) -> ViewBody {
        ViewBody { id, x, half_width: 5, half_height: 5, ..ViewBody::default() }
    }

    fn view(tick: u32, bodies: Vec<ViewBody>, scores: Vec<i32>) -> StateView {
        StateView { epoch: Epoch::new(1), tick: Tick(tick), view: View { bodies, scores, ticks_left: 9 } }
    }

    #[test]
    fn only_what_changed_is_told() {
        let before = view(1, vec![body(1, 0), body(2, 10), body(3, 20)], vec![0, 1]);
        let larger = ViewBody { half_width: 6, ..body(3, 21) };
        let now = view(2, vec![body(2, 13), larger, body(4, 1)], vec![0, 1]);
        let told = delta(Some(&before), &now);
        assert!(!told.whole && told.scores.is_empty());
        assert_eq!((&told.moved[..], &told.dx[..], &told.dy[..]), (&[2][..], &[3][..], &[0][..]));
        assert_eq!(told.bodies.iter().map(|body| body.id).collect::<Vec<_>>(), [3, 4]);
        assert_eq!(told.gone, [1]);
    }

    #[test]
    fn the_first_view_of_a_match_is_whole() {
        let now = view(2, vec![body(2, 13)], vec![3]);
        let other = StateView { epoch: Epoch::new(2), ..view(1, vec![body(2, 1)], vec![3]) };
        for before in [None, Some(&other)] {
            let told = delta(before, &now);
            assert!(told.whole && told.bodies.len() == 1 && told.scores == [3]);
        }
    }
}
