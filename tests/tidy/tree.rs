//! The files of the tree, and which of their lines are tests.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

/// The folders whose files obey the rules.
const FOLDERS: &[&str] = &["src", "tests", "benches", "tools", "examples", "docs", "assets", ".ci", ".cargo"];

/// Every file of the tree.
pub(super) static TREE: LazyLock<Vec<SourceFile>> = LazyLock::new(read_tree);

/// A text file of the tree.
pub(super) struct SourceFile {
    /// From the root, with `/`.
    pub(super) path: String,
    pub(super) text: String,
    /// Of each line: whether it is part of tests.
    in_tests: Vec<bool>,
}

/// A line and its number from 1.
pub(super) type Line<'a> = (usize, &'a str);

impl SourceFile {
    pub(super) fn is_rust(&self) -> bool {
        self.path.ends_with(".rs")
    }

    pub(super) fn lines(&self) -> impl Iterator<Item = Line<'_>> {
        self.text.lines().enumerate().map(|(index, line)| (index + 1, line))
    }

    /// The lines outside `#[cfg(test)]` modules and test files.
    pub(super) fn production(&self) -> impl Iterator<Item = Line<'_>> {
        self.lines().filter(|(number, _)| !self.in_tests[number - 1])
    }

    /// The lines within them.
    pub(super) fn tests(&self) -> impl Iterator<Item = Line<'_>> {
        self.lines().filter(|(number, _)| self.in_tests[number - 1])
    }

    pub(super) fn at(&self, number: usize) -> String {
        format!("{}:{number}", self.path)
    }
}

/// The root of the workspace.
pub(super) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("tests/ is in the root").to_owned()
}

/// The Rust files.
pub(super) fn rust_files() -> impl Iterator<Item = &'static SourceFile> {
    TREE.iter().filter(|file| file.is_rust())
}

/// The file of that path.
pub(super) fn file(path: &str) -> Option<&'static SourceFile> {
    TREE.iter().find(|file| file.path == path)
}

/// Whether the line is a comment of any kind.
pub(super) fn is_comment(line: &str) -> bool {
    line.trim_start().starts_with("//")
}

fn read_tree() -> Vec<SourceFile> {
    let root = root();
    let mut paths = Vec::new();
    for folder in FOLDERS {
        collect(&root.join(folder), &mut paths);
    }
    let top = fs::read_dir(&root).expect("the root").flatten().map(|entry| entry.path());
    paths.extend(top.filter(|path| path.is_file()));
    paths.sort();
    let mut files: Vec<_> = paths.iter().filter_map(|path| read_file(&root, path)).collect();
    mark_test_files(&mut files);
    files
}

fn collect(folder: &Path, paths: &mut Vec<PathBuf>) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for path in entries.flatten().map(|entry| entry.path()) {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if path.is_dir() && !name.starts_with("target") {
            collect(&path, paths);
        } else if path.is_file() {
            paths.push(path);
        }
    }
}

/// A file that is not text has a path and no lines.
fn read_file(root: &Path, path: &Path) -> Option<SourceFile> {
    let text = String::from_utf8(fs::read(path).ok()?).unwrap_or_default();
    let path = path.strip_prefix(root).ok()?.to_string_lossy().replace('\\', "/");
    let in_tests = lines_in_tests(&text);
    Some(SourceFile { path, text, in_tests })
}

/// Marks `#[cfg(test)]` items: from the attribute to the brace that closes the item, by its indentation.
fn lines_in_tests(text: &str) -> Vec<bool> {
    let lines: Vec<_> = text.lines().collect();
    let mut marks = vec![false; lines.len()];
    let mut at = 0;
    while at < lines.len() {
        let indent = &lines[at][..lines[at].len() - lines[at].trim_start().len()];
        if !lines[at].trim_start().starts_with("#[cfg(test)]") {
            at += 1;
            continue;
        }
        let first_code =
            (at + 1..lines.len()).find(|n| !lines[*n].trim_start().starts_with('#')).unwrap_or(at);
        let end = if lines[first_code].trim_end().ends_with(['{', '(']) {
            let closes =
                |line: &str| line.strip_prefix(indent).is_some_and(|rest| rest.starts_with(['}', ')']));
            (first_code + 1..lines.len()).find(|n| closes(lines[*n])).unwrap_or(lines.len() - 1)
        } else {
            first_code
        };
        marks[at..=end].fill(true);
        at = end + 1;
    }
    marks
}

/// Marks whole files: those of folders called `tests`, fuzz targets, and those that `#[cfg(test)] mod NAME;` declares.
fn mark_test_files(files: &mut [SourceFile]) {
    let declared: Vec<String> = files.iter().flat_map(test_modules).collect();
    for file in files {
        let in_folder = ["tests/", "tools/fuzz/"].iter().any(|folder| file.path.starts_with(folder))
            || file.path.contains("/tests/");
        let in_module = declared.iter().any(|module| {
            file.path == format!("{module}.rs") || file.path.starts_with(&format!("{module}/"))
        });
        if in_folder || in_module {
            file.in_tests.fill(true);
        }
    }
}

fn test_modules(file: &SourceFile) -> Vec<String> {
    let (folder, name) = file.path.rsplit_once('/').unwrap_or(("", &file.path));
    let folder = match name {
        "lib.rs" | "main.rs" => folder.to_owned(),
        _ => format!("{folder}/{}", name.trim_end_matches(".rs")),
    };
    let module = |(_, line): Line<'_>| {
        let name = line.trim().strip_prefix("mod ")?.strip_suffix(';')?;
        Some(format!("{folder}/{name}"))
    };
    file.tests().filter_map(module).collect()
}

#[test]
fn test_lines_are_told_from_others() {
    let text =
        "fn a() {}\n#[cfg(test)]\nmod tests {\n    fn b() {\n    }\n}\nfn c() {}\n#[cfg(test)]\nmod d;\n";
    let marks: Vec<_> = lines_in_tests(text).iter().map(|mark| u8::from(*mark)).collect();
    assert_eq!(marks, [0, 1, 1, 1, 1, 1, 0, 1, 1]);
}
