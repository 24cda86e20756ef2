//! What the portal's handlers share: its entrance, the service behind it, and the places for documents.

use care::CareService;
use entrance::{Door, Entrance, Greeting};
use signin::SignInService;
use std::{sync::Arc, time::Duration};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use web::{assets::Icon, i18n::Text};

/// What the portal needs to know.
pub type PortalSettings = entrance::EntranceSettings;

struct Parts {
    entrance: Entrance,
    care: CareService,
    documents: Arc<Semaphore>,
}

/// Documents being fetched or sent at once. Each may hold three times its size while it is fetched: this, and nothing
/// else, bounds what they take together.
const DOCUMENTS_MAX: usize = 8;
/// How long a document waits for its place.
const DOCUMENT_WAIT: Duration = Duration::from_secs(5);

/// The portal's state. Clones are handles.
#[derive(Clone)]
pub struct PortalState(Arc<Parts>);

impl PortalState {
    /// Over its services.
    pub fn new(settings: PortalSettings, signin: SignInService, care: CareService) -> Self {
        let entrance = Entrance::new(types::Door::Portal, greeting, settings, signin);
        let documents = Arc::new(Semaphore::new(DOCUMENTS_MAX));
        Self(Arc::new(Parts { entrance, care, documents }))
    }

    pub(crate) fn care(&self) -> &CareService {
        &self.0.care
    }

    /// A place among the documents under way; none when all are taken for too long.
    pub(crate) async fn document_place(&self) -> Option<OwnedSemaphorePermit> {
        let place = self.0.documents.clone().acquire_owned();
        tokio::time::timeout(DOCUMENT_WAIT, place).await.ok()?.ok()
    }
}

impl Door for PortalState {
    fn entrance(&self) -> &Entrance {
        &self.0.entrance
    }
}

/// What the portal says to a stranger.
pub fn greeting(t: Text) -> Greeting {
    Greeting {
        title: t.portal_welcome_title(),
        lead: t.portal_welcome_lead(),
        for_whom: vec![
            (Icon::Person, t.portal_welcome_who_patient()),
            (Icon::People, t.portal_welcome_who_relative()),
            (Icon::Care, t.portal_welcome_who_professional()),
        ],
        closing: t.portal_welcome_own_account(),
        envelopes: false,
    }
}
