//! What every page has around it, and the error pages. Typed templates: a page without its frame does not compile.
//!
//! A page is a struct that derives `askama::Template`, extends `layout.html`, and holds two fields: `chrome:
//! [Chrome]` and `t: [Text]`. No page holds inline script or style.

use crate::{
    assets::{self, Icon},
    csrf::TOKEN_FIELD,
    i18n::Text,
    reference::Reference,
    when::{self, Dated, TimeTag},
};
use askama::Template;
use axum::{
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use types::{ClientAddress, Lang, Role, Time};

/// What a page's module needs in scope for its template: `use web::layout::prelude::*`.
pub mod prelude {
    pub use super::Chrome;
    pub use crate::{
        assets::{self, Icon},
        csrf::TOKEN_FIELD,
        i18n::Text,
    };
    pub use askama::Template;
}

/// What the frame of a page says.
#[derive(Debug, Clone)]
pub struct Chrome {
    /// The page's language.
    pub lang: Lang,
    /// The door's origin, `https://portail.example`; printed with the page.
    pub origin: String,
    /// The page's path after `/{lang}`, beginning with `/`, query included. For the answer to a form, that of the
    /// page which holds the form: the other language is asked for by its link.
    pub path_without_lang: String,
    /// The hospital's name.
    pub establishment_name: String,
    /// A telephone number, an address, or any line that says whom to ask.
    pub support_contact: Option<String>,
    /// Who is signed in, if anybody.
    pub signed_in: Option<SignedIn>,
    /// Where he proves more of who he is, on a page that shows less for want of it.
    pub more_proof: Option<String>,
    /// Where he may go from any page; empty where the home page says it all.
    pub nav: Vec<NavItem>,
    /// When the page was made.
    pub now: Time,
}

/// Who is signed in, and until when.
#[derive(Debug, Clone)]
pub struct SignedIn {
    /// How he is called.
    pub display_name: String,
    /// His account's role.
    pub role: Role,
    /// The session's form token.
    pub csrf: String,
    /// When the session ends if nothing more is asked.
    pub ends_at: Time,
    /// When it ends whatever is asked.
    pub absolute_end: Time,
    /// The sign-in before this one.
    pub last_sign_in: Option<LastSignIn>,
    /// Where a `POST` with the form token prolongs the session and answers `{"seconds_left":N}`.
    pub keep_alive_path: String,
    /// Whether sealed envelopes opened the session: each of its pages says so.
    pub is_break_glass: bool,
    /// Where a `POST` says each minute that the page is still there, where one session at a time is kept.
    pub here_path: Option<String>,
}

/// A place that every page of a door leads to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NavItem {
    /// Its path after `/{lang}`, beginning with `/`, without query.
    pub path: String,
    /// Its name, in the page's language.
    pub label: String,
    /// Its sign; the name stands beside.
    pub icon: Icon,
    /// Whether the page is there or below.
    pub current: bool,
    /// How many things wait there for the reader; zero is not shown.
    pub badge: Option<u32>,
}

impl NavItem {
    /// A place where nothing is known to wait.
    pub fn new(path: impl Into<String>, label: impl Into<String>, icon: Icon) -> Self {
        Self { path: path.into(), label: label.into(), icon, current: false, badge: None }
    }

    /// Whether `path`, with or without query, is this place or below it. The home page is above nothing.
    fn holds(&self, path: &str) -> bool {
        let path = path.split('?').next().unwrap_or_default();
        match path.strip_prefix(self.path.as_str()) {
            Some(rest) => rest.is_empty() || (self.path != "/" && rest.starts_with('/')),
            None => false,
        }
    }
}

/// An earlier sign-in, shown so that its owner notices one that was not his (acces-web).
#[derive(Debug, Clone, Copy)]
pub struct LastSignIn {
    /// When.
    pub at: Time,
    /// From where.
    pub address: ClientAddress,
}

impl Chrome {
    /// Gives the page its places, and marks the one where it is: of those that hold it, the deepest.
    pub fn navigate(&mut self, mut places: Vec<NavItem>) {
        let here = |place: &NavItem| place.holds(&self.path_without_lang);
        let deepest = places.iter().filter(|place| here(place)).map(|place| place.path.len()).max();
        for place in &mut places {
            place.current = deepest == Some(place.path.len()) && here(place);
        }
        self.nav = places;
    }

    /// Says how many things wait at a place.
    pub fn waiting(&mut self, path: &str, count: u32) {
        for place in self.nav.iter_mut().filter(|place| place.path == path) {
            place.badge = (count > 0).then_some(count);
        }
    }

    /// What `aria-current` says of a place: this very page, or one above it.
    pub fn aria_current(&self, place: &NavItem) -> &'static str {
        let path = self.path_without_lang.split('?').next().unwrap_or_default();
        if path == place.path { "page" } else { "true" }
    }

    /// The sentences in the page's language.
    pub fn text(&self) -> Text {
        Text::new(self.lang)
    }

    /// A path of this door in the page's language.
    pub fn url(&self, path: &str) -> String {
        format!("/{}{path}", self.lang)
    }

    /// The same page in the other language.
    pub fn other_language_path(&self) -> String {
        format!("/{}{}", self.lang.other(), self.path_without_lang)
    }

    /// This page's own path.
    pub fn own_path(&self) -> String {
        self.url(&self.path_without_lang)
    }

    /// Where the sign-out form is posted.
    pub fn sign_out_path(&self) -> String {
        self.url("/session/end")
    }

    /// A moment in full.
    pub fn moment(&self, time: &Time) -> TimeTag {
        TimeTag::full(*time, self.lang)
    }

    /// A moment to the second, the exact one on demand.
    pub fn exact(&self, time: &Time) -> TimeTag {
        TimeTag::exact(*time, self.lang)
    }

    /// When the page was made, in words.
    pub fn full_now(&self) -> String {
        when::full(self.now, self.lang)
    }

    /// How long ago.
    pub fn ago(&self, time: &Time) -> TimeTag {
        TimeTag::ago(*time, self.now, self.lang)
    }

    /// A moment's day, `21 nov. 2026`.
    pub fn date(&self, time: &Time) -> String {
        when::short(*time, self.lang)
    }

    /// The hospital's date, to the day.
    pub fn day(&self, date: &Dated) -> TimeTag {
        TimeTag::dated(date, self.lang)
    }

    /// The hospital's date, with its hour if known.
    pub fn day_and_hour(&self, date: &Dated) -> TimeTag {
        TimeTag::dated_full(date, self.lang)
    }

    /// A civil date such as a birth date.
    pub fn civil(&self, text: &str) -> String {
        when::day(text, self.lang)
    }

    /// Where the support line leads, when it is a telephone number or a mail address.
    pub fn support_link(&self) -> Option<String> {
        contact_link(self.support_contact.as_deref()?)
    }
}

impl SignedIn {
    /// Seconds until the session ends if nothing more is asked; the browser's clock may be wrong, ours counts.
    pub fn seconds_left(&self, now: &Time) -> u64 {
        self.ends_at.since(*now).as_secs()
    }

    /// Seconds until it ends whatever is asked.
    pub fn seconds_left_max(&self, now: &Time) -> u64 {
        self.absolute_end.since(*now).as_secs()
    }
}

fn contact_link(contact: &str) -> Option<String> {
    let contact = contact.trim();
    let is_phone = contact.chars().all(|c| c.is_ascii_digit() || c == '+' || c == '.' || c.is_whitespace());
    let digits: String = contact.chars().filter(|c| c.is_ascii_digit() || *c == '+').collect();
    if is_phone && digits.len() >= 2 {
        return Some(format!("tel:{digits}"));
    }
    let legal = |c: char| c.is_ascii_alphanumeric() || "@.-_+".contains(c);
    match contact.split_once('@') {
        Some((user, host)) if !user.is_empty() && host.contains('.') && contact.chars().all(legal) => {
            Some(format!("mailto:{contact}"))
        }
        _ => None,
    }
}

/// Why a page cannot be shown, as far as the person before it may know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorKind {
    /// Absent or forbidden: one and the same.
    NotFound,
    /// What was sent is not understood.
    BadRequest,
    /// The form is too old, or was not ours.
    FormExpired,
    /// The session has ended.
    SessionExpired,
    /// Too many attempts; how long to wait.
    TooManyAttempts {
        /// Seconds.
        wait_seconds: u64,
    },
    /// What was sent is too large.
    TooLarge,
    /// The door has too much to do.
    Busy,
    /// The hospital's records do not answer.
    SisUnavailable,
    /// The door cannot write its traces, so it opens nothing.
    JournalUnavailable,
    /// Anything else.
    Internal,
}

impl ErrorKind {
    /// Each kind, once.
    pub const ALL: [ErrorKind; 10] = [
        Self::NotFound,
        Self::BadRequest,
        Self::FormExpired,
        Self::SessionExpired,
        Self::TooManyAttempts { wait_seconds: 30 },
        Self::TooLarge,
        Self::Busy,
        Self::SisUnavailable,
        Self::JournalUnavailable,
        Self::Internal,
    ];

    /// The kind that explains a bare status.
    pub fn from_status(status: StatusCode) -> Self {
        match status {
            StatusCode::NOT_FOUND | StatusCode::FORBIDDEN => Self::NotFound,
            StatusCode::UNAUTHORIZED => Self::SessionExpired,
            StatusCode::TOO_MANY_REQUESTS => Self::TooManyAttempts { wait_seconds: 60 },
            StatusCode::PAYLOAD_TOO_LARGE | StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE | StatusCode::URI_TOO_LONG => {
                Self::TooLarge
            }
            StatusCode::SERVICE_UNAVAILABLE | StatusCode::REQUEST_TIMEOUT => Self::Busy,
            StatusCode::BAD_GATEWAY | StatusCode::GATEWAY_TIMEOUT => Self::SisUnavailable,
            status if status.is_client_error() => Self::BadRequest,
            _ => Self::Internal,
        }
    }

    /// The status it is sent with.
    pub const fn status(self) -> StatusCode {
        match self {
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::BadRequest => StatusCode::BAD_REQUEST,
            Self::FormExpired => StatusCode::BAD_REQUEST,
            Self::SessionExpired => StatusCode::UNAUTHORIZED,
            Self::TooManyAttempts { .. } => StatusCode::TOO_MANY_REQUESTS,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Busy | Self::JournalUnavailable | Self::SisUnavailable => StatusCode::SERVICE_UNAVAILABLE,
            Self::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// What happened.
    pub fn title(self, t: Text) -> &'static str {
        match self {
            Self::NotFound => t.error_not_found_title(),
            Self::BadRequest => t.error_bad_request_title(),
            Self::FormExpired => t.error_form_expired_title(),
            Self::SessionExpired => t.error_session_expired_title(),
            Self::TooManyAttempts { .. } => t.error_too_many_attempts_title(),
            Self::TooLarge => t.error_too_large_title(),
            Self::Busy => t.error_busy_title(),
            Self::SisUnavailable => t.error_sis_unavailable_title(),
            Self::JournalUnavailable => t.error_journal_unavailable_title(),
            Self::Internal => t.error_internal_title(),
        }
    }

    /// What was kept.
    pub fn kept(self, t: Text) -> &'static str {
        match self {
            Self::NotFound => t.error_not_found_kept(),
            Self::BadRequest => t.error_bad_request_kept(),
            Self::FormExpired => t.error_form_expired_kept(),
            Self::SessionExpired => t.error_session_expired_kept(),
            Self::TooManyAttempts { .. } => t.error_too_many_attempts_kept(),
            Self::TooLarge => t.error_too_large_kept(),
            Self::Busy => t.error_busy_kept(),
            Self::SisUnavailable => t.error_sis_unavailable_kept(),
            Self::JournalUnavailable => t.error_journal_unavailable_kept(),
            Self::Internal => t.error_internal_kept(),
        }
    }

    /// What to do.
    pub fn next(self, t: Text) -> String {
        match self {
            Self::NotFound => t.error_not_found_next().to_owned(),
            Self::BadRequest => t.error_bad_request_next().to_owned(),
            Self::FormExpired => t.error_form_expired_next().to_owned(),
            Self::SessionExpired => t.error_session_expired_next().to_owned(),
            Self::TooManyAttempts { wait_seconds } => t.error_too_many_attempts_next(wait(wait_seconds, t)),
            Self::TooLarge => t.error_too_large_next().to_owned(),
            Self::Busy => t.error_busy_next().to_owned(),
            Self::SisUnavailable => t.error_sis_unavailable_next().to_owned(),
            Self::JournalUnavailable => t.error_journal_unavailable_next().to_owned(),
            Self::Internal => t.error_internal_next().to_owned(),
        }
    }

    /// Whether asking again for the same page may help.
    pub const fn may_retry(self) -> bool {
        matches!(self, Self::Busy | Self::SisUnavailable | Self::JournalUnavailable | Self::Internal)
    }

    /// Whether the way on is to sign in.
    pub const fn asks_sign_in(self) -> bool {
        matches!(self, Self::SessionExpired)
    }

    fn retry_after_seconds(self) -> Option<u64> {
        match self {
            Self::TooManyAttempts { wait_seconds } => Some(wait_seconds),
            Self::Busy | Self::SisUnavailable | Self::JournalUnavailable => Some(30),
            _ => None,
        }
    }
}

/// A wait in words: seconds under two minutes, then minutes, rounded up: who waits that long is let in.
pub fn wait(seconds: u64, t: Text) -> String {
    if seconds < 120 { t.when_wait_seconds(seconds) } else { t.when_wait_minutes(seconds.div_ceil(60)) }
}

/// The page that stands where another cannot.
#[derive(Debug, Template)]
#[template(path = "error.html")]
pub struct ErrorPage {
    chrome: Chrome,
    t: Text,
    kind: ErrorKind,
    reference: Option<Reference>,
}

impl ErrorPage {
    /// `reference` leads the hospital's staff to the cause in the log; the page itself never tells it.
    pub fn new(chrome: Chrome, kind: ErrorKind, reference: Option<Reference>) -> Self {
        Self { t: chrome.text(), chrome, kind, reference }
    }
}

impl IntoResponse for ErrorPage {
    fn into_response(self) -> Response {
        let mut response = match self.render() {
            Ok(html) => (self.kind.status(), [(header::CONTENT_TYPE, HTML)], html).into_response(),
            Err(_) => plain_error(self.chrome.lang, self.kind, self.reference.as_ref()),
        };
        if let Some(seconds) = self.kind.retry_after_seconds() {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}

/// The same in plain text, when there is no frame to put it in.
pub fn plain_error(lang: Lang, kind: ErrorKind, reference: Option<&Reference>) -> Response {
    let t = Text::new(lang);
    let mut body = format!("{}\n\n{}\n{}\n", kind.title(t), kind.kept(t), kind.next(t));
    if let Some(reference) = reference {
        body = format!("{body}\n{}\n", t.error_reference(reference));
    }
    (kind.status(), [(header::CONTENT_TYPE, "text/plain; charset=utf-8")], body).into_response()
}

/// The `Content-Type` of pages.
pub const HTML: &str = "text/html; charset=utf-8";

/// A page as a response. A template that fails to render (it cannot, but for a broken `Display`) reads as an internal
/// fault.
pub fn page(status: StatusCode, lang: Lang, template: &impl Template) -> Response {
    match template.render() {
        Ok(html) => (status, [(header::CONTENT_TYPE, HTML)], html).into_response(),
        Err(_) => plain_error(lang, ErrorKind::Internal, None),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
    use super::*;

    fn stranger(lang: Lang) -> Chrome {
        Chrome {
            lang,
            origin: "https://portail.example".to_owned(),
            path_without_lang: "/records/x?kind=result".to_owned(),
            establishment_name: "Hôpital <b>".to_owned(),
            support_contact: None,
            signed_in: None,
            more_proof: None,
            nav: Vec::new(),
            now: Time::from_micros(0),
        }
    }

    #[test]
    fn the_page_is_at_one_place() {
        let places = || {
            ["/", "/interventions", "/interventions/live", "/equipment"]
                .map(|path| NavItem::new(path, path, Icon::Document))
                .to_vec()
        };
        for (path, expected, word) in [
            ("/", Some("/"), "page"),
            ("/?q=x", Some("/"), "page"),
            ("/interventions", Some("/interventions"), "page"),
            ("/interventions?state=open", Some("/interventions"), "page"),
            ("/interventions/abc", Some("/interventions"), "true"),
            ("/interventions/live", Some("/interventions/live"), "page"),
            ("/interventionsx", None, ""),
            ("/session", None, ""),
        ] {
            let mut chrome = stranger(Lang::Fr);
            chrome.path_without_lang = path.to_owned();
            chrome.navigate(places());
            let current: Vec<&NavItem> = chrome.nav.iter().filter(|place| place.current).collect();
            assert_eq!(current.first().map(|place| place.path.as_str()), expected, "{path}");
            assert!(current.len() <= 1, "{path}");
            let html = ErrorPage::new(chrome.clone(), ErrorKind::Busy, None).render().unwrap();
            assert_eq!(html.matches("aria-current").count(), current.len(), "{path}");
            assert!(expected.is_none() || html.contains(&format!("aria-current=\"{word}\"")), "{path}");
        }
    }

    #[test]
    fn what_waits_is_told_in_a_number_and_in_words() {
        let mut chrome = stranger(Lang::Fr);
        chrome.navigate(vec![NavItem::new("/a", "<Demandes>", Icon::Clock), NavItem::new("/b", "B", Icon::Clock)]);
        chrome.waiting("/a", 3);
        chrome.waiting("/b", 0);
        let html = ErrorPage::new(chrome, ErrorKind::Busy, None).render().unwrap();
        assert!(html.contains("href=\"/fr/a\"") && !html.contains("<Demandes>"));
        assert_eq!(html.matches("class=\"badge\"").count(), 1);
        assert!(html.contains(">3</span>") && html.contains("3 en attente"));
        let none = ErrorPage::new(stranger(Lang::Fr), ErrorKind::Busy, None).render().unwrap();
        assert!(!none.contains("class=\"side\"") && !none.contains("with-side"));
    }

    #[test]
    fn the_other_language_is_the_same_page() {
        assert_eq!(stranger(Lang::Fr).other_language_path(), "/en/records/x?kind=result");
        assert_eq!(stranger(Lang::En).own_path(), "/en/records/x?kind=result");
    }

    #[test]
    fn a_contact_becomes_a_link_only_when_it_is_one() {
        for (contact, link) in [
            ("01 99 00 12 34", Some("tel:0199001234")),
            ("+33 1.99.00.12.34", Some("tel:+33199001234")),
            ("aide@hopital.example", Some("mailto:aide@hopital.example")),
            ("aide@hopital.example?subject=x", None),
            ("javascript:alert(1)@a.b", None),
            ("Accueil, bâtiment B, 8 h à 18 h", None),
            ("", None),
        ] {
            assert_eq!(contact_link(contact).as_deref(), link, "{contact}");
        }
    }

    #[test]
    fn each_error_has_its_words_in_both_languages_and_tells_no_cause() {
        for lang in Lang::ALL {
            let t = Text::new(*lang);
            for kind in ErrorKind::ALL {
                let reference = Reference::draw();
                let html = ErrorPage::new(stranger(*lang), kind, Some(reference)).render().unwrap();
                assert!(html.contains(&reference.to_string()) && !html.contains("<b>"));
                assert!(!kind.title(t).is_empty() && !kind.kept(t).is_empty() && !kind.next(t).is_empty());
                assert_eq!(plain_error(*lang, kind, Some(&reference)).status(), kind.status());
                let response = ErrorPage::new(stranger(*lang), kind, None).into_response();
                assert_eq!(response.status(), kind.status());
                assert_eq!(response.headers()["content-type"], HTML);
            }
        }
        let wait = ErrorPage::new(stranger(Lang::Fr), ErrorKind::TooManyAttempts { wait_seconds: 150 }, None);
        assert!(wait.render().unwrap().contains("Attendez 3 minutes"));
        assert_eq!(wait.into_response().headers()["retry-after"], "150");
    }

    #[test]
    fn every_refusal_has_a_kind() {
        for status in 400..600 {
            let kind = ErrorKind::from_status(StatusCode::from_u16(status).unwrap());
            assert_eq!(kind.status().is_client_error(), status < 500 && status != 408, "{status}");
        }
        // Absent and forbidden look alike.
        assert_eq!(ErrorKind::from_status(StatusCode::FORBIDDEN), ErrorKind::from_status(StatusCode::NOT_FOUND));
    }
}
