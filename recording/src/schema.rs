//! The tables of a recording, and the numbers by which SQLite files of ours are known.

/// The tables and views of the newest format version.
pub(crate) const SQL: &str = include_str!("schema.sql");

/// SQLite's `application_id` of every recording: `WSAU` in ASCII.
pub const APPLICATION_ID: u32 = 0x5753_4155;

/// The version of a recording's format, in SQLite's `user_version`.
///
/// | version | since | what changed |
/// |---|---|---|
/// | 1 | 0.1.0 | the first one |
/// | 2 | unreleased | parts of a run: `run.continued`, `first_connection`, `first_chunks`; plain HTTP exchanges: `exchange`, `http_message`, and their views; redacted payloads: `connection.wire_exact`, `message.content` may be `withheld`, `payload` NULL without `chunks_id`; TLS on the upstream's leg: `connection.upstream_tls_version`, `upstream_tls_alpn` |
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FormatVersion(pub u32);

impl FormatVersion {
    /// The version that this library writes, and the newest that it reads.
    pub const NEWEST: Self = Self(2);

    /// The first version that holds plain HTTP exchanges.
    pub(crate) const WITH_EXCHANGES: Self = Self(2);

    /// The first version that knows parts of a run.
    pub(crate) const WITH_PARTS: Self = Self(2);

    /// The first version that says whether payloads are as they were sent.
    pub(crate) const WITH_REDACTION: Self = Self(2);

    /// The first version that knows TLS on the upstream's leg.
    pub(crate) const WITH_UPSTREAM_TLS: Self = Self(2);
}

/// By version: what tables and views of the one before it lack. A recording that is added to gets it;
/// views that are dropped here are made anew.
///
/// SQLite checks rows by the text in its schema, so that of `message` can be changed without copying it:
/// <https://www.sqlite.org/lang_altertable.html#otheralter>
pub(crate) const ADDED: [(FormatVersion, &str); 3] = [
    (
        FormatVersion::WITH_PARTS,
        "ALTER TABLE run ADD COLUMN continued INTEGER NOT NULL DEFAULT 0 CHECK (continued IN (0, 1));
         ALTER TABLE run ADD COLUMN first_connection INTEGER NOT NULL DEFAULT 1;
         ALTER TABLE run ADD COLUMN first_chunks INTEGER NOT NULL DEFAULT 1;",
    ),
    (
        FormatVersion::WITH_REDACTION,
        "ALTER TABLE connection ADD COLUMN
           wire_exact INTEGER NOT NULL DEFAULT 1 CHECK (wire_exact IN (0, 1));
         DROP VIEW message_view;
         PRAGMA writable_schema = ON;
         UPDATE sqlite_schema
            SET sql = replace(sql, '''undecodable'')', '''undecodable'', ''withheld'')')
          WHERE type = 'table' AND name = 'message';
         PRAGMA writable_schema = RESET;",
    ),
    (
        FormatVersion::WITH_UPSTREAM_TLS,
        "ALTER TABLE connection ADD COLUMN upstream_tls_version TEXT;
         ALTER TABLE connection ADD COLUMN upstream_tls_alpn TEXT;",
    ),
];

/// The tables of a version, each with its key; an open recording has all of them.
pub(crate) fn tables(version: FormatVersion) -> impl Iterator<Item = (&'static str, &'static str)> {
    let later = (version >= FormatVersion::WITH_EXCHANGES).then_some(EXCHANGE_TABLES);
    FIRST_TABLES.into_iter().chain(later.into_iter().flatten())
}

/// What version 2 added.
const EXCHANGE_TABLES: [(&str, &str); 2] = [("exchange", "id"), ("http_message", "seq")];

/// What version 1 had.
const FIRST_TABLES: [(&str, &str); 10] = [
    ("run", "id"),
    ("clock_anchor", "run_id"),
    ("connection", "id"),
    ("tag", "id"),
    ("frame", "seq"),
    ("frame_chunk", "rowid"),
    ("message", "seq"),
    ("anomaly", "id"),
    ("gap", "id"),
    ("tail", "id"),
];

/// The views of the newest version.
pub(crate) const VIEWS: [&str; 7] = [
    "frame_view",
    "message_view",
    "session_frame",
    "session_message",
    "session_summary",
    "http_view",
    "session_http",
];

/// Bytes in a page. A log of larger pages has fewer of them to write: rows of some hundred bytes are
/// written 10 to 15 % faster than with 8 KiB (and 8 to 15 % faster with these than with the default of
/// 4 KiB); 32 KiB are slower again.
pub(crate) const PAGE_SIZE: u32 = 16_384;

#[cfg(test)]
mod tests {
    use super::{SQL, VIEWS};

    #[test]
    fn the_views_are_those_of_the_schema() {
        let views = SQL
            .lines()
            .filter_map(|line| line.strip_prefix("CREATE VIEW "));
        let views: Vec<_> = views.filter_map(|line| line.split(' ').next()).collect();
        assert_eq!(views, VIEWS);
    }
}
