//! Pages that claim something name what shows it; that has to be there.

use std::path::{Path, PathBuf};

use wsaudit_demo::Fault;

use crate::transparency::named_tests;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .unwrap()
        .to_owned()
}

/// The page, and how many tests and cases it names. Each of them is there.
fn page(name: &str) -> (String, usize) {
    let page = std::fs::read_to_string(root().join("docs").join(name)).unwrap();
    let cases = page.split('`').skip(1).step_by(2);
    let cases = cases.filter(|code| code.starts_with("fixtures/"));
    let mut count = 0;
    for case in cases {
        assert!(root().join(case).exists(), "{name} names {case}");
        count += 1;
    }
    for (file, test) in named_tests(&page) {
        let source = std::fs::read_to_string(root().join(file))
            .unwrap_or_else(|error| panic!("{file}, named for {test}: {error}"));
        assert!(
            source.contains(&format!("fn {test}(")),
            "{file} has no {test}"
        );
        count += 1;
    }
    (page, count)
}

#[test]
fn the_page_of_the_scenarios_names_every_fault_and_cases_that_are_there() {
    let (page, count) = page("scenarios.md");
    assert!(count >= 40, "{count} cases are not the whole page");
    for fault in Fault::ALL {
        assert!(page.contains(&format!("`{fault}`")), "{fault} is missing");
    }
}

#[test]
fn what_the_page_of_soundness_names_is_there() {
    let (_, count) = page("soundness.md");
    assert!(
        count >= 30,
        "{count} tests and cases are not the whole page"
    );
}
