//! How many traces there are by day and by type, ready to be drawn. Each bar leads to its traces; the numbers stand in a
//! table beside, which says the same in words.

use super::TracesView;
use dossier::{Day, TraceCounts};
use std::collections::BTreeMap;
use types::{Event, Lang, Time};
use web::{i18n::Text, when};

/// Columns of the drawing at most: past that many days, each is a month.
const DAYS_MAX: i64 = 62;
/// Months drawn at most; older ones are in the last table of all, the export.
const MONTHS_MAX: usize = 120;
/// Types drawn by themselves; the others are one bar.
const TYPES_MAX: usize = 12;
/// The drawing's height, in its own units.
const HEIGHT: f64 = 100.0;

/// A day or a month.
#[derive(Debug, Clone, PartialEq)]
pub struct Column {
    pub(crate) label: String,
    pub(crate) count: u64,
    pub(crate) path: String,
    pub(crate) y: String,
    pub(crate) height: String,
}

/// A type.
#[derive(Debug, Clone, PartialEq)]
pub struct Bar {
    pub(crate) label: String,
    pub(crate) count: u64,
    /// None for several types together.
    pub(crate) path: Option<String>,
    pub(crate) width: String,
}

/// The days from the first that has a trace to the last, the empty ones included.
pub(super) fn by_day(counts: &TraceCounts, view: &TracesView, path: &str, lang: Lang) -> Vec<Column> {
    let mut days: BTreeMap<Day, u64> = BTreeMap::new();
    for ((day, _), count) in &counts.cells {
        *days.entry(*day).or_default() += count;
    }
    let (Some((first, _)), Some((last, _))) = (days.first_key_value(), days.last_key_value()) else {
        return Vec::new();
    };
    let (first, last) = (*first, *last);
    let spans: Vec<(String, Time, Time, u64)> = if last.saturating_sub(first) < DAYS_MAX {
        let span = |day: Day| {
            let begins = TraceCounts::begins(day);
            let count = days.get(&day).copied().unwrap_or_default();
            (when::universal_day(begins, lang), begins, TraceCounts::begins(day.saturating_add(1)), count)
        };
        (first..=last).map(span).collect()
    } else {
        months(&days, lang)
    };
    let most = spans.iter().map(|(.., count)| *count).max().unwrap_or_default().max(1);
    let column = |(label, begins, ends, count): (String, Time, Time, u64)| {
        // At least a line where there is anything.
        let height = if count == 0 { 0.0 } else { (count as f64 * HEIGHT / most as f64).max(1.5) };
        Column {
            path: format!("{path}?{}", within(view, begins, ends)),
            y: format!("{:.1}", HEIGHT - height),
            height: format!("{height:.1}"),
            label,
            count,
        }
    };
    spans.into_iter().map(column).collect()
}

/// The same by months, those without traces left out.
fn months(days: &BTreeMap<Day, u64>, lang: Lang) -> Vec<(String, Time, Time, u64)> {
    let mut months: Vec<(String, Time, Time, u64)> = Vec::new();
    for (day, count) in days {
        let (begins, ends) = (TraceCounts::begins(*day), TraceCounts::begins(day.saturating_add(1)));
        let label = when::universal_month(begins, lang);
        match months.last_mut().filter(|(held, ..)| *held == label) {
            Some((_, _, end, sum)) => (*end, *sum) = (ends, *sum + count),
            None => months.push((label, begins, ends, *count)),
        }
    }
    months.split_off(months.len().saturating_sub(MONTHS_MAX))
}

/// The same search, between two moments at most.
fn within(view: &TracesView, begins: Time, ends: Time) -> String {
    let since = view.since.map_or(begins, |since| since.max(begins));
    let until = view.until.map_or(ends, |until| until.min(ends));
    let fields = view.fields.with("period", "").with("since", &when::local(since));
    fields.with("until", &when::local(until)).query()
}

/// The types, the most frequent first.
pub(super) fn by_type(counts: &TraceCounts, view: &TracesView, path: &str, t: Text) -> Vec<Bar> {
    let mut types: BTreeMap<Event, u64> = BTreeMap::new();
    for ((_, event), count) in &counts.cells {
        *types.entry(*event).or_default() += count;
    }
    let mut types: Vec<(Event, u64)> = types.into_iter().collect();
    types.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    let rest: u64 = types.iter().skip(TYPES_MAX).map(|(_, count)| count).sum();
    types.truncate(TYPES_MAX);
    let most = types.iter().map(|(_, count)| *count).max().unwrap_or_default().max(rest).max(1);
    let width = |count: u64| format!("{:.1}", (count as f64 * 100.0 / most as f64).max(1.0));
    let bar = |(event, count): (Event, u64)| Bar {
        label: t.event(event).to_owned(),
        count,
        path: Some(format!("{path}?{}", view.fields.with("type", event.as_str()).query())),
        width: width(count),
    };
    let others = Bar { label: t.desk_traces_others().to_owned(), count: rest, path: None, width: width(rest) };
    types.into_iter().map(bar).chain((rest > 0).then_some(others)).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]
    use super::*;

    fn counts(cells: &[(Day, Event, u64)]) -> TraceCounts {
        let cells = cells.iter().map(|(day, event, count)| ((*day, *event), *count)).collect();
        TraceCounts { cells, ..TraceCounts::default() }
    }

    #[test]
    fn empty_days_stand_between_the_others() {
        let counts = counts(&[(20_000, Event::SignIn, 2), (20_000, Event::RecordRead, 2), (20_003, Event::SignIn, 1)]);
        let days = by_day(&counts, &TracesView::default(), "/fr/traces", Lang::Fr);
        assert_eq!(days.iter().map(|day| day.count).collect::<Vec<_>>(), [4, 0, 0, 1]);
        assert_eq!(
            (days[0].height.as_str(), days[3].height.as_str(), days[1].height.as_str()),
            ("100.0", "25.0", "0.0")
        );
        assert_eq!(days[3].path, "/fr/traces?go=1&since=2024-10-07T02%3A00&until=2024-10-08T02%3A00");
        assert!(by_day(&TraceCounts::default(), &TracesView::default(), "", Lang::Fr).is_empty());
    }

    #[test]
    fn a_bar_never_leads_beyond_what_was_asked() {
        let counts = counts(&[(20_003, Event::SignIn, 1)]);
        let since = TraceCounts::begins(20_003) + std::time::Duration::from_secs(3_600);
        let view = TracesView { since: Some(since), ..TracesView::default() };
        assert!(by_day(&counts, &view, "", Lang::Fr)[0].path.contains("since=2024-10-07T03%3A00"));
    }

    #[test]
    fn many_days_are_told_by_month() {
        let cells: Vec<_> = (20_000..20_100).map(|day| (day, Event::SignIn, 1)).collect();
        let columns = by_day(&counts(&cells), &TracesView::default(), "", Lang::En);
        assert_eq!(columns.iter().map(|column| column.count).sum::<u64>(), 100);
        assert_eq!(columns.len(), 4, "{columns:?}");
        let far = counts(&[(i64::MIN, Event::SignIn, 1), (i64::MAX, Event::SignIn, 1)]);
        assert!(by_day(&far, &TracesView::default(), "", Lang::En).len() <= 2, "no moment is too far");
    }

    #[test]
    fn the_rarest_types_are_one_bar() {
        let cells: Vec<_> = Event::ALL.iter().enumerate().map(|(n, event)| (0, *event, n as u64 + 1)).collect();
        let bars = by_type(&counts(&cells), &TracesView::default(), "/fr/traces", Text::new(Lang::Fr));
        assert_eq!(bars.len(), TYPES_MAX + 1);
        assert!(bars[..TYPES_MAX].is_sorted_by_key(|bar| std::cmp::Reverse(bar.count)));
        assert_eq!(bars.iter().map(|bar| bar.count).sum::<u64>(), cells.iter().map(|(.., n)| n).sum::<u64>());
        assert!(bars[TYPES_MAX].path.is_none() && bars[0].path.is_some());
    }
}
