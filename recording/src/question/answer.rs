//! What a recording answers.

use rusqlite::types::ValueRef;
use rusqlite::{Connection as Sqlite, Row};

use super::fence::Fence;
use super::{AskError, Checked, Question, QuestionLimits, Texts};
use crate::column::{signed, unsigned};
use crate::record::{ConnectionId, Seq};
use crate::schema::FormatVersion;

/// What a recording answers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Answer {
    /// The rows, in the order in which the query gives them.
    pub rows: Vec<QuestionRow>,
    /// Whether there are more than these.
    pub more: bool,
    /// What the counting query counts; `None`: the question has none.
    pub count: Option<u64>,
    /// Of which messages the query did not see all; empty where it reads no payloads.
    pub incomplete: Vec<Incomplete>,
}

/// A row of the answer.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct QuestionRow {
    /// What it names.
    pub named: Named,
    /// Its other columns, as text; NULL is left out.
    pub texts: Texts,
}

/// What a row names.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Named {
    /// A place at which something of that connection or HTTP exchange is.
    Place(Seq, ConnectionId),
    /// Nothing that the recording holds: what stands in its column `seq`.
    Nothing(String),
}

/// Messages of a connection, or of an HTTP exchange, that the recording does not hold whole in one row:
/// withheld, cut, undecodable, or kept in chunks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Incomplete {
    /// Whose.
    pub connection: ConnectionId,
    /// How many.
    pub messages: u64,
    /// The first one.
    pub first: Seq,
}

pub(super) fn ask(
    sqlite: &mut Sqlite,
    version: FormatVersion,
    question: &Question,
    limits: QuestionLimits,
) -> Result<Answer, AskError> {
    let mut answer = Answer::default();
    if question.reads_payloads() {
        answer.incomplete = incomplete(sqlite, version).map_err(|error| own(&error))?;
    }
    let found = fenced(sqlite, &question.rows, limits.steps, |statement| {
        let mut found = Vec::new();
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            if found.len() == limits.rows {
                answer.more = true;
                break;
            }
            found.push(read(row, &question.rows.columns, limits.value)?);
        }
        Ok(found)
    })?;
    if let Some(count) = &question.count {
        let value = fenced(sqlite, count, limits.steps, |statement| {
            let mut rows = statement.query([])?;
            Ok(match rows.next()? {
                None => Err("nothing".to_owned()),
                Some(row) => match row.get_ref(0)? {
                    ValueRef::Integer(count) => u64::try_from(count).map_err(|_| count.to_string()),
                    other => Err(text(other, limits.value).unwrap_or("NULL".to_owned())),
                },
            })
        })?;
        answer.count = Some(value.map_err(|found| AskError::NoCount { found })?);
    }
    // The fence stands for as long as the connection lives, and lets this through; its steps are few.
    let _fence = Fence::around(sqlite, u64::MAX).map_err(|error| own(&error))?;
    for (seq, texts) in found {
        let named = match seq {
            Ok(seq) => match owner(sqlite, version, seq).map_err(|error| own(&error))? {
                Some(connection) => Named::Place(Seq(seq), connection),
                None => Named::Nothing(seq.to_string()),
            },
            Err(found) => Named::Nothing(found),
        };
        answer.rows.push(QuestionRow { named, texts });
    }
    Ok(answer)
}

/// An error of our own queries.
fn own(error: &rusqlite::Error) -> AskError {
    AskError::Failed(error.to_string())
}

/// Runs a query within the fence.
fn fenced<T>(
    sqlite: &mut Sqlite,
    query: &Checked,
    steps: u64,
    run: impl FnOnce(&mut rusqlite::Statement<'_>) -> rusqlite::Result<T>,
) -> Result<T, AskError> {
    let fence = Fence::around(sqlite, steps).map_err(|error| own(&error))?;
    let ran = sqlite.prepare(&query.sql).and_then(|mut statement| {
        // Another program may have given the recording other views.
        if statement.column_count() == query.columns.len() && statement.readonly() {
            run(&mut statement)
        } else {
            Err(rusqlite::Error::InvalidQuery)
        }
    });
    ran.map_err(|error| {
        if fence.ran_out() {
            AskError::TooLong { steps }
        } else {
            AskError::Failed(fence.why_not(&error).message)
        }
    })
}

/// The `seq` of a row, or what stands there, and its other columns.
type Read = (Result<u64, String>, Texts);

fn read(row: &Row<'_>, columns: &[String], longest: usize) -> rusqlite::Result<Read> {
    let mut seq = Err("NULL".to_owned());
    let mut texts = Texts::new();
    for (index, column) in columns.iter().enumerate() {
        let value = row.get_ref(index)?;
        match (column.as_str(), value) {
            ("seq", ValueRef::Integer(value)) => seq = Ok(unsigned(value)),
            ("seq", value) => seq = Err(text(value, longest).unwrap_or("NULL".to_owned())),
            (_, value) => {
                if let Some(text) = text(value, longest) {
                    texts.insert(column.clone(), text);
                }
            }
        }
    }
    Ok((seq, texts))
}

/// A value as text, cut where it is too long; `None`: NULL.
fn text(value: ValueRef<'_>, longest: usize) -> Option<String> {
    let bytes = match value {
        ValueRef::Null => return None,
        ValueRef::Integer(number) => return Some(number.to_string()),
        ValueRef::Real(number) => return Some(number.to_string()),
        ValueRef::Text(bytes) | ValueRef::Blob(bytes) => bytes,
    };
    let kept = &bytes[..bytes.len().min(longest)];
    let mut text = String::from_utf8_lossy(kept).into_owned();
    if kept.len() < bytes.len() {
        // A character that was cut in two.
        while text.ends_with(char::REPLACEMENT_CHARACTER) {
            text.pop();
        }
        text.push_str("...");
    }
    Some(text)
}

/// Of whom something is at a place.
fn owner(
    sqlite: &Sqlite,
    version: FormatVersion,
    seq: u64,
) -> rusqlite::Result<Option<ConnectionId>> {
    let sockets = [
        "SELECT connection_id FROM frame WHERE seq = ?",
        "SELECT id FROM connection WHERE ? IN (opened_seq, answered_seq, closed_seq)",
        "SELECT connection_id FROM anomaly WHERE seq = ?",
    ];
    let exchanges = [
        "SELECT exchange_id FROM http_message WHERE seq = ?",
        "SELECT id FROM exchange WHERE ? IN (opened_seq, answered_seq, ended_seq)",
    ];
    let later = (version >= FormatVersion::WITH_EXCHANGES).then_some(exchanges);
    for sql in sockets.into_iter().chain(later.into_iter().flatten()) {
        let mut statement = sqlite.prepare(sql)?;
        let mut rows = statement.query([signed(seq)])?;
        if let Some(row) = rows.next()? {
            return Ok(Some(ConnectionId(unsigned(row.get(0)?))));
        }
    }
    Ok(None)
}

fn incomplete(sqlite: &Sqlite, version: FormatVersion) -> rusqlite::Result<Vec<Incomplete>> {
    // Of a message in several frames, the last one stands for it.
    let sockets = "SELECT f.connection_id AS connection, f.seq FROM frame AS f
                    WHERE f.payload IS NULL AND f.first_byte >= 128
                      AND NOT EXISTS (SELECT 1 FROM message AS m WHERE m.seq = f.seq)
                    UNION ALL
                   SELECT f.connection_id, m.seq FROM message AS m JOIN frame AS f ON f.seq = m.seq
                    WHERE m.content <> 'whole'";
    let exchanges = "UNION ALL SELECT exchange_id, seq FROM http_message WHERE content <> 'whole'";
    let exchanges = if version >= FormatVersion::WITH_EXCHANGES {
        exchanges
    } else {
        ""
    };
    let sql = format!(
        "SELECT connection, count(*), min(seq) FROM ({sockets} {exchanges}) GROUP BY 1 ORDER BY 1"
    );
    let mut statement = sqlite.prepare(&sql)?;
    let rows = statement.query_map([], |row| {
        Ok(Incomplete {
            connection: ConnectionId(unsigned(row.get(0)?)),
            messages: unsigned(row.get(1)?),
            first: Seq(unsigned(row.get(2)?)),
        })
    })?;
    rows.collect()
}
