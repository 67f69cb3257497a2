//! Numbers of 64 bits in JSON, which JavaScript can only write exactly as text.

use serde::{Deserialize, Deserializer, de::Error as _};

#[derive(Deserialize)]
#[serde(untagged)]
enum NumberOrText {
    Number(u64),
    Text(String),
}

/// A number, or the text of one.
pub(crate) fn from_number_or_text<'de, D: Deserializer<'de>>(source: D) -> Result<u64, D::Error> {
    match NumberOrText::deserialize(source)? {
        NumberOrText::Number(number) => Ok(number),
        NumberOrText::Text(text) => text.parse().map_err(D::Error::custom),
    }
}
