//! From the files of a pack to a [`Pack`], or to everything that is wrong in them.

mod facts;
mod rule;
mod section;

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use toml::Spanned;
use toml::de::DeTable;

use self::section::{Header, Message};
use super::read::{Context, Errors, Events, Fields, Listener, Names, Node, Table};
use super::{Checked, Diagnostic, Gravity, Pack, RuleErrors, RuleFile, See};

/// Reads a pack's files. `base` is the directory that relative paths in them start from.
pub(super) fn parse(files: &[Arc<RuleFile>], base: Option<&Path>) -> Result<Checked, RuleErrors> {
    let errors = Errors::default();
    let read = read_all(files, base, &errors);
    let found = errors.into_sorted();
    match read {
        Some(checked) if found.is_empty() => Ok(checked),
        _ => Err(RuleErrors(found)),
    }
}

/// What a reader asks of the values of that file; the second says at which bytes.
pub(super) fn listen(text: &str) -> Option<Listener> {
    let errors = Errors::listening();
    let file = Arc::new(RuleFile {
        name: "asked".to_owned(),
        text: text.to_owned(),
    });
    read_all(&[file], None, &errors);
    errors.into_listener()
}

fn read_all(files: &[Arc<RuleFile>], base: Option<&Path>, errors: &Errors) -> Option<Checked> {
    let documents: Vec<_> = files
        .iter()
        .map(|file| (Context { file, errors }, syntax(file, errors)))
        .collect();
    // What a broken file lacks would be told again as unknown names in the others.
    errors.is_empty().then(|| read(&documents, base)).flatten()
}

pub(super) fn syntax<'f>(file: &'f Arc<RuleFile>, errors: &Errors) -> Spanned<DeTable<'f>> {
    let (document, problems) = DeTable::parse_recoverable(&file.text);
    let mut line = None;
    let mut doubled = false;
    for problem in problems {
        let span = problem.span().unwrap_or(0..0);
        // What follows on the same line follows from the first.
        let here = Some(file.location(span.start).line);
        let again = is_second_table(&file.text, &span);
        // So do the keys of a table that is there already.
        let follows = doubled && !again && problem.message() == DUPLICATE;
        doubled = again || follows;
        if here != line && !follows {
            line = here;
            let (label, help) = match (again, &file.text[span.clone()]) {
                (true, name @ ("rule" | "accept" | "known")) => (
                    "the second one",
                    vec![format!(
                        "where there are several, each has two brackets: `[[{name}]]`"
                    )],
                ),
                (true, _) => ("the second one", vec!["join the two".to_owned()]),
                (false, _) => ("", Vec::new()),
            };
            errors.push(Diagnostic {
                gravity: Gravity::Error,
                file: file.clone(),
                span,
                message: format!("not TOML: {}", problem.message().replace('\n', "; ")),
                label: label.to_owned(),
                see: None,
                help,
            });
        }
    }
    document
}

/// What the parser says of a key that is there already.
const DUPLICATE: &str = "duplicate key";

/// Whether a table's name stands there, in single brackets on a line of its own.
fn is_second_table(text: &str, span: &Range<usize>) -> bool {
    let before = text.get(..span.start).unwrap_or_default();
    let after = text.get(span.end..).unwrap_or_default();
    let line = before.rsplit('\n').next().unwrap_or_default();
    line.trim_start() == "[" && after.starts_with(']')
}

/// The sections of all files, by name, in the order of the files.
#[derive(Default)]
struct Sections<'a> {
    pack: Vec<Node<'a>>,
    session: Vec<Node<'a>>,
    message: Vec<Node<'a>>,
    scope: Vec<Node<'a>>,
    fields: Vec<Node<'a>>,
    events: Vec<Node<'a>>,
    facts: Vec<Node<'a>>,
    accept: Vec<Node<'a>>,
    rule: Vec<Node<'a>>,
}

fn read<'a>(
    documents: &'a [(Context<'a>, Spanned<DeTable<'a>>)],
    base: Option<&Path>,
) -> Option<Checked> {
    // What a newer program takes, this one cannot judge: an unknown key in it is no mistake.
    let told = documents
        .iter()
        .filter(|(context, document)| section::tell_newer(document, *context))
        .count();
    if told > 0 {
        return None;
    }
    let mut sections = Sections::default();
    for (context, document) in documents {
        let what = "a rule file".to_owned();
        let mut file = Table::new(document.get_ref(), document.span(), what, *context);
        if let Some(pack) = file.get("pack") {
            if let Some(first) = sections.pack.first() {
                tell_second_pack(pack, *first);
                // What it holds is of another pack, and may well be called alike.
                continue;
            }
            sections.pack.push(pack);
        }
        sections.session.extend(file.get("session"));
        sections.message.extend(file.get("message"));
        sections.scope.extend(file.get("scope"));
        sections.fields.extend(file.get("fields"));
        sections.events.extend(file.get("events"));
        sections.facts.extend(file.get("facts"));
        sections
            .accept
            .extend(file.get("accept").into_iter().flat_map(Node::items));
        sections
            .rule
            .extend(file.get("rule").into_iter().flat_map(Node::items));
        file.finish();
    }
    let header = header(&sections, documents.first().map(|(context, _)| *context));
    let session = once(&sections.session, "session").map(section::session);
    let message = once(&sections.message, "message").map(section::message);
    let scope = once(&sections.scope, "scope").map(section::scope);
    let mut fields = Fields::default();
    for node in &sections.fields {
        section::fields(*node, &mut fields);
    }
    let mut events = Events::default();
    for node in &sections.events {
        section::events(*node, &mut fields, &mut events);
    }
    let mut facts = BTreeMap::new();
    for node in &sections.facts {
        facts::read(*node, base, &mut facts);
    }
    let facts = facts
        .into_iter()
        .map(|(name, (facts, _))| (name, facts))
        .collect();
    let names = Names {
        fields: &fields,
        events: &events,
        facts: &facts,
    };
    let Message {
        codec,
        name_at,
        ignore,
    } = message.unwrap_or_default();
    let (session, naming) = match session {
        None => Default::default(),
        Some(session) => (session.tags.clone(), session.naming(codec, names)),
    };
    let (rules, ids) = rule::rules(&sections.rule, names);
    let warnings = unused(&fields, &events);
    let accept = section::accept(&sections.accept, &ids);

    let Header { name, title } = header?;
    let pack = Pack {
        name,
        title,
        session,
        naming,
        codec,
        name_at,
        ignore,
        fields: fields.into_things(),
        events: events.into_things(),
        scope: scope.unwrap_or_default(),
        accept,
        facts,
        rules,
    };
    Some(Checked { pack, warnings })
}

/// What a pack names, and no rule speaks of: a slip of the hand, or a rule that is missing.
fn unused(fields: &Fields, events: &Events) -> Vec<Diagnostic> {
    let warning = |what: &str, name: &str, see: &See| Diagnostic {
        gravity: Gravity::Warning,
        file: see.file.clone(),
        span: see.span.clone(),
        message: format!("no rule speaks of the {what} `{name}`"),
        label: format!("{what} `{name}`"),
        see: None,
        help: vec![format!(
            "write a rule about it, remove it, or call it `_{name}` to say that this is meant"
        )],
    };
    let fields = fields.unused().into_iter();
    // What an event binds is seen wherever it comes, whatever the rule speaks of.
    let events = events
        .unused()
        .into_iter()
        .filter(|(_, _, event)| event.bind.is_empty());
    let mut warnings: Vec<_> = fields
        .map(|(name, see, _)| warning("field", name, see))
        .chain(events.map(|(name, see, _)| warning("event", name, see)))
        .collect();
    warnings.sort_by(|a, b| (&a.file.name, a.span.start).cmp(&(&b.file.name, b.span.start)));
    warnings
}

fn header(sections: &Sections<'_>, first: Option<Context<'_>>) -> Option<Header> {
    let Some(node) = sections.pack.first() else {
        if let Some(Context { file, errors }) = first {
            errors.push(Diagnostic {
                gravity: Gravity::Error,
                file: file.clone(),
                span: 0..0,
                message: "no `[pack]` table".to_owned(),
                label: "a rule pack says its name and format".to_owned(),
                see: None,
                help: vec![
                    "begin with three lines: `[pack]`, `name = \"my-pack\"` and `format = 1`"
                        .to_owned(),
                ],
            });
        }
        return None;
    };
    if sections.rule.is_empty() {
        node.error("this pack has no rule")
            .label("it would find nothing")
            .help("add a `[[rule]]` with `id`, `title` and `kind`")
            .emit();
    }
    once(&sections.pack, "pack").and_then(section::header)
}

/// A file of its own pack, among those of another.
fn tell_second_pack(pack: Node<'_>, first: Node<'_>) {
    pack.error("a second `[pack]` in one pack")
        .label("remove it, if this file is part of the first one")
        .see(first.see("the first one"))
        .help(
            "the files of one directory are one pack; give files that are packs each by itself one by one: \
             --rules A.toml --rules B.toml",
        )
        .emit();
}

/// A section that a pack has at most once, in whichever of its files.
fn once<'a>(nodes: &[Node<'a>], name: &str) -> Option<Table<'a>> {
    let (first, others) = nodes.split_first()?;
    for other in others {
        other
            .error(format_args!("a second `[{name}]` in one pack"))
            .label("remove one of them")
            .see(first.see("the first one"))
            .emit();
    }
    first.table(format!("`[{name}]`"))
}
