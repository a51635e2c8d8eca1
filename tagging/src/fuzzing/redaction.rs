//! No secret survives redaction, and nothing else is lost by it.

use std::sync::{Arc, LazyLock};

use wsaudit_wire::fuzzing::Control;
use wsaudit_wire::{Headers, RequestHead, ResponseHead};

use super::planted::{SECRET, request, response};
use crate::{
    AlreadyRedacted, Candidates, HmacRedactor, Redactor, TagKind, TagRules, Tagger, credentials,
    redact_request_head, redact_response_head,
};

static REDACTOR: LazyLock<HmacRedactor> = LazyLock::new(|| HmacRedactor::new(&[9; 32]));

/// Sources of every kind that a head can answer, none of which names a planted secret readable.
static RULES: LazyLock<Arc<TagRules>> = LazyLock::new(|| {
    let sources = |texts: &[&str]| {
        let sources = texts.iter().map(|text| text.parse());
        let sources: Result<_, _> = sources.collect();
        sources.expect("the sources are valid")
    };
    Arc::new(TagRules {
        session: sources(&["header:X-Id", "query:id", "jwt:sid", "path:^/([^/]+)"]),
        user: sources(&["cookie:sid", "subprotocol:^user\\.(.+)", "jwt:/sub"]),
        device: sources(&["set-cookie:sid", "header:Authorization"]),
    })
});

/// A redacted head parses to the same names, and a planted secret is in neither head nor tags.
pub fn redaction(data: &[u8]) {
    let mut control = Control::new(data);
    let planted = control.byte() & 1 == 1;
    let (request_bytes, response_bytes) = if planted {
        (request(&mut control), response(&mut control))
    } else {
        let answer = control.part();
        (control.rest().to_vec(), answer.to_vec())
    };
    let Ok(request) = RequestHead::parse(&request_bytes) else {
        return;
    };
    let redacted = redact_request_head(&request, &RULES, &*REDACTOR);
    let again = RequestHead::parse(&redacted).expect("a redacted head is a head");
    assert_eq!(again.raw(), redacted, "nothing comes after its end");
    assert_eq!(names(again.headers()), names(request.headers()));
    assert_eq!(again.method(), request.method());
    assert_eq!(again.version(), request.version());
    assert_eq!(again.is_websocket_upgrade(), request.is_websocket_upgrade());

    let mut tags = credentials(&request, &*REDACTOR);
    let mut tagger = Tagger::new(Arc::clone(&RULES));
    tags.extend(tagger.on_request(&request, &*REDACTOR));

    let response = ResponseHead::parse(&response_bytes).ok();
    if let Some(response) = &response {
        let redacted = redact_response_head(response, &request, &RULES, &*REDACTOR);
        let again = ResponseHead::parse(&redacted).expect("a redacted head is a head");
        assert_eq!(again.raw(), redacted, "nothing comes after its end");
        assert_eq!(names(again.headers()), names(response.headers()));
        assert_eq!(again.status(), response.status());
        tags.extend(tagger.on_response(response, &*REDACTOR));
        assert!(!planted || !holds(&redacted, SECRET), "in the response");
    }
    Candidates::new().add(&again, response.as_ref(), &tags);
    // Who tags anew, from a recording, has the redacted head alone.
    Tagger::new(Arc::clone(&RULES)).on_request(&again, &AlreadyRedacted);
    if planted {
        assert!(!holds(&redacted, SECRET), "in the request");
        for tag in &tags {
            // Claims are read before redaction, on purpose; a fuzzer may write any claim.
            let secret = tag.kind != TagKind::Claim && holds(tag.value.as_bytes(), SECRET);
            assert!(!secret, "in {tag:?}");
        }
        let hash = REDACTOR.replacement(SECRET);
        assert!(!holds(hash.as_bytes(), SECRET));
    }
}

fn names(headers: &Headers) -> Vec<String> {
    headers.iter().map(|field| field.name.to_owned()).collect()
}

fn holds(text: &[u8], part: &[u8]) -> bool {
    memchr::memmem::find(text, part).is_some()
}
