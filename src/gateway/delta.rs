//! What has changed from one state view to the next.

use std::mem;

use framekeep_gate::StateView;
use framekeep_sim::ViewBody;

use crate::wire;

/// Finds what has changed, in memory that is used again.
#[derive(Default)]
pub(crate) struct Delta {
    /// The bodies there were, by id: where they stand, and whether they are there still.
    old: Vec<(u32, usize, bool)>,
    spare: wire::StateView,
}

impl Delta {
    /// The view as a message: whole without a view before it, or what has changed since.
    #[must_use]
    pub(crate) fn between(&mut self, before: Option<&StateView>, now: &StateView) -> wire::StateView {
        let before = before.filter(|before| before.epoch == now.epoch);
        let mut out = mem::take(&mut self.spare);
        out.epoch = now.epoch.get().into();
        out.tick = now.tick.0;
        out.ended_unix_us = None;
        out.whole = before.is_none();
        out.ticks_left = now.view.ticks_left;
        let Some(before) = before else {
            out.bodies.extend(now.view.bodies.iter().map(whole));
            out.scores.extend_from_slice(&now.view.scores);
            return out;
        };
        if before.view.scores != now.view.scores {
            out.scores.extend_from_slice(&now.view.scores);
        }
        let bodies = &before.view.bodies;
        let is_same = |(old, new): (&ViewBody, &ViewBody)| old.id == new.id;
        if bodies.len() == now.view.bodies.len() && bodies.iter().zip(&now.view.bodies).all(is_same) {
            // As nearly always: nobody came, nobody went.
            bodies.iter().zip(&now.view.bodies).for_each(|(old, new)| change(old, new, &mut out));
            return out;
        }
        self.old.clear();
        self.old.extend(bodies.iter().enumerate().map(|(place, body)| (body.id, place, false)));
        self.old.sort_unstable_by_key(|(id, ..)| *id);
        for body in &now.view.bodies {
            match self.old.binary_search_by_key(&body.id, |(id, ..)| *id) {
                Ok(index) => {
                    self.old[index].2 = true;
                    change(&bodies[self.old[index].1], body, &mut out);
                }
                Err(_) => out.bodies.push(whole(body)),
            }
        }
        out.gone.extend(self.old.iter().filter(|(.., seen)| !seen).map(|(id, ..)| *id));
        out
    }

    /// Takes the memory of a message back that was written.
    pub(crate) fn reuse(&mut self, mut view: wire::StateView) {
        view.bodies.clear();
        view.scores.clear();
        view.gone.clear();
        for list in [&mut view.moved, &mut view.angle] {
            list.clear();
        }
        for list in [&mut view.dx, &mut view.dy] {
            list.clear();
        }
        self.spare = view;
    }
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
        StateView::of(Epoch::new(1), Tick(tick), View { bodies, scores, ticks_left: 9 })
    }

    #[test]
    fn only_what_changed_is_told() {
        let before = view(1, vec![body(1, 0), body(2, 10), body(3, 20)], vec![0, 1]);
        let larger = ViewBody { half_width: 6, ..body(3, 21) };
        let now = view(2, vec![body(2, 13), larger, body(4, 1)], vec![0, 1]);
        let mut delta = Delta::default();
        let first = delta.between(None, &before);
        // What was in the memory before is not told again.
        delta.reuse(first);
        let told = delta.between(Some(&before), &now);
        assert!(!told.whole && told.scores.is_empty());
        assert_eq!((&told.moved[..], &told.dx[..], &told.dy[..]), (&[2][..], &[3][..], &[0][..]));
        assert_eq!(told.bodies.iter().map(|body| body.id).collect::<Vec<_>>(), [3, 4]);
        assert_eq!(told.gone, [1]);
    }

    #[test]
    fn what_has_changed_is_the_same_in_whatever_order_bodies_come() {
        let before = [body(1, 0), body(2, 10), body(3, 20)];
        let now = [body(1, 7), body(2, 10), ViewBody { half_width: 6, ..body(3, 20) }];
        let in_order =
            Delta::default().between(Some(&view(1, before.to_vec(), vec![])), &view(2, now.to_vec(), vec![]));
        let [a, b, c] = before;
        let turned = view(1, vec![c, a, b], vec![]);
        assert_eq!(Delta::default().between(Some(&turned), &view(2, now.to_vec(), vec![])), in_order);
        assert_eq!((&in_order.moved[..], in_order.bodies.len(), in_order.gone.len()), (&[1][..], 1, 0));
    }

    #[test]
    fn the_first_view_of_a_match_is_whole() {
        let now = view(2, vec![body(2, 13)], vec![3]);
        let other = StateView { epoch: Epoch::new(2), ..view(1, vec![body(2, 1)], vec![3]) };
        for before in [None, Some(&other)] {
            let told = Delta::default().between(before, &now);
            assert!(told.whole && told.bodies.len() == 1 && told.scores == [3]);
        }
    }
}
