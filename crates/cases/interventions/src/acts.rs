//! What people do with an intervention: ask, decide, open, close, cut.

use crate::{
    effects::{Change, Over, Sessions},
    equipment,
    life::{self, Act, NotNow},
    model::{
        AHEAD_DAYS_MAX, NAME_CHARS_MAX, NewRequest, PURPOSE_CHARS_MAX, SOURCES_MAX, State, StepKind, TECHNICIANS_MAX,
        WAITING_MAX, WINDOW_DAYS_MAX,
    },
    people,
    rows::{NewStep, RawIntervention, RawTechnician, seal},
    service::{Answer, Asked, InterventionError, InterventionService, Wrong},
    sql::{self, InterventionInsert, InterventionRow},
    warrant::Warrant,
};
use identity::Authenticated;
use journal::{Applied, Effect, Revoked, WriteTx};
use lease::EndReason;
use policy::{
    CloseIntervention, CutIntervention, DatabaseAction, Matter, OpenIntervention, RefuseIntervention,
    RequestIntervention, WithdrawIntervention,
};
use std::time::Duration;
use store::StoreError;
use types::{AccountId, EstablishmentId, InterventionId, Role, SupplierId, Time};
use vault::random;

impl From<NotNow> for InterventionError {
    fn from(_: NotNow) -> Self {
        InterventionError::Conflict
    }
}

const DAY: Duration = Duration::from_secs(86_400);
/// Longer than any intervention that runs now can last.
pub(crate) const LONGEST: Duration = Duration::from_secs(62 * 86_400);

/// A new intervention, unless too many wait.
struct Insert {
    new: InterventionInsert,
    step: NewStep,
}

impl Effect<RequestIntervention> for Insert {
    type Output = bool;
    async fn apply(&self, tx: &mut WriteTx<'_, RequestIntervention>) -> Result<Applied<bool>, StoreError> {
        let now = tx.now();
        let connection = tx.connection();
        if sql::waiting(connection, self.new.supplier).await? >= WAITING_MAX {
            return Ok(Applied::refused(false));
        }
        sql::insert_intervention(connection, &self.new, now).await?;
        sql::insert_step(connection, self.new.id, (&self.step, false), now).await?;
        Ok(Applied::done(true))
    }
}

/// A text without what does not belong in one: control characters and those that turn the writing around.
pub(crate) fn plain(text: &str, chars_max: usize, lines: bool) -> Option<String> {
    let text = text.trim();
    let fits = !text.is_empty() && text.chars().count() <= chars_max;
    let turns = |c: char| matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200e}' | '\u{200f}');
    let clean = text.chars().all(|c| (!c.is_control() || (lines && c == '\n')) && !turns(c));
    (fits && clean).then(|| text.to_owned())
}

/// Without what is finer than a second.
pub(crate) fn to_the_second(moment: Time) -> Time {
    Time::from_micros(moment.micros() - moment.micros().rem_euclid(1_000_000))
}

impl InterventionService {
    /// Asks for an intervention. The window's moments are taken to the second: terms show no finer.
    pub async fn request(&self, who: &Authenticated, mut new: NewRequest) -> Answer<InterventionId> {
        (new.from, new.until) = (to_the_second(new.from), to_the_second(new.until));
        let (establishment, _) = self.at(who)?;
        let me = self.me(who).await?;
        let Some(supplier) = me.supplier else {
            return Err(self.not_found(who, "intervention", "no supplier's").await);
        };
        let intervention = InterventionId::from_bytes(random()?);
        let technicians = sorted(&new.technicians);
        let matter = Matter { establishment, supplier, beneficiaries: Vec::new(), technicians: technicians.clone() };
        let action = RequestIntervention { intervention, equipment: new.equipment };
        let authorized = self.decide(who, action, &Self::about(Some(&me), Some(matter))).await?;
        self.window(new.from, new.until)?;
        let raw = self.body(&me, (establishment, supplier), &new, &technicians).await?;
        let place =
            sql::intervention_place(&intervention, &establishment, &supplier, &new.equipment).map(<[u8]>::to_vec);
        let place: Vec<&[u8]> = place.iter().map(Vec::as_slice).collect();
        let insert = InterventionInsert {
            id: intervention,
            establishment,
            supplier,
            equipment: new.equipment,
            window: (new.from, new.until),
            technicians,
            sealed: seal(&self.parts().keys, "interventions", &place, &raw)?,
        };
        let step = self.step(intervention, StepKind::Requested, &me.name, "")?;
        match self.parts().journal.perform(authorized, Insert { new: insert, step }).await? {
            true => Ok(intervention),
            false => Err(InterventionError::Invalid(Wrong::TooMany)),
        }
    }

    fn window(&self, from: Time, until: Time) -> Answer<()> {
        let now = self.now();
        let lasts = until.since(from);
        let fits = from < until
            && until > now
            && lasts <= DAY * days(WINDOW_DAYS_MAX)
            && from <= now + DAY * days(AHEAD_DAYS_MAX);
        if fits { Ok(()) } else { Err(InterventionError::Invalid(Wrong::Window)) }
    }

    /// What is asked for, each part checked, with the technicians' names and keys of this moment.
    async fn body(
        &self,
        me: &people::sql::Person,
        (establishment, supplier): (EstablishmentId, SupplierId),
        new: &NewRequest,
        technicians: &[AccountId],
    ) -> Answer<RawIntervention> {
        let invalid = |wrong| InterventionError::Invalid(wrong);
        let purpose = plain(&new.purpose, PURPOSE_CHARS_MAX, true).ok_or(invalid(Wrong::Purpose))?;
        let ticket = new.ticket.as_deref().filter(|ticket| !ticket.trim().is_empty());
        let ticket = ticket.map(|text| plain(text, NAME_CHARS_MAX, false).ok_or(invalid(Wrong::Ticket))).transpose()?;
        if new.rights.is_empty() {
            return Err(invalid(Wrong::Rights));
        }
        if new.sources.len() > SOURCES_MAX {
            return Err(invalid(Wrong::Sources));
        }
        if technicians.is_empty() || technicians.len() > TECHNICIANS_MAX {
            return Err(invalid(Wrong::Technicians));
        }
        let keys = &self.parts().keys;
        let mut connection = self.read().await?;
        let found = equipment::sql::equipment(&mut connection, keys, (establishment, new.equipment)).await?;
        found.ok_or(invalid(Wrong::Equipment))?;
        let mut named = Vec::new();
        for account in technicians {
            let person = people::sql::person(&mut connection, keys, (establishment, *account)).await?;
            let theirs = |one: &people::sql::Person| one.role == Role::Technician && one.supplier == Some(supplier);
            let person = person.filter(theirs).ok_or(invalid(Wrong::Technicians))?;
            let fingerprints = people::sql::fingerprints(&mut connection, person.account).await?;
            if fingerprints.is_empty() {
                return Err(invalid(Wrong::Technicians));
            }
            named.push(RawTechnician { account: (*account).into(), name: person.name, fingerprints });
        }
        let rights = sorted(&new.rights);
        let sources = sorted(&new.sources);
        Ok(RawIntervention {
            requester: me.account.into(),
            requester_name: me.name.clone(),
            technicians: named,
            activity: new.activity.to_string(),
            purpose,
            ticket,
            rights: rights.iter().map(ToString::to_string).collect(),
            sources: sources.iter().map(ToString::to_string).collect(),
            from: new.from.micros(),
            until: new.until.micros(),
        })
    }

    /// Takes a request back.
    pub async fn withdraw(&self, who: &Authenticated, id: InterventionId) -> Answer<()> {
        let asked = self.ask(who, id, WithdrawIntervention { intervention: id }).await?;
        self.turn(asked, (Act::Withdraw, StepKind::Withdrawn), "", Sessions::Stay).await
    }

    /// Refuses, with a reason.
    pub async fn refuse(&self, who: &Authenticated, id: InterventionId, reason: &str) -> Answer<()> {
        let asked = self.ask(who, id, RefuseIntervention { intervention: id }).await?;
        let reason = self.reason(reason)?;
        self.turn(asked, (Act::Refuse, StepKind::Refused), &reason, Sessions::Stay).await
    }

    /// Opens an approved intervention within its window.
    pub async fn open(&self, who: &Authenticated, id: InterventionId) -> Answer<()> {
        let asked = self.ask(who, id, OpenIntervention { intervention: id }).await?;
        life::step(asked.row.state, Act::Open)?;
        let (evidence, _) = self.evidence(&asked.row, &[]).await?;
        if let Err(why) = Warrant::verify(&evidence, &self.parts().pinned.now(), self.now()) {
            self.refused(who, &format!("intervention:{id}"), &why.to_string()).await?;
            return Err(InterventionError::Conflict);
        }
        self.turn(asked, (Act::Open, StepKind::Opened), "", Sessions::Stay).await
    }

    /// Closes an intervention; sessions that run in it end, unless "do not interrupt" holds them.
    pub async fn close(&self, who: &Authenticated, id: InterventionId) -> Answer<()> {
        let asked = self.ask(who, id, CloseIntervention { intervention: id }).await?;
        self.turn(asked, (Act::Close, StepKind::Closed), "", Sessions::End).await?;
        self.parts().leases.end_all_of(id, EndReason::Closed);
        Ok(())
    }

    /// Cuts an intervention and all that runs in it. Acts first; the trace follows when it can. What runs here is decided
    /// and cut from memory.
    pub async fn cut(&self, who: &Authenticated, id: InterventionId, reason: &str) -> Answer<()> {
        let reason = self.reason(reason)?;
        let action = CutIntervention { intervention: id };
        if let Some(matter) = self.parts().leases.matter(id) {
            let authorized = self.decide(who, action, &Self::about(None, Some(matter))).await?;
            let name = self.name_soon(who).await;
            let until = self.rehearsed_until(id).unwrap_or_else(|| self.now() + LONGEST);
            return self.strike(id, authorized, until, (&name, &reason)).await;
        }
        let asked = self.ask(who, id, action).await?;
        life::step(asked.row.state, Act::Cut)?;
        let until = self.rehearsed_until(id).unwrap_or_else(|| revoked_until(&asked.row));
        self.strike(id, asked.authorized, until, (&asked.name, &reason)).await
    }

    /// The name of the one who cuts, if the database says it at once: a cut does not wait for it. The trace has his account.
    pub(crate) async fn name_soon(&self, who: &Authenticated) -> String {
        let me = tokio::time::timeout(Duration::from_millis(200), self.me(who)).await;
        me.ok().and_then(Result::ok).map(|me| me.name).unwrap_or_default()
    }

    /// The cut itself, once decided.
    pub(crate) async fn strike(
        &self,
        id: InterventionId,
        authorized: policy::Authorized<CutIntervention>,
        until: Time,
        (name, reason): (&str, &str),
    ) -> Answer<()> {
        let effect = Over { to: State::Cut, step: self.step(id, StepKind::Cut, name, reason)? };
        let report = self.parts().leases.cut_all_of(authorized, (until, reason), effect).await;
        tracing::info!(intervention = %id, sessions = report.sessions, "an intervention was cut");
        Ok(())
    }

    pub(crate) fn reason(&self, reason: &str) -> Answer<String> {
        plain(reason, NAME_CHARS_MAX, true).ok_or(InterventionError::Invalid(Wrong::Text))
    }

    /// An act that signs nothing.
    async fn turn<A>(&self, asked: Asked<A>, (act, kind): (Act, StepKind), note: &str, sessions: Sessions) -> Answer<()>
    where
        A: DatabaseAction,
        Change: Effect<A, Output = bool>,
    {
        let Asked { authorized, row, name } = asked;
        let (id, to) = (row.terms.id, life::step(row.state, act)?);
        let change = Change {
            revision: row.revision,
            to,
            until: row.until,
            hold: row.hold,
            signature: None,
            lifts_hold: false,
            steps: vec![self.step(id, kind, &name, note)?],
            sessions,
        };
        self.written(self.parts().journal.perform(authorized, change).await?)?;
        if life::is_over(to) {
            // The state is a clear column: the reserve remembers, so that a row put back opens nothing.
            if let Err(error) = self.parts().journal.revoke_any(Revoked::Matter(id), revoked_until(&row)).await {
                tracing::error!(intervention = %id, %error, "an end could not be written to the reserve");
            }
        }
        Ok(())
    }

    pub(crate) fn written(&self, done: bool) -> Answer<()> {
        if done { Ok(()) } else { Err(InterventionError::Conflict) }
    }
}

/// How long a cut must be remembered by itself: as long as the intervention could have lasted.
pub(crate) fn revoked_until(row: &InterventionRow) -> Time {
    let longest = row.terms.from + DAY * days(WINDOW_DAYS_MAX + 1);
    row.hold.map_or(longest, |hold| hold.max(longest)).max(row.until)
}

fn days(days: u64) -> u32 {
    u32::try_from(days).unwrap_or(u32::MAX)
}

fn sorted<T: Ord + Clone>(values: &[T]) -> Vec<T> {
    let mut values = values.to_vec();
    values.sort_unstable();
    values.dedup();
    values
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_that_would_mislead_are_refused() {
        assert_eq!(plain("  Mise à jour ", 500, true).as_deref(), Some("Mise à jour"));
        assert_eq!(plain("a\nb", 500, true).as_deref(), Some("a\nb"));
        for bad in ["", "  ", "a\u{1b}[2J", "a\u{202e}b", "a\u{0}"] {
            assert_eq!(plain(bad, 500, true), None, "{bad:?}");
        }
        assert_eq!(plain("a\nb", 500, false), None);
        assert_eq!(plain(&"é".repeat(501), 500, true), None);
        assert!(plain(&"é".repeat(500), 500, true).is_some());
    }
}
