//! `wsaudit show`: what a recording holds.

mod exchanges;
mod frames;
mod identity;
mod names;
mod overview;
mod overview_text;

use std::path::PathBuf;

use anyhow::bail;
use clap::Args;
use wsaudit_recording::{ConnectionId, Reader};

use crate::exit::Exit;
use crate::output::Output;

use identity::Identities;

const EXAMPLES: &str = "\
Without a selection: runs, sessions, connections, gaps, anomalies, and where ids \
may be found. With one: the frames, one line each; the last frame of a message \
shows all of it, joined and inflated.

Examples:
  wsaudit show traffic.db
  wsaudit show traffic.db --session s-1
  wsaudit show traffic.db --session s-1 --event thread_created
  wsaudit show traffic.db --connection 3 --limit 0
  wsaudit show traffic.db --event error --json | jq -r .message.text

The recording is plain SQLite, so that this works too:
  sqlite3 traffic.db \\
      \"select seq, direction, text from session_frame where session_id='s-1'\"

Exit codes:
  0  shown
  2  the recording cannot be read, or has no such session or connection";

/// Show what a recording holds: sessions, connections, frames
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct ShowArgs {
    /// The recording
    recording: PathBuf,
    /// The frames of this session
    #[arg(long, value_name = "ID")]
    session: Option<String>,
    /// The frames of this connection
    #[arg(long, value_name = "N")]
    connection: Option<u64>,
    /// The frames of messages of this name (/type, /event and the like)
    #[arg(long, value_name = "NAME")]
    event: Option<String>,
    /// At most this many frames; 0 for all
    #[arg(long, value_name = "N", default_value_t = 100)]
    limit: u64,
    /// One JSON object a line
    #[arg(long)]
    json: bool,
}

/// Shows a recording.
pub(crate) fn run(args: &ShowArgs, output: &mut Output) -> anyhow::Result<Exit> {
    let reader = Reader::open(&args.recording)?;
    let identities = Identities::read(&reader)?;
    let everything = args.session.is_none() && args.connection.is_none() && args.event.is_none();
    if everything {
        let overview = overview::Overview::read(&reader, &identities)?;
        if args.json {
            overview.write_json(output)?;
        } else {
            let columns = Output::columns();
            overview.write_text(output, columns)?;
        }
        return Ok(Exit::Clean);
    }
    if let Some(session) = &args.session
        && identities.connections_of(session).is_empty()
    {
        bail!("{}", no_session(args, session, &identities));
    }
    if let Some(number) = args.connection {
        let id = ConnectionId(number);
        let connections = reader.connections()?;
        if !connections.iter().any(|it| it.id == id) {
            let recording = args.recording.display();
            let exchange = reader.exchanges()?.iter().any(|it| it.id == id);
            // They are numbered together.
            let is = if exchange {
                ", which is a plain HTTP exchange"
            } else {
                ""
            };
            let numbers = || connections.iter().map(|it| it.id.0);
            let there = match (numbers().min(), numbers().max()) {
                (Some(first), Some(last)) if first < last => {
                    format!("there are {}, from {first} to {last}", connections.len())
                }
                (Some(only), _) => format!("there is connection {only} alone"),
                (None, _) => "there is none".to_owned(),
            };
            bail!("{recording}: there is no connection {number}{is}; {there}");
        }
    }
    frames::show(args, &reader, &identities, output)?;
    Ok(Exit::Clean)
}

fn no_session(args: &ShowArgs, session: &str, identities: &Identities) -> String {
    const SHOWN: usize = 8;
    let known = identities.sessions();
    let recording = args.recording.display();
    if known.len() == 0 {
        return format!(
            "{recording}: no session is known in it; `wsaudit show {recording}` tells where ids may be found"
        );
    }
    let more = known.len().saturating_sub(SHOWN);
    let some: Vec<_> = known.take(SHOWN).collect();
    let more = if more > 0 {
        format!(" and {more} more")
    } else {
        String::new()
    };
    format!(
        "{recording}: there is no session {session:?}; there are {}{more}",
        some.join(", ")
    )
}
