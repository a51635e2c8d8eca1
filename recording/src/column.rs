//! Values as columns hold them, and back.

use wsaudit_wire::{Direction, Endpoint};

use crate::record::HowEnded;

/// An unsigned number in SQLite's signed 64 bits; from 2^63 on it is stored minus 2^64, so that
/// nothing is lost.
pub(crate) const fn signed(value: u64) -> i64 {
    value.cast_signed()
}

/// The inverse of [`signed`].
pub(crate) const fn unsigned(value: i64) -> u64 {
    value.cast_unsigned()
}

/// 0 or 1.
pub(crate) const fn from_direction(direction: Direction) -> i64 {
    match direction {
        Direction::ClientToServer => 0,
        Direction::ServerToClient => 1,
    }
}

/// The direction of that number; `None` for others than 0 and 1.
pub(crate) const fn to_direction(value: i64) -> Option<Direction> {
    match value {
        0 => Some(Direction::ClientToServer),
        1 => Some(Direction::ServerToClient),
        _ => None,
    }
}

/// `client` or `server`.
pub(crate) const fn from_endpoint(endpoint: Endpoint) -> &'static str {
    match endpoint {
        Endpoint::Client => "client",
        Endpoint::Server => "server",
    }
}

/// The endpoint of that word.
pub(crate) fn to_endpoint(word: &str) -> Option<Endpoint> {
    match word {
        "client" => Some(Endpoint::Client),
        "server" => Some(Endpoint::Server),
        _ => None,
    }
}

/// How it ended, by the word.
pub(crate) fn to_how_ended(word: &str) -> Option<HowEnded> {
    HowEnded::ALL.into_iter().find(|how| how.as_str() == word)
}

#[cfg(test)]
mod tests {
    use super::{from_direction, signed, to_direction, to_how_ended, unsigned};
    use crate::record::HowEnded;
    use wsaudit_wire::Direction;

    #[test]
    fn no_length_is_lost() {
        for length in [0, 1, u64::MAX, 1 << 63, (1 << 63) - 1] {
            assert_eq!(unsigned(signed(length)), length);
        }
        assert_eq!(signed(u64::MAX), -1);
    }

    #[test]
    fn words_and_numbers_come_back() {
        for direction in Direction::BOTH {
            assert_eq!(to_direction(from_direction(direction)), Some(direction));
        }
        assert_eq!(to_direction(2), None);
        for how in HowEnded::ALL {
            assert_eq!(to_how_ended(how.as_str()), Some(how));
        }
    }
}
