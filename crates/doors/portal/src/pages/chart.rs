//! The small chart of a value against its reference: a band, a mark, and the numbers beside them. The table line that
//! holds it says the same in words; screen readers get these.

use super::{Interpretation, RangeView};

/// Width of the drawing, in its own units.
const WIDTH: f64 = 220.0;
/// Room kept on both sides for the numbers.
const MARGIN: f64 = 14.0;
/// Narrower than this, the band's numbers stand outside its ends, not under them.
const NARROW: f64 = 44.0;

/// A chart ready to print: places are strings with one decimal.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Chart {
    pub(super) band_x: String,
    pub(super) band_width: String,
    pub(super) low: Option<Label>,
    pub(super) high: Option<Label>,
    pub(super) value: Label,
    /// Points of the mark: a triangle up or down, a square, or none for the plain disc.
    pub(super) mark: Option<String>,
    pub(super) mark_x: String,
    pub(super) class: &'static str,
}

/// A number at its place.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Label {
    pub(super) x: String,
    pub(super) anchor: &'static str,
    pub(super) text: String,
}

/// Draws a chart, if the numbers allow one.
pub(super) fn draw(
    value: &str,
    range: &RangeView,
    reading: Interpretation,
    shown: impl Fn(&str) -> String,
) -> Option<Chart> {
    let number = finite(value)?;
    let low = range.low.as_deref().map(|text| finite(text).ok_or(())).transpose().ok()?;
    let high = range.high.as_deref().map(|text| finite(text).ok_or(())).transpose().ok()?;
    let (from, to) = domain(number, low, high)?;
    let place = |number: f64| MARGIN + (number - from) / (to - from) * (WIDTH - 2.0 * MARGIN);
    let (band_from, band_to) = (low.map_or(0.0, place), high.map_or(WIDTH, place));
    let band_to = band_to.max(band_from + 3.0);

    let is_narrow = low.is_some() && high.is_some() && band_to - band_from < NARROW;
    let (low_anchor, high_anchor) = if is_narrow { ("end", "start") } else { ("middle", "middle") };
    let label = |x: f64, anchor: &'static str, text: &str| Label { x: tenth(x), anchor, text: shown(text) };
    let at = place(number);
    let value_anchor = if at < 36.0 {
        "start"
    } else if at > WIDTH - 36.0 {
        "end"
    } else {
        "middle"
    };
    Some(Chart {
        band_x: tenth(band_from),
        band_width: tenth(band_to - band_from),
        low: range.low.as_deref().map(|text| label(band_from, low_anchor, text)),
        high: range.high.as_deref().map(|text| label(band_to, high_anchor, text)),
        value: label(at, value_anchor, value),
        mark: mark(reading, at),
        mark_x: tenth(at),
        class: reading.class(),
    })
}

/// A number that can be drawn. Huge ones are left to the table.
fn finite(text: &str) -> Option<f64> {
    text.parse::<f64>().ok().filter(|number| number.is_finite() && number.abs() < 1e12)
}

/// What the axis spans: the reference with room around, and always the value.
fn domain(value: f64, low: Option<f64>, high: Option<f64>) -> Option<(f64, f64)> {
    let (from, to) = match (low, high) {
        (Some(low), Some(high)) if low <= high => {
            let room = ((high - low) * 0.6).max(high.abs() * 0.05);
            (low - room, high + room)
        }
        (None, Some(high)) => (0.0_f64.min(high), high + high.abs() * 0.8),
        (Some(low), None) => (low - low.abs() * 0.8, low + low.abs()),
        _ => return None,
    };
    // Most measures start at zero; an axis that goes below would suggest otherwise.
    let is_positive = value >= 0.0 && low.unwrap_or(0.0) >= 0.0;
    let from = if is_positive { from.max(0.0) } else { from };
    let (from, to) = (from.min(value), to.max(value));
    (to - from > f64::EPSILON).then_some((from, to))
}

/// The mark's shape says the reading as its color does.
fn mark(reading: Interpretation, x: f64) -> Option<String> {
    let points: &[(f64, f64)] = match reading {
        Interpretation::High | Interpretation::VeryHigh => &[(0.0, 18.0), (8.0, 32.0), (-8.0, 32.0)],
        Interpretation::Low | Interpretation::VeryLow => &[(0.0, 34.0), (8.0, 20.0), (-8.0, 20.0)],
        Interpretation::Abnormal => &[(0.0, 17.0), (8.5, 26.0), (0.0, 35.0), (-8.5, 26.0)],
        Interpretation::Normal | Interpretation::Unstated => return None,
    };
    let points: Vec<String> = points.iter().map(|(dx, y)| format!("{},{}", tenth(x + dx), tenth(*y))).collect();
    Some(points.join(" "))
}

fn tenth(number: f64) -> String {
    format!("{number:.1}")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
    use super::*;

    fn check(value: &str, low: Option<&str>, high: Option<&str>) -> Option<Chart> {
        let range = RangeView { low: low.map(str::to_owned), high: high.map(str::to_owned), text: None };
        draw(value, &range, Interpretation::High, str::to_owned)
    }

    #[test]
    fn what_cannot_be_drawn_is_not() {
        for (value, low, high) in [
            ("abc", Some("1"), Some("2")),
            ("NaN", Some("1"), Some("2")),
            ("inf", Some("1"), Some("2")),
            ("1e300", Some("1"), Some("2")),
            ("1", Some("2"), Some("1")),
            ("1", None, None),
            ("1", Some("x"), Some("2")),
            ("0", None, Some("0")),
        ] {
            assert_eq!(check(value, low, high), None, "{value} {low:?} {high:?}");
        }
    }

    #[test]
    fn everything_stays_inside() {
        for (value, low, high) in [
            ("4.2", Some("3.5"), Some("5.1")),
            ("180", None, Some("5")),
            ("180", Some("0"), Some("5")),
            ("2", Some("60"), None),
            ("900", Some("60"), None),
            ("-12", Some("-2"), Some("2")),
            ("0", Some("0"), Some("1")),
            ("5", Some("5"), Some("5")),
        ] {
            let chart = check(value, low, high).unwrap();
            let x = |text: &str| text.parse::<f64>().unwrap();
            let (from, width) = (x(&chart.band_x), x(&chart.band_width));
            assert!(from >= 0.0 && width >= 3.0 && from + width <= WIDTH + 0.1, "{chart:?}");
            assert!((0.0..=WIDTH).contains(&x(&chart.mark_x)), "{chart:?}");
        }
    }

    #[test]
    fn a_value_stands_on_its_side_of_the_band() {
        let x = |text: &str| text.parse::<f64>().unwrap();
        let chart = check("6", Some("3"), Some("5")).unwrap();
        assert!(x(&chart.mark_x) > x(&chart.band_x) + x(&chart.band_width));
        let chart = check("2", Some("3"), Some("5")).unwrap();
        assert!(x(&chart.mark_x) < x(&chart.band_x));
    }
}
