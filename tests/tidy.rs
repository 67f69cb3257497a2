//! The rules of the tree as tests: walls between crates, sizes, names, documents. Each failure names the offender and
//! the rule.

mod documents;
mod metadata;
mod names;
mod sizes;
mod tree;
mod walls;

/// Fails with every offence and the rule they break.
#[track_caller]
fn assert_none(rule: &str, offences: &[String]) {
    assert!(offences.is_empty(), "{rule}\n  {}\n", offences.join("\n  "));
}
