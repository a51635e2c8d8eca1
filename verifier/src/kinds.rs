//! The kinds of rules. Each is a file here, whose doc comment is its published page: `# What it proves`,
//! `# Why`, `# Example` (a whole pack), `# Keys`, `# What it cannot see`. The checker stands in a folder
//! of the same name.

pub mod addressed;
pub mod always;
pub mod correlated;
pub mod count;
pub mod duration;
pub mod handshake;
pub mod never;
pub mod owned;
pub mod protocol;
pub mod response;
pub mod sequence;
pub mod sql;

use crate::rules::read::{Names, Table};

use crate::rules::HolderKind;

/// What a rule demands, by kind.
#[derive(Debug, Clone)]
pub enum Spec {
    /// What a message says of its recipient is who it was delivered to.
    Addressed(addressed::Addressed),
    /// Every selected event matches.
    Always(always::Always),
    /// A reply answers what is open on its own connection.
    Correlated(correlated::Correlated),
    /// At least, at most or exactly so many.
    Count(count::Count),
    /// So long, and no longer.
    Duration(duration::DurationSpec),
    /// The opening handshake, and who holds a session id.
    Handshake(handshake::Handshake),
    /// No selected event happens.
    Never(never::Never),
    /// A resource is delivered to, and used by, its owner only.
    Owned(owned::Owned),
    /// No anomaly of RFC 6455 and RFC 7692.
    Protocol(protocol::Protocol),
    /// A request gets its reply.
    Response(response::Response),
    /// Events of one key come in the given order.
    Sequence(sequence::Sequence),
    /// A query over the recording returns no row.
    Sql(sql::Sql),
}

impl Spec {
    /// Its name in rule files.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Addressed(_) => "addressed",
            Self::Always(_) => "always",
            Self::Correlated(_) => "correlated",
            Self::Count(_) => "count",
            Self::Duration(_) => "duration",
            Self::Handshake(_) => "handshake",
            Self::Never(_) => "never",
            Self::Owned(_) => "owned",
            Self::Protocol(_) => "protocol",
            Self::Response(_) => "response",
            Self::Sequence(_) => "sequence",
            Self::Sql(_) => "sql",
        }
    }

    /// Whether it says something of the application's own messages. What does not holds for every
    /// application, and cannot tell whether sessions are isolated.
    pub const fn knows_the_application(&self) -> bool {
        match self {
            Self::Addressed(_)
            | Self::Always(_)
            | Self::Count(_)
            | Self::Duration(_)
            | Self::Never(_)
            | Self::Owned(_)
            | Self::Response(_)
            | Self::Sequence(_)
            | Self::Sql(_) => true,
            Self::Correlated(_) | Self::Handshake(_) | Self::Protocol(_) => false,
        }
    }

    /// Whether a message that cannot be decoded leaves it in doubt.
    pub const fn reads_messages(&self) -> bool {
        match self {
            Self::Addressed(_)
            | Self::Always(_)
            | Self::Count(_)
            | Self::Duration(_)
            | Self::Never(_)
            | Self::Owned(_)
            | Self::Response(_)
            | Self::Sequence(_) => true,
            Self::Correlated(_) | Self::Handshake(_) | Self::Protocol(_) | Self::Sql(_) => false,
        }
    }

    /// Whether it looks at whatever a server sends, whether or not that is an event of its pack.
    pub fn reads_all_answers(&self) -> bool {
        match self {
            Self::Addressed(addressed) => addressed.events.is_empty(),
            Self::Owned(_) => true,
            Self::Always(_)
            | Self::Correlated(_)
            | Self::Count(_)
            | Self::Duration(_)
            | Self::Handshake(_)
            | Self::Never(_)
            | Self::Protocol(_)
            | Self::Response(_)
            | Self::Sequence(_)
            | Self::Sql(_) => false,
        }
    }

    /// Whether it sees exchanges over HTTP whatever events its pack names.
    pub const fn sees_all_exchanges(&self) -> bool {
        matches!(self, Self::Sql(_))
    }

    /// Whether a connection that speaks for nobody known leaves it in doubt.
    pub fn needs_holders(&self) -> bool {
        match self.holders() {
            HolderKind::Session | HolderKind::User => true,
            HolderKind::Connection => false,
        }
    }

    /// Whom it is about; connections where it asks for nobody that is behind them.
    pub fn holders(&self) -> HolderKind {
        let session_where = |asked: bool| {
            if asked {
                HolderKind::Session
            } else {
                HolderKind::Connection
            }
        };
        match self {
            Self::Addressed(addressed) => addressed.to,
            Self::Always(always) => always.window.per,
            Self::Count(count) => match count.per {
                count::CountPer::Session => HolderKind::Session,
                count::CountPer::User => HolderKind::User,
                count::CountPer::Connection
                | count::CountPer::Recording
                | count::CountPer::Value(_) => HolderKind::Connection,
            },
            Self::Duration(duration) => duration.per,
            Self::Handshake(handshake) => {
                session_where(!handshake.one_holder.is_empty() || !handshake.unshared.is_empty())
            }
            Self::Never(never) => never.window.per,
            Self::Owned(owned) => owned.owner,
            Self::Correlated(_) | Self::Protocol(_) => HolderKind::Connection,
            Self::Response(response) => response.on,
            Self::Sequence(sequence) => sequence.on,
            Self::Sql(sql) => session_where(sql.question.reads_tags()),
        }
    }
}

/// Reads the keys of one kind; `None`: what is wrong is written down.
type Reader = for<'t, 'a, 'n> fn(&'t mut Table<'a>, Names<'n>) -> Option<Spec>;

impl Spec {
    /// The kinds, as `kind = "..."` names them, and what reads their keys.
    pub(crate) const READERS: [(&'static str, Reader); 12] = [
        ("addressed", |table, names| {
            addressed::Addressed::read(table, names).map(Self::Addressed)
        }),
        ("always", |table, names| {
            always::Always::read(table, names).map(Self::Always)
        }),
        ("correlated", |table, _| {
            Some(Self::Correlated(correlated::Correlated::read(table)))
        }),
        ("count", |table, names| {
            count::Count::read(table, names).map(Self::Count)
        }),
        ("duration", |table, names| {
            duration::DurationSpec::read(table, names).map(Self::Duration)
        }),
        ("handshake", |table, _| {
            Some(Self::Handshake(handshake::Handshake::read(table)))
        }),
        ("never", |table, names| {
            never::Never::read(table, names).map(Self::Never)
        }),
        ("owned", |table, names| {
            owned::Owned::read(table, names).map(Self::Owned)
        }),
        ("protocol", |table, _| {
            Some(Self::Protocol(protocol::Protocol::read(table)))
        }),
        ("response", |table, names| {
            response::Response::read(table, names).map(Self::Response)
        }),
        ("sequence", |table, names| {
            sequence::Sequence::read(table, names).map(Self::Sequence)
        }),
        ("sql", |table, _| sql::Sql::read(table).map(Self::Sql)),
    ];
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::Spec;

    #[test]
    fn every_file_of_the_directory_is_a_kind() {
        let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/kinds");
        let mut files: Vec<_> = std::fs::read_dir(directory)
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .filter(|path| path.extension().is_some_and(|extension| extension == "rs"))
            .map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned())
            .collect();
        files.sort();
        assert_eq!(Spec::READERS.map(|(kind, _)| kind).as_slice(), files);
    }
}
