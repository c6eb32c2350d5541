//! Repeated figures of one measure, and the bounds they are held to.

use serde::Serialize;

/// The figures of all timed runs of one measure; never empty.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Sample {
    values: Vec<f64>,
}

impl Sample {
    /// `None` for no figures at all.
    pub fn new(mut values: Vec<f64>) -> Option<Self> {
        values.sort_by(f64::total_cmp);
        (!values.is_empty()).then_some(Self { values })
    }

    pub fn median(&self) -> f64 {
        let (half, odd) = (self.values.len() / 2, self.values.len() % 2 == 1);
        if odd { self.values[half] } else { f64::midpoint(self.values[half - 1], self.values[half]) }
    }

    pub fn min(&self) -> f64 {
        self.values[0]
    }

    pub fn max(&self) -> f64 {
        self.values[self.values.len() - 1]
    }
}

/// What a figure is a figure of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Unit {
    Seconds,
    RowsPerSecond,
    Megabytes,
    Percent,
}

impl Unit {
    /// A figure with its unit, with as many digits as are worth reading.
    pub fn show(self, value: f64) -> String {
        match self {
            Self::Seconds if value < 10.0 => format!("{value:.2} s"),
            Self::Seconds => format!("{value:.1} s"),
            Self::RowsPerSecond => format!("{:.0} k rows/s", value / 1_000.0),
            Self::Megabytes => format!("{value:.0} MB"),
            Self::Percent => format!("{value:.0} %"),
        }
    }

    /// Median with the range, or the one figure there is.
    pub fn show_sample(self, sample: &Sample) -> String {
        if sample.values.len() == 1 {
            return self.show(sample.median());
        }
        format!("{} ({}–{})", self.show(sample.median()), bare(self, sample.min()), bare(self, sample.max()))
    }
}

/// The figure without its unit, for the ends of a range.
fn bare(unit: Unit, value: f64) -> String {
    let text = unit.show(value);
    text.split_once(' ').map_or(text.clone(), |(figure, _)| figure.to_owned())
}

/// A bound of the issue, on the figure itself or on its ratio to the other's.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Bound {
    FigureAtMost(f64),
    RatioAtMost(f64),
    RatioAtLeast(f64),
}

/// Whether a bound is kept.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Judgement {
    Met,
    /// By this share of the bound: 0.1 is a tenth above what is allowed, or a tenth below what is asked.
    Missed(f64),
    /// There was nothing to compare with.
    Unknown,
}

impl Bound {
    pub fn judge(self, figure: f64, ratio: Option<f64>) -> Judgement {
        let miss = |value: f64, limit: f64| {
            if value <= limit { Judgement::Met } else { Judgement::Missed(value / limit - 1.0) }
        };
        match self {
            Self::FigureAtMost(limit) => miss(figure, limit),
            Self::RatioAtMost(limit) => ratio.map_or(Judgement::Unknown, |ratio| miss(ratio, limit)),
            Self::RatioAtLeast(limit) => ratio.map_or(Judgement::Unknown, |ratio| {
                if ratio >= limit { Judgement::Met } else { Judgement::Missed(1.0 - ratio / limit) }
            }),
        }
    }

    pub fn show(self, unit: Unit) -> String {
        match self {
            Self::FigureAtMost(limit) => format!("≤ {}", unit.show(limit)),
            Self::RatioAtMost(limit) => format!("≤ {limit:.3} ×"),
            Self::RatioAtLeast(limit) => format!("≥ {limit:.3} ×"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn median_of_an_even_number_lies_between_the_middle_two() {
        let sample = Sample::new(vec![9.0, 1.0, 4.0, 2.0]).expect("not empty");
        assert_eq!((sample.min(), sample.median(), sample.max()), (1.0, 3.0, 9.0));
        assert_eq!(Sample::new(vec![5.0, 7.0, 6.0]).expect("not empty").median(), 6.0);
        assert_eq!(Sample::new(Vec::new()), None);
    }

    #[test]
    fn a_range_is_shown_with_the_unit_once() {
        let sample = Sample::new(vec![6.81, 7.0, 6.5]).expect("not empty");
        assert_eq!(Unit::Seconds.show_sample(&sample), "6.81 s (6.50–7.00)");
        let one = Sample::new(vec![812_345.0]).expect("not empty");
        assert_eq!(Unit::RowsPerSecond.show_sample(&one), "812 k rows/s");
    }

    #[test]
    fn bounds_are_judged_on_what_they_bound() {
        assert_eq!(Bound::FigureAtMost(700.0).judge(700.0, None), Judgement::Met);
        assert_eq!(Bound::FigureAtMost(2.0).judge(3.0, Some(0.1)), Judgement::Missed(0.5));
        assert_eq!(Bound::RatioAtMost(1.5).judge(99.0, Some(1.2)), Judgement::Met);
        assert_eq!(Bound::RatioAtLeast(0.8).judge(99.0, Some(0.4)), Judgement::Missed(0.5));
        assert_eq!(Bound::RatioAtLeast(0.8).judge(99.0, Some(0.9)), Judgement::Met);
        assert_eq!(Bound::RatioAtMost(1.0).judge(1.0, None), Judgement::Unknown);
    }
}
