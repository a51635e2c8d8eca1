//! Heads with a secret planted in them, among whatever bytes a fuzzer comes up with.

use wsaudit_wire::fuzzing::Control;

/// The secret. It occurs nowhere else.
pub(super) const SECRET: &[u8] = b"zQ5ecretQz";

/// How much a fuzzer may write beside a secret without making something else of it.
#[derive(Clone, Copy)]
enum Beside {
    /// Anything: whatever stands in such a field is a secret.
    Anything,
    /// Nothing: the places around it are what makes it one.
    Nothing,
}

use Beside::{Anything, Nothing};

/// Header fields, up to and from the secret on.
const FIELDS: [(&str, Beside, &str); 23] = [
    ("Authorization: ", Anything, ""),
    ("aUTHORIZATION: Bearer ", Anything, "  "),
    ("Proxy-Authorization: Basic ", Anything, ""),
    ("Cookie: ", Nothing, ""),
    ("Cookie: a=b; sid=", Nothing, "; c=d"),
    ("Cookie: sid=", Nothing, ""),
    ("cookie2: x=\"", Nothing, "\""),
    ("X-Api-Key: ", Anything, ""),
    ("X-Access-Token: ", Anything, ""),
    ("X-Amz-Security-Token: ", Anything, ""),
    ("x-goog-iap-jwt-assertion: ", Anything, ""),
    ("Client-Secret: ", Anything, ""),
    ("Referer: https://h/?a=b&code=", Nothing, "&x=y"),
    ("Referer: https://h/cb#access_token=", Nothing, "&x=y"),
    (
        "Referer: https://h/?u=https%3A%2F%2Fx%2F%3Fsig%3D",
        Nothing,
        "%26y%3Dz",
    ),
    ("Link: <https://h/?key=", Nothing, ">; rel=next"),
    ("Origin: https://user:", Nothing, "@h"),
    ("Sec-WebSocket-Protocol: chat, bearer, ", Nothing, ", x"),
    ("Sec-WebSocket-Protocol: ACCESS_TOKEN.", Nothing, ""),
    ("X-Anything: eyJhbGciOiJub25lIn0.eyJhIjoi.", Nothing, ""),
    ("X-Anything: x eyJhbGciOiJub25lIn0.eyJhIjoi", Nothing, " y"),
    (
        "Referer: https://h/?x=eyJhbGciOiJub25lIn0%2EeyJhIjoi%2E",
        Nothing,
        "&y",
    ),
    ("Forwarded: for=1;secret=\"a b, ", Nothing, "\";by=2"),
];

/// Pairs of a query, likewise.
const PAIRS: [(&str, &str); 10] = [
    ("token=", ""),
    ("Access_Token=", ""),
    ("%74oken=", ""),
    ("apiKey=x%20", "%20y"),
    ("ticket=", ";b"),
    ("next=%2F%3Fpassword%3D", ""),
    ("x=eyJhbGciOiJub25lIn0.eyJhIjoi.", ""),
    ("x=eyJhbGciOiJub25lIn0%2EeyJhIjoi%2E", ""),
    ("signature[]=", ""),
    ("a=b#id_token=", ""),
];

/// What a response may set or say.
const RESPONSE_FIELDS: [(&str, Beside, &str); 6] = [
    ("Set-Cookie: sid=", Nothing, "; Path=/; HttpOnly"),
    ("set-cookie: ", Nothing, ""),
    ("Location: https://h/?token=", Nothing, "&x"),
    ("X-Auth-Token: ", Anything, ""),
    ("Sec-WebSocket-Protocol: bearer.", Nothing, ""),
    ("Refresh: 5; url=https://u:", Nothing, "@h/"),
];

/// A request with the secret in its query and in some of its fields.
pub(super) fn request(control: &mut Control<'_>) -> Vec<u8> {
    let (before, after) = PAIRS[usize::from(control.byte()) % PAIRS.len()];
    let mut raw = b"GET /ws?".to_vec();
    // What comes before is a pair of its own.
    raw.extend(within_a_line(control.part(), b" \r\n"));
    raw.push(b'&');
    raw.extend([before.as_bytes(), SECRET, after.as_bytes(), b"&"].concat());
    raw.extend(within_a_line(control.part(), b" \r\n"));
    raw.extend_from_slice(b" HTTP/1.1\r\n");
    fields(control, &FIELDS, &mut raw);
    raw
}

/// A response with the secret in some of its fields.
pub(super) fn response(control: &mut Control<'_>) -> Vec<u8> {
    let mut raw = b"HTTP/1.1 101 x\r\n".to_vec();
    fields(control, &RESPONSE_FIELDS, &mut raw);
    raw
}

fn fields(control: &mut Control<'_>, from: &[(&str, Beside, &str)], raw: &mut Vec<u8>) {
    for _ in 0..control.byte() % 6 {
        let (before, beside, after) = from[usize::from(control.byte()) % from.len()];
        let noise: Vec<u8> = within_a_line(control.part(), b"\r\n").collect();
        raw.extend_from_slice(before.as_bytes());
        match beside {
            Anything => raw.extend([&noise[..], SECRET, &noise[..]].concat()),
            Nothing => raw.extend_from_slice(SECRET),
        }
        raw.extend_from_slice(after.as_bytes());
        raw.extend_from_slice(b"\r\nX-Noise: ");
        raw.extend_from_slice(&noise);
        raw.extend_from_slice(b"\r\n");
    }
    raw.extend_from_slice(b"\r\n");
}

/// The bytes without those that would begin another line, or end the target: another place.
fn within_a_line<'a>(noise: &'a [u8], but: &'a [u8]) -> impl Iterator<Item = u8> + 'a {
    noise.iter().copied().filter(|byte| !but.contains(byte))
}
