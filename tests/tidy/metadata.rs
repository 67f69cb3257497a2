//! The workspace as `cargo metadata` tells it.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;
use std::sync::LazyLock;

use serde_json::Value;

use super::tree::root;

/// The workspace's packages and what they depend on.
pub(super) static WORKSPACE: LazyLock<Workspace> = LazyLock::new(Workspace::read);

/// Names and normal dependencies of every package of the graph.
pub(super) struct Workspace {
    /// Packages of the workspace: name to folder from the root.
    pub(super) members: BTreeMap<String, String>,
    /// Roots of libraries and binaries, from the root.
    pub(super) crate_roots: Vec<String>,
    /// Names of binaries.
    pub(super) binaries: BTreeSet<String>,
    names: BTreeMap<String, String>,
    normal: BTreeMap<String, Vec<String>>,
}

impl Workspace {
    /// Names of the packages that `package` itself depends on, tests and build scripts apart.
    pub(super) fn direct(&self, package: &str) -> BTreeSet<&str> {
        self.edges(self.id_of(package)).map(|id| self.names[id].as_str()).collect()
    }

    /// Of every package that `package` depends on, however far: the way there.
    pub(super) fn reached(&self, package: &str) -> BTreeMap<&str, String> {
        let start = self.id_of(package);
        let mut ways = BTreeMap::from([(start, package.to_owned())]);
        let mut open = vec![start];
        while let Some(id) = open.pop() {
            let way = ways[id].clone();
            for next in self.edges(id) {
                if !ways.contains_key(next) {
                    ways.insert(next, format!("{way} → {}", self.names[next]));
                    open.push(next);
                }
            }
        }
        ways.into_iter()
            .filter(|(id, _)| *id != start)
            .map(|(id, way)| (self.names[id].as_str(), way))
            .collect()
    }

    fn id_of(&self, package: &str) -> &str {
        let folder = self.members.get(package).unwrap_or_else(|| panic!("there is no package {package}"));
        let end = format!("/{folder}");
        let is_it = |(id, name): &(&String, &String)| {
            *name == package && id.split('#').next().is_some_and(|path| path.ends_with(&end))
        };
        self.names.iter().find(is_it).map(|(id, _)| id.as_str()).expect("members are in the graph")
    }

    fn edges(&self, id: &str) -> impl Iterator<Item = &str> {
        self.normal.get(id).into_iter().flatten().map(String::as_str)
    }

    fn read() -> Self {
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let output = Command::new(cargo)
            .args(["metadata", "--format-version", "1", "--locked", "--filter-platform", &host()])
            .current_dir(root())
            .output()
            .expect("cargo metadata runs");
        assert!(output.status.success(), "cargo metadata: {}", String::from_utf8_lossy(&output.stderr));
        Self::of(&serde_json::from_slice(&output.stdout).expect("cargo metadata is JSON"))
    }

    fn of(json: &Value) -> Self {
        let root = format!("{}/", text(&json["workspace_root"]));
        let ids: BTreeSet<_> = list(&json["workspace_members"]).map(text).collect();
        let mut workspace = Self {
            members: BTreeMap::new(),
            crate_roots: Vec::new(),
            binaries: BTreeSet::new(),
            names: BTreeMap::new(),
            normal: BTreeMap::new(),
        };
        for package in list(&json["packages"]) {
            workspace.names.insert(text(&package["id"]), text(&package["name"]));
            if ids.contains(&text(&package["id"])) {
                workspace.add_member(package, &root);
            }
        }
        for node in list(&json["resolve"]["nodes"]) {
            let normal = |dep: &&Value| list(&dep["dep_kinds"]).any(|kind| kind["kind"].is_null());
            let deps = list(&node["deps"]).filter(normal).map(|dep| text(&dep["pkg"])).collect();
            workspace.normal.insert(text(&node["id"]), deps);
        }
        workspace
    }

    fn add_member(&mut self, package: &Value, root: &str) {
        let manifest = text(&package["manifest_path"]);
        let folder = manifest.trim_start_matches(root).trim_end_matches("/Cargo.toml");
        self.members.insert(text(&package["name"]), folder.to_owned());
        for target in list(&package["targets"]) {
            let kind = |wanted: &str| list(&target["kind"]).any(|kind| kind == wanted);
            if kind("lib") || kind("bin") {
                self.crate_roots.push(text(&target["src_path"]).trim_start_matches(root).to_owned());
            }
            if kind("bin") {
                self.binaries.insert(text(&target["name"]));
            }
        }
    }
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// The platform this test was built for; packages of others are not even downloaded.
fn host() -> String {
    let output = Command::new("rustc").arg("-vV").output().expect("rustc runs");
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    said.lines().find_map(|line| line.strip_prefix("host: ")).expect("rustc names its host").to_owned()
}
