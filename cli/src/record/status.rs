//! What the status line of `wsaudit record` says.

use std::time::{Duration, Instant};

use tokio::time::{MissedTickBehavior, interval};
use wsaudit_proxy::{Figures, Live};

use super::log::Log;
use crate::numbers::{bytes, counted, grouped};
use crate::output::Paint;
use crate::status::StatusLine;

/// How often it changes.
const EVERY: Duration = Duration::from_millis(500);

/// Keeps the line up to date; it is gone when this is dropped.
pub(super) async fn follow(live: Live, paint: Paint, log: Log) {
    // It is there as long as this.
    let _line = StatusLine::begin();
    let mut ticks = interval(EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let (mut before, mut since) = (live.figures(), Instant::now());
    loop {
        ticks.tick().await;
        let now = live.figures();
        let frames = passed(&now).saturating_sub(passed(&before));
        let rate = frames * 1_000 / millis(since.elapsed()).max(1);
        log.status(text(&now, rate, paint));
        (before, since) = (now, Instant::now());
    }
}

fn passed(figures: &Figures) -> u64 {
    figures.frames.client_to_server + figures.frames.server_to_client
}

/// `frames` are those in a second.
fn text(figures: &Figures, frames: u64, paint: Paint) -> String {
    // What is missing comes first: the end of a line that is too long is cut off.
    let mut loud = Vec::new();
    if !figures.recording {
        loud.push("NOT RECORDING".to_owned());
    }
    if figures.gaps > 0 || figures.lost_frames > 0 {
        let (gaps, lost) = (grouped(figures.gaps), counted(figures.lost_frames, "frame"));
        loud.push(format!("GAPS: {gaps}, {lost} lost"));
    }
    let mut parts: Vec<_> = loud.iter().map(|part| alarming(part, paint)).collect();
    parts.push(format!(
        "{} of {} open",
        grouped(figures.clients),
        counted(figures.clients_total, "client")
    ));
    parts.push(counted(figures.sessions, "session"));
    parts.push(format!("{} frames/s", grouped(frames)));
    parts.push(format!("{} recorded", bytes(figures.recorded_bytes)));
    parts.push(format!("lag {} ms", grouped(millis(figures.lag))));
    parts.join(" | ")
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

fn alarming(text: &str, paint: Paint) -> String {
    match paint {
        Paint::Plain => text.to_owned(),
        Paint::Ansi => format!("\u{1b}[1;31m{text}\u{1b}[0m"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use wsaudit_proxy::BothWays;

    fn figures() -> Figures {
        Figures {
            clients: 3,
            clients_total: 1_204,
            established: 9,
            sessions: 1,
            frames: BothWays::default(),
            recorded_bytes: 3 << 20,
            gaps: 0,
            lost_frames: 0,
            lag: Duration::from_millis(57),
            recording: true,
        }
    }

    #[test]
    fn gaps_come_first_and_loud() {
        let calm =
            "3 of 1,204 clients open | 1 session | 1,235 frames/s | 3.0 MiB recorded | lag 57 ms";
        assert_eq!(text(&figures(), 1_235, Paint::Plain), calm);
        let bad = Figures {
            gaps: 2,
            lost_frames: 3_000,
            recording: false,
            ..figures()
        };
        let loud = "NOT RECORDING | GAPS: 2, 3,000 frames lost | ";
        assert_eq!(text(&bad, 1_235, Paint::Plain), format!("{loud}{calm}"));
        assert!(text(&bad, 0, Paint::Ansi).starts_with("\u{1b}[1;31mNOT RECORDING\u{1b}[0m | "));
    }
}
