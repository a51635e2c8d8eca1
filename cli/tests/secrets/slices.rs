//! What is cut out of a recording is given to others: it holds nothing of the rest.

use std::collections::BTreeSet;

use tempfile::tempdir;

use super::search::{files, found, holds};
use super::server::server;
use super::traffic::{CREDENTIALS, PAYLOADS, send};
use crate::harness::{Recorder, run};

const RULES: &str = r#"
[pack]
name   = "tokens"
format = 1
[message]
name = "/text"
[events]
told = { from = "client", where = { "/token" = "S3cr3t-text-Zq9" } }
[[rule]]
id    = "no-token"
title = "nobody tells this one"
kind  = "never"
event = "told"
"#;

#[test]
fn a_slice_has_no_payload_in_it_but_those_that_show_the_violation() {
    let upstream = server();
    let directory = tempdir().unwrap();
    let out = directory.path().join("traffic.db");
    let rules = directory.path().join("rules.toml");
    std::fs::write(&rules, RULES).unwrap();
    let recorder = Recorder::start(&upstream, &out, &["--record-http", "/login"]);
    let sent = send(recorder.address());
    recorder.stop().with_code(0);
    let of = |command: &str, more: &[&std::ffi::OsStr]| {
        let mut args = vec![command.as_ref(), "--rules".as_ref(), rules.as_os_str()];
        args.push(out.as_os_str());
        args.extend(more);
        run(args)
    };
    let report = of("verify", &["--format".as_ref(), "json".as_ref()]).ends_with(1);
    let report: serde_json::Value = serde_json::from_str(&report.stdout).unwrap();
    let fingerprint = report["violations"][0]["fingerprint"].as_str().unwrap();

    let kept = PAYLOADS[0];
    let others = PAYLOADS[1..].iter().chain(CREDENTIALS).copied();
    let others: Vec<_> = others
        // Why a connection was closed is said of it, as its heads are: that is kept.
        .filter(|it| !it.contains("closereason"))
        // It is searched for by its beginning, which is that of all secrets.
        .filter(|it| !it.contains("truncated"))
        .collect();
    assert_ne!(
        found(&others, &sent, &files(directory.path())),
        BTreeSet::new()
    );
    for name in ["slice.db", "slice.md"] {
        let sliced = directory.path().join("sliced");
        std::fs::create_dir(&sliced).unwrap();
        let path = sliced.join(name);
        of(
            "slice",
            &[fingerprint.as_ref(), "--out".as_ref(), path.as_os_str()],
        )
        .ends_with(0);
        let texts = files(&sliced);
        assert_eq!(texts.len(), 1, "only {name}");
        assert!(holds(&texts[0].1, kept.as_bytes()), "{name}");
        assert_eq!(found(&others, &sent, &texts), BTreeSet::new(), "{name}");
        std::fs::remove_dir_all(&sliced).unwrap();
    }
}
