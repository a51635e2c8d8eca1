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
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FormatVersion(pub u32);

impl FormatVersion {
    /// The version that this library writes, and the newest that it reads.
    pub const NEWEST: Self = Self(1);
}

/// Every table, with its key; an open recording has all of them.
pub(crate) const TABLES: [(&str, &str); 10] = [
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

/// Bytes in a page. Rows of some hundred bytes are written 8 to 15 % faster than with the default of
/// 4 KiB.
pub(crate) const PAGE_SIZE: u32 = 8192;
