//! `correlated`, of JSON-RPC and graphql-transport-ws: each reply and item is held against all that was
//! asked before it on its connection.

use proptest::prelude::*;
use proptest::sample::select;
use wsaudit_verifier::facts::Facts;
use wsaudit_verifier::rules::HolderKind;
use wsaudit_wire::Direction;

use super::lives::{Event, Garble, Happened, History, Reads, What, Who};
use super::random::{Names, cases, histories};
use super::told::{Expected, Repeats, check_payloads, pack};

/// In ms.
const GRACE: i64 = 1000;

pub(crate) const PACK: &str = r#"
[[rule]]
id    = "it"
title = "it"
kind  = "correlated"
cancel-grace = "1s"
"#;

pub(crate) const JSON_RPC: Names = Names {
    asks: &["call", "call", "answer", "note"],
    says: &["answer", "answer", "answer", "call", "note"],
};

pub(crate) const GRAPHQL: Names = Names {
    asks: &["subscribe", "subscribe", "complete"],
    says: &["next", "next", "next", "complete", "error"],
};

pub(crate) fn json_rpc(event: &Event<'_>) -> String {
    let id = event.request().unwrap_or(7);
    match event.name {
        "call" => format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"x"}}"#),
        "answer" => format!(r#"{{"jsonrpc":"2.0","id":{id},"result":1}}"#),
        _ => r#"{"jsonrpc":"2.0","method":"news"}"#.to_owned(),
    }
}

pub(crate) fn graphql(event: &Event<'_>) -> String {
    let id = event.request().unwrap_or(7);
    let payload = match event.name {
        "subscribe" => r#","payload":{"query":"subscription { x }"}"#,
        "next" => r#","payload":{"data":1}"#,
        "error" => r#","payload":[{"message":"no"}]"#,
        _ => "",
    };
    format!(r#"{{"id":"{id}","type":"{}"{payload}}}"#, event.name)
}

/// What breaks the rule, if the reply of that number does.
fn breach(history: &History, event: &Event<'_>, expected: &mut Expected) {
    let key = event.request().unwrap_or(7).to_string();
    if is_in_doubt(history, event) {
        expected.doubts = true;
    } else {
        expected
            .violated
            .insert((event.number, Some(Who::Connection(event.on)), Some(key)));
    }
}

/// What is no JSON is of no such framing: it hides nothing.
fn is_lost(one: &Happened) -> bool {
    matches!(
        one.what,
        What::Garbled(
            _,
            Garble::Truncated | Garble::Undecodable | Garble::Withheld
        )
    )
}

fn is_in_doubt(history: &History, event: &Event<'_>) -> bool {
    let gap = |(of, number): &(Option<usize>, usize)| {
        of.is_none_or(|of| of == event.on) && *number < event.number
    };
    let mut earlier = history.happened.iter().take(event.number);
    history.gaps.iter().any(gap) || earlier.any(|one| one.on == event.on && is_lost(one))
}

fn before<'e>(all: &'e [Event<'e>], event: &'e Event<'e>) -> impl Iterator<Item = &'e Event<'e>> {
    let id = event.request().unwrap_or(7);
    all.iter().filter(move |other| {
        other.on == event.on && other.number < event.number && other.request().unwrap_or(7) == id
    })
}

fn judge_json_rpc(history: &History, from: Option<Direction>) -> Expected {
    let mut expected = doubtful(history);
    let events = history.events();
    for event in events.iter().filter(|event| event.is(&["answer"])) {
        if from.is_some_and(|from| event.from != Some(from)) {
            continue;
        }
        expected.exercised = true;
        // As many calls of the other side are open as came, less those that were answered.
        let mut open = 0_usize;
        for other in before(&events, event) {
            if other.is(&["call"]) && other.from != event.from {
                open += 1;
            } else if other.is(&["answer"]) && other.from == event.from {
                open = open.saturating_sub(1);
            }
        }
        if open == 0 {
            breach(history, event, &mut expected);
        }
    }
    expected
}

fn judge_graphql(history: &History) -> Expected {
    let mut expected = doubtful(history);
    let events = history.events();
    for event in &events {
        if event.from != Some(Direction::ServerToClient) {
            continue;
        }
        expected.exercised = true;
        // Each subscription that has not ended: `Some`: it was cancelled at that time.
        let mut streams: Vec<Option<i64>> = Vec::new();
        for other in before(&events, event) {
            match (other.name, other.from) {
                // A second one of the same id is none: the server must refuse it.
                ("subscribe", _) if streams.contains(&None) => {}
                ("subscribe", _) => streams.push(None),
                ("complete", Some(Direction::ClientToServer)) => {
                    for stream in &mut streams {
                        stream.get_or_insert(other.at);
                    }
                }
                // Of one that was cancelled, else of one that was not.
                ("complete" | "error", _) => {
                    let ended = streams.iter().position(Option::is_some);
                    if let Some(ended) = ended.or_else(|| streams.iter().position(|_| true)) {
                        streams.remove(ended);
                    }
                }
                _ => {}
            }
        }
        let mut streams = streams.iter();
        // What was cancelled may still end, whenever that is, and items of it come for a while.
        let ends = event.is(&["complete", "error"]);
        let is_open = streams.any(|at| ends || at.is_none_or(|at| event.at - at <= GRACE));
        if !is_open {
            breach(history, event, &mut expected);
        }
    }
    expected
}

fn doubtful(history: &History) -> Expected {
    Expected {
        doubts: history.is_doubtful(Reads::Frames, HolderKind::Connection)
            || history.happened.iter().any(is_lost),
        repeats: Repeats::AreOne,
        ..Expected::default()
    }
}

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn json_rpc_answers_what_is_open(
        history in histories(JSON_RPC),
        from in select(vec![None, Some(Direction::ClientToServer), Some(Direction::ServerToClient)]),
    ) {
        let side = match from {
            None => "",
            Some(Direction::ClientToServer) => "from = \"client\"",
            Some(Direction::ServerToClient) => "from = \"server\"",
        };
        let rule = pack(&format!("{PACK}framing = \"json-rpc\"\n{side}\n"));
        let found = check_payloads(&rule, &history, &Facts::default(), &json_rpc);
        judge_json_rpc(&history, from).agree(&found, HolderKind::Connection)?;
    }

    #[test]
    fn graphql_streams_are_open(history in histories(GRAPHQL)) {
        let rule = pack(&format!("{PACK}framing = \"graphql-transport-ws\"\n"));
        let found = check_payloads(&rule, &history, &Facts::default(), &graphql);
        judge_graphql(&history).agree(&found, HolderKind::Connection)?;
    }
}
