//! One result: its values, each beside its reference, in words, by an icon and on a small chart.

use super::{
    PatientBanner,
    chart::{self, Chart},
    is_lay_reader, is_professional, paths,
};
use types::{Confidentiality, Lang, ObjectId};
use web::{layout::prelude::*, when::Dated};

/// What kind of examination.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ResultKind {
    /// Laboratory.
    Laboratory,
    /// Imaging.
    Imaging,
    /// Anything else.
    Other,
}

impl ResultKind {
    /// The word.
    pub fn word(self, t: Text) -> &'static str {
        match self {
            Self::Laboratory => t.portal_record_kind_laboratory(),
            Self::Imaging => t.portal_record_kind_imaging(),
            Self::Other => t.portal_record_kind_other(),
        }
    }
}

/// How sure the result is (FHIR `DiagnosticReport.status`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ResultStatus {
    /// Final.
    Final,
    /// Registered, partial or preliminary.
    Preliminary,
    /// Amended, corrected or appended.
    Corrected,
    /// Cancelled or entered in error.
    Cancelled,
}

/// What was observed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ObservedValue {
    /// A decimal number as the hospital wrote it (`4.50`): its precision is kept.
    Number(String),
    /// Words.
    Words(String),
    /// Nothing was reported.
    Absent,
}

/// The reference for a value; decimal numbers as the hospital wrote them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RangeView {
    /// Lower bound, included.
    pub low: Option<String>,
    /// Upper bound, included.
    pub high: Option<String>,
    /// The hospital's own words, shown when there is no bound.
    pub text: Option<String>,
}

/// How the hospital reads the value. Never guessed from the reference.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Interpretation {
    /// `N`.
    Normal,
    /// `H`.
    High,
    /// `L`.
    Low,
    /// `HH`, `HU`.
    VeryHigh,
    /// `LL`, `LU`.
    VeryLow,
    /// `A`, `AA` and other words that are not "normal".
    Abnormal,
    /// The hospital says nothing: never read as normal.
    Unstated,
}

impl Interpretation {
    /// The word.
    pub fn word(self, t: Text) -> &'static str {
        match self {
            Self::Normal => t.portal_result_flag_normal(),
            Self::High => t.portal_result_flag_high(),
            Self::Low => t.portal_result_flag_low(),
            Self::VeryHigh => t.portal_result_flag_very_high(),
            Self::VeryLow => t.portal_result_flag_very_low(),
            Self::Abnormal => t.portal_result_flag_abnormal(),
            Self::Unstated => t.portal_result_flag_unstated(),
        }
    }

    /// The icon that goes with it.
    pub const fn icon(self) -> Icon {
        match self {
            Self::Normal => Icon::Normal,
            Self::High => Icon::High,
            Self::Low => Icon::Low,
            Self::VeryHigh => Icon::VeryHigh,
            Self::VeryLow => Icon::VeryLow,
            Self::Abnormal => Icon::Abnormal,
            Self::Unstated => Icon::Unknown,
        }
    }

    /// The style's name.
    pub const fn class(self) -> &'static str {
        match self {
            Self::Normal => "normal",
            Self::High | Self::Low | Self::Abnormal => "off",
            Self::VeryHigh | Self::VeryLow => "far",
            Self::Unstated => "unstated",
        }
    }
}

/// One line of a result.
#[derive(Debug, Clone)]
pub struct ObservationView {
    /// What was measured.
    pub name: String,
    /// What was found.
    pub value: ObservedValue,
    /// The unit; empty without.
    pub unit: String,
    /// The reference, if given.
    pub range: Option<RangeView>,
    /// The hospital's reading.
    pub interpretation: Interpretation,
    /// The hospital's remark; empty without.
    pub comment: String,
}

/// What the result page shows.
#[derive(Debug, Clone)]
pub struct ResultView {
    /// Whose record.
    pub patient: PatientBanner,
    /// Which one, in the SIS.
    pub id: ObjectId,
    /// What was examined.
    pub title: String,
    /// What kind of examination.
    pub kind: ResultKind,
    /// When.
    pub date: Dated,
    /// The service or laboratory; empty when unknown.
    pub source: String,
    /// How sure it is.
    pub status: ResultStatus,
    /// Whether it awaits its announcement.
    pub confidentiality: Confidentiality,
    /// The values, in the hospital's order.
    pub observations: Vec<ObservationView>,
    /// The hospital's conclusion, if any.
    pub conclusion: Option<String>,
    /// Where its PDF is opened (a path of this door), if it has one.
    pub pdf_path: Option<String>,
}

/// `GET /{lang}/records/{patient}/results/{id}`.
#[derive(Debug, Template)]
#[template(path = "result.html")]
pub struct ResultDetail {
    chrome: Chrome,
    t: Text,
    view: ResultView,
    lines: Vec<Line>,
}

/// An observation made ready to print.
#[derive(Debug)]
struct Line {
    name: String,
    value: String,
    is_number: bool,
    is_hospital_words: bool,
    unit: String,
    range: String,
    has_bounds: bool,
    flag: Interpretation,
    comment: String,
    chart: Option<Chart>,
}

impl ResultDetail {
    /// The page.
    pub fn new(chrome: Chrome, view: ResultView) -> Self {
        let t = chrome.text();
        let lines = view.observations.iter().map(|observation| line(observation, t)).collect();
        Self { t, chrome, view, lines }
    }

    fn record(&self) -> String {
        paths::record(self.chrome.lang, &self.view.patient.patient)
    }

    fn is_held(&self) -> bool {
        is_professional(&self.chrome) && self.view.confidentiality == Confidentiality::Held
    }

    fn has_chart(&self) -> bool {
        self.lines.iter().any(|line| line.chart.is_some())
    }

    fn advises(&self) -> bool {
        is_lay_reader(&self.chrome) && self.view.observations.iter().any(|observation| observation.range.is_some())
    }
}

fn line(observation: &ObservationView, t: Text) -> Line {
    let lang = t.lang();
    let (value, is_number) = match &observation.value {
        ObservedValue::Number(number) => (decimal(number, lang), true),
        ObservedValue::Words(words) => (words.clone(), false),
        ObservedValue::Absent => (t.portal_result_no_value().to_owned(), false),
    };
    let chart = match (&observation.value, &observation.range) {
        (ObservedValue::Number(number), Some(range)) => {
            chart::draw(number, range, observation.interpretation, |text| decimal(text, lang))
        }
        _ => None,
    };
    Line {
        name: observation.name.clone(),
        value,
        is_number,
        is_hospital_words: matches!(observation.value, ObservedValue::Words(_)),
        unit: observation.unit.clone(),
        range: observation.range.as_ref().map_or_else(|| t.portal_result_no_range().to_owned(), |r| range(r, t)),
        has_bounds: observation.range.as_ref().is_some_and(|r| r.low.is_some() || r.high.is_some()),
        flag: observation.interpretation,
        comment: observation.comment.clone(),
        chart,
    }
}

fn range(range: &RangeView, t: Text) -> String {
    let shown = |text: &str| decimal(text, t.lang());
    match (&range.low, &range.high, &range.text) {
        (Some(low), Some(high), _) => t.portal_result_range_between(shown(low), shown(high)),
        (Some(low), None, _) => t.portal_result_range_above(shown(low)),
        (None, Some(high), _) => t.portal_result_range_below(shown(high)),
        (None, None, Some(text)) => text.clone(),
        (None, None, None) => t.portal_result_no_range().to_owned(),
    }
}

/// A decimal number in the language's own writing; the hospital's digits, none added or lost.
fn decimal(text: &str, lang: Lang) -> String {
    let text = text.replace('-', "\u{2212}");
    if lang == Lang::Fr { text.replace('.', ",") } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_keep_their_precision() {
        assert_eq!(decimal("4.50", Lang::Fr), "4,50");
        assert_eq!(decimal("-0.5", Lang::En), "\u{2212}0.5");
    }

    #[test]
    fn ranges_are_said_in_words() {
        let t = Text::new(Lang::Fr);
        let some = |text: &str| Some(text.to_owned());
        for (low, high, text, expected) in [
            (some("3.5"), some("5.1"), None, "de 3,5 à 5,1"),
            (None, some("5"), None, "jusqu’à 5"),
            (some("60"), None, some("ignored"), "à partir de 60"),
            (None, None, some("absence"), "absence"),
            (None, None, None, "aucune"),
        ] {
            assert_eq!(range(&RangeView { low, high, text }, t), expected);
        }
    }
}
