//! What the node does by itself: it notes what is over, and writes down what a stop left open.

use crate::{
    effects::Over,
    gate::Ending,
    model::{State, StepKind},
    people,
    service::{Answer, InterventionError, InterventionService},
    sql,
    warrant::{NoWarrant, Standing},
};
use identity::system_actor;
use lease::{EndReason, Held};
use policy::LapseIntervention;
use std::{collections::BTreeSet, time::Duration};
use store::StoreError;
use types::{Actor, Event, InterventionId, SystemActor, Time};

/// How often all that runs is held against its signatures.
const LOOK_EVERY: Duration = Duration::from_secs(15);

/// What was opened so soon after an account's sessions ended may have been under way before, or on a node whose clock is late.
const JUST_AFTER: Duration = Duration::from_secs(5);

/// What [`InterventionService::keep_leases`] remembers between two calls.
#[derive(Debug, Default)]
pub struct LeaseWatch {
    looked: Option<Time>,
    told: BTreeSet<InterventionId>,
}

impl InterventionService {
    /// What a stop without warning left behind: sessions that nobody closed, and cuts that only the reserve knows of. The
    /// node calls it once, before the relays listen.
    pub async fn recover(&self) -> Answer<()> {
        for id in self.parts().journal.revoked_matters() {
            let mut connection = self.read().await?;
            let open = sql::still_open(&mut connection, id).await?;
            drop(connection);
            if open {
                self.over(id, State::Cut, StepKind::Cut).await?;
            }
        }
        let mut connection = self.read().await?;
        let left = lease::rows::left_open(&mut connection, self.parts().leases.origin()).await?;
        drop(connection);
        for relay in left.into_iter().filter(|relay| !self.parts().leases.is_live(*relay)) {
            let ending = Ending {
                reason: EndReason::Node,
                note: String::new(),
                bytes_in: 0,
                bytes_out: 0,
                channels: Vec::new(),
            };
            self.closed(relay, &ending).await?;
        }
        Ok(())
    }

    /// Whether a passkey is one of those that need nobody's word: the configuration names it.
    pub fn is_pinned(&self, credential: &[u8]) -> bool {
        self.parts().pinned.first().now().keys.iter().any(|key| key.credential == credential)
    }

    /// Notes the windows that are over. The node calls it every few seconds.
    pub async fn keep_house(&self) -> Answer<()> {
        let mut connection = self.read().await?;
        let over = sql::over(&mut connection, self.now()).await?;
        drop(connection);
        for id in over {
            self.over(id, State::Lapsed, StepKind::Lapsed).await?;
        }
        Ok(())
    }

    /// Holds what runs against what was signed: rows that give more time count once the signatures say so, and what
    /// nobody's signatures bear any more ends, unless "do not interrupt" holds it. The node calls it twice a second; accounts
    /// and keys are looked at each time, all signatures every fifteen seconds, those whose rows claim more at once.
    pub async fn keep_leases(&self, watch: &mut LeaseWatch) -> Answer<()> {
        let leases = &self.parts().leases;
        let now = self.now();
        let all = watch.looked.is_none_or(|last| now.since(last) >= LOOK_EVERY);
        let due = if all { leases.interventions() } else { leases.claiming_more() };
        if all {
            watch.looked = Some(now);
            watch.told.retain(|id| due.contains(id));
        }
        for id in due {
            match self.signed_for(id).await? {
                Ok(standing) => {
                    let claims = leases.claiming_more().contains(&id);
                    let gained = leases.lengthen(id, (standing.window_end, standing.hold_until));
                    if claims && !gained {
                        self.tell_once(watch, id, "its rows give more time than was signed").await;
                    }
                }
                Err(why) => {
                    leases.end_all_of(id, EndReason::Closed);
                    self.tell_once(watch, id, &why).await;
                }
            }
        }
        // Whatever its window: an account that is suspended or blocked, a key taken away, a holder who says that a sign-in was
        // not his, or who was given new means, end what is open.
        for id in leases.interventions() {
            self.end_without_key(watch, id).await?;
        }
        Ok(())
    }

    /// Whoever has lost his account or the key that he came with works no longer.
    async fn end_without_key(&self, watch: &mut LeaseWatch, id: InterventionId) -> Answer<()> {
        for Held { relay, subject, fingerprint, since } in self.parts().leases.holders(id) {
            let (Actor::Account(account), Some(establishment)) = (subject.actor, subject.establishment) else {
                continue;
            };
            let mut connection = self.read().await?;
            let known = people::sql::person(&mut connection, &self.parts().keys, (establishment, account)).await;
            let known = match known {
                // A row that does not open is nobody's, and keeps nobody from looking at the others.
                Err(StoreError::Malformed(_)) => None,
                known => known?,
            };
            let keys = people::sql::fingerprints(&mut connection, account).await?;
            drop(connection);
            let over = known.is_none_or(|known| known.ended.is_some_and(|ended| since <= ended + JUST_AFTER));
            if over || !keys.contains(&fingerprint) {
                self.parts().leases.end(relay, EndReason::Closed);
                let why =
                    "its technician has no account any more, or not the key he came with, or disowned the session";
                self.tell_once(watch, id, why).await;
            }
        }
        Ok(())
    }

    /// How an intervention that runs here stands, or why nothing bears it.
    async fn signed_for(&self, id: InterventionId) -> Answer<Result<Standing, String>> {
        let Some(matter) = self.parts().leases.matter(id) else { return Ok(Err("nothing runs".into())) };
        let mut connection = self.read().await?;
        let row = sql::intervention(&mut connection, &self.parts().keys, (matter.establishment, id)).await?;
        drop(connection);
        let Some(row) = row else { return Ok(Err("the intervention is not there any more".into())) };
        let (evidence, _) = self.evidence(&row, &[]).await?;
        Ok(match evidence.standing(&self.parts().pinned.now()) {
            Err(why) => Err(why.to_string()),
            Ok(standing) if !standing.is_approved() => {
                Err(NoWarrant::Quorum { given: standing.approvals, needed: standing.quorum }.to_string())
            }
            Ok(standing) => Ok(standing),
        })
    }

    async fn tell_once(&self, watch: &mut LeaseWatch, id: InterventionId, why: &str) {
        if !watch.told.insert(id) {
            return;
        }
        tracing::error!(intervention = %id, why, "what runs is not borne by signatures any more");
        let node = system_actor(SystemActor::Node, None, self.now());
        let detail = format!("intervention:{id} runs, but {why}");
        if let Err(error) = self.parts().journal.note(&node, Event::RelayAlarm, Some(detail)).await {
            tracing::error!(%error, "an alarm could not be traced");
            watch.told.remove(&id);
        }
    }

    async fn over(&self, id: InterventionId, to: State, step: StepKind) -> Answer<()> {
        let now = self.now();
        let node = system_actor(SystemActor::Node, None, now);
        let action = LapseIntervention { intervention: id };
        let decided = self.parts().policies.decide(&node, action, &Self::about(None, None), now);
        let authorized = decided.map_err(|error| InterventionError::Fault(error.to_string()))?;
        let effect = Over { to, step: self.step(id, step, "", "")? };
        Ok(self.parts().journal.perform(authorized, effect).await?)
    }
}
