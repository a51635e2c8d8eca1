//! The plan of the house: which room knows which.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use cargo_metadata::{CargoOpt, DependencyKind, Metadata, MetadataCommand, PackageId};

/// Our rooms, and the rooms that each may know.
const ROOMS: [(&str, &[&str]); 7] = [
    ("wsaudit-wire", &[]),
    ("wsaudit-tagging", &["wsaudit-wire"]),
    ("wsaudit-recording", &["wsaudit-tagging", "wsaudit-wire"]),
    (
        "wsaudit-proxy",
        &["wsaudit-recording", "wsaudit-tagging", "wsaudit-wire"],
    ),
    (
        "wsaudit-verifier",
        &["wsaudit-recording", "wsaudit-tagging", "wsaudit-wire"],
    ),
    ("wsaudit-facts", &["wsaudit-verifier"]),
    ("wsaudit-demo", &[]),
];

/// What no room may reach, not even by a detour.
const FORBIDDEN: [(&str, &[&str]); 7] = [
    (
        "wsaudit-wire",
        &[
            "tokio",
            "mio",
            "socket2",
            "hyper",
            "rustls",
            "rusqlite",
            "serde",
            "serde_json",
            "toml",
        ],
    ),
    (
        "wsaudit-tagging",
        &[
            "tokio", "mio", "socket2", "hyper", "rustls", "rusqlite", "toml",
        ],
    ),
    (
        "wsaudit-recording",
        &["tokio", "mio", "socket2", "hyper", "rustls", "toml"],
    ),
    ("wsaudit-proxy", &["toml"]),
    ("wsaudit-verifier", NETWORK),
    // A database's client speaks over tokio; nothing else there does.
    ("wsaudit-facts", &["hyper", "tungstenite"]),
    ("wsaudit-demo", &["rusqlite", "toml"]),
];

const NETWORK: &[&str] = &["tokio", "mio", "socket2", "hyper", "rustls", "tungstenite"];

fn metadata(features: &[CargoOpt]) -> Metadata {
    // Crates of other platforms need not be here.
    let rustc = Command::new("rustc").arg("-vV").output().unwrap();
    let said = String::from_utf8(rustc.stdout).unwrap();
    let host = said.lines().find_map(|line| line.strip_prefix("host: "));
    let platform = ["--filter-platform".to_owned(), host.unwrap().to_owned()];
    let mut command = MetadataCommand::new();
    command
        .manifest_path(Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml"))
        .other_options(platform);
    for feature in features {
        command.features(feature.clone());
    }
    command.exec().unwrap()
}

/// Each package's normal dependencies.
struct Graph {
    names: BTreeMap<PackageId, String>,
    edges: BTreeMap<PackageId, Vec<PackageId>>,
}

impl Graph {
    fn of(metadata: &Metadata) -> Self {
        let names = metadata
            .packages
            .iter()
            .map(|package| (package.id.clone(), package.name.to_string()))
            .collect();
        let nodes = &metadata.resolve.as_ref().unwrap().nodes;
        let edges = nodes
            .iter()
            .map(|node| {
                let normal = node.deps.iter().filter(|dependency| {
                    let mut kinds = dependency.dep_kinds.iter();
                    kinds.any(|it| it.kind == DependencyKind::Normal)
                });
                (node.id.clone(), normal.map(|it| it.pkg.clone()).collect())
            })
            .collect();
        Self { names, edges }
    }

    fn id(&self, name: &str) -> &PackageId {
        let found = self.names.iter().find(|(_, known)| *known == name);
        found.unwrap_or_else(|| panic!("no package {name}")).0
    }

    fn direct(&self, name: &str) -> BTreeSet<&str> {
        let edges = self.edges[self.id(name)].iter();
        edges.map(|id| self.names[id].as_str()).collect()
    }

    /// Everything that a package reaches, itself not.
    fn reachable(&self, name: &str) -> BTreeSet<&str> {
        let mut seen = BTreeSet::new();
        let mut open = vec![self.id(name)];
        while let Some(id) = open.pop() {
            for next in &self.edges[id] {
                if seen.insert(self.names[next].as_str()) {
                    open.push(next);
                }
            }
        }
        seen
    }
}

#[test]
fn each_room_knows_only_those_below_it() {
    let graph = Graph::of(&metadata(&[]));
    for (room, allowed) in ROOMS {
        let direct = graph.direct(room);
        let own = direct
            .into_iter()
            .filter(|name| name.starts_with("wsaudit"));
        let strangers: Vec<_> = own.filter(|name| !allowed.contains(name)).collect();
        assert!(strangers.is_empty(), "{room} knows {strangers:?}");
    }
}

#[test]
fn no_room_reaches_what_is_not_its_business() {
    let graph = Graph::of(&metadata(&[]));
    for (room, forbidden) in FORBIDDEN {
        let reachable = graph.reachable(room);
        assert!(
            reachable.len() > 1,
            "{room} reaches {reachable:?} only: is the graph read?"
        );
        let found: Vec<_> = forbidden
            .iter()
            .filter(|it| reachable.contains(*it))
            .collect();
        assert!(found.is_empty(), "{room} reaches {found:?}");
    }
}

#[test]
fn a_room_of_ours_is_in_both_tables() {
    let metadata = metadata(&[]);
    let members = metadata.workspace_packages();
    let rooms: BTreeSet<_> = members.iter().map(|it| it.name.as_str()).collect();
    let listed = |table: Vec<&'static str>| -> BTreeSet<&str> {
        table.into_iter().chain(["wsaudit"]).collect()
    };
    assert_eq!(rooms, listed(ROOMS.iter().map(|(room, _)| *room).collect()));
    assert_eq!(
        rooms,
        listed(FORBIDDEN.iter().map(|(room, _)| *room).collect())
    );
}

#[test]
fn who_verifies_only_has_no_network_stack() {
    let verify = [
        CargoOpt::NoDefaultFeatures,
        CargoOpt::SomeFeatures(vec!["verify".to_owned()]),
    ];
    let graph = Graph::of(&metadata(&verify));
    let reachable = graph.reachable("wsaudit");
    assert!(reachable.contains("wsaudit-verifier"));
    let found: Vec<_> = NETWORK
        .iter()
        .filter(|it| reachable.contains(*it))
        .collect();
    assert!(found.is_empty(), "the feature `verify` reaches {found:?}");
    assert!(!reachable.contains("wsaudit-proxy"));
}

#[test]
fn who_records_only_has_no_rules() {
    let record = [
        CargoOpt::NoDefaultFeatures,
        CargoOpt::SomeFeatures(vec!["record".to_owned()]),
    ];
    let graph = Graph::of(&metadata(&record));
    let reachable = graph.reachable("wsaudit");
    assert!(reachable.contains("wsaudit-proxy"));
    assert!(!reachable.contains("wsaudit-verifier"));
}

#[test]
fn the_core_asks_neither_clock_nor_network() {
    let house = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let everywhere = [
        "Instant::now",
        "SystemTime",
        "std::net",
        "thread::sleep",
        "std::env",
    ];
    let in_wire = ["std::fs", "std::thread", "std::process"];
    for (room, words) in [
        ("wire", [&everywhere[..], &in_wire[..]].concat()),
        ("tagging", [&everywhere[..], &in_wire[..]].concat()),
        ("verifier", everywhere.to_vec()),
    ] {
        let files = sources(&house.join(room).join("src"));
        assert!(!files.is_empty());
        // The bodies of the fuzz targets bring the test that reads their corpus.
        let core = files
            .iter()
            .filter(|file| !file.components().any(|part| is_fuzzing(part.as_os_str())));
        for file in core {
            let text = fs::read_to_string(file).unwrap();
            // Tests at the bottom of a file may.
            let text = text.split("#[cfg(test)]").next().unwrap_or_default();
            for word in &words {
                assert!(!text.contains(word), "{} has {word}", file.display());
            }
        }
    }
}

fn is_fuzzing(part: &OsStr) -> bool {
    part == "fuzzing" || part == "fuzzing.rs"
}

fn sources(directory: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|it| it == "rs") {
            found.push(path);
        }
    }
    found
}
