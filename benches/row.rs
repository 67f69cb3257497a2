//! `Row`, one line of the scorecard.

use serde::Serialize;

/// The version of the scorecard's JSON.
pub const SCHEMA_VERSION: u32 = 1;

/// Which direction is better.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Better {
    /// Less is better.
    Lower,
    /// More is better.
    Higher,
}

/// One measured value, what it should be, and what a peer does in the same run.
#[derive(Clone, Debug, Serialize)]
pub struct Row {
    /// What was measured.
    pub name: String,
    /// The value here.
    pub value: f64,
    /// The unit of `value`, `goal` and `peer_value`.
    pub unit: &'static str,
    /// Which direction is better.
    pub better: Better,
    /// What the value should reach.
    pub goal: Option<f64>,
    /// Who else was measured.
    pub peer: Option<&'static str>,
    /// The peer's value.
    pub peer_value: Option<f64>,
    /// How many times better than the peer; above 1 is better.
    pub ratio: Option<f64>,
}

impl Row {
    /// A value of which less is better.
    #[must_use]
    pub fn lower(name: impl Into<String>, value: f64, unit: &'static str) -> Self {
        let (name, better) = (name.into(), Better::Lower);
        Self { name, value, unit, better, goal: None, peer: None, peer_value: None, ratio: None }
    }

    /// A value of which more is better.
    #[must_use]
    pub fn higher(name: impl Into<String>, value: f64, unit: &'static str) -> Self {
        Self { better: Better::Higher, ..Self::lower(name, value, unit) }
    }

    /// Sets what the value should reach.
    #[must_use]
    pub fn goal(mut self, goal: f64) -> Self {
        self.goal = Some(goal);
        self
    }

    /// Sets what a peer reaches.
    #[must_use]
    pub fn against(mut self, peer: &'static str, peer_value: f64) -> Self {
        let (more, less) = match self.better {
            Better::Lower => (peer_value, self.value),
            Better::Higher => (self.value, peer_value),
        };
        self.peer = Some(peer);
        self.peer_value = Some(peer_value);
        self.ratio = (less > 0.0).then(|| more / less);
        self
    }

    /// Sets the goal of being that many times better than the peer, which has to be set before.
    #[must_use]
    pub fn goal_ratio(self, ratio: f64) -> Self {
        let goal = self.peer_value.map(|peer| match self.better {
            Better::Lower => peer / ratio,
            Better::Higher => peer * ratio,
        });
        Self { goal, ..self }
    }

    /// Whether the goal is reached; a row without a goal has reached it.
    #[must_use]
    pub fn is_reached(&self) -> bool {
        self.goal.is_none_or(|goal| match self.better {
            Better::Lower => self.value <= goal,
            Better::Higher => self.value >= goal,
        })
    }
}

/// The whole scorecard as it is printed with `--json`.
#[derive(Clone, Debug, Serialize)]
pub struct Scorecard {
    /// [`SCHEMA_VERSION`].
    pub schema_version: u32,
    /// What it was measured on.
    pub machine: String,
    /// The lines.
    pub rows: Vec<Row>,
}

#[cfg(test)]
mod tests {
    use super::Row;

    #[test]
    fn a_ratio_above_one_is_better_in_both_directions() {
        let time = Row::lower("t", 2.0, "us").against("peer", 20.0).goal_ratio(8.0);
        assert_eq!((time.ratio, time.goal, time.is_reached()), (Some(10.0), Some(2.5), true));
        let rate = Row::higher("r", 2.0, "1/s").against("peer", 20.0).goal(3.0);
        assert_eq!((rate.ratio, rate.is_reached()), (Some(0.1), false));
    }
}
