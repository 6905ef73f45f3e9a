//! Medians, and how far the rounds lie apart.

/// The middle of what the rounds gave, and the quarters around it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Spread {
    pub median: f64,
    pub low: f64,
    pub high: f64,
}

impl Spread {
    /// Of at least one number.
    pub fn of(numbers: impl IntoIterator<Item = f64>) -> Spread {
        let mut numbers: Vec<f64> = numbers.into_iter().collect();
        numbers.sort_by(f64::total_cmp);
        Spread { median: at(&numbers, 0.5), low: at(&numbers, 0.25), high: at(&numbers, 0.75) }
    }
}

pub fn median(numbers: impl IntoIterator<Item = f64>) -> f64 {
    Spread::of(numbers).median
}

/// The number at this part of a sorted list, between two of them where that is so.
fn at(sorted: &[f64], part: f64) -> f64 {
    let place = part * (sorted.len() - 1) as f64;
    let (below, above) = (sorted[place.floor() as usize], sorted[place.ceil() as usize]);
    below + (above - below) * place.fract()
}
