//! What a query of somebody else's can reach: the tables and views of a recording, and for so many
//! steps only.

use std::ffi::c_int;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use rusqlite::hooks::{AuthAction, AuthContext, Authorization};
use rusqlite::limits::Limit;
use rusqlite::{Connection as Sqlite, Error};

use super::{QuestionError, Reads};
use crate::schema::{FormatVersion, VIEWS, tables};

/// Functions that reach beyond the recording, or say something else each time.
const CLOSED: [&str; 7] = [
    "load_extension",
    "fts3_tokenizer",
    "random",
    "randomblob",
    "current_date",
    "current_time",
    "current_timestamp",
];

/// What is no table of the recording, and reaches nothing but its arguments.
const TABLE_FUNCTIONS: [&str; 2] = ["json_each", "json_tree"];

/// The longest value that a query makes on its way, in bytes: payloads are no longer.
const LONGEST: i32 = 64 << 20;

/// After how many of its steps SQLite asks whether to go on.
const STRIDE: c_int = 1000;

/// The fence around a connection.
pub(super) struct Fence {
    seen: Arc<Mutex<Seen>>,
    ran_out: Arc<AtomicBool>,
}

/// What was met while a query was prepared.
#[derive(Default)]
struct Seen {
    denied: Option<String>,
    reads: Reads,
}

impl Fence {
    /// Puts it up, for as long as the connection lives; a query may take `steps`.
    pub(super) fn around(sqlite: &mut Sqlite, steps: u64) -> rusqlite::Result<Self> {
        let limits = [
            (Limit::SQLITE_LIMIT_ATTACHED, 0),
            (Limit::SQLITE_LIMIT_LENGTH, LONGEST),
            (Limit::SQLITE_LIMIT_LIKE_PATTERN_LENGTH, 1000),
            (Limit::SQLITE_LIMIT_SQL_LENGTH, 100_000),
            (Limit::SQLITE_LIMIT_WORKER_THREADS, 0),
        ];
        for (limit, value) in limits {
            sqlite.set_limit(limit, value)?;
        }
        let modules = modules(sqlite)?;
        let seen = Arc::new(Mutex::new(Seen::default()));
        let notes = Arc::clone(&seen);
        sqlite.authorizer(Some(move |context: AuthContext<'_>| {
            let mut notes = notes.lock().unwrap_or_else(PoisonError::into_inner);
            match closed(&context, &modules) {
                None => {
                    notes.reads.note(&context);
                    Authorization::Allow
                }
                Some(why) => {
                    notes.denied.get_or_insert(why);
                    Authorization::Deny
                }
            }
        }))?;
        let ran_out = Arc::new(AtomicBool::new(false));
        let flag = Arc::clone(&ran_out);
        let mut left = steps;
        sqlite.progress_handler(
            STRIDE,
            Some(move || {
                left = left.saturating_sub(u64::from(STRIDE.unsigned_abs()));
                if left == 0 {
                    flag.store(true, Ordering::Relaxed);
                }
                left == 0
            }),
        )?;
        Ok(Self { seen, ran_out })
    }

    /// What the queries that were prepared so far read.
    pub(super) fn reads(&self) -> Reads {
        self.seen().reads
    }

    /// Whether a query took more steps than it may.
    pub(super) fn ran_out(&self) -> bool {
        self.ran_out.load(Ordering::Relaxed)
    }

    /// Why a query could not be prepared, or not be run to its end.
    pub(super) fn why_not(&self, error: &Error) -> QuestionError {
        let denied = self.seen().denied.take();
        let (message, offset) = match (denied, error) {
            (Some(denied), _) => (denied, None),
            (None, Error::SqlInputError { msg, offset, .. }) => {
                (msg.clone(), usize::try_from(*offset).ok())
            }
            (None, Error::SqliteFailure(_, Some(message))) => (message.clone(), None),
            // What rusqlite calls these.
            (None, Error::MultipleStatement) => (
                "the query is several statements, expected one".to_owned(),
                None,
            ),
            (None, error) if is_empty(error) => ("the query is empty".to_owned(), None),
            (None, other) => (other.to_string(), None),
        };
        QuestionError { message, offset }
    }

    fn seen(&self) -> std::sync::MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn is_empty(error: &Error) -> bool {
    *error == Error::Empty
}

/// Why an action is not allowed; `None`: it is.
fn closed(context: &AuthContext<'_>, modules: &[String]) -> Option<String> {
    let why = match context.action {
        AuthAction::Select | AuthAction::Recursive => return None,
        AuthAction::Read { table_name, .. } if is_open(table_name) => return None,
        // Rows are counted, no column is read: a table that the query itself makes (`WITH`), or one
        // of SQLite's own.
        AuthAction::Read {
            table_name,
            column_name: "",
        } if !is_own(table_name, modules) => return None,
        AuthAction::Read { table_name, .. } => format!(
            "`{table_name}` is no table or view of a recording: docs/recording-format.md lists them"
        ),
        AuthAction::Function { function_name }
            if !CLOSED
                .iter()
                .any(|closed| function_name.eq_ignore_ascii_case(closed)) =>
        {
            return None;
        }
        AuthAction::Function { function_name } => format!(
            "the function `{function_name}` is not allowed: a query depends on the recording alone"
        ),
        AuthAction::Pragma { pragma_name, .. } => {
            format!("PRAGMA {pragma_name} is not allowed: a query reads the recording alone")
        }
        AuthAction::Attach { .. } | AuthAction::Detach { .. } => {
            "ATTACH and DETACH are not allowed: a query reads the recording alone".to_owned()
        }
        _ => "the query may only read: expected one SELECT".to_owned(),
    };
    Some(why)
}

/// Whether it is one of SQLite's own: its schema, or a table that a module of it makes up.
fn is_own(table: &str, modules: &[String]) -> bool {
    let table = table.to_ascii_lowercase();
    ["sqlite_", "pragma_"]
        .iter()
        .any(|prefix| table.starts_with(prefix))
        || modules.contains(&table)
}

/// What makes up tables: `dbstat`.
fn modules(sqlite: &mut Sqlite) -> rusqlite::Result<Vec<String>> {
    // A fence that stands already would not let this through.
    sqlite.authorizer(None::<fn(AuthContext<'_>) -> Authorization>)?;
    let mut statement = sqlite.prepare("SELECT lower(name) FROM pragma_module_list")?;
    let names = statement.query_map([], |row| row.get(0))?;
    names.collect()
}

/// Whether anybody's query may read it.
fn is_open(table: &str) -> bool {
    tables(FormatVersion::NEWEST)
        .map(|(table, _)| table)
        .chain(VIEWS)
        .chain(TABLE_FUNCTIONS)
        .any(|open| open.eq_ignore_ascii_case(table))
}

impl Reads {
    /// A view speaks of all its columns; what counts is what the query itself names.
    fn note(&mut self, context: &AuthContext<'_>) {
        if let AuthAction::Read {
            table_name,
            column_name,
        } = context.action
            && context.accessor.is_none()
        {
            self.payloads |= ["payload", "text", "body", "bytes"].contains(&column_name);
            self.tags |= table_name == "tag"
                || ["session_id", "user_id", "device", "users", "devices"].contains(&column_name);
        }
    }
}
