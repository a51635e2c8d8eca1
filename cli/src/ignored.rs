//! Signals that whoever started this process has it ignore: `nohup` does with hangups, and a shell
//! script with the Ctrl-C of what it starts in the background.

/// What a signal would have done to this process when it was started.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AtStart {
    /// It ended the process.
    Ended,
    /// Nothing.
    Ignored,
    /// Nobody tells, on systems without `/proc`.
    Unknown,
}

/// Linux tells in `SigIgn` (`proc_pid_status(5)`), a mask in which signal 1 is the lowest bit. It is to
/// be asked before the signal is listened for.
pub(crate) fn at_start(signal: i32) -> AtStart {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    in_status(&status, signal)
}

fn in_status(status: &str, signal: i32) -> AtStart {
    let mask = status
        .lines()
        .find_map(|line| line.strip_prefix("SigIgn:"))
        .and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    match mask {
        Some(mask) if mask >> (signal - 1) & 1 == 0 => AtStart::Ended,
        Some(_) => AtStart::Ignored,
        None => AtStart::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::{AtStart, in_status};

    #[test]
    fn the_mask_is_read_from_its_lowest_bit_on() {
        let status = "Name:\twsaudit\nSigBlk:\tffffffffffffffff\nSigIgn:\t0000000000001002\n";
        for (signal, expected) in [
            (1, AtStart::Ended),
            (2, AtStart::Ignored),
            (13, AtStart::Ignored),
            (15, AtStart::Ended),
        ] {
            assert_eq!(in_status(status, signal), expected, "{signal}");
        }
        for status in ["", "SigIgn:\n", "SigIgn:\tx\n"] {
            assert_eq!(in_status(status, 1), AtStart::Unknown, "{status:?}");
        }
    }
}
