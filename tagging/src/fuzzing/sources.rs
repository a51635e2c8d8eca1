//! What is read as a source or a pointer is written as the same.

use std::fmt::{Debug, Display};
use std::str::FromStr;

use crate::{JsonPointer, Source};

/// A source, and a pointer, that is parsed is displayed as text that parses to the same; what is none
/// gives an error that can be shown.
pub fn sources(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    round_trip::<Source>(text);
    round_trip::<JsonPointer>(text);
    if let Ok(source) = text.parse::<Source>() {
        // `jwt:/a` is `jwt:a`; every other text comes back as it is.
        let written = source.to_string();
        assert!(
            written == text || matches!(source, Source::Jwt(_)),
            "{written}"
        );
        assert_eq!(
            source.is_secret(),
            written.parse::<Source>().is_ok_and(|it| it.is_secret())
        );
    }
}

fn round_trip<T>(text: &str)
where
    T: FromStr<Err: Display> + Display + Debug + PartialEq,
{
    match text.parse::<T>() {
        Ok(value) => {
            let written = value.to_string();
            match written.parse::<T>() {
                Ok(again) => assert_eq!(again, value, "of {written}"),
                Err(error) => panic!("{written}: {error}"),
            }
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
}
