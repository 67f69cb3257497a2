//! `PastEvent`, what happened in a match that is played again.

use framekeep_sim::{AnyMatch, Frame, Landmark, Mark, SEATS_MAX, Tick};
use serde::Serialize;
use serde_json::{Map, Value};

use crate::problem::snake;

/// Something that happened in a match, found by playing it again.
#[derive(Debug, PartialEq, Serialize, utoipa::ToSchema)]
pub(crate) struct PastEvent {
    /// The tick of the first state that shows it.
    pub(super) tick: u32,
    /// absent or present, where a seat has no input any more or again; else what the game calls it.
    pub(super) kind: String,
    /// Whose it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    seat: Option<u8>,
    /// What else the game says of it.
    #[serde(skip_serializing_if = "Map::is_empty")]
    #[schema(value_type = Object)]
    fields: Map<String, Value>,
}

impl PastEvent {
    fn of(tick: Tick, landmark: Landmark) -> Self {
        let mut fields = Map::new();
        for (name, value) in landmark.fields {
            let number = value.parse::<i64>().map(Value::from);
            fields.insert(name, number.unwrap_or(Value::String(value)));
        }
        let seat = fields.get("seat").and_then(Value::as_u64).and_then(|seat| u8::try_from(seat).ok());
        if seat.is_some() {
            fields.remove("seat");
        }
        Self { tick: tick.0, kind: snake(&landmark.kind), seat, fields }
    }
}

/// Which seats had an input in the last frame; a seat that nobody took never has one.
pub(super) struct Presence([Option<bool>; SEATS_MAX as usize]);

impl Presence {
    /// Nothing is known.
    pub(super) const fn new() -> Self {
        Self([None; SEATS_MAX as usize])
    }

    /// Adds who came and went with the frame that made the state of `tick`.
    pub(super) fn note(&mut self, frame: &Frame, tick: Tick, events: &mut Vec<PastEvent>) {
        for ((input, before), seat) in frame.seats().iter().zip(&mut self.0).zip(0_u8..) {
            let is_present = input.mark != Mark::Absent;
            if before.replace(is_present).is_some_and(|before| before != is_present) {
                let kind = if is_present { "present" } else { "absent" }.to_owned();
                events.push(PastEvent { tick: tick.0, kind, seat: Some(seat), fields: Map::new() });
            }
        }
    }
}

/// Adds what the last step told that a timeline marks.
pub(super) fn tell(play: &dyn AnyMatch, events: &mut Vec<PastEvent>) {
    if play.event_count() > 0 {
        let tick = play.tick();
        events.extend(play.landmarks().into_iter().map(|landmark| PastEvent::of(tick, landmark)));
    }
}

#[cfg(test)]
mod tests {
    use framekeep_sim::SeatInput;

    use super::*;

    #[test]
    fn an_event_of_a_game_is_told_with_its_seat_and_the_rest_of_its_fields() {
        let fields = [("seat", "3"), ("by", "1"), ("with", "Rotor")];
        let fields = fields.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
        let event = PastEvent::of(Tick(9), Landmark { kind: "KnockedOut".to_owned(), fields });
        let json = serde_json::to_string(&event).unwrap();
        assert_eq!(json, r#"{"tick":9,"kind":"knocked_out","seat":3,"fields":{"by":1,"with":"Rotor"}}"#);
    }

    #[test]
    fn a_seat_that_falls_silent_and_comes_back_is_told_and_one_that_was_always_empty_is_not() {
        let (mut presence, mut events) = (Presence::new(), Vec::new());
        let frame = |is_there: bool| {
            let mut frame = Frame::absent(Tick(0), 3);
            frame.set(1, SeatInput::repeated(0));
            if is_there {
                frame.set(0, SeatInput::arrived(1));
            }
            frame
        };
        for (is_there, tick) in [true, true, false, false, true].into_iter().zip(1..) {
            presence.note(&frame(is_there), Tick(tick), &mut events);
        }
        let told: Vec<_> = events.iter().map(|event| (event.tick, event.seat, &*event.kind)).collect();
        assert_eq!(told, [(3, Some(0), "absent"), (5, Some(0), "present")]);
    }
}
