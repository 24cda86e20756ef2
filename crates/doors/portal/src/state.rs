//! What the portal's handlers share: the two services and what its frame says.

use axum::{
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
};
use care::CareService;
use signin::SignInService;
use std::{collections::BTreeMap, sync::Arc, time::Duration};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use types::{Clock, Door, EstablishmentId, Lang};
use web::{
    cookie::SessionCookie,
    csrf::{CsrfKey, Origin},
    guard::ErrorPages,
    layout::{Chrome, ErrorKind, ErrorPage, page},
    reference::Reference,
};

/// What the portal needs to know.
pub struct PortalSettings {
    /// Where its pages live.
    pub origin: Origin,
    /// The hospitals' names.
    pub establishments: BTreeMap<EstablishmentId, String>,
    /// The name shown to strangers.
    pub name: String,
    /// Whom to ask for help.
    pub support_contact: Option<String>,
    /// The key of its form tokens.
    pub csrf: CsrfKey,
    /// The time.
    pub clock: Arc<dyn Clock>,
}

struct Parts {
    settings: PortalSettings,
    signin: SignInService,
    care: CareService,
    cookie: SessionCookie,
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
        let cookie = SessionCookie::for_door(Door::Portal);
        let documents = Arc::new(Semaphore::new(DOCUMENTS_MAX));
        Self(Arc::new(Parts { settings, signin, care, cookie, documents }))
    }

    pub(crate) fn settings(&self) -> &PortalSettings {
        &self.0.settings
    }

    pub(crate) fn origin(&self) -> &Origin {
        &self.0.settings.origin
    }

    pub(crate) fn signin(&self) -> &SignInService {
        &self.0.signin
    }

    pub(crate) fn care(&self) -> &CareService {
        &self.0.care
    }

    pub(crate) fn cookie(&self) -> &SessionCookie {
        &self.0.cookie
    }

    /// A place among the documents under way; none when all are taken for too long.
    pub(crate) async fn document_place(&self) -> Option<OwnedSemaphorePermit> {
        let place = self.0.documents.clone().acquire_owned();
        tokio::time::timeout(DOCUMENT_WAIT, place).await.ok()?.ok()
    }

    /// The frame of a page that nobody is signed in on.
    pub(crate) fn bare_chrome(&self, lang: Lang) -> Chrome {
        let settings = self.settings();
        Chrome {
            lang,
            origin: settings.origin.as_str().to_owned(),
            path_without_lang: "/".to_owned(),
            establishment_name: settings.name.clone(),
            support_contact: settings.support_contact.clone(),
            signed_in: None,
            now: settings.clock.now(),
        }
    }
}

/// The error pages that the guard draws: nobody is named on them, whoever asked.
pub(crate) struct PortalPages(PortalState);

impl PortalPages {
    pub(crate) fn of(state: &PortalState) -> Self {
        Self(state.clone())
    }
}

impl ErrorPages for PortalPages {
    fn page(&self, status: StatusCode, lang: Lang, reference: &Reference) -> Response {
        let chrome = self.0.bare_chrome(lang);
        ErrorPage::new(chrome, ErrorKind::from_status(status), Some(*reference)).into_response()
    }

    fn lang(&self, headers: &HeaderMap) -> Lang {
        let accepted = headers.get(axum::http::header::ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok());
        Lang::from_accept(accepted.unwrap_or_default())
    }
}

/// A page with status 200.
pub(crate) fn shown(lang: Lang, template: &impl askama::Template) -> Response {
    page(StatusCode::OK, lang, template)
}
