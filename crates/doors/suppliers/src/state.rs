//! What the suppliers' handlers share: their entrance and the services behind it.

use crate::pages::nav;
use entrance::{Door, Entrance, EntranceSettings, Greeting};
use interventions::{Intervention, InterventionError, InterventionService, StepKind};
use signin::{ApiTokens, Means, SignInService, SignedIn};
use std::sync::Arc;
use types::{AccountId, InterventionId, Role, Time};
use web::{assets::Icon, i18n::Text, layout::NavItem};

/// What the suppliers' door needs to know.
pub struct SuppliersSettings {
    /// Its entrance's.
    pub entrance: EntranceSettings,
    /// Where SSH clients reach the relays: host and port. Without it pages cannot give the command to copy.
    pub relay: Option<(String, u16)>,
    /// The fingerprint of the key that they show: `SHA256:…`.
    pub relay_key: Option<String>,
}

/// What stands behind the door; all of it is that same door's.
pub struct SuppliersServices {
    /// Signing in and out.
    pub signin: SignInService,
    /// The tokens of its API.
    pub tokens: ApiTokens,
    /// One's own keys for SSH.
    pub means: Means,
    /// Interventions and equipment.
    pub interventions: InterventionService,
}

struct Parts {
    entrance: Entrance,
    relay: Option<(String, u16)>,
    relay_key: Option<String>,
    services: SuppliersServices,
}

/// The suppliers' state. Clones are handles.
#[derive(Clone)]
pub struct SuppliersState(Arc<Parts>);

impl SuppliersState {
    /// Over its services.
    pub fn new(settings: SuppliersSettings, services: SuppliersServices) -> Self {
        let SuppliersSettings { entrance, relay, relay_key } = settings;
        let entrance = Entrance::new(types::Door::Suppliers, greeting, entrance, services.signin.clone());
        let entrance = entrance.with_api(services.tokens.clone());
        Self(Arc::new(Parts { entrance, relay, relay_key, services }))
    }

    pub(crate) fn interventions(&self) -> &InterventionService {
        &self.0.services.interventions
    }

    pub(crate) fn means(&self) -> &Means {
        &self.0.services.means
    }

    pub(crate) fn tokens(&self) -> &ApiTokens {
        &self.0.services.tokens
    }

    pub(crate) fn relay_key(&self) -> Option<&str> {
        self.0.relay_key.as_deref()
    }

    pub(crate) fn relay(&self) -> Option<(&str, u16)> {
        self.0.relay.as_ref().map(|(host, port)| (host.as_str(), *port))
    }

    pub(crate) fn now(&self) -> Time {
        self.0.entrance.now()
    }

    /// One intervention, as suppliers' people may see it: pages and programs ask here, nowhere else.
    pub(crate) async fn intervention(
        &self,
        who: &identity::Authenticated,
        id: InterventionId,
    ) -> Result<Intervention, InterventionError> {
        let mut one = self.interventions().get(who, id).await?;
        for step in &mut one.history {
            // Why a session was refused, and what went wrong in one, is told to the hospital alone: it may name a
            // forged row, an address, a machine.
            if matches!(step.act, StepKind::SessionRefused | StepKind::Alarm) {
                step.note.clear();
            }
        }
        Ok(one)
    }
}

impl Door for SuppliersState {
    fn entrance(&self) -> &Entrance {
        &self.0.entrance
    }

    fn navigation(&self, who: &SignedIn, t: Text) -> Vec<NavItem> {
        nav(who.role, t)
    }
}

/// Whether somebody may ask for these technicians. A technician works in what he asks for: otherwise he could not even
/// see what becomes of it.
pub(crate) fn may_name(role: Role, own: AccountId, technicians: &[AccountId]) -> bool {
    role != Role::Technician || technicians.contains(&own)
}

/// What the door says to a stranger.
pub fn greeting(t: Text) -> Greeting {
    Greeting {
        title: t.suppliers_welcome_title(),
        lead: t.suppliers_welcome_lead(),
        for_whom: vec![
            (Icon::Person, t.suppliers_welcome_who_technician()),
            (Icon::People, t.suppliers_welcome_who_manager()),
            (Icon::Search, t.suppliers_welcome_who_auditor()),
        ],
        closing: t.suppliers_welcome_own_account(),
        envelopes: false,
    }
}
