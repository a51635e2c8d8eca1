//! `sql`, as far as it can be asked: queries of which a frame more never takes a row away.
//!
//! A query for what is *not* there (`NOT EXISTS`, a count that is too small) finds it where a recorder lost it, and
//! nothing can tell which queries are of that sort: that is written with the kind, and not asked here.

use proptest::prelude::*;
use proptest::sample::select;
use wsaudit_verifier::rules::HolderKind;

use super::asked::{self, Asked};
use super::is_never_surer;
use super::over_http::over_http;
use super::recorder::troubles;
use super::recordings::{Pair, splits};
use crate::random::{Names, fewer_cases};
use crate::told::Told;

const NAMES: Names = Names {
    asks: &["ask", "other"],
    says: &["note", "note", "secret"],
};

/// Each row by itself; each two of a kind.
const QUERIES: [&str; 2] = [
    "SELECT seq, session_id AS session, text ->> '$.doc' AS resource FROM said
      WHERE text ->> '$.type' = 'secret'",
    "SELECT later.seq, later.text ->> '$.doc' AS resource, later.session_id AS session
       FROM said AS first JOIN said AS later
         ON later.text ->> '$.doc' = first.text ->> '$.doc' AND later.seq > first.seq
            AND later.session_id <> first.session_id
      WHERE first.text ->> '$.type' = 'note' AND later.text ->> '$.type' = 'note'",
];

/// What the server said on sockets, or over HTTP, too.
const SAID: [&str; 2] = [
    "SELECT seq, session_id, text FROM session_message
      WHERE direction = 'server-to-client' AND json_valid(text)",
    "SELECT seq, session_id, text FROM session_message
      WHERE direction = 'server-to-client' AND json_valid(text)
      UNION ALL SELECT seq, session_id, text FROM session_http
      WHERE direction = 'server-to-client' AND json_valid(text)",
];

/// Of a query that looks at single rows, whoever writes the rule may say so.
fn rule(query: usize, said: &str, says_so: bool) -> String {
    let alone = query == 0 && says_so;
    format!(
        "[events]\nnote = {{ from = \"server\", name = \"note\" }}\n\
         [[rule]]\nid = \"it\"\ntitle = \"it\"\nkind = \"sql\"\nalone = {alone}\nquery = \"\"\"\n\
         WITH said AS ({said}) {}\"\"\"\n",
        QUERIES[query]
    )
}

fn sql(said: &'static [&'static str]) -> impl Strategy<Value = Asked> {
    let rules = (0..QUERIES.len(), select(said), any::<bool>());
    (rules, asked::whole(NAMES)).prop_map(|((query, said, says_so), history)| {
        let whole: Told = asked::told(&history);
        Asked::new(rule(query, said, says_so), whole, HolderKind::Session)
    })
}

/// Each of these writes a recording into a file: a fiftieth of the cases that somebody asks for.
fn cases_of_files() -> ProptestConfig {
    let all = fewer_cases();
    let cases = match std::env::var_os("PROPTEST_CASES") {
        Some(_) => (all.cases / 50).max(1),
        None => all.cases,
    };
    ProptestConfig { cases, ..all }
}

proptest! {
    #![proptest_config(cases_of_files())]

    #[test]
    fn sql_is_never_surer_of_what_is_there(asked in sql(&SAID), troubles in troubles()) {
        is_never_surer(&asked, &Pair::of_one(&asked.whole, &troubles))?;
    }

    #[test]
    fn sql_is_never_surer_of_what_is_there_over_http(
        asked in over_http(sql(&SAID), NAMES),
        troubles in troubles(),
    ) {
        is_never_surer(&asked, &Pair::of_one(&asked.whole, &troubles))?;
    }

    #[test]
    fn sql_is_never_surer_of_what_is_there_in_two_recordings(
        asked in sql(&SAID),
        split in splits(),
        first in troubles(),
        second in troubles(),
    ) {
        is_never_surer(&asked, &Pair::of_two(&asked.whole, &split, [&first, &second]))?;
    }
}
