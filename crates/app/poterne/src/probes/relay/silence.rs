//! A relay's session without traffic is ended (interventions T10). Nobody waits for the door's own limit: the session's
//! silence is made older. What is shown is that the running door ends a session whose silence reaches its own limit, and
//! not one whose silence is still below it; not that its clock counts fifteen minutes.

use super::{PATIENCE, Works, machine::Machine, no_relays};
use crate::probes::{Fault, Seen, verdict};
use dossier::{BoxFuture, Probe, ProbeInfo, ProbeOutcome};
use std::{sync::Arc, time::Duration};
use tokio::time::Instant;
use types::{Door, RelayId};

/// The longest silence that a door may be set to allow.
const ALLOWED_MAX: Duration = Duration::from_secs(2 * 3600);
/// What is left of the silence that is allowed once it was made older, and for how long a session must go on then.
const LEFT: Duration = Duration::from_secs(5);
const BELOW: Duration = Duration::from_secs(4);

/// The silence of sessions.
pub trait Silence: Send + Sync {
    /// How long the door allows it.
    fn limit(&self) -> Duration;
    /// Makes a session's older, until something passes again.
    fn deepen(&self, relay: RelayId, by: Duration);
}

impl Silence for relays::Silence {
    fn limit(&self) -> Duration {
        relays::Silence::limit(self)
    }

    fn deepen(&self, relay: RelayId, by: Duration) {
        relays::Silence::deepen(self, relay, by);
    }
}

/// Leaves a session without traffic.
pub struct SilenceProbe {
    info: &'static ProbeInfo,
    works: Option<(Arc<Works>, Arc<dyn Silence>)>,
}

impl SilenceProbe {
    /// Over the node's relays, if it has them.
    pub fn new(info: &'static ProbeInfo, works: Option<(Arc<Works>, Arc<dyn Silence>)>) -> Self {
        Self { info, works }
    }
}

impl Probe for SilenceProbe {
    fn info(&self) -> &ProbeInfo {
        self.info
    }

    fn run(&self) -> BoxFuture<'_, ProbeOutcome> {
        Box::pin(async {
            let Some((works, silence)) = &self.works else { return no_relays() };
            verdict(vec![(Door::Relays, look(works, &**silence).await)])
        })
    }
}

async fn look(works: &Works, silence: &dyn Silence) -> Seen {
    let limit = silence.limit();
    if limit > ALLOWED_MAX {
        return Err(Fault::broken("a session may stay without traffic for more than two hours"));
    }
    let machine = Machine::serve().await?;
    let staged = works.parts.stage.set(&machine).await?;
    let began = works.parts.codes.now();
    let seen = async {
        let technician = works.sign_in(&staged.target()).await?;
        let mut terminal = technician.terminal(&machine.greeting).await?;
        let relay = works.session_of(staged.intervention(), began).await?;
        // From here on nothing passes.
        terminal.say("silence").await?;
        let deepened = Instant::now();
        silence.deepen(relay, limit.saturating_sub(LEFT));
        let Some(gone) = technician.gone(LEFT + PATIENCE).await else {
            return Err(Fault::broken("a session without traffic for longer than the door allows goes on"));
        };
        if gone.saturating_duration_since(deepened) < BELOW {
            return Err(Fault::broken("a session ends before it was without traffic for as long as the door says"));
        }
        works.closed(relay, began).await?;
        if !terminal.rest().await.contains("Nothing has passed for a long time") {
            return Err(Fault::unreachable("the session ended for another reason"));
        }
        Ok(())
    };
    let seen = seen.await;
    let cleared = staged.clear().await;
    seen?;
    cleared?;
    let minutes = limit.as_secs() / 60;
    Ok(format!(
        "a session whose silence was made as old as the door's own limit ({minutes} min, not waited for) was ended then, \
         and not before"
    ))
}
