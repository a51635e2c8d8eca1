//! Leaving out what is not needed: delta debugging (Zeller and Hildebrandt, "Simplifying and isolating
//! failure-inducing input", 2002) over the messages, then over the connections.

use super::Trial;
use super::material::Material;
use crate::engine::RunError;
use crate::history::MemorySource;

/// More histories than this are not tried: what is left then is small enough, or not worth more time.
const MOST_TRIALS: usize = 2000;

/// The smallest part of the material that is found to show the violation.
pub(super) fn reduce(
    material: &Material,
    trial: &Trial,
    progress: &mut dyn FnMut(usize),
) -> Result<MemorySource, RunError> {
    let mut trials = 0;
    let mut messages: Vec<usize> = (0..material.messages()).collect();
    let connections: Vec<usize> = (0..material.connections()).collect();
    minimize(&mut messages, &mut trials, |kept| {
        let shows = trial.shows(&material.part(kept, &connections))?;
        if shows {
            progress(kept.len());
        }
        Ok(shows)
    })?;
    let mut connections = connections;
    minimize(&mut connections, &mut trials, |kept| {
        // One that a message needs is never spared.
        let needed = material.carriers(&messages);
        let has_all = needed.iter().all(|connection| kept.contains(connection));
        Ok(has_all && trial.shows(&material.part(&messages, kept))?)
    })?;
    Ok(material.part(&messages, &connections))
}

/// Leaves out what can be spared: ever smaller pieces, as long as `shows` says that the rest will do.
fn minimize(
    kept: &mut Vec<usize>,
    trials: &mut usize,
    mut shows: impl FnMut(&[usize]) -> Result<bool, RunError>,
) -> Result<(), RunError> {
    let mut size = kept.len().div_ceil(2);
    while size > 0 && !kept.is_empty() {
        let mut at = 0;
        let mut fewer = false;
        while at < kept.len() && *trials < MOST_TRIALS {
            *trials += 1;
            let end = (at + size).min(kept.len());
            let rest: Vec<_> = kept[..at].iter().chain(&kept[end..]).copied().collect();
            if shows(&rest)? {
                *kept = rest;
                fewer = true;
            } else {
                at = end;
            }
        }
        // At single pieces again and again, until none can be spared.
        if size == 1 && (!fewer || *trials >= MOST_TRIALS) {
            break;
        }
        size = if size == 1 { 1 } else { size / 2 };
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_spared_is_left() {
        for needed in [vec![], vec![7], vec![0, 99], vec![3, 4, 50, 51]] {
            let mut kept: Vec<usize> = (0..100).collect();
            let mut trials = 0;
            let shows = |part: &[usize]| Ok(needed.iter().all(|it| part.contains(it)));
            minimize(&mut kept, &mut trials, shows).unwrap();
            assert_eq!(kept, needed);
        }
    }

    #[test]
    fn what_needs_another_is_found_in_the_second_round() {
        // 5 can be spared only once 6 is gone.
        let mut kept: Vec<usize> = (0..8).collect();
        let shows =
            |part: &[usize]| Ok(part.contains(&1) && (part.contains(&5) || !part.contains(&6)));
        minimize(&mut kept, &mut 0, shows).unwrap();
        assert_eq!(kept, [1]);
    }

    #[test]
    fn the_number_of_trials_is_bounded() {
        let mut kept: Vec<usize> = (0..10_000).collect();
        let mut trials = 0;
        minimize(&mut kept, &mut trials, |part| Ok(part.len() >= 9_999)).unwrap();
        assert_eq!(trials, MOST_TRIALS);
        assert!(kept.len() >= 9_999);
    }
}
