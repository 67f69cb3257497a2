//! `Phase`, where a room is in its life, as the API names it.

use framekeep_protocol::RoomPhase;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use utoipa::openapi::schema::{ObjectBuilder, SchemaType, Type};
use utoipa::openapi::{RefOr, Schema};

/// A phase by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Phase(RoomPhase);

impl Phase {
    pub(crate) fn name(self) -> &'static str {
        self.0.name()
    }
}

impl Serialize for Phase {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

impl<'de> Deserialize<'de> for Phase {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let word = String::deserialize(deserializer)?;
        let known = RoomPhase::ALL.into_iter().find(|phase| phase.name() == word);
        known.map(Self).ok_or_else(|| {
            let names = RoomPhase::ALL.map(RoomPhase::name).join(", ");
            D::Error::custom(format!("{word:?} is no phase: {names}"))
        })
    }
}

impl utoipa::PartialSchema for Phase {
    fn schema() -> RefOr<Schema> {
        let names = RoomPhase::ALL.map(RoomPhase::name);
        ObjectBuilder::new().schema_type(SchemaType::new(Type::String)).enum_values(Some(names)).into()
    }
}

impl utoipa::ToSchema for Phase {}

#[cfg(test)]
mod tests {
    use utoipa::PartialSchema as _;

    use super::*;

    #[test]
    fn phases_are_named_as_everywhere_else() {
        let read = |word: &str| serde_json::from_value::<Phase>(word.into());
        for phase in RoomPhase::ALL {
            assert_eq!(read(phase.name()).unwrap(), Phase(phase));
            assert_eq!(serde_json::to_value(Phase(phase)).unwrap(), phase.to_string());
        }
        assert!(read("asleep").unwrap_err().to_string().contains("waiting, preparing, ready"));
        let schema = serde_json::to_value(Phase::schema()).unwrap();
        assert_eq!(schema["enum"], serde_json::json!(RoomPhase::ALL.map(RoomPhase::name)));
    }
}
