//! `sql`: a query over the recording returns no row.
//!
//! # What it proves
//!
//! SQLite finds nothing in the recording that the query describes. Each row that it does find is a violation, and names the frame.
//!
//! # Why
//!
//! It is the escape hatch, for what no other kind says: a comparison of lengths, a look at heads, control frames or times, a join.
//! What another kind says, it says better: with ownership, deadlines, and an argument for each violation.
//!
//! # Example
//!
//! ```toml
//! [pack]
//! name   = "sizes"
//! format = 1
//!
//! [[rule]]
//! id    = "small-answers"
//! title = "no answer to a preview is larger than 64 KiB"
//! kind  = "sql"
//! query = '''
//!   SELECT seq, 'a preview of ' || length || ' bytes' AS message, session_id AS session
//!     FROM session_message
//!    WHERE direction = 'server-to-client' AND length > 65536
//!      AND CASE WHEN json_valid(text) THEN text ->> '$.type' END = 'preview'
//! '''
//! opportunity = '''
//!   SELECT count(*) FROM message_view WHERE CASE WHEN json_valid(text) THEN text ->> '$.type' END = 'preview'
//! '''
//! ```
//!
//! # Keys
//!
//! - `query` (required): one SELECT over the tables and views of `docs/recording-format.md`. Of its columns, `seq` names the frame
//!   (or HTTP message, or the opening, answer or end of a connection) and is required; `message` says what is wrong there;
//!   `session` and `user` say whom it is about, instead of whom the frame's connection speaks for; `resource` is an id that tells
//!   violations apart. No others.
//! - `opportunity`: a SELECT of one number: how often the rule could have been broken; 0 means that it was not exercised. Default:
//!   the messages and control frames of the connections that the pack is about.
//! - `alone`: `true` says that no row depends on more than one file. Default: `false`, and over several recordings, or parts of a
//!   run, the rule is undecided where it finds nothing: the query is asked of each file by itself, and a count or a join does not
//!   see what is in the next one.
//!
//! # What it cannot see
//!
//! The query sees the recording as it was tagged, whatever `[session]` of the pack says, and all of its connections; rows about
//! connections outside of `[scope]` are left out afterwards. `text` is NULL where a message is no text, was withheld, or is so large
//! that it is kept in chunks; where the query reads payloads (`text`, `payload`, `body`, `bytes`) and the recording does not hold
//! all of them in one row, the rule is undecided, as it is where a query fails (`->>` does where a text is no JSON: hence the `CASE`)
//! or takes more than 2,000,000,000 steps of SQLite's machine. After 10,000 rows it stops. A row that names nothing in the recording
//! leaves the rule undecided, too.
//!
//! A query for what is *not* there (`NOT EXISTS`, a count that is too small) finds it where a gap hides it, and the row is a violation
//! all the same: nothing tells which queries are of that sort. Let such a query leave out the connections that the table `gap` names.
//!
//! The query is checked when the rules are read, and can do nothing but read the recording: no other file, no PRAGMA, no function
//! that loads code, no random number. With `'now'` it would depend on the day; nothing stops that.

mod check;

use wsaudit_recording::{Checked, Question, QuestionError};

use crate::rules::read::{Node, Table};

/// A `sql` rule.
#[derive(Debug, Clone)]
pub struct Sql {
    /// What is asked of each recording.
    pub question: Question,
    /// Whether no row depends on more than one file.
    pub files: Files,
}

/// On how many files a row depends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Files {
    /// `alone = true`: on one.
    Alone,
    /// Perhaps on several.
    Together,
}

/// The columns of a query, besides `seq`.
const COLUMNS: [&str; 4] = ["message", "session", "user", "resource"];

impl Sql {
    pub(crate) fn read(table: &mut Table<'_>) -> Option<Self> {
        let rows = table
            .required("query")
            .map(|node| query(node, |sql| Checked::rows(sql, &COLUMNS)));
        let opportunity = table
            .get("opportunity")
            .map(|node| query(node, Checked::count));
        let alone = table.get("alone").and_then(Node::yes_or_no);
        let question = match opportunity {
            None => Question::new(rows??, None),
            Some(opportunity) => Question::new(rows??, Some(opportunity?)),
        };
        let files = match alone {
            Some(true) => Files::Alone,
            Some(false) | None => Files::Together,
        };
        Some(Self { question, files })
    }
}

fn query(
    node: Node<'_>,
    check: impl FnOnce(&str) -> Result<Checked, QuestionError>,
) -> Option<Checked> {
    let sql = node.string()?;
    check(sql)
        .map_err(|QuestionError { message, offset }| {
            let error = match offset {
                Some(offset) => node.error_within(sql, offset, message),
                None => node.error(message),
            };
            error.label("it cannot be asked").emit();
        })
        .ok()
}
