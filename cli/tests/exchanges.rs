//! Threads that are created with a POST, and leaked on a socket: recorded, verified, shown.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

use rusqlite::Connection;
use serde_json::Value;
use tempfile::tempdir;

use super::harness::{Recorder, has, run};

const RULES: &str = r#"
[pack]
name   = "threads"
format = 1

[fields]
thread = ["/id", "/thread_id"]

[events]
create  = { from = "http-request", name = "POST /api/threads" }
created = { from = "http-response", name = "POST /api/threads", status = 201 }
open    = { from = "http-request", method = "GET", path = "/api/threads/{thread}" }
opened  = { from = "http-response", method = "GET", path = { prefix = "/api/threads/" }, status = 200 }
refused = { from = "http-response", path = { prefix = "/api/threads/" }, status = [403, 404] }

[[rule]]
id         = "foreign-thread"
title      = "a thread is seen and used only by the session that created it"
kind       = "owned"
resource   = "thread"
claimed-by = { event = "created", answers = { event = "create", match = "@exchange" } }
used-by    = "open"
reply      = { granted-by = "opened", denied-by = "refused" }
"#;

/// Whom the backend tells of a new thread.
#[derive(Clone, Copy)]
enum Tells {
    /// The session that created it.
    ItsOwner,
    Everybody,
}

type Sockets = Arc<Mutex<Vec<(String, TcpStream)>>>;

/// A server that logs in, creates threads, and tells of them on WebSockets.
fn backend(tells: Tells) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let sockets = Sockets::default();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let sockets = Arc::clone(&sockets);
            thread::spawn(move || serve(stream.unwrap(), tells, &sockets));
        }
    });
    url
}

fn serve(mut stream: TcpStream, tells: Tells, sockets: &Sockets) {
    while let Some(head) = head(&mut stream) {
        let field = |name: &str| {
            let mut lines = head.lines();
            let line = lines.find_map(|line| line.strip_prefix(name));
            line.map_or("", str::trim).to_owned()
        };
        let session = field("Cookie: sid=");
        let mut body = vec![0; field("Content-Length:").parse().unwrap_or(0)];
        stream.read_exact(&mut body).unwrap();
        let body = String::from_utf8(body).unwrap();
        let (status, set, answer) = match head.lines().next().unwrap_or_default() {
            "GET /ws HTTP/1.1" => {
                let accept = wsaudit_wire::accept_value(field("Sec-WebSocket-Key:").as_bytes());
                let switch = format!(
                    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\
                     Connection: Upgrade\r\nSec-WebSocket-Accept: {accept}\r\n\r\n"
                );
                // Told before anybody knows that it is there.
                sockets
                    .lock()
                    .unwrap()
                    .push((session, stream.try_clone().unwrap()));
                stream.write_all(switch.as_bytes()).unwrap();
                let mut rest = Vec::new();
                let _ = stream.read_to_end(&mut rest);
                return;
            }
            "POST /login HTTP/1.1" => ("200 OK", format!("Set-Cookie: sid={body}\r\n"), body),
            "POST /api/threads HTTP/1.1" => {
                let told = format!("{{\"type\":\"thread\",\"thread_id\":\"thr-{session}\"}}");
                for (other, socket) in sockets.lock().unwrap().iter_mut() {
                    if matches!(tells, Tells::Everybody) || *other == session {
                        let length = u8::try_from(told.len()).unwrap();
                        socket.write_all(&[0x81, length]).unwrap();
                        socket.write_all(told.as_bytes()).unwrap();
                    }
                }
                let answer = format!("{{\"id\":\"thr-{session}\"}}");
                ("201 Created", String::new(), answer)
            }
            line => {
                let path = line.split(' ').nth(1).unwrap_or_default();
                let thread = path.rsplit('/').next().unwrap_or_default();
                let own = thread == format!("thr-{session}");
                let status = if own { "200 OK" } else { "404 Not Found" };
                (status, String::new(), format!("{{\"id\":\"{thread}\"}}"))
            }
        };
        let answer = format!(
            "HTTP/1.1 {status}\r\nContent-Type: application/json\r\n{set}Content-Length: {}\r\n\r\n\
             {answer}",
            answer.len()
        );
        stream.write_all(answer.as_bytes()).unwrap();
    }
}

/// Up to the empty line; `None` where the client has ended.
fn head(stream: &mut TcpStream) -> Option<String> {
    let (mut head, mut byte) = (Vec::new(), [0]);
    while !head.ends_with(b"\r\n\r\n") {
        if stream.read(&mut byte).unwrap_or(0) == 0 {
            return None;
        }
        head.extend_from_slice(&byte);
    }
    Some(String::from_utf8(head).unwrap())
}

/// A browser of one session.
struct Browser {
    plain: TcpStream,
    socket: TcpStream,
    session: &'static str,
}

impl Browser {
    fn log_in(proxy: &str, session: &'static str) -> Self {
        let mut plain = TcpStream::connect(proxy).unwrap();
        ask(&mut plain, "POST", "/login", "", session);
        let mut socket = TcpStream::connect(proxy).unwrap();
        let upgrade = format!(
            "GET /ws HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
             Cookie: sid={session}\r\n\r\n"
        );
        socket.write_all(upgrade.as_bytes()).unwrap();
        assert!(head(&mut socket).unwrap().starts_with("HTTP/1.1 101 "));
        Self {
            plain,
            socket,
            session,
        }
    }

    fn ask(&mut self, method: &str, path: &str, body: &str) -> String {
        ask(&mut self.plain, method, path, self.session, body)
    }

    /// Waits for a thread that it is told of.
    fn is_told(&mut self) {
        let mut frame = [0; 2];
        self.socket.read_exact(&mut frame).unwrap();
        let mut payload = vec![0; usize::from(frame[1])];
        self.socket.read_exact(&mut payload).unwrap();
    }
}

fn ask(plain: &mut TcpStream, method: &str, path: &str, session: &str, body: &str) -> String {
    let length = body.len();
    let request = format!(
        "{method} {path} HTTP/1.1\r\nHost: x\r\nCookie: sid={session}\r\n\
         Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}"
    );
    plain.write_all(request.as_bytes()).unwrap();
    let head = head(plain).unwrap();
    let lines = head.lines().collect::<Vec<_>>();
    let length = lines
        .iter()
        .find_map(|line| line.strip_prefix("Content-Length: "));
    let mut answer = vec![0; length.unwrap().parse().unwrap()];
    plain.read_exact(&mut answer).unwrap();
    String::from_utf8(answer).unwrap()
}

/// Records two sessions, and gives the recording's directory and what the recorder said.
fn play(tells: Tells) -> (tempfile::TempDir, String) {
    let directory = tempdir().unwrap();
    let out = directory.path().join("traffic.db");
    let flags = ["--session", "cookie:sid", "--record-http", "/api/*"];
    let recorder = Recorder::start(&backend(tells), &out, &flags);
    let proxy = recorder.http();
    let proxy = proxy.trim_start_matches("http://");
    let mut ada = Browser::log_in(proxy, "ada");
    let mut bob = Browser::log_in(proxy, "bob");
    ada.ask("POST", "/api/threads", "{\"title\":\"x\"}");
    ada.is_told();
    if let Tells::Everybody = tells {
        bob.is_told();
    }
    ada.ask("GET", "/api/threads/thr-ada", "");
    bob.ask("GET", "/api/threads/thr-ada", "");
    drop((ada, bob));
    let ended = recorder.stop().with_code(0);
    std::fs::write(directory.path().join("rules.toml"), RULES).unwrap();
    (directory, ended.stdout)
}

fn verify(directory: &tempfile::TempDir, more: &[&str], code: i32) -> String {
    let rules = directory.path().join("rules.toml");
    let out = directory.path().join("traffic.db");
    let args = ["verify", "--rules", rules.to_str().unwrap()];
    let args = args.into_iter().chain(more.iter().copied());
    run(args.chain([out.to_str().unwrap()]))
        .ends_with(code)
        .stdout
}

#[test]
fn a_thread_that_a_post_created_is_found_on_another_sessions_socket() {
    let (directory, summary) = play(Tells::Everybody);
    has(&summary, &["  plain HTTP   5 exchanges recorded\n"]);
    let told = verify(&directory, &[], 1);
    has(
        &told,
        &[
            "violated: foreign-thread",
            "POST /api/threads {\"title\":\"x\"}",
            "POST /api/threads 201 {\"id\":\"thr-ada\"}",
            "{\"type\":\"thread\",\"thread_id\":\"thr-ada\"}",
        ],
    );
    let report = verify(&directory, &["--format", "json"], 1);
    let report: Value = serde_json::from_str(&report).unwrap();
    assert_eq!(report["violations"].as_array().unwrap().len(), 1);
}

#[test]
fn a_path_that_was_not_recorded_is_told_beside_a_clean_verdict() {
    let (directory, _) = play(Tells::ItsOwner);
    let quiet = verify(&directory, &[], 0);
    assert!(!quiet.contains("not recorded"), "{quiet}");
    let export = "[events]\nexport = { from = \"http-request\", path = \"/export/{thread}\" }";
    let rules = RULES.replace("[events]", export);
    let rules = rules.replace("\"open\"", "[\"open\", \"export\"]");
    std::fs::write(directory.path().join("rules.toml"), rules).unwrap();
    let told =
        "  `export` asks for /export/{thread}, which was not recorded (--record-http was /api/*)\n";
    let clean = verify(&directory, &[], 0);
    has(&clean, &["events that no message was: export\n", told]);
    has(
        &verify(&directory, &["-v"], 0),
        &["         0  export\n", told],
    );
}

#[test]
fn a_login_without_its_bodies_says_who_was_issued_a_session() {
    let (directory, _) = play(Tells::ItsOwner);
    has(&verify(&directory, &[], 0), &["verdict: clean"]);
    let out = directory.path().join("traffic.db");
    let sqlite = Connection::open(&out).unwrap();
    let count = |sql: &str| {
        sqlite
            .query_row(sql, [], |row| row.get::<_, i64>(0))
            .unwrap()
    };
    let issued = "select count(*) from tag join connection as c on c.id = connection_id
                  where kind = 'session' and provenance = 'issued'";
    assert_eq!(count(issued), 2, "both sockets");
    let bodies = "select count(*) from http_message join exchange as e on e.id = exchange_id
                  where target = '/login'";
    assert_eq!(count(bodies), 0);
    assert_eq!(
        count("select count(*) from exchange where target = '/login'"),
        2
    );
    let answers = "select count(*) from session_http where session_id is not null
                   and direction = 'server-to-client' and status in (200, 201, 404)";
    assert_eq!(count(answers), 3);
    drop(sqlite);
    let shown = run(["show", out.to_str().unwrap()]).ends_with(0);
    has(
        &shown.stdout,
        &["\n5 HTTP exchanges\n", "/api/threads/thr-ada", "/login"],
    );
    let shown = run(["show", "--json", out.to_str().unwrap()]).ends_with(0);
    let exchanges = shown.stdout.lines();
    let exchanges = exchanges.filter(|line| line.contains("\"type\":\"exchange\""));
    assert_eq!(exchanges.count(), 5);
}
