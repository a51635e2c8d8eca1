//! The pack as text.

mod words;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use wsaudit_tagging::{Candidate, TagKind};
use wsaudit_wire::Direction;

use self::words::{comment, identifier, quoted, short, unique};
use super::observe::{About, Field, Named, Observed};
use crate::report::times;
use crate::rules::{Codec, HolderKind};

/// How many sources are listed of a kind.
const MOST_SOURCES: usize = 4;
/// How many fields are listed that no rule uses.
const MOST_FIELDS: usize = 60;

/// Whom rules are drafted for. What is one connection's alone is its session's, too.
const HOLDERS: [HolderKind; 2] = [HolderKind::Session, HolderKind::User];

/// A field of the server's messages that names whoever they are sent to: of which kind, and where.
type Party<'o> = (HolderKind, &'o str, &'o Field);

/// A resource that is claimed for one session, or one user, as far as was seen.
struct Resource<'o> {
    owner: HolderKind,
    pointer: &'o str,
    field: &'o Field,
    claim: &'o Named,
    name: String,
}

pub(super) fn pack(
    name: &str,
    observed: &Observed,
    tagged: &[(TagKind, String)],
    candidates: &[Candidate],
) -> String {
    let mut out = format!(
        "# A start, drafted by `wsaudit rules new` from what one recording holds. Whether it says what your\n\
         # application promises, only you can tell: read it, correct it, `wsaudit rules check` it.\n\n\
         [pack]\nname   = {}\nformat = 1\n",
        quoted(name)
    );
    session(&mut out, tagged, candidates);
    message(&mut out, observed);
    let parties = parties(observed);
    let resources = resources(observed, &parties);
    fields(&mut out, observed, &parties, &resources);
    let called = called(observed);
    events(&mut out, observed, &resources, &called);
    let answers_at = observed.answers_at().unwrap_or("/request_id");
    framing(&mut out);
    holders(&mut out, observed);
    rules(&mut out, &parties, &resources, &called, answers_at);
    out
}

fn session(out: &mut String, tagged: &[(TagKind, String)], candidates: &[Candidate]) {
    if !tagged.is_empty() {
        let sources: Vec<_> = tagged
            .iter()
            .map(|(kind, source)| format!("{} {source}", kind.as_str()))
            .collect();
        let _ = writeln!(
            out,
            "\n# The recorder has tagged the connections: {}.\n\
             # What a table [session] finds would take the place of these tags.",
            comment(&sources.join(", "))
        );
        return;
    }
    if candidates.is_empty() {
        out.push_str(
            "\n# Nothing in the handshakes looks like the id of a session. A [session] table can take it from a\n\
             # message of the client: id = [\"message:/session_id\"]\n",
        );
        return;
    }
    out.push_str("\n# The recorder has tagged nothing; these yield something. The first one that yields wins.\n");
    out.push_str("[session]\n");
    for (key, kind) in [
        ("id", TagKind::Session),
        ("user", TagKind::User),
        ("device", TagKind::Device),
    ] {
        let own = candidates.iter().filter(|candidate| candidate.kind == kind);
        for (number, candidate) in own.take(MOST_SOURCES).enumerate() {
            let hash = if number == 0 { "" } else { "# " };
            let _ = write!(
                out,
                "{hash}{key} = [{}]   # on {} of {} connections, {} distinct",
                quoted(&candidate.source),
                candidate.connections,
                candidate.of,
                candidate.distinct
            );
            if let Some(renewals) = candidate.renewals() {
                let _ = write!(out, ", {renewals}");
            }
            out.push('\n');
        }
    }
}

fn message(out: &mut String, observed: &Observed) {
    let codec = observed.codec;
    let named = codec.usual_names().iter().zip(&observed.names_at);
    let best = named
        .filter(|(_, count)| **count > 0)
        .max_by_key(|(_, count)| *count);
    out.push_str("\n[message]\n");
    if observed.others > 0 {
        let what = match codec {
            Codec::Auto => "no JSON",
            _ => "not of this framing",
        };
        let _ = writeln!(out, "# {} messages are {what}.", observed.others);
    }
    let _ = writeln!(out, "codec = {}", quoted(codec.as_str()));
    match best {
        Some((at, count)) => {
            let _ = writeln!(out, "name  = {}   # {count} messages", quoted(at));
        }
        None => out.push_str("# name = \"/type\"   # no message has a name at the usual places\n"),
    }
}

/// The fields of the server's messages that name the session, or the user, that they are sent to:
/// wherever they were met, they did.
fn parties(observed: &Observed) -> Vec<Party<'_>> {
    let mut parties = Vec::new();
    for (pointer, field) in &observed.fields {
        let all = field.from_server;
        if all > 1 && field.sessions == all && observed.sessions.len() > 1 {
            parties.push((HolderKind::Session, pointer.as_str(), field));
        } else if all > 1 && field.users == all && observed.users.len() > 1 {
            parties.push((HolderKind::User, pointer.as_str(), field));
        }
    }
    parties
}

fn resources<'o>(observed: &'o Observed, parties: &[Party<'_>]) -> Vec<Resource<'o>> {
    let mut names = BTreeSet::from(HOLDERS.map(|kind| kind.as_str().to_owned()));
    let mut resources = Vec::new();
    for (pointer, field) in &observed.fields {
        // What an event of Socket.IO carries is an argument of it.
        let within = pointer
            .strip_prefix("/data/*")
            .filter(|_| observed.codec == Codec::SocketIo);
        let is_one_of_many = within.unwrap_or(pointer).contains('*');
        if parties.iter().any(|(_, party, _)| party == pointer) || is_one_of_many {
            continue;
        }
        if let Some((owner, claim)) = owned(field, observed) {
            let name = unique(&mut names, short(pointer));
            resources.push(Resource {
                owner,
                pointer,
                field,
                claim,
                name,
            });
        }
    }
    resources
}

/// What a field's values belong to, and what gives them to it: a session; or a user, where sessions of one
/// share them. Of one user alone, everything is.
fn owned<'o>(field: &'o Field, observed: &Observed) -> Option<(HolderKind, &'o Named)> {
    if let Some(claim) = field.claimed_by(|life| &life.session) {
        return Some((HolderKind::Session, claim));
    }
    let claim = field.claimed_by(|life| &life.user)?;
    (observed.users.len() > 1).then_some((HolderKind::User, claim))
}

fn fields(
    out: &mut String,
    observed: &Observed,
    parties: &[Party<'_>],
    resources: &[Resource<'_>],
) {
    out.push_str("\n[fields]\n");
    for kind in HOLDERS {
        let own = parties.iter().filter(|(party, ..)| *party == kind);
        let pointers: Vec<_> = own.map(|(_, pointer, _)| quoted(pointer)).collect();
        if !pointers.is_empty() {
            let _ = writeln!(out, "{} = [{}]", kind.as_str(), pointers.join(", "));
        }
    }
    for Resource { pointer, name, .. } in resources {
        let _ = writeln!(out, "{name} = [{}]", quoted(pointer));
    }
    let known = |pointer: &str| {
        parties.iter().any(|(_, party, _)| *party == pointer)
            || resources.iter().any(|resource| resource.pointer == pointer)
    };
    let rest: Vec<_> = observed
        .fields
        .iter()
        .filter(|(pointer, _)| !known(pointer))
        .collect();
    if !rest.is_empty() {
        out.push_str("# These look like ids too, and no rule below uses them:\n");
    }
    for (pointer, field) in rest.iter().take(MOST_FIELDS) {
        let all: u64 = field.seen_in.values().sum();
        let _ = writeln!(
            out,
            "#   {}   {}, {} distinct, first in {}",
            comment(pointer),
            times(all),
            field.values.len(),
            field
                .values
                .values()
                .next()
                .map_or_else(String::new, |life| said(&life.first))
        );
    }
    if let Some(more) = rest.len().checked_sub(MOST_FIELDS).filter(|more| *more > 0) {
        let _ = writeln!(out, "#   ... and {more} more");
    }
}

/// What each event is called: its name, and that a client sends it.
type Called<'o> = BTreeMap<&'o Named, String>;

fn called(observed: &Observed) -> Called<'_> {
    let mut names = BTreeSet::new();
    let mut called = Called::new();
    for named in observed.names.keys() {
        let sender = match named.sender {
            Direction::ClientToServer => "asks-",
            Direction::ServerToClient => "",
        };
        let name = match &named.about {
            About::Name | About::Untold => &named.name,
            About::Field(name) | About::Operation(name) => name,
        };
        let name = identifier(&format!("{sender}{name}"));
        called.insert(named, unique(&mut names, name));
    }
    called
}

fn events(out: &mut String, observed: &Observed, resources: &[Resource<'_>], called: &Called<'_>) {
    let used: BTreeSet<_> = resources.iter().map(|resource| resource.claim).collect();
    out.push_str("\n[events]\n");
    let named = observed.names.keys();
    if named.map(|named| &named.about).any(|it| *it != About::Name) {
        out.push_str(
            "# The type of a GraphQL message says only how it is sent. What it is about is told by what is under\n\
             # /payload/data, or by the name of the operation; of several fields, each would be an event.\n",
        );
    }
    for (named, count) in &observed.names {
        if named.name.is_empty() {
            continue;
        }
        let line = event(named, &called[named]);
        let hash = if used.contains(named) { "" } else { "# " };
        let untold = match named.about {
            About::Untold => ", and nothing tells what about",
            About::Name | About::Field(_) | About::Operation(_) => "",
        };
        let _ = writeln!(out, "{hash}{line}   # {}{untold}", times(*count));
    }
    let nameless: u64 = observed
        .names
        .iter()
        .filter(|(named, _)| named.name.is_empty())
        .map(|(_, count)| *count)
        .sum();
    if nameless > 0 {
        let _ = writeln!(
            out,
            "# {nameless} messages have no name at the usual places."
        );
    }
    if !observed.exchanges.is_empty() {
        out.push_str("# Plain HTTP that was recorded:\n");
    }
    for (name, count) in &observed.exchanges {
        let _ = writeln!(
            out,
            "# {} = {{ from = \"http-response\", name = {} }}   # {}",
            identifier(name),
            quoted(name),
            times(*count)
        );
    }
}

fn framing(out: &mut String) {
    out.push_str(
        "\n[[rule]]\nid    = \"framing\"\ntitle = \"nobody breaks the WebSocket protocol\"\nkind  = \"protocol\"\n",
    );
}

/// Rules about sessions take two users of one session for one; this one tells them apart.
fn holders(out: &mut String, observed: &Observed) {
    if observed.users.is_empty() || observed.sessions.len() < 2 {
        return;
    }
    let known = observed.holders.values().filter(|users| !users.is_empty());
    let several = known.clone().filter(|users| users.len() > 1).count();
    let known = known.count();
    let said = match several {
        0 => format!("{known} sessions have a user, and each of them has one."),
        several => format!(
            "{several} of {known} sessions with a user have several, which breaks this rule."
        ),
    };
    let _ = write!(
        out,
        "\n# Whoever presents a session id is that session to all rules about sessions. In this recording\n\
         # {said}\n\
         [[rule]]\nid         = \"one-session-one-user\"\ntitle      = \"a session id is held by one user\"\n\
         kind       = \"handshake\"\none-holder = [\"user\"]\n"
    );
}

fn rules(
    out: &mut String,
    parties: &[Party<'_>],
    resources: &[Resource<'_>],
    called: &Called<'_>,
    answers_at: &str,
) {
    for kind in HOLDERS {
        let own: Vec<_> = parties
            .iter()
            .filter(|(party, ..)| *party == kind)
            .collect();
        if own.is_empty() {
            continue;
        }
        let kind = kind.as_str();
        let count: u64 = own.iter().map(|(_, _, field)| field.from_server).sum();
        let _ = write!(
            out,
            "\n# In this recording {count} messages of the server name a {kind}, each of them the one it was sent to.\n\
             [[rule]]\nid    = \"addressed-to-its-{kind}\"\n\
             title = \"a message that names a {kind} is delivered to it\"\n\
             kind  = \"addressed\"\nfield = \"{kind}\"\nto    = \"{kind}\"\n"
        );
    }
    for Resource {
        owner,
        pointer,
        field,
        claim,
        name,
    } in resources
    {
        let event = &called[claim];
        // Sessions own what no other owner is named of.
        let owned_by = match owner {
            HolderKind::Session => String::new(),
            HolderKind::User | HolderKind::Connection => {
                format!("owner      = \"{}\"\n", owner.as_str())
            }
        };
        let owner = owner.as_str();
        let title = format!("each {name} is seen only by the {owner} that it was given to");
        let uses: Vec<_> = field
            .seen_in
            .keys()
            .filter(|named| named.sender == Direction::ClientToServer && named.is_told())
            .map(|named| quoted(&called[named]))
            .collect();
        let _ = write!(
            out,
            "\n# {} values of {}, each of them sent to one {owner} only, and seen first in {}.\n\
             [[rule]]\nid         = \"foreign-{name}\"\ntitle      = {}\nkind       = \"owned\"\n\
             resource   = \"{name}\"\n{owned_by}claimed-by = \"{event}\"\n",
            field.values.len(),
            comment(pointer),
            said(claim),
            quoted(&title)
        );
        if !uses.is_empty() {
            let _ = write!(
                out,
                "# Clients name it in these (take them out of the comments above), and how they are answered is\n\
                 # for you to say:\n# used-by    = [{}]\n\
                 # reply      = {{ match = {}, granted-by = \"...\", denied-by = \"...\", within = \"2s\" }}\n",
                uses.join(", "),
                quoted(answers_at)
            );
        }
    }
    if resources.is_empty() {
        out.push_str(
            "\n# Of no field was each value sent to one session, or one user, only. Which of those above belongs to\n\
             # somebody? `wsaudit rules kinds owned` says how to write it.\n",
        );
    }
}

fn event(named: &Named, called: &str) -> String {
    let (from, name) = (sender(named), quoted(&named.name));
    let condition = match &named.about {
        About::Name | About::Untold => String::new(),
        About::Field(field) => {
            format!(", where = {{ \"/payload/data/{field}\" = {{ exists = true }} }}")
        }
        About::Operation(operation) => {
            format!(", where = {{ \"/payload/operationName\" = \"{operation}\" }}")
        }
    };
    format!("{called} = {{ from = \"{from}\", name = {name}{condition} }}")
}

const fn sender(named: &Named) -> &'static str {
    match named.sender {
        Direction::ClientToServer => "client",
        Direction::ServerToClient => "server",
    }
}

/// `thread_created (server)`
fn said(named: &Named) -> String {
    let (sender, name) = (sender(named), comment(&named.name));
    match &named.about {
        About::Name | About::Untold if name.is_empty() => {
            format!("a message without a name ({sender})")
        }
        About::Name | About::Untold => format!("{name} ({sender})"),
        About::Field(about) | About::Operation(about) => format!("{name} of {about} ({sender})"),
    }
}
