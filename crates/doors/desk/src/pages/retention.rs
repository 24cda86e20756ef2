//! How long traces are kept: what is in force, what waits for a second person, what was held.

use super::{Badge, Refusal};
use data_encoding::HEXLOWER;
use dossier::REASON_CHARS_MAX;
use journal::retention::{
    Change, FamilyMonth, Hold, Keeping, PersonToken, Proposal, RETENTION_MONTHS_MAX, SHORTER_AFTER_DAYS, Standing,
};
use types::{Extra, Family};
use web::layout::prelude::*;

/// What the page of retention shows.
#[derive(Debug, Clone)]
pub struct RetentionView {
    /// What the journal says.
    pub keeping: Keeping,
    /// By which token the reader is named in it.
    pub me: PersonToken,
    /// Why what was asked before was not done.
    pub refusal: Option<Refusal>,
}

/// `GET /{lang}/retention`.
#[derive(Debug, Template)]
#[template(path = "retention.html")]
pub struct Retention {
    chrome: Chrome,
    t: Text,
    view: RetentionView,
}

/// One month in a family's chart.
struct Bar {
    x: usize,
    color: &'static str,
}

/// Months that a chart shows: the newest.
const BARS_MAX: usize = 60;

impl Retention {
    /// The page.
    pub fn new(chrome: Chrome, view: RetentionView) -> Self {
        Self { t: chrome.text(), chrome, view }
    }

    fn families(&self) -> &'static [Family] {
        Family::ALL
    }

    fn family(&self, family: &Family) -> &'static str {
        match family {
            Family::Technical => self.t.desk_retention_technical(),
            Family::Access => self.t.desk_retention_access(),
            Family::Accounts => self.t.desk_retention_accounts(),
            Family::Interventions => self.t.desk_retention_interventions(),
            Family::Health => self.t.desk_retention_health(),
        }
    }

    fn of_family(&self, family: &Option<Family>) -> &'static str {
        family.as_ref().map_or(self.t.desk_retention_all(), |family| self.family(family))
    }

    fn in_force(&self, family: &Family) -> String {
        let (book, at) = (&self.view.keeping.book, self.view.keeping.at);
        let months = self.t.desk_retention_months(book.retention_months(*family, at).into());
        match book.retention_to_come(*family, at) {
            Some((to_come, from)) => self.t.desk_retention_to_come(months, to_come, self.chrome.date(&from)),
            None => months,
        }
    }

    fn floor(&self, family: &Family) -> String {
        self.t.desk_retention_months(family.retention_months_min().into())
    }

    fn months<'a>(&'a self, family: &'a Family) -> impl Iterator<Item = &'a FamilyMonth> {
        self.view.keeping.months.iter().filter(move |one| one.family == *family)
    }

    fn bars(&self, family: &Family) -> Vec<Bar> {
        let months: Vec<_> = self.months(family).collect();
        let shown = months.len().saturating_sub(BARS_MAX);
        let color = |standing| match standing {
            Standing::Kept => "moss",
            Standing::Held => "slate",
            Standing::Unproven | Standing::Due => "amber",
            Standing::Destroyed => "quiet",
        };
        let bar = |(x, one): (usize, &&FamilyMonth)| Bar { x, color: color(one.standing) };
        months.iter().skip(shown).enumerate().map(bar).collect()
    }

    /// The chart in words: how many months are kept, and since when.
    fn kept(&self, family: &Family) -> String {
        let kept: Vec<_> = self.months(family).filter(|one| one.standing != Standing::Destroyed).collect();
        let gone = self.months(family).count() - kept.len();
        match kept.first() {
            Some(first) => self.t.desk_retention_kept(kept.len(), first.month, gone),
            None => self.t.desk_retention_nothing().to_owned(),
        }
    }

    fn extras(&self) -> &'static [Extra] {
        Extra::ALL
    }

    fn extra(&self, extra: &Extra) -> &'static str {
        match extra {
            Extra::Requests => self.t.desk_retention_extra_requests(),
            Extra::Calls => self.t.desk_retention_extra_calls(),
            Extra::Port => self.t.desk_retention_extra_port(),
        }
    }

    fn extra_why(&self, extra: &Extra) -> &'static str {
        match extra {
            Extra::Requests => self.t.desk_retention_extra_requests_why(),
            Extra::Calls => self.t.desk_retention_extra_calls_why(),
            Extra::Port => self.t.desk_retention_extra_port_why(),
        }
    }

    fn is_recorded(&self, extra: &Extra) -> bool {
        self.view.keeping.extras.has(*extra)
    }

    fn waiting(&self) -> Vec<&Proposal> {
        self.view.keeping.book.proposals(self.view.keeping.at).collect()
    }

    fn holds(&self) -> Vec<Hold> {
        self.view.keeping.book.holds(self.view.keeping.at).collect()
    }

    fn what(&self, change: &Change) -> String {
        match change {
            Change::Retention { family, months } => {
                self.t.desk_retention_ask_months(self.family(family), self.t.desk_retention_months((*months).into()))
            }
            Change::Hold { family, from, to } => self.t.desk_retention_ask_hold(self.of_family(family), from, to),
            Change::Lift { hold } => match self.holds().into_iter().find(|one| one.id == *hold) {
                Some(one) => self.t.desk_retention_ask_lift(self.of_family(&one.family), one.from, one.to),
                None => self.t.desk_retention_ask_lift(self.t.desk_retention_all(), "?", "?"),
            },
            Change::Extra { extra, recorded: true } => self.t.desk_retention_ask_record(self.extra(extra)),
            Change::Extra { extra, recorded: false } => self.t.desk_retention_ask_stop(self.extra(extra)),
        }
    }

    fn held(&self, hold: &Hold) -> String {
        self.t.desk_retention_ask_hold(self.of_family(&hold.family), hold.from, hold.to)
    }

    fn reason(&self, id: &[u8; 16]) -> String {
        let reason = self.view.keeping.reasons.get(id).map(String::as_str);
        wire::visible(reason.unwrap_or(self.t.desk_retention_no_reason()), REASON_CHARS_MAX)
    }

    fn is_mine(&self, one: &Proposal) -> bool {
        one.by == self.view.me
    }

    fn hex(&self, id: &[u8; 16]) -> String {
        HEXLOWER.encode(id)
    }

    fn act(&self, id: &[u8; 16], act: &str) -> String {
        self.chrome.url(&format!("/retention/{}/{act}", HEXLOWER.encode(id)))
    }

    fn badge(&self, mine: &bool) -> Badge {
        if *mine {
            Badge::new(self.t.desk_retention_waits_other(), Icon::Clock, "wait")
        } else {
            Badge::new(self.t.desk_retention_waits_you(), Icon::Lantern, "act")
        }
    }

    /// Since when the journal is kept, once it no longer is from its first entry on.
    fn begins(&self) -> Option<String> {
        self.view.keeping.minimum.since.map(|month| self.t.desk_retention_begins(month))
    }

    fn alarms(&self) -> Vec<&'static str> {
        let (t, keeping) = (self.t, &self.view.keeping);
        let told = [
            (keeping.clock_moved, t.desk_retention_clock()),
            (keeping.months.iter().any(|one| one.standing == Standing::Unproven), t.desk_retention_unproven()),
            (keeping.book.stray() > 0, t.desk_retention_stray()),
            (!keeping.book.is_whole(), t.desk_retention_broken()),
            (keeping.unread, t.desk_retention_unread()),
        ];
        told.into_iter().filter(|(is, _)| *is).map(|(_, sentence)| sentence).collect()
    }

    fn problem(&self) -> Option<&'static str> {
        self.view.refusal.map(|refusal| refusal.sentence(self.t))
    }

    fn months_max(&self) -> u16 {
        RETENTION_MONTHS_MAX
    }

    fn reason_max(&self) -> usize {
        REASON_CHARS_MAX
    }

    fn later_days(&self) -> u32 {
        SHORTER_AFTER_DAYS
    }
}
