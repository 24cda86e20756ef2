//! What people see of interventions: lists and single ones, within their scope.

use crate::{
    model::{ApprovalSummary, Filter, Intervention, Page},
    service::{Answer, InterventionError, InterventionService},
    sql::{self, InterventionRow, PAGE},
    warrant::{SignatureKind, SignatureRow},
};
use identity::Authenticated;
use policy::{Authorized, Matter, Scope, SeeInterventions};
use types::{Event, InterventionId, Period, Time};

/// Where a page ends, as text: `micros-identifier`.
pub(crate) fn cursor_text(at: Time, id: &impl std::fmt::Display) -> String {
    format!("{}-{id}", at.micros())
}

/// Where a page begins: after a cursor, or at the top. What is no cursor is nothing that was ever given.
pub(crate) fn cursor<T: std::str::FromStr>(text: Option<&str>, top: T) -> Answer<(Time, T)> {
    let Some(text) = text else { return Ok((Time::from_micros(i64::MAX), top)) };
    let parsed = text.rsplit_once('-').and_then(|(micros, id)| Some((micros.parse().ok()?, id.parse().ok()?)));
    let (micros, id) = parsed.ok_or(InterventionError::NotFound)?;
    Ok((Time::from_micros(micros), id))
}

impl InterventionService {
    /// The interventions that this person may see, newest first.
    pub async fn list(&self, who: &Authenticated, filter: &Filter) -> Answer<Page<Intervention>> {
        let authorized = self.seeing(who).await?;
        let keys = &self.parts().keys;
        let from = cursor(filter.cursor.as_deref(), InterventionId::from_bytes([0xff; 16]))?;
        let mut connection = self.read().await?;
        let mut rows = sql::interventions(&mut connection, keys, authorized.scope(), filter, from).await?;
        let more = rows.len() > PAGE;
        rows.truncate(PAGE);
        let next = rows.last().filter(|_| more).map(|row| cursor_text(row.requested, &row.terms.id));
        // A probe's intervention is nobody's work.
        let rehearsed = self.rehearsed();
        rows.retain(|row| Some(row.equipment.id) != rehearsed);
        let mut shown = Vec::with_capacity(rows.len());
        for row in rows {
            self.admitted(who, authorized.scope(), &row.matter()).await?;
            let signed = sql::signatures(&mut connection, keys, row.terms.id).await?;
            shown.push(show(row, signed));
        }
        Ok(Page { rows: shown, next })
    }

    /// One intervention, with its history.
    pub async fn get(&self, who: &Authenticated, id: InterventionId) -> Answer<Intervention> {
        let authorized = self.seeing(who).await?;
        let keys = &self.parts().keys;
        let mut connection = self.read().await?;
        let row = sql::intervention_within(&mut connection, keys, authorized.scope(), id).await?;
        let Some(row) = row else {
            drop(connection);
            return Err(self.not_found(who, &format!("intervention:{id}"), "absent, or outside the scope").await);
        };
        self.admitted(who, authorized.scope(), &row.matter()).await?;
        let signed = sql::signatures(&mut connection, keys, id).await?;
        let history = sql::steps(&mut connection, keys, id).await?;
        Ok(Intervention { history, ..show(row, signed) })
    }

    pub(crate) async fn seeing(&self, who: &Authenticated) -> Answer<Authorized<SeeInterventions>> {
        let me = self.me(who).await?;
        self.decide(who, SeeInterventions {}, &Self::about(Some(&me), None)).await
    }

    /// The last check of a row: one outside the scope fails the whole page, and is traced.
    pub(crate) async fn admitted(&self, who: &Authenticated, scope: &Scope, matter: &Matter) -> Answer<()> {
        if scope.admits_matter(matter) {
            return Ok(());
        }
        tracing::error!("a row outside the scope; nothing was shown");
        self.parts().journal.note(who, Event::StrayObject, Some("an intervention outside the scope".into())).await?;
        Err(InterventionError::Fault("a row outside the scope".into()))
    }
}

fn show(row: InterventionRow, signed: Vec<(SignatureRow, String, Time)>) -> Intervention {
    let approvals = signed
        .into_iter()
        .filter(|(signature, ..)| signature.kind == SignatureKind::Approve && signature.is_readable());
    let approvals =
        approvals.map(|(signature, name, at)| ApprovalSummary { account: signature.account, name, at }).collect();
    let technicians = row.technicians();
    let terms = row.terms;
    Intervention {
        id: terms.id,
        establishment: terms.establishment,
        version: terms.version,
        supplier: terms.supplier,
        supplier_name: row.supplier_name,
        equipment: terms.equipment.id,
        equipment_name: terms.equipment.name,
        requester: terms.requester,
        requester_name: row.requester_name,
        technicians,
        activity: terms.activity,
        purpose: terms.purpose,
        ticket: terms.ticket,
        rights: terms.rights,
        sources: terms.sources,
        window: Period { from: terms.from, until: Some(row.until) },
        state: row.state,
        hold_until: row.hold,
        quorum: terms.equipment.quorum,
        approvals,
        history: Vec::new(),
    }
}
