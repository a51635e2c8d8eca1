//! Which files are parts of one run, and which of them are missing.

use std::rc::Rc;

use wsaudit_verifier::history::{MemorySource, Outline, Part, Source, join};

fn part_of(run: &str, number: u32, continued: bool) -> Rc<dyn Source> {
    let outline = Outline {
        name: format!("{run}-{number}"),
        parts: vec![Part {
            run: run.into(),
            number,
            continued,
            first_seq: u64::from(number) * 10,
            last_seq: u64::from(number) * 10 + 9,
            file: format!("{run}-{number}"),
        }],
        ..Outline::default()
    };
    Rc::new(MemorySource::new(outline, Vec::new()))
}

fn names(sources: &[Rc<dyn Source>]) -> Vec<String> {
    let joined = join(sources).unwrap();
    let names = joined.iter().map(|source| source.outline().name.clone());
    names.collect()
}

#[test]
fn parts_are_named_together_and_other_recordings_stay_apart() {
    let sources = [
        part_of("b", 2, false),
        part_of("single", 1, false),
        part_of("a", 3, false),
        part_of("b", 1, true),
        part_of("a", 2, true),
        part_of("a", 1, true),
    ];
    assert_eq!(
        names(&sources),
        ["b-1 to b-2 (2 parts)", "single-1", "a-1 to a-3 (3 parts)"]
    );
}

#[test]
fn a_run_that_was_added_to_the_last_part_stays_with_it() {
    let added = Part {
        run: "added".into(),
        number: 1,
        continued: false,
        first_seq: 30,
        last_seq: 40,
        file: "a-2".into(),
    };
    let mut outline = part_of("a", 2, false).outline().clone();
    outline.parts.push(added);
    let two: Rc<dyn Source> = Rc::new(MemorySource::new(outline, Vec::new()));
    let joined = join(&[two, part_of("a", 1, true)]).unwrap();
    assert_eq!(joined.len(), 1);
    let outline = joined[0].outline();
    assert_eq!(outline.name, "a-1 to a-2 (2 parts)");
    assert_eq!((&outline.gaps, &outline.goes_on), (&Vec::new(), &None));
}

#[test]
fn the_same_part_twice_is_an_error() {
    let error = join(&[
        part_of("a", 1, true),
        part_of("a", 2, false),
        part_of("a", 1, true),
    ]);
    let Err(error) = error else {
        panic!("part 1 of a is given twice");
    };
    assert_eq!((error.part, &*error.run), (1, "a"));
    assert!(error.to_string().contains("give each one once"), "{error}");
}

#[test]
fn all_that_is_missing_is_told() {
    let joined = join(&[part_of("a", 4, true), part_of("a", 7, true)]).unwrap();
    let outline = joined[0].outline();
    let whys: Vec<_> = outline.gaps.iter().map(|gap| gap.why.as_str()).collect();
    assert_eq!(
        whys,
        [
            "parts 1 to 3 of run a are missing, and a-4 is part 4",
            "parts 5 to 6 of run a are missing, and a-7 is part 7",
        ]
    );
    assert_eq!(
        outline.goes_on.as_deref(),
        Some("part 8 of run a is missing: a-7 says that it goes on there")
    );
    let places: Vec<_> = outline.gaps.iter().map(|gap| (gap.from, gap.to)).collect();
    assert_eq!(places, [(40, 40), (50, 69)]);
}
