//! Times and their ratios. In: samples. Out: medians, and their range over the rounds. Pure.

use std::fmt::{self, Display};

/// The number of rounds that a spread covers.
pub const ROUNDS: usize = 9;

/// The median and the extremes of a number over the rounds.
#[derive(Debug, Clone, Copy)]
pub struct Spread {
    pub median: f64,
    pub least: f64,
    pub most: f64,
}

/// Returns the median.
pub fn median(samples: &[f64]) -> f64 {
    let mut sorted = samples.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted[sorted.len() / 2]
}

/// Returns the median of each round: of equal parts of the samples, in their order.
pub fn rounds(samples: &[f64]) -> Vec<f64> {
    let medians: Vec<f64> = samples.chunks_exact(samples.len() / ROUNDS).take(ROUNDS).map(median).collect();
    assert_eq!(medians.len(), ROUNDS, "too few samples");
    medians
}

/// Returns the median and the extremes of a number over the rounds.
pub fn spread(rounds: impl IntoIterator<Item = f64>) -> Spread {
    let rounds: Vec<f64> = rounds.into_iter().collect();
    let extreme = |choose: fn(f64, f64) -> f64| rounds.iter().copied().reduce(choose).unwrap();
    Spread { median: median(&rounds), least: extreme(f64::min), most: extreme(f64::max) }
}

/// Returns the ratio of two contestants in each round.
pub fn ratio(one: &[f64], other: &[f64]) -> Spread {
    spread(rounds(one).iter().zip(rounds(other)).map(|(one, other)| one / other))
}

impl Display for Spread {
    fn fmt(&self, to: &mut fmt::Formatter) -> fmt::Result {
        write!(to, "{:.2} ({:.2} to {:.2})", self.median, self.least, self.most)
    }
}

/// Formats nanoseconds as milliseconds with three significant digits.
pub fn milliseconds(nanoseconds: f64) -> String {
    let milliseconds = nanoseconds / 1e6;
    if milliseconds < 10.0 { format!("{milliseconds:.2} ms") } else { format!("{milliseconds:.0} ms") }
}

/// Formats a ratio with its target, and whether it misses it.
pub fn with_target(spread: Spread, target: f64) -> String {
    let missed = if spread.median > target { ", **missed**" } else { "" };
    format!("{spread} | ≤ {target}{missed}")
}
