//! The search of traces: what is asked, what was found, how much of it there is.

use super::{
    Badge, Refusal, TraceFields, Wrong,
    trace_charts::{Bar, Column, by_day, by_type},
};
use crate::asked::{NO_ESTABLISHMENT, family};
use dossier::{Became, Cursor, SEARCH_NAME_CHARS_MAX, SavedSearch, TraceCounts, TracePage, TraceRow};
use types::{EstablishmentId, Event, Role, Time};
use web::{layout::prelude::*, when};

/// Patients, and objects, that a line names.
const NAMED_MAX: usize = 4;
/// Days that the drawing has room for, at least.
const DAYS_WIDE_MIN: usize = 7;

/// Why a search gave nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotSearched {
    /// Another is under way.
    Busy,
    /// The index is being made: so much of a hundred.
    Preparing(u8),
}

/// How many traces there are, as the page draws them.
#[derive(Debug, Clone, Default)]
pub struct Counted {
    pub(crate) counts: TraceCounts,
}

impl From<TraceCounts> for Counted {
    fn from(counts: TraceCounts) -> Self {
        Self { counts }
    }
}

/// What the search of traces shows.
#[derive(Debug, Clone, Default)]
pub struct TracesView {
    /// What was typed.
    pub fields: TraceFields,
    /// What of it cannot be read.
    pub wrong: Vec<Wrong>,
    /// The reader's establishment.
    pub own: Option<EstablishmentId>,
    /// From when, as it was understood.
    pub since: Option<Time>,
    /// Until when.
    pub until: Option<Time>,
    /// What was found; none before anything is searched for.
    pub found: Option<TracePage>,
    /// How much there is.
    pub counts: Option<Counted>,
    /// Where this page begins.
    pub before: Option<Cursor>,
    /// Where those before it began, the first one apart.
    pub back: Vec<Cursor>,
    /// Why nothing was searched.
    pub not_searched: Option<NotSearched>,
    /// The searches that the reader keeps.
    pub saved: Vec<SavedSearch>,
    /// Why what was asked before was not done.
    pub refusal: Option<Refusal>,
}

/// `GET /{lang}/traces`.
#[derive(Debug, Template)]
#[template(path = "traces.html")]
pub struct Traces {
    chrome: Chrome,
    t: Text,
    view: TracesView,
    days: Vec<Column>,
    types: Vec<Bar>,
}

/// A condition of the search, with the way to be without it.
struct Condition {
    label: &'static str,
    value: String,
    without: String,
}

impl Traces {
    /// The page.
    pub fn new(chrome: Chrome, view: TracesView) -> Self {
        let t = chrome.text();
        let path = chrome.url("/traces");
        let (days, types) = match &view.counts {
            Some(Counted { counts }) => (by_day(counts, &view, &path, chrome.lang), by_type(counts, &view, &path, t)),
            None => Default::default(),
        };
        Self { t, chrome, view, days, types }
    }

    /// The types by what their words begin with, each family with its name.
    fn families(&self) -> Vec<(&'static str, &'static str, Vec<Event>)> {
        let mut families: Vec<(&str, &str, Vec<Event>)> = Vec::new();
        for event in Event::ALL {
            let word = family(*event);
            match families.iter_mut().find(|(held, ..)| *held == word) {
                Some((.., events)) => events.push(*event),
                None => families.push((word, self.t.event_family(word).unwrap_or(word), vec![*event])),
            }
        }
        families
    }

    fn outcomes(&self) -> &'static [Became] {
        &Became::ALL
    }

    fn periods(&self) -> [(&'static str, &'static str); 4] {
        let t = self.t;
        [
            ("today", t.desk_traces_period_today()),
            ("7d", t.desk_traces_period_week()),
            ("30d", t.desk_traces_period_days()),
            ("month", t.desk_traces_period_month()),
        ]
    }

    /// The places that the reader may choose among.
    fn places(&self) -> Vec<(String, String)> {
        let own = self.view.own.map(|id| (id.to_string(), self.chrome.establishment_name.clone()));
        own.into_iter().chain([(NO_ESTABLISHMENT.to_owned(), self.t.desk_traces_node_own().to_owned())]).collect()
    }

    fn wrong(&self, field: &str) -> Option<&'static str> {
        let wrong = self.view.wrong.iter().find(|wrong| wrong.field() == field);
        wrong.map(|wrong| wrong.sentence(self.t))
    }

    /// Whether the form stands open: nothing was found yet.
    fn asks(&self) -> bool {
        self.view.found.is_none()
    }

    /// What the results answer to.
    fn conditions(&self) -> Vec<Condition> {
        let t = self.t;
        let fields = &self.view.fields;
        let given = fields.pairs().into_iter().filter(|(_, value)| !value.trim().is_empty());
        let condition = |(name, value): (&'static str, &str)| {
            let (label, value) = match name {
                "author" => (t.desk_traces_author(), value.to_owned()),
                "patient" => (t.desk_traces_patient(), value.to_owned()),
                "ip" => (t.desk_traces_ip(), value.to_owned()),
                "type" => (t.desk_traces_event(), self.type_named(value)),
                "outcome" => {
                    (t.desk_traces_outcome(), value.parse().map_or(value.into(), |one| self.word(&one).into()))
                }
                "object" => (t.desk_traces_object(), value.to_owned()),
                "establishment" => (t.desk_traces_establishment(), self.place_named(value)),
                "period" => (t.desk_traces_period(), self.period_named(value)),
                "since" => (t.desk_traces_since(), self.moment_named(value)),
                "until" => (t.desk_traces_until(), self.moment_named(value)),
                _ => (t.desk_traces_words(), value.to_owned()),
            };
            Condition { label, value: wire::visible(&value, 100), without: self.searching(&fields.with(name, "")) }
        };
        given.map(condition).collect()
    }

    fn type_named(&self, value: &str) -> String {
        let event = value.parse().map(|event| self.t.event(event)).ok();
        event.or_else(|| self.t.event_family(value)).unwrap_or(value).to_owned()
    }

    fn place_named(&self, value: &str) -> String {
        let named = self.places().into_iter().find(|(id, _)| id == value);
        named.map_or_else(|| value.to_owned(), |(_, name)| name)
    }

    fn period_named(&self, value: &str) -> String {
        self.periods().iter().find(|(word, _)| *word == value).map_or(value, |(_, name)| name).to_owned()
    }

    fn moment_named(&self, value: &str) -> String {
        when::read_local(value).map_or_else(|| value.to_owned(), |time| when::full(time, self.chrome.lang))
    }

    fn searching(&self, fields: &TraceFields) -> String {
        format!("{}?{}", self.chrome.url("/traces"), fields.query())
    }

    /// The same search, of what this value names only.
    fn narrowed(&self, name: &str, value: &str) -> String {
        self.searching(&self.view.fields.with(name, value))
    }

    /// How many traces there are in all.
    fn total(&self) -> Option<String> {
        let counts = &self.view.counts.as_ref()?.counts;
        let total = counts.cells.values().sum::<u64>();
        Some(if counts.unreadable > 0 { self.t.desk_traces_at_least(total) } else { self.t.desk_traces_total(total) })
    }

    fn problem(&self) -> Option<&'static str> {
        self.view.refusal.map(|refusal| refusal.sentence(self.t))
    }

    fn saved(&self, search: &SavedSearch) -> String {
        self.chrome.url(&format!("/traces?{}", search.query))
    }

    fn forget(&self, search: &SavedSearch) -> String {
        self.chrome.url(&format!("/traces/saved/{}/forget", search.id))
    }

    /// The name under which this very search is kept.
    fn kept_as(&self) -> &str {
        let query = self.view.fields.query();
        self.view.saved.iter().find(|one| one.query == query).map_or("", |one| &one.name)
    }

    fn name_max(&self) -> usize {
        SEARCH_NAME_CHARS_MAX
    }

    fn why_not(&self, why: &NotSearched) -> String {
        match why {
            NotSearched::Busy => self.t.desk_traces_busy().to_owned(),
            NotSearched::Preparing(percent) => self.t.desk_traces_preparing(percent),
        }
    }

    fn word(&self, became: &Became) -> &'static str {
        super::trace::became(self.t, *became).word()
    }

    fn named(&self, row: &TraceRow) -> &'static str {
        self.t.event(row.event)
    }

    fn outcome(&self, row: &TraceRow) -> Badge {
        super::trace::became(self.t, row.became())
    }

    fn role(&self, role: &str) -> String {
        role.parse().map_or_else(|()| role.to_owned(), |role: Role| self.t.role(role).to_owned())
    }

    /// What it was about besides patients and objects, with what cannot be seen made visible.
    fn about(&self, row: &TraceRow) -> String {
        let count = row.count.map(|count| self.t.desk_traces_times(count));
        let parts: Vec<String> = row.detail.iter().map(|text| wire::visible(text, 300)).chain(count).collect();
        parts.join(", ")
    }

    fn export(&self, format: &str) -> String {
        format!("{}/export?format={format}&{}", self.chrome.url("/traces"), self.view.fields.query())
    }

    fn sheet(&self, row: &TraceRow) -> String {
        format!("{}/{}/{}", self.chrome.url("/traces"), super::encoded(&row.origin), row.index)
    }

    fn older(&self, next: &Cursor) -> String {
        let back: Vec<Cursor> = self.view.back.iter().chain(&self.view.before).cloned().collect();
        let kept = back.iter().skip(back.len().saturating_sub(30));
        self.page(Some(next), &kept.collect::<Vec<_>>())
    }

    /// Where the page before this one began; none on the first page.
    fn newer(&self) -> Option<String> {
        self.view.before.as_ref()?;
        let back: Vec<&Cursor> = self.view.back.iter().collect();
        Some(match back.split_last() {
            Some((last, rest)) => self.page(Some(last), rest),
            None => self.page(None, &[]),
        })
    }

    fn page(&self, before: Option<&Cursor>, back: &[&Cursor]) -> String {
        let mut path = self.searching(&self.view.fields);
        if let Some(before) = before {
            path.push_str(&format!("&before={}", super::encoded(&before.to_string())));
        }
        if !back.is_empty() {
            let back: Vec<String> = back.iter().map(ToString::to_string).collect();
            path.push_str(&format!("&back={}", super::encoded(&back.join(","))));
        }
        path
    }

    /// Some of a list, what was asked for before the others; the trace's own page has them all.
    fn some<'l>(&self, all: &'l [String]) -> Vec<&'l String> {
        let fields = &self.view.fields;
        let asked =
            |one: &&String| **one == fields.patient || one.rsplit('/').next() == fields.object.rsplit('/').next();
        let (first, others): (Vec<&String>, Vec<&String>) = all.iter().partition(asked);
        first.into_iter().chain(others).take(NAMED_MAX).collect()
    }

    /// How many more patients and objects there are.
    fn others(&self, row: &TraceRow) -> Option<String> {
        let rest = |all: &[String]| all.len().saturating_sub(NAMED_MAX);
        let rest = u64::try_from(rest(&row.patients) + rest(&row.objects)).unwrap_or(u64::MAX);
        (rest > 0).then(|| self.t.desk_traces_more(rest))
    }

    /// The drawing's width, in its own units: few days stay small.
    fn days_width(&self) -> usize {
        self.days.len().max(DAYS_WIDE_MIN) * 10
    }

    fn visible(&self, text: &str) -> String {
        wire::visible(text, 300)
    }

    fn first_day(&self) -> &str {
        self.days.first().map_or("", |day| &day.label)
    }

    /// Empty when it is the first as well.
    fn last_day(&self) -> &str {
        self.days.last().filter(|_| self.days.len() > 1).map_or("", |day| &day.label)
    }

    fn counts_lack_some(&self) -> bool {
        self.view.counts.as_ref().is_some_and(|counted| counted.counts.unreadable > 0)
    }

    fn busiest_day(&self) -> u64 {
        self.days.iter().map(|day| day.count).max().unwrap_or_default()
    }
}
