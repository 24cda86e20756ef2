//! What stands at a door's entrance, whatever lies behind: its names, its words, its keys, its sign-in.

use signin::{ApiTokens, SignInService};
use std::{collections::BTreeMap, sync::Arc};
use types::{Clock, EstablishmentId, Lang, Time};
use web::{
    assets::Icon,
    cookie::SessionCookie,
    csrf::{CsrfKey, Origin},
    i18n::Text,
    layout::Chrome,
    rehearsed::Rehearsed,
};

/// What a door's entrance needs to know.
pub struct EntranceSettings {
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
    /// The faults that a probe of this process arms for sessions of its own, if one does.
    pub rehearsed: Option<Rehearsed>,
}

/// What a door says to a stranger beside the sign-in form.
#[derive(Debug, Clone)]
pub struct Greeting {
    /// What this door is.
    pub title: &'static str,
    /// What is done behind it.
    pub lead: &'static str,
    /// Who comes through it, and for what.
    pub for_whom: Vec<(Icon, &'static str)>,
    /// The last word.
    pub closing: &'static str,
    /// Whether break-glass accounts come in here.
    pub envelopes: bool,
}

struct Parts {
    greeting: fn(Text) -> Greeting,
    settings: EntranceSettings,
    signin: SignInService,
    cookie: SessionCookie,
}

/// A door's entrance. Clones are handles.
#[derive(Clone)]
pub struct Entrance {
    parts: Arc<Parts>,
    tokens: Option<ApiTokens>,
}

impl Entrance {
    /// `door` names the cookie; `signin` is that same door's.
    pub fn new(
        door: types::Door,
        greeting: fn(Text) -> Greeting,
        settings: EntranceSettings,
        signin: SignInService,
    ) -> Self {
        let cookie = SessionCookie::for_door(door);
        Self { parts: Arc::new(Parts { greeting, settings, signin, cookie }), tokens: None }
    }

    /// Gives the door an API, for those whose tokens `tokens` honors: that same door's.
    pub fn with_api(mut self, tokens: ApiTokens) -> Self {
        self.tokens = Some(tokens);
        self
    }

    /// What honors the API's tokens, if the door has one.
    pub fn tokens(&self) -> Option<&ApiTokens> {
        self.tokens.as_ref()
    }

    /// Where this door's pages live.
    pub fn origin(&self) -> &Origin {
        &self.parts.settings.origin
    }

    /// Its sign-in.
    pub fn signin(&self) -> &SignInService {
        &self.parts.signin
    }

    /// The time.
    pub fn now(&self) -> Time {
        self.parts.settings.clock.now()
    }

    /// A hospital's name.
    pub fn establishment_name(&self, id: EstablishmentId) -> Option<&str> {
        self.parts.settings.establishments.get(&id).map(String::as_str)
    }

    pub(crate) fn cookie(&self) -> &SessionCookie {
        &self.parts.cookie
    }

    pub(crate) fn rehearsed(&self) -> Option<&Rehearsed> {
        self.parts.settings.rehearsed.as_ref()
    }

    pub(crate) fn csrf(&self) -> &CsrfKey {
        &self.parts.settings.csrf
    }

    pub(crate) fn greeting(&self, t: Text) -> Greeting {
        (self.parts.greeting)(t)
    }

    /// The frame of a page that nobody is signed in on.
    pub fn bare_chrome(&self, lang: Lang) -> Chrome {
        let settings = &self.parts.settings;
        Chrome {
            lang,
            origin: settings.origin.as_str().to_owned(),
            path_without_lang: "/".to_owned(),
            establishment_name: settings.name.clone(),
            support_contact: settings.support_contact.clone(),
            signed_in: None,
            more_proof: None,
            nav: Vec::new(),
            now: settings.clock.now(),
        }
    }
}
