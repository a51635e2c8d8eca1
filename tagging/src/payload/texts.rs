//! The JSON in a message: all of it, or what the usual framings put around.

use std::ops::Range;

use super::Withheld;
use super::json::{Json, Scalar};

/// The JSON texts of a message, in order.
#[derive(Debug)]
pub(super) struct Texts<'m>(Vec<Json<'m>>);

impl<'m> Texts<'m> {
    /// The message as one JSON text; as several, each with a record separator (0x1E) after it, as
    /// `SignalR` sends them; as a Socket.IO packet, which has its type, namespace and number before
    /// the JSON; or as a `SockJS` frame, which has its type before it.
    ///
    /// <https://github.com/dotnet/aspnetcore/blob/main/src/SignalR/docs/specs/HubProtocol.md>
    /// <https://socket.io/docs/v4/socket-io-protocol/#packet-encoding>
    /// <https://sockjs.github.io/sockjs-protocol/sockjs-protocol-0.3.3.html>
    pub(super) fn of(message: &'m [u8]) -> Result<Self, Withheld> {
        let text = std::str::from_utf8(message).map_err(|error| Withheld::NotUtf8 {
            at: error.valid_up_to(),
        })?;
        match Json::parse(text, 0) {
            Ok(json) => Ok(Self(vec![json])),
            Err(error) => records(text)
                .or_else(|| packet(text))
                .or_else(|| frame(text))
                .map(Self)
                .ok_or(Withheld::NotJson {
                    line: error.line(),
                    column: error.column(),
                }),
        }
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Json<'m>> {
        self.0.iter()
    }

    pub(super) fn scalars(&self) -> Vec<Scalar<'m>> {
        self.0.iter().flat_map(Json::scalars).collect()
    }

    /// Gives the parts of a place that are in none of the texts.
    pub(super) fn outside(&self, place: &Range<usize>, part: &mut dyn FnMut(Range<usize>)) {
        let mut from = place.start;
        for json in &self.0 {
            let at = json.at();
            let to = at.start.min(place.end);
            if from < to {
                part(from..to);
            }
            from = from.max(at.end);
        }
        if from < place.end {
            part(from..place.end);
        }
    }
}

fn records(text: &str) -> Option<Vec<Json<'_>>> {
    let mut at = 0;
    let records = text.strip_suffix('\u{1E}')?.split('\u{1E}');
    let records = records.map(|record| {
        let json = Json::parse(record, at).ok();
        at += record.len() + 1;
        json
    });
    records.collect()
}

fn packet(text: &str) -> Option<Vec<Json<'_>>> {
    if matches!(text, "2probe" | "3probe") {
        return Some(Vec::new());
    }
    let digits = |text: &str| text.bytes().take_while(u8::is_ascii_digit).count();
    // `4`: a message; `42`: that is an event; `451-`: one with an attachment.
    if !text.starts_with('4') {
        return None;
    }
    let mut at = digits(text);
    if text[at..].starts_with('-') {
        at += 1;
    }
    if text[at..].starts_with('/') {
        let comma = text[at..].find(',')?;
        // What may follow it as a query is no name.
        if text[at..at + comma].contains('?') {
            return None;
        }
        at += comma + 1;
        at += digits(&text[at..]);
    }
    if at == text.len() {
        return Some(Vec::new());
    }
    Json::parse(&text[at..], at).ok().map(|json| vec![json])
}

fn frame(text: &str) -> Option<Vec<Json<'_>>> {
    if matches!(text, "o" | "h") {
        return Some(Vec::new());
    }
    // `a["..."]`: messages; `c[3000,"..."]`: the end.
    text.strip_prefix(['a', 'c'])
        .filter(|rest| rest.starts_with('['))
        .and_then(|rest| Json::parse(rest, 1).ok())
        .map(|json| vec![json])
}
