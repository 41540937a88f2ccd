//! How values are distributed: count, mean, deviation and extremes since the broker started, percentiles of the last
//! minutes.

use hdrhistogram::Histogram;

/// Digits that percentiles are good for.
const DIGITS: u8 = 2;

/// A window is closed after so many ticks; percentiles are taken over the open one and the one before.
const WINDOW_TICKS: u32 = 30;

/// See the module. Values are whole numbers in the caller's unit.
#[derive(Debug)]
pub(crate) struct Distribution {
    count: u64,
    sum: f64,
    /// Sum of squared differences from the mean (Welford).
    squares: f64,
    min: u64,
    max: u64,
    /// The open window, then the one before.
    recent: [Histogram<u32>; 2],
    ticks: u32,
}

impl Default for Distribution {
    fn default() -> Self {
        let histogram = || Histogram::new(DIGITS).expect("the number of digits is one that is allowed");
        Self {
            count: 0,
            sum: 0.0,
            squares: 0.0,
            min: u64::MAX,
            max: 0,
            recent: [histogram(), histogram()],
            ticks: 0,
        }
    }
}

impl Distribution {
    /// Takes a value in.
    pub(crate) fn record(&mut self, value: u64) {
        let before = self.mean();
        self.count += 1;
        self.sum += value as f64;
        self.squares += (value as f64 - before) * (value as f64 - self.mean());
        self.min = self.min.min(value);
        self.max = self.max.max(value);
        // It grows with its largest value; only one beyond all bounds is refused, and that one is in the numbers above.
        let _ = self.recent[0].record(value);
    }

    /// Lets time pass; called every [`TICK`](super::TICK).
    pub(crate) fn tick(&mut self) {
        self.ticks += 1;
        if self.ticks >= WINDOW_TICKS {
            self.ticks = 0;
            self.recent.swap(0, 1);
            self.recent[0].reset();
        }
    }

    /// Number of values.
    pub(crate) fn count(&self) -> u64 {
        self.count
    }

    /// Mean of all; 0 when there is none.
    pub(crate) fn mean(&self) -> f64 {
        if self.count == 0 {
            0.0
        } else {
            self.sum / self.count as f64
        }
    }

    /// Standard deviation of all.
    pub(crate) fn deviation(&self) -> f64 {
        if self.count < 2 {
            0.0
        } else {
            (self.squares / (self.count - 1) as f64).sqrt()
        }
    }

    /// The least and the largest of all; zeros when there is none.
    pub(crate) fn extremes(&self) -> (u64, u64) {
        if self.count == 0 { (0, 0) } else { (self.min, self.max) }
    }

    /// The values that the given parts (0 to 1) of the last minutes' values do not exceed.
    pub(crate) fn quantiles<const N: usize>(&self, parts: [f64; N]) -> [u64; N] {
        let [open, before] = &self.recent;
        let mut both = open.clone();
        if both.add(before).is_err() {
            return [0; N];
        }
        parts.map(|part| {
            if both.is_empty() {
                0
            } else {
                both.value_at_quantile(part)
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_those_of_the_values() {
        let mut values = Distribution::default();
        assert_eq!((values.extremes(), values.quantiles([0.5, 0.99])), ((0, 0), [0, 0]));
        for value in 1..=1000 {
            values.record(value);
        }
        assert_eq!(
            (values.count(), values.mean(), values.extremes()),
            (1000, 500.5, (1, 1000))
        );
        assert!((values.deviation() - 288.82).abs() < 0.01, "{}", values.deviation());
        let [median, high] = values.quantiles([0.5, 0.99]);
        assert!(median.abs_diff(500) <= 5 && high.abs_diff(990) <= 10, "{median} {high}");
    }

    #[test]
    fn percentiles_forget_and_extremes_do_not() {
        let mut values = Distribution::default();
        values.record(1_000_000);
        for _ in 0..2 * WINDOW_TICKS {
            values.tick();
        }
        values.record(10);
        assert_eq!(values.quantiles([0.99]), [10]);
        assert_eq!(values.extremes(), (10, 1_000_000));
    }
}
