//! Everything in a pack but its rules.

use std::collections::BTreeMap;
use std::str::FromStr;

use toml::Spanned;
use toml::de::DeTable;
use wsaudit_tagging::{Source, TagRules};
use wsaudit_wire::Direction;

use crate::engine::EventSet;
use crate::rules::read::{Carrier, Context, Events, Fields, Names, Node, ORIGINS, Table};
use crate::rules::{
    Accept, Codec, EventDef, EventRef, Field, FieldId, HttpEvent, Naming, PathPattern, Pointer,
    Scope, See,
};
use crate::verdict::Reason;

/// Tells where a file is of a format that this program does not know; whether it is.
pub(super) fn tell_newer(document: &Spanned<DeTable<'_>>, context: Context<'_>) -> bool {
    let table = |entries, span| Table::new(entries, span, String::new(), context);
    let Some(pack) = table(document.get_ref(), document.span()).get("pack") else {
        return false;
    };
    // What is no table, and no number, is told where the rest is read.
    let format = pack.is_table().then(|| pack.table("`[pack]`")).flatten();
    let Some(format) = format.and_then(|mut pack| pack.get("format")) else {
        return false;
    };
    let newer = format.whole_number().filter(|number| *number > FORMAT);
    if let Some(number) = newer {
        format
            .error(format_args!(
                "rule format {number} is newer than this program"
            ))
            .label(format_args!("this wsaudit reads format {FORMAT}"))
            .help("use a newer wsaudit")
            .emit();
    }
    newer.is_some()
}

/// The newest format of rule packs that this program reads. Formats:
/// 1. The first one.
const FORMAT: u64 = 1;

/// `[pack]`.
pub(super) struct Header {
    pub(super) name: String,
    pub(super) title: Option<String>,
}

pub(super) fn header(mut table: Table<'_>) -> Option<Header> {
    let format = table.required("format");
    if let Some((node, format)) = format.and_then(|node| Some((node, node.count()?)))
        && format < FORMAT
    {
        node.error(format_args!("there is no rule format {format}"))
            .label(format_args!("expected {FORMAT}"))
            .emit();
    }
    let name = table.required("name").and_then(Node::name);
    let title = table.get("title").and_then(Node::prose).map(str::to_owned);
    table.finish();
    Some(Header {
        name: name?.to_owned(),
        title,
    })
}

/// `[session]`; what it says of events is read once those are known.
pub(super) struct Session<'a> {
    pub(super) tags: TagRules,
    at: Vec<Pointer>,
    /// Where `message` stands.
    message: Option<Node<'a>>,
    joined_by: Option<Node<'a>>,
}

pub(super) fn session(mut table: Table<'_>) -> Session<'_> {
    let mut take = |key: &str| {
        table.get(key).map_or_else(Vec::new, |node| {
            node.one_or_more().into_iter().filter_map(source).collect()
        })
    };
    let tags = TagRules {
        session: take("id"),
        user: take("user"),
        device: take("device"),
    };
    let message = table.get("message");
    let joined_by = table.get("joined-by");
    if let (None, Some(node)) = (message, joined_by) {
        node.error("`joined-by` needs `message`")
            .label("these events open a session, and nothing says where they name it")
            .help("add message = \"/session_id\", or wherever messages name their session")
            .emit();
    }
    table.finish();
    Session {
        tags,
        at: message.map_or_else(Vec::new, Node::pointers),
        message,
        joined_by,
    }
}

impl Session<'_> {
    /// Which session a message is of.
    pub(super) fn naming(self, codec: Codec, names: Names<'_>) -> Naming {
        if let (false, Some(node)) = (matches!(codec, Codec::Auto | Codec::Json), self.message) {
            node.error(format_args!(
                "no message that `{}` reads can name its session",
                codec.as_str()
            ))
            .label("remove it, or use the codec `json`")
            .help("let the recorder tag connections: wsaudit record --session")
            .emit();
        }
        let events = self.joined_by.map_or_else(Vec::new, |node| {
            let events = names.server_events(node);
            for event in &events {
                if names.carrier(*event) == Carrier::Http {
                    node.error("an answer over plain HTTP opens no session on a connection")
                        .label("expected an event with from = \"server\"")
                        .emit();
                } else if names.sender(*event).is_none() {
                    node.error("an event that opens a session must be the server's")
                        .label("one of these can come from either side")
                        .help("say from = \"server\" in the event: a client can claim any session")
                        .emit();
                }
            }
            events
        });
        let messages = events.into_iter().filter_map(|event| match event {
            EventRef::Message(id) => Some(id),
            EventRef::Lifecycle(_) => None,
        });
        Naming {
            at: self.at,
            joined_by: messages.collect(),
        }
    }
}

fn source(node: Node<'_>) -> Option<Source> {
    let text = node.string()?;
    Source::from_str(text)
        .map_err(|error| {
            node.error(format_args!(
                "`{text}` is no source of sessions, users or devices"
            ))
            .label(error)
            .emit();
        })
        .ok()
}

/// `[message]`.
pub(super) struct Message {
    pub(super) codec: Codec,
    pub(super) name_at: Vec<Pointer>,
    pub(super) ignore: Vec<String>,
}

impl Default for Message {
    fn default() -> Self {
        Self {
            codec: Codec::Auto,
            name_at: usual_names(Codec::Auto),
            ignore: Vec::new(),
        }
    }
}

pub(super) fn message(mut table: Table<'_>) -> Message {
    let codecs = Codec::ALL.map(|codec| (codec.as_str(), codec));
    let codec = table.word_or("codec", &codecs, Codec::Auto);
    let name = table.get("name");
    let name_at = match (codec, name) {
        (_, None) => usual_names(codec),
        (Codec::Text, Some(node)) => {
            node.error("text has no members")
                .label("remove it: with codec `text`, the whole message is its name")
                .emit();
            Vec::new()
        }
        (_, Some(node)) => node.pointers(),
    };
    let ignore = table.get("ignore").map_or_else(Vec::new, |node| {
        let texts = node.one_or_more().into_iter();
        texts
            .filter_map(|text| Some(text.string()?.to_owned()))
            .collect()
    });
    table.finish();
    Message {
        codec,
        name_at,
        ignore,
    }
}

fn usual_names(codec: Codec) -> Vec<Pointer> {
    let names = codec.usual_names().iter();
    names.filter_map(|pointer| pointer.parse().ok()).collect()
}

/// `[scope]`.
pub(super) fn scope(mut table: Table<'_>) -> Scope {
    let mut take = |key: &str| table.get(key).map_or_else(Vec::new, Node::matchers);
    let scope = Scope {
        path: take("path"),
        subprotocol: take("subprotocol"),
    };
    table.finish();
    scope
}

/// `[fields]`.
pub(super) fn fields(node: Node<'_>, fields: &mut Fields) {
    let Some(mut table) = node.table("`[fields]`") else {
        return;
    };
    for (name, span, node) in table.entries() {
        let pointers = node.pointers();
        if !table.check_name(name, &span) {
            continue;
        }
        if let Some(first) = fields.defined(name) {
            table
                .error_at(span, format_args!("field `{name}` is defined twice"))
                .label("the second time")
                .see(first)
                .emit();
            continue;
        }
        let field = Field {
            name: name.to_owned(),
            pointers,
        };
        if fields.add(name, field, node.see("defined here")).is_none() {
            table
                .error_at(span, "too many fields")
                .label("at most 65,536")
                .emit();
        }
    }
}

/// `[events]`.
pub(super) fn events(node: Node<'_>, fields: &mut Fields, events: &mut Events) {
    let Some(mut table) = node.table("`[events]`") else {
        return;
    };
    for (id, span, node) in table.entries() {
        let event = event(id, node, fields);
        if id.starts_with('@') {
            table
                .error_at(span, format_args!("`{id}` cannot be the name of an event"))
                .label("`@` begins the steps of a connection's life")
                .emit();
            continue;
        }
        if !table.check_name(id, &span) {
            continue;
        }
        let Some(event) = event else { continue };
        if let Some(first) = events.defined(id) {
            table
                .error_at(span, format_args!("event `{id}` is defined twice"))
                .label("the second time")
                .see(first)
                .emit();
            continue;
        }
        let added = (events.len() < EventSet::MOST_NAMED)
            .then(|| events.add(id, event, node.see("defined here")));
        if added.flatten().is_none() {
            let most = EventSet::MOST_NAMED;
            table
                .error_at(span, "too many events in one pack")
                .label(format_args!("at most {most}"))
                .help("split the pack, or name alike messages by one event with a list or a regex")
                .emit();
            return;
        }
    }
}

fn event(id: &str, node: Node<'_>, fields: &mut Fields) -> Option<EventDef> {
    let mut table = node.table(format!("event `{id}`"))?;
    let origin = table.get("from").and_then(|node| node.word(&ORIGINS));
    let name = table.get("name").and_then(Node::matcher);
    let http = http(&mut table, origin, fields);
    let conditions = table.get("where").map_or_else(Vec::new, Node::conditions);
    let bind = table
        .get("bind")
        .map_or_else(BTreeMap::new, |node| bind(node, fields));
    table.finish();
    Some(EventDef {
        id: id.to_owned(),
        from: origin.map(|(direction, _)| direction),
        name,
        http,
        conditions,
        bind,
        location: node.location(),
    })
}

/// What the head of an HTTP message must be; `None` for an event that is none.
fn http(
    table: &mut Table<'_>,
    origin: Option<(Direction, Carrier)>,
    fields: &mut Fields,
) -> Option<HttpEvent> {
    let (method, path, status) = (table.get("method"), table.get("path"), table.get("status"));
    match origin {
        Some((direction, Carrier::Http)) => {
            if let (Some(status), Direction::ClientToServer) = (status, direction) {
                status
                    .error("a request has no `status`")
                    .label("expected in an event with from = \"http-response\"")
                    .emit();
            }
        }
        Some((_, Carrier::Socket)) | None => {
            for (key, node) in [("method", method), ("path", path), ("status", status)] {
                if let Some(node) = node {
                    node.error(format_args!("a message of a WebSocket has no `{key}`"))
                        .label("it needs from = \"http-request\" or \"http-response\"")
                        .emit();
                    // All the same, what it may be is asked for.
                    node.matcher();
                }
            }
            return None;
        }
    }
    let path = path.and_then(|node| {
        let matcher = node.matcher()?;
        let pattern = PathPattern::new(matcher, |name| field_of(name, node, fields));
        pattern
            .map_err(|why| {
                node.error("this is no path of a request").label(why).emit();
            })
            .ok()
    });
    Some(HttpEvent {
        method: method.and_then(Node::matcher),
        path,
        status: status.and_then(Node::matcher),
    })
}

/// The field of that name; one that `node` is the first to speak of has no place of its own.
fn field_of(name: &str, node: Node<'_>, fields: &mut Fields) -> Option<FieldId> {
    let found = fields.find(name).or_else(|| {
        let field = Field {
            name: name.to_owned(),
            pointers: Vec::new(),
        };
        fields.add(name, field, node.see("bound here"))
    });
    found.map(FieldId)
}

fn bind(node: Node<'_>, fields: &mut Fields) -> BTreeMap<FieldId, Vec<Pointer>> {
    let mut bound = BTreeMap::new();
    let Some(mut table) = node.table("`bind`") else {
        return bound;
    };
    for (name, span, node) in table.entries() {
        let pointers = node.pointers();
        if !table.check_name(name, &span) {
            continue;
        }
        if let Some(id) = field_of(name, node, fields) {
            bound.insert(id, pointers);
        }
    }
    bound
}

/// `[[accept]]`: doubts that all rules accept, or a named one.
pub(super) fn accept(nodes: &[Node<'_>], rules: &BTreeMap<String, See>) -> Vec<Accept> {
    let mut accepted = Vec::new();
    for node in nodes {
        let Some(mut table) = node.table("`[[accept]]`") else {
            continue;
        };
        let rule = table.get("rule").and_then(|node| {
            let id = node.string()?;
            if !rules.contains_key(id) {
                node.error(format_args!("unknown rule `{id}`"))
                    .label("no rule of this pack has that id")
                    .did_you_mean(id, rules.keys().map(String::as_str))
                    .emit();
            }
            Some(id.to_owned())
        });
        accepted.extend(doubt(table, rule));
    }
    accepted
}

/// The `reason` and `why` of an accepted doubt.
pub(super) fn doubt(mut table: Table<'_>, rule: Option<String>) -> Option<Accept> {
    let words = Reason::ALL.map(|reason| (reason.as_str(), reason));
    let reason = table.required("reason").and_then(|node| node.word(&words));
    let why = table.required("why").and_then(Node::prose);
    table.finish();
    Some(Accept {
        reason: reason?,
        rule,
        why: why?.to_owned(),
    })
}
