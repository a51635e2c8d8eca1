//! Room for clients: each takes two descriptors, and many systems let a process have 1,024 until it asks for
//! more.

/// What the recorder has open besides: its file, listeners, the runtime's own.
const OWN: u64 = 64;

/// Asks for descriptors for so many clients at once. What is to be said where the system does not give them.
pub(super) fn make_room(clients: usize) -> Option<String> {
    let needed = needed(clients);
    let given = raised_to(needed);
    (given < needed).then(|| {
        let room = given.saturating_sub(OWN) / 2;
        format!(
            "there are descriptors for some {room} clients at once, of {clients} that --max-connections allows: \
             further ones would wait; raise the hard limit of open files to {needed} (ulimit -Hn), or set \
             --max-connections {room}"
        )
    })
}

fn needed(clients: usize) -> u64 {
    let clients = u64::try_from(clients).unwrap_or(u64::MAX);
    clients.saturating_mul(2).saturating_add(OWN)
}

/// How many there may be, after as many were asked for as are needed.
#[cfg(unix)]
fn raised_to(needed: u64) -> u64 {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

    let limit = getrlimit(Resource::Nofile);
    let current = limit.current.unwrap_or(u64::MAX);
    let wanted = needed.min(limit.maximum.unwrap_or(u64::MAX));
    if wanted <= current {
        return current;
    }
    let raised = Rlimit {
        current: Some(wanted),
        ..limit
    };
    match setrlimit(Resource::Nofile, raised) {
        Ok(()) => wanted,
        Err(_) => current,
    }
}

/// Elsewhere nothing limits them but memory.
#[cfg(not(unix))]
const fn raised_to(needed: u64) -> u64 {
    needed
}
