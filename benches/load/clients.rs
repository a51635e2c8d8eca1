//! Clients that keep a number of messages in flight, for as long as it takes to count them.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::{Duration, Instant};

use tokio::task::{JoinSet, LocalSet};

use super::frames::{self, CLIENT_CLOSE, Frame, Messages};
use super::histogram::Histogram;
use super::socket::Socket;

/// Connections and caches come up to speed, and are not measured.
const WARM_UP: Duration = Duration::from_millis(300);

/// After the time to measure, for what is in flight: mitmproxy takes seconds.
const PATIENCE: Duration = Duration::from_secs(30);

#[derive(Debug, Clone, Copy)]
pub(crate) struct Plan {
    pub(crate) to: SocketAddr,
    pub(crate) connections: usize,
    pub(crate) in_flight: usize,
    pub(crate) bytes: usize,
    pub(crate) seconds: Duration,
}

/// The times within which messages are sent, and counted.
#[derive(Clone, Copy)]
struct Window {
    from: Instant,
    to: Instant,
}

/// Runs all of `plan`; gives the figures as JSON.
pub(crate) async fn run(plan: Plan) -> Result<String, String> {
    if plan.connections == 0 || plan.in_flight == 0 {
        return Err("--connections and --in-flight must be 1 at least".to_owned());
    }
    let mut open = Vec::new();
    for number in 0..plan.connections {
        let socket = Socket::open(plan.to, number)
            .await
            .map_err(|error| format!("connection {number}: {error}"))?;
        open.push((socket, Messages::new(plan.bytes, number as u64)?));
    }
    let from = Instant::now() + WARM_UP;
    let window = Window {
        from,
        to: from + plan.seconds,
    };
    let took = Rc::new(RefCell::new(Histogram::new()));
    let mut clients = JoinSet::new();
    let local = LocalSet::new();
    for (socket, messages) in open {
        clients.spawn_local_on(
            client(socket, messages, plan.in_flight, window, Rc::clone(&took)),
            &local,
        );
    }
    let all = local.run_until(async {
        let mut sent = 0;
        while let Some(joined) = clients.join_next().await {
            sent += joined.map_err(|panic| panic.to_string())??;
        }
        Ok::<_, String>(sent)
    });
    let sent = tokio::time::timeout(WARM_UP + plan.seconds + PATIENCE, all)
        .await
        .map_err(|_elapsed| "messages did not come back".to_owned())??;
    let took = took.borrow();
    let quantile = |percent| {
        took.quantile(percent)
            .map_or("null".to_owned(), |it| it.to_string())
    };
    Ok(format!(
        r#"{{"messages_per_second": {:.0}, "p50_us": {}, "p99_us": {}, "sent": {sent}}}"#,
        took.count() as f64 / plan.seconds.as_secs_f64(),
        quantile(50),
        quantile(99),
    ))
}

/// Sends until the window ends, waits for every echo, and closes; gives the number of messages sent.
async fn client(
    mut socket: Socket,
    mut messages: Messages,
    in_flight: usize,
    window: Window,
    took: Rc<RefCell<Histogram>>,
) -> Result<u64, String> {
    let failed = |error: std::io::Error| error.to_string();
    let mut out = Vec::new();
    let mut sent_at: VecDeque<Instant> = VecDeque::with_capacity(in_flight);
    let mut echoed = 0;
    let mut now = Instant::now();
    let mut closing = false;
    loop {
        if now < window.to {
            while sent_at.len() < in_flight {
                messages.append(&mut out);
                sent_at.push_back(now);
            }
        } else if sent_at.is_empty() && !closing {
            out.extend(CLIENT_CLOSE);
            closing = true;
        }
        if !out.is_empty() {
            socket.write(&out).await.map_err(failed)?;
            out.clear();
        }
        socket.read().await.map_err(failed)?;
        now = Instant::now();
        let measured = (window.from..window.to).contains(&now);
        let mut closed = false;
        let used = frames::each(&mut socket.held, |frame| {
            let Frame::Binary(payload) = frame else {
                closed = true;
                return Ok(());
            };
            if frames::number(payload) != Some(echoed) {
                return Err(format!("message {echoed} did not come back in its place"));
            }
            echoed += 1;
            let since = sent_at.pop_front().ok_or("an echo of nothing")?;
            if measured {
                took.borrow_mut().add(now - since);
            }
            Ok(())
        })?;
        socket.used(used);
        if closed {
            return Ok(messages.made());
        }
    }
}
