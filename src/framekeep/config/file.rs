//! Reading a TOML file into assignments.

use std::path::Path;

use toml::de::{DeTable, DeValue};

use super::key::Literal;
use super::layer::Assignment;
use super::origin::Origin;
use super::problem::{ConfigError, Problem};

/// Every `section.key = value` of the text, whether the key exists or not.
///
/// # Errors
/// Text that is not TOML, with the line.
pub(super) fn parse(path: &Path, text: &str) -> Result<Vec<Assignment>, ConfigError> {
    let root = DeTable::parse(text).map_err(|error| Problem::Syntax {
        path: path.to_owned(),
        line: line_at(text, error.span().map_or(0, |span| span.start)),
        message: error.message().to_owned(),
    })?;
    let mut assignments = Vec::new();
    for (section, value) in root.get_ref() {
        let origin = |start| Origin::File { path: path.to_owned(), line: line_at(text, start) };
        let Some(table) = value.get_ref().as_table() else {
            assignments.push(Assignment {
                path: section.get_ref().to_string(),
                value: literal(value.get_ref()),
                origin: origin(section.span().start),
            });
            continue;
        };
        if table.is_empty() && !super::keys::SECTIONS.iter().any(|(name, _)| *name == section.get_ref()) {
            assignments.push(Assignment {
                path: section.get_ref().to_string(),
                value: Literal::Other("table"),
                origin: origin(section.span().start),
            });
        }
        for (key, value) in table {
            assignments.push(Assignment {
                path: format!("{}.{}", section.get_ref(), key.get_ref()),
                value: literal(value.get_ref()),
                origin: origin(key.span().start),
            });
        }
    }
    Ok(assignments)
}

fn literal(value: &DeValue<'_>) -> Literal {
    match value {
        DeValue::String(text) => Literal::Text(text.to_string()),
        DeValue::Integer(integer) => i64::from_str_radix(integer.as_str(), integer.radix())
            .map_or(Literal::Other("integer beyond 64 bits"), Literal::Integer),
        DeValue::Array(parts) => {
            let texts: Option<Vec<_>> =
                parts.iter().map(|part| Some(part.get_ref().as_str()?.to_owned())).collect();
            texts.map_or(Literal::Other("array"), Literal::List)
        }
        other => Literal::Other(other.type_str()),
    }
}

fn line_at(text: &str, offset: usize) -> usize {
    1 + text.as_bytes()[..offset.min(text.len())].iter().filter(|byte| **byte == b'\n').count()
}
