//! What the node does by itself: it notes what is over, and writes down what a stop left open.

use crate::{
    effects::Over,
    gate::Ending,
    model::{State, StepKind},
    service::{Answer, InterventionError, InterventionService},
    sql,
};
use identity::system_actor;
use lease::EndReason;
use policy::LapseIntervention;
use types::{InterventionId, SystemActor};

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
