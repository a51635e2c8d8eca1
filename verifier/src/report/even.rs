//! A limit that several groups share.

/// The most of each group that keeps their sum within a limit: no group crowds out another one. At
/// least one, so that each is told.
pub(super) fn even(counts: &[usize], most: usize) -> usize {
    let sum = |each: usize| counts.iter().map(|count| (*count).min(each)).sum::<usize>();
    let largest = counts.iter().copied().max().unwrap_or(0);
    let (mut fits, mut above) = (1, largest + 1);
    while fits + 1 < above {
        let middle = usize::midpoint(fits, above);
        if sum(middle) <= most {
            fits = middle;
        } else {
            above = middle;
        }
    }
    fits
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_rule_crowds_out_another_one() {
        assert_eq!(even(&[], 600), 1);
        assert_eq!(even(&[5, 7], 600), 7, "all of them");
        assert_eq!(even(&[10_000, 3], 600), 597);
        assert_eq!(even(&[10_000; 3], 600), 200);
        assert_eq!(even(&vec![1; 5_000], 600), 1);
    }
}
