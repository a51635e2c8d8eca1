//! Histories made up: their parts are verified as the whole, and one that is missing is named.

use std::sync::LazyLock;

use proptest::prelude::*;
use wsaudit_verifier::engine::{Input, Verification, verify};
use wsaudit_verifier::facts::Facts;
use wsaudit_verifier::history::{Source, join};
use wsaudit_verifier::report::report;
use wsaudit_verifier::rules::Pack;
use wsaudit_verifier::verdict::{Reason, Verdict};

use super::history::{cuts, cuts_that_part, history, steps};

const PACK: &str = r#"
[pack]
name   = "parts"
format = 1
[message]
name = "/type"
[fields]
doc     = "/doc"
request = "/request"
to      = "/to"
[events]
make    = { from = "client", name = "make" }
open    = { from = "client", name = "open" }
made    = { from = "server", name = "made" }
content = { from = "server", name = "content" }
refused = { from = "server", name = "refused" }
joined  = { from = "server", name = "joined" }
left    = { from = "server", name = "left" }
[[rule]]
id         = "owned"
title      = "a document is its owner's"
kind       = "owned"
resource   = "doc"
owner      = "session"
claimed-by = { event = "made", answers = { event = "make", match = "/request" } }
used-by    = "open"
reply      = { match = "/request", granted-by = "content", denied-by = "refused", within = "2s" }
seen       = "anywhere"
[[rule]]
id         = "members"
title      = "a document reaches its members"
kind       = "owned"
resource   = "doc"
owner      = "session"
members-by = "joined"
left-by    = "left"
[[rule]]
id      = "answered"
title   = "what is opened is answered"
kind    = "response"
request = "open"
reply   = ["content", "refused"]
match   = "request"
within  = "2s"
[[rule]]
id    = "order"
title = "made, then shown"
kind  = "sequence"
key   = "doc"
steps = ["made", "content+", "left"]
[[rule]]
id    = "addressed"
title = "a message goes to whom it names"
kind  = "addressed"
field = "to"
to    = "session"
[[rule]]
id      = "count"
title   = "no session gets more than three"
kind    = "count"
event   = "content"
at-most = 3
[[rule]]
id    = "fast"
title = "a handshake is accepted within 1 s"
kind  = "duration"
from  = "@open"
to    = "@accepted"
per   = "connection"
max   = "1s"
[[rule]]
id    = "never"
title = "nothing is made once it was left"
kind  = "never"
event = "made"
after = "left"
[[rule]]
id       = "accepted"
title    = "every handshake is accepted"
kind     = "handshake"
accepted = true
[[rule]]
id         = "one-holder"
title      = "a session is one user's"
kind       = "handshake"
one-holder = ["user"]
[[rule]]
id    = "protocol"
title = "both sides keep to the protocol"
kind  = "protocol"
"#;

static RULES: LazyLock<Pack> = LazyLock::new(|| {
    Pack::from_texts(&[("parts.toml", PACK)]).unwrap_or_else(|errors| panic!("{errors}"))
});

fn verified(sources: &[Box<dyn Source>]) -> Verification {
    let input = Input {
        packs: std::slice::from_ref(&RULES),
        facts: &Facts::default(),
        sources,
        unread: &[],
        skew: std::time::Duration::ZERO,
    };
    verify(&input, &mut |_| {}).unwrap()
}

fn cases() -> ProptestConfig {
    ProptestConfig {
        cases: std::env::var_os("PROPTEST_CASES").map_or(150, |_| ProptestConfig::default().cases),
        failure_persistence: None,
        ..ProptestConfig::default()
    }
}

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn parts_are_verified_as_the_whole(steps in steps(), (cuts, order) in cuts()) {
        let history = history(&steps, &cuts);
        let whole: Vec<Box<dyn Source>> = vec![Box::new(history.whole())];
        let mut parts: Vec<_> = history.parts().into_iter().zip(order).collect();
        parts.sort_by_key(|(_, key)| *key);
        let parts: Vec<_> = parts.into_iter().map(|(part, _)| part).collect();
        let joined = join(&parts).unwrap();
        prop_assert_eq!(joined.len(), 1);
        let (one, other) = (verified(&whole), verified(&joined));
        let (left, right) = (format!("{one:#?}"), format!("{other:#?}"));
        let differ = left.lines().zip(right.lines()).find(|(one, other)| one != other);
        prop_assert_eq!(differ, None, "{}", left);
        prop_assert_eq!(left, right);
        let of = |verification: &Verification, sources: &[Box<dyn Source>]| {
            let report = report(std::slice::from_ref(&RULES), verification, sources).unwrap();
            let mut said = format!("{:#?}{:#?}{:#?}", report.violations, report.sessions, report.users);
            let names = sources.iter().map(|source| source.outline().name.clone());
            for name in names.chain((1..=cuts.len() + 1).map(|part| format!("part-{part}"))) {
                said = said.replace(&format!("\"{name}\""), "\"run\"");
            }
            said
        };
        prop_assert_eq!(of(&one, &whole), of(&other, &joined));
    }

    #[test]
    fn a_missing_part_is_named_and_nothing_is_clean(
        steps in steps(),
        (cuts, order) in cuts_that_part(),
        missing in any::<prop::sample::Index>(),
    ) {
        let history = history(&steps, &cuts);
        let mut parts = history.parts();
        prop_assert!(parts.len() > 1);
        let missing = missing.index(parts.len());
        parts.remove(missing);
        let mut parts: Vec<_> = parts.into_iter().zip(order).collect();
        parts.sort_by_key(|(_, key)| *key);
        let parts: Vec<_> = parts.into_iter().map(|(part, _)| part).collect();
        let verification = verified(&join(&parts).unwrap());
        prop_assert_ne!(verification.verdict, Verdict::Clean);
        let named = format!("part {} of run run is missing", missing + 1);
        for rule in &verification.rules {
            let mut doubts = rule.outcome.doubts.iter();
            let found = doubts.any(|doubt| {
                doubt.reason == Reason::Gap && doubt.message.contains(&named)
            });
            prop_assert!(found, "{named}: {:#?}", rule.outcome.doubts);
        }
    }
}
