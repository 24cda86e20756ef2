//! What people see of sessions and do to them: lists, live view, replay, cut.

pub(crate) mod sql;

use crate::{
    acts::{LONGEST, revoked_until},
    lists::{cursor, cursor_text},
    live::LiveFeed,
    model::{Alarm, Filter, Page, RelaySession},
    recording::RecordingReader,
    service::{Answer, InterventionError, InterventionService},
    sql::{InterventionRow, PAGE, intervention},
};
use identity::Authenticated;
use policy::{CutIntervention, CutRelay, Denied, MatterAct, ReplayRelay, WatchRelay};
use std::collections::HashMap;
use types::{InterventionId, RelayId, SessionId};

impl InterventionService {
    /// The sessions that this person may see, newest first.
    pub async fn sessions(&self, who: &Authenticated, filter: &Filter) -> Answer<Page<RelaySession>> {
        let (establishment, _) = self.at(who)?;
        let authorized = self.seeing(who).await?;
        let keys = &self.parts().keys;
        let from = cursor(filter.cursor.as_deref(), RelayId::from_bytes([0xff; 16]))?;
        let mut connection = self.read().await?;
        let mut rows = sql::sessions(&mut connection, keys, authorized.scope(), filter, from).await?;
        let more = rows.len() > PAGE;
        rows.truncate(PAGE);
        let next = rows.last().filter(|_| more).map(|row| cursor_text(row.session.opened, &row.session.id));
        // A probe's session is nobody's work; whoever asks for that very intervention sees it.
        let rehearsed = self.rehearsed().filter(|_| filter.intervention.is_none());
        rows.retain(|row| Some(row.session.equipment) != rehearsed);
        let mut matters: HashMap<InterventionId, policy::Matter> = HashMap::new();
        let mut shown = Vec::with_capacity(rows.len());
        for row in rows {
            let matter = match matters.get(&row.intervention) {
                Some(matter) => matter.clone(),
                None => {
                    let of = intervention(&mut connection, keys, (establishment, row.intervention)).await?;
                    of.map(|of| of.matter()).ok_or(InterventionError::NotFound)?
                }
            };
            self.admitted(who, authorized.scope(), &matter).await?;
            matters.insert(row.intervention, matter);
            shown.push(self.with_life(row.session));
        }
        Ok(Page { rows: shown, next })
    }

    /// With what this node knows of it while it runs.
    fn with_life(&self, mut session: RelaySession) -> RelaySession {
        let leases = &self.parts().leases;
        if let Some(view) = leases.view(session.id) {
            session.held = view.is_held(self.now());
            session.overrun = view.overrun;
            session.alarms = leases.alarms(session.id).into_iter().map(|(at, text)| Alarm { at, text }).collect();
        }
        session
    }

    /// One session.
    pub async fn session(&self, who: &Authenticated, relay: RelayId) -> Answer<RelaySession> {
        let (establishment, _) = self.at(who)?;
        let authorized = self.seeing(who).await?;
        let keys = &self.parts().keys;
        let mut connection = self.read().await?;
        let row = sql::session_within(&mut connection, keys, authorized.scope(), relay).await?;
        let Some(row) = row else {
            drop(connection);
            return Err(self.not_found(who, &format!("relay:{relay}"), "absent, or outside the scope").await);
        };
        let of = intervention(&mut connection, keys, (establishment, row.intervention)).await?;
        let of = of.ok_or(InterventionError::NotFound)?;
        self.admitted(who, authorized.scope(), &of.matter()).await?;
        Ok(self.with_life(row.session))
    }

    /// Cuts a session, and with it its intervention: nobody comes back through the same approval. What runs here is
    /// decided and cut from memory; the database is asked only about what runs elsewhere.
    pub async fn cut_session(&self, who: &Authenticated, relay: RelayId, reason: &str) -> Answer<()> {
        let reason = self.reason(reason)?;
        let here = self.parts().leases.matter_of(relay);
        let (id, matter, until) = match here {
            Some((id, matter)) => (id, matter, self.rehearsed_until(id).unwrap_or_else(|| self.now() + LONGEST)),
            None => {
                let row = self.of_session(who, relay).await?;
                (row.terms.id, row.matter(), revoked_until(&row))
            }
        };
        // Those who may cut are the hospital's: no supplier's name has to be looked up.
        let facts = Self::about(None, Some(matter));
        let session = self.decide(who, CutRelay { relay }, &facts).await?;
        let whole = self.decide(who, CutIntervention { intervention: id }, &facts).await?;
        self.parts().leases.cut(session, &reason).await;
        let name = self.name_soon(who).await;
        self.strike(id, whole, until, (&name, &reason)).await
    }

    /// Watches a live session; traced before the first picture.
    pub async fn watch(&self, who: &Authenticated, relay: RelayId) -> Answer<LiveFeed> {
        let row = self.of_session(who, relay).await?;
        let facts = Self::about(None, Some(row.matter()));
        let authorized = self.decide(who, WatchRelay { relay }, &facts).await?;
        let WatchRelay { relay } = self.parts().journal.disclose(authorized).await?;
        self.0.live.watch(relay).ok_or(InterventionError::NotFound)
    }

    /// Opens the recording of a session's channel; traced before the first byte.
    pub async fn recording(&self, who: &Authenticated, relay: RelayId, channel: u32) -> Answer<RecordingReader> {
        let row = self.of_session(who, relay).await?;
        let facts = Self::about(None, Some(row.matter()));
        let authorized = self.decide(who, ReplayRelay { relay }, &facts).await?;
        let reader = self.0.reader.clone().ok_or(InterventionError::NotFound)?;
        let ReplayRelay { relay } = self.parts().journal.disclose(authorized).await?;
        match reader.open(relay, channel).await {
            Ok(Some(reader)) => Ok(reader),
            Ok(None) => Err(InterventionError::NotFound),
            Err(error) => Err(InterventionError::Unavailable(error.to_string())),
        }
    }

    /// Whether somebody's session, or token, was revoked. What goes on for long is asked about again while it does: the
    /// proof that opened it was looked at once.
    pub fn is_revoked(&self, session: SessionId) -> bool {
        self.parts().journal.is_revoked(session)
    }

    /// Whether this person may do this with a session, for a page that shows the buttons. It opens nothing.
    pub async fn may(&self, who: &Authenticated, relay: RelayId, act: MatterAct) -> Answer<bool> {
        Ok(self.allows(who, relay, act).await?.is_ok())
    }

    /// The same, with what he lacks if that is all that keeps him from it.
    pub async fn allows(&self, who: &Authenticated, relay: RelayId, act: MatterAct) -> Answer<Result<(), Denied>> {
        let row = self.of_session(who, relay).await?;
        let facts = Self::about(None, Some(row.matter()));
        let policies = &self.parts().policies;
        Ok(match act {
            MatterAct::Cut => policies.decide(who, CutRelay { relay }, &facts, self.now()).map(drop),
            MatterAct::Watch => policies.decide(who, WatchRelay { relay }, &facts, self.now()).map(drop),
            MatterAct::Replay => policies.decide(who, ReplayRelay { relay }, &facts, self.now()).map(drop),
            _ => Err(Denied::ByPolicy),
        })
    }

    /// The intervention of a session: the facts of a decision about it.
    async fn of_session(&self, who: &Authenticated, relay: RelayId) -> Answer<InterventionRow> {
        let (establishment, _) = self.at(who)?;
        let mut connection = self.read().await?;
        let id = sql::intervention_of(&mut connection, (establishment, relay)).await?;
        let row = match id {
            Some(id) => intervention(&mut connection, &self.parts().keys, (establishment, id)).await?,
            None => None,
        };
        drop(connection);
        match row {
            Some(row) => Ok(row),
            None => Err(self.not_found(who, &format!("relay:{relay}"), "absent").await),
        }
    }
}
