//! The plan of the rooms, held to: ARCHITECTURE.md's table against `cargo metadata`, README.md's against the folders, and
//! the invariants that can be read off dependencies and files.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

/// Rooms below the floor: nothing here may reach libtorch, tests included.
const GROUND: [&str; 10] = [
    "text",
    "tokens",
    "run",
    "recipe",
    "remote",
    "corpus",
    "preprocess",
    "dataset",
    "pipeline",
    "report",
];

/// Whoever reaches one of these reaches libtorch.
const LIBTORCH: [&str; 3] = ["tch", "torch-sys", "kiln-tensor-sys"];

#[test]
fn readme_names_every_room() {
    let named: BTreeSet<String> = table("README.md").into_keys().collect();
    assert_eq!(
        named,
        folders(),
        "left: README.md's table of rooms; right: folders of crates/"
    );
}

#[test]
fn architecture_names_every_room() {
    let named: BTreeSet<String> = table("ARCHITECTURE.md").into_keys().collect();
    assert_eq!(
        named,
        folders(),
        "left: ARCHITECTURE.md's table of rooms; right: folders of crates/"
    );
}

#[test]
fn rooms_depend_on_what_the_plan_allows() {
    let plan = table("ARCHITECTURE.md");
    let graph = Graph::of_workspace(&[]);
    let mut broken = Vec::new();
    for (room, allowed) in &plan {
        let used = graph.direct(room, Kinds::Shipped);
        let used = used.iter().filter_map(|name| name.strip_prefix("kiln-"));
        broken.extend(
            used.filter(|used| !allowed.contains(*used))
                .map(|used| format!("`{room}` depends on `{used}`")),
        );
        let unknown = allowed.iter().filter(|name| !plan.contains_key(*name));
        broken.extend(unknown.map(|name| format!("`{room}` is allowed `{name}`, no room")));
    }
    assert!(
        broken.is_empty(),
        "against ARCHITECTURE.md's table: {broken:#?}"
    );
}

#[test]
fn only_tensor_depends_on_libtorch() {
    let graph = Graph::of_workspace(&[]);
    let mut doors = BTreeMap::new();
    for room in folders() {
        let mut used = graph.direct(&room, Kinds::All);
        used.retain(|name| LIBTORCH.contains(name));
        if !used.is_empty() {
            doors.insert(room, used);
        }
    }
    let tensor = BTreeSet::from(["kiln-tensor-sys", "tch"]);
    assert_eq!(doors, BTreeMap::from([("tensor".to_owned(), tensor)]));
}

#[test]
fn ground_rooms_never_reach_libtorch() {
    let graph = Graph::of_workspace(&[]);
    for room in GROUND.iter().filter(|room| folders().contains(**room)) {
        let path = graph.path_to_libtorch(room, Kinds::All);
        assert_eq!(path, None, "`{room}` reaches libtorch");
    }
    // The search does find what is there.
    let above = graph.path_to_libtorch("tensor", Kinds::Shipped);
    assert!(above.is_some(), "`tensor` does not reach libtorch");
}

#[test]
fn the_data_only_binary_never_reaches_libtorch() {
    let path =
        |arguments: &[&str]| Graph::of_workspace(arguments).path_to_libtorch("cli", Kinds::Shipped);
    assert_eq!(path(&["--no-default-features"]), None);
    assert!(
        path(&[]).is_some(),
        "the whole binary does not reach libtorch"
    );
}

#[test]
fn interfaces_are_between_the_loop_and_its_parts() {
    let graph = Graph::of_workspace(&[]);
    for (room, strangers) in [
        ("train", &["models", "optim", "dataset", "assembly"][..]),
        ("models", &["optim", "train", "dataset"]),
        ("optim", &["models", "train", "dataset"]),
        ("learn", &["models", "optim", "train", "dataset"]),
    ] {
        let used = graph.direct(room, Kinds::Shipped);
        for stranger in strangers {
            let known = used.contains(format!("kiln-{stranger}").as_str());
            assert!(!known, "`{room}` knows `{stranger}`");
        }
    }
}

#[test]
fn only_tensor_sys_holds_foreign_code() {
    let foreign = ["c", "cc", "cpp", "cxx", "cu", "h", "hpp", "cuh"];
    let mut files = Vec::new();
    walk(&root().join("crates"), &mut files);
    let (inside, outside): (Vec<_>, Vec<_>) = files
        .into_iter()
        .filter(|file| {
            let extension = file.extension().and_then(|extension| extension.to_str());
            extension.is_some_and(|extension| foreign.contains(&extension))
        })
        .partition(|file| file.starts_with(root().join("crates/tensor-sys")));
    assert!(
        outside.is_empty(),
        "C or C++ outside tensor-sys: {outside:?}"
    );
    assert!(!inside.is_empty(), "tensor-sys holds no C++");
}

#[test]
fn every_room_obeys_the_workspace_lints() {
    for room in folders() {
        let manifest = read(&format!("crates/{room}/Cargo.toml"));
        assert!(
            manifest.contains("[lints]\nworkspace = true\n"),
            "crates/{room}/Cargo.toml does not say [lints] workspace = true"
        );
    }
}

/// Which dependencies of a room count.
#[derive(Clone, Copy)]
enum Kinds {
    /// What its users build: everything but dev-dependencies.
    Shipped,
    /// What its own tests build as well.
    All,
}

/// Packages by cargo's identity (two versions of one package are two), and what each depends on.
struct Graph {
    names: BTreeMap<String, String>,
    /// Each dependency with whether anything but a test asks for it.
    dependencies: BTreeMap<String, Vec<(String, bool)>>,
}

impl Graph {
    fn of_workspace(arguments: &[&str]) -> Self {
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let output = Command::new(cargo)
            .args(["metadata", "--format-version=1", "--locked"])
            .args(["--filter-platform", "x86_64-unknown-linux-gnu"])
            .args(arguments)
            .current_dir(root())
            .output()
            .expect("cargo runs");
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "cargo metadata: {errors}");
        let metadata: Value = serde_json::from_slice(&output.stdout).expect("metadata is JSON");

        let names = list(&metadata["packages"])
            .map(|package| (text(&package["id"]), text(&package["name"])))
            .collect();
        let dependencies = list(&metadata["resolve"]["nodes"]).map(|node| {
            let used = list(&node["deps"]).map(|used| {
                let shipped = list(&used["dep_kinds"]).any(|kind| kind["kind"] != "dev");
                (text(&used["pkg"]), shipped)
            });
            (text(&node["id"]), used.collect())
        });
        Self {
            names,
            dependencies: dependencies.collect(),
        }
    }

    fn identity(&self, room: &str) -> &str {
        let package = format!("kiln-{room}");
        let found = self.names.iter().find(|(_, name)| **name == package);
        found.expect("cargo knows the room's package").0
    }

    fn steps(&self, identity: &str, kinds: Kinds) -> impl Iterator<Item = &str> {
        let used = &self.dependencies[identity];
        used.iter()
            .filter(move |(_, shipped)| *shipped || matches!(kinds, Kinds::All))
            .map(|(identity, _)| identity.as_str())
    }

    /// Names of the packages that a room depends on itself.
    fn direct(&self, room: &str, kinds: Kinds) -> BTreeSet<&str> {
        self.steps(self.identity(room), kinds)
            .map(|identity| self.names[identity].as_str())
            .collect()
    }

    /// A chain of packages from a room to libtorch; its own tests count if `kinds` says so, its dependencies' never.
    fn path_to_libtorch(&self, room: &str, kinds: Kinds) -> Option<String> {
        let mut seen = BTreeSet::new();
        let mut waiting = vec![(self.identity(room), room.to_owned(), kinds)];
        while let Some((identity, path, kinds)) = waiting.pop() {
            if LIBTORCH.contains(&self.names[identity].as_str()) {
                return Some(path);
            }
            for step in self.steps(identity, kinds) {
                if seen.insert(step) {
                    let path = format!("{path} -> {}", self.names[step]);
                    waiting.push((step, path, Kinds::Shipped));
                }
            }
        }
        None
    }
}

/// The table whose first column is headed `room`: each room with the rooms named in backquotes in its last column.
fn table(file: &str) -> BTreeMap<String, BTreeSet<String>> {
    let page = read(file);
    let rows = page
        .lines()
        .skip_while(|line| !line.starts_with("| room |"))
        .skip(2) // the heading and its rule
        .take_while(|line| line.starts_with('|'));
    let rooms = rows.map(|row| {
        let mut cells = row.trim_matches('|').split('|');
        let room = quoted(cells.next().unwrap_or_default()).next();
        let last = quoted(cells.next_back().unwrap_or_default());
        (room.expect("a row begins with a `room`"), last.collect())
    });
    let rooms: BTreeMap<_, _> = rooms.collect();
    assert!(!rooms.is_empty(), "{file} has no table of rooms");
    rooms
}

fn quoted(cell: &str) -> impl Iterator<Item = String> {
    cell.split('`').skip(1).step_by(2).map(str::to_owned)
}

fn folders() -> BTreeSet<String> {
    let entries = std::fs::read_dir(root().join("crates")).expect("crates/ is there");
    let folders = entries.map(|entry| entry.expect("an entry can be read"));
    folders
        .filter(|entry| entry.path().join("Cargo.toml").is_file())
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect()
}

fn walk(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).expect("a folder can be read") {
        let path = entry.expect("an entry can be read").path();
        if path.is_dir() {
            walk(&path, files);
        } else {
            files.push(path);
        }
    }
}

fn read(file: &str) -> String {
    std::fs::read_to_string(root().join(file)).unwrap_or_else(|error| panic!("{file}: {error}"))
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().expect("a list in the metadata").iter()
}

fn text(value: &Value) -> String {
    let text = value.as_str().expect("a string in the metadata");
    text.to_owned()
}
