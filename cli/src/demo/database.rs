//! The example product's database, and the rules that hold it against the recording.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use rusqlite::{Connection, params};
use wsaudit_demo::Tables;
use wsaudit_verifier::rules::Pack;

const SCHEMA: &str = "
    create table users(
        id text primary key, email text, full_name text, is_active integer not null default 1,
        supports_multi_session integer not null default 1,
        created_at text not null default current_timestamp, updated_at text
    ) strict;
    create table user_sessions(
        id text primary key, user_id text not null references users, session_type text not null,
        is_active integer not null default 1,
        created_at text not null default current_timestamp, updated_at text
    ) strict;
    create table user_threads(
        id text primary key, user_id text not null references users, title text, session_id text,
        is_session_specific integer not null default 1,
        created_at text not null default current_timestamp
    ) strict;
    create table enterprise_agent_executions(
        id text primary key, session_id text not null, thread_id text not null
    ) strict;
";

/// The pack, but for the database's place.
pub(super) const RULES: &str = include_str!("database.toml");
const PLACE: &str = "DATABASE";

/// Where the product's database of a run is.
pub(super) fn path(recording: &Path) -> PathBuf {
    recording.with_extension("app.db")
}

/// Where the rules about it are.
pub(super) fn rules(recording: &Path) -> PathBuf {
    recording.with_extension("database.toml")
}

/// Writes both, beside the recording.
pub(super) fn write(tables: &Tables, recording: &Path) -> anyhow::Result<()> {
    let path = path(recording);
    let written = || format!("cannot write the example's database {}", path.display());
    fill(&path, tables).with_context(written)?;
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let rules = rules(recording);
    fs::write(&rules, RULES.replace(PLACE, &name))
        .with_context(|| format!("cannot write the rules {}", rules.display()))
}

fn fill(path: &Path, tables: &Tables) -> rusqlite::Result<()> {
    let mut database = Connection::open(path)?;
    let rows = database.transaction()?;
    rows.execute_batch(SCHEMA)?;
    for user in &tables.users {
        rows.execute("insert into users(id) values (?)", [&user.0])?;
    }
    for it in &tables.sessions {
        rows.execute(
            "insert into user_sessions(id, user_id, session_type) values (?, ?, ?)",
            [&it.id.0, &it.user.0, it.device.name()],
        )?;
    }
    for it in &tables.threads {
        rows.execute(
            "insert into user_threads(id, user_id, title, session_id) values (?, ?, ?, ?)",
            params![it.id.0, it.user.0, it.title, it.session.0],
        )?;
    }
    for it in &tables.runs {
        rows.execute(
            "insert into enterprise_agent_executions(id, session_id, thread_id) values (?, ?, ?)",
            [&it.id.0, &it.session.0, &it.thread.0],
        )?;
    }
    rows.commit()
}

/// The rules about the database of a run.
pub(super) fn pack(recording: &Path) -> anyhow::Result<Pack> {
    Ok(Pack::load(rules(recording))?)
}
