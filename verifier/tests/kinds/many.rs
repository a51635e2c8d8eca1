use std::fmt::Write as _;

use wsaudit_verifier::case::{Case, CaseHistory};
use wsaudit_verifier::engine::{Input, verify};
use wsaudit_verifier::facts::Facts;
use wsaudit_verifier::history::Source;
use wsaudit_verifier::rules::Pack;

/// Each rule of a pack looks at messages of its own: each is shown them, and no other is.
#[test]
fn each_of_many_rules_is_shown_its_own_messages() {
    const RULES: usize = 130;
    let mut pack = "[pack]\nname = \"many\"\nformat = 1\n[message]\nname = \"/type\"\n\
        [fields]\nsession = \"/session\"\n"
        .to_owned();
    let mut trace = "A = session s-1\n".to_owned();
    for number in 0..RULES {
        writeln!(pack, "[events.e{number}]\nname = \"e{number}\"").unwrap();
        writeln!(trace, "{number} A < {{\"type\":\"e{number}\"}}").unwrap();
    }
    for number in 0..RULES {
        writeln!(
            pack,
            "[[rule]]\nid = \"r{number}\"\ntitle = \"names its session\"\nkind = \"addressed\"\n\
             field = \"session\"\nto = \"session\"\nevent = \"e{number}\"\nmissing = \"violated\""
        )
        .unwrap();
    }
    let text = format!("# many\n\n```trace\nexpect none\n{trace}```\n\n```toml\n{pack}```\n");
    let case = Case::parse("many.md", &text).unwrap_or_else(|errors| panic!("{errors}"));
    let CaseHistory::Trace(source) = case.history else {
        panic!("the case has a trace");
    };
    let packs = [Pack::from_texts(&[("many.toml", &pack)]).unwrap()];
    let sources: Vec<Box<dyn Source>> = vec![source];
    let input = Input {
        packs: &packs,
        facts: &Facts::default(),
        sources: &sources,
        unread: &[],
        skew: std::time::Duration::ZERO,
    };
    let verification = verify(&input, &mut |_| {}).expect("memory can be read");
    let first_line = text
        .lines()
        .position(|line| line.starts_with("0 A"))
        .unwrap();
    for (number, rule) in verification.rules.iter().enumerate() {
        let violations = rule.outcome.violations.iter();
        let lines: Vec<_> = violations
            .map(|violation| violation.offending.seq)
            .collect();
        let own = u64::try_from(first_line + number + 1).unwrap();
        assert_eq!(lines, [own], "r{number}");
    }
    assert_eq!(verification.rules.len(), RULES);
}
