//! The first administrator's enrolment. Nobody is signed in: the link's token stands for the session.

use crate::EnrolRefused;
use entrance::pages::refused_password;
use web::layout::prelude::*;

/// What the page shows.
#[derive(Debug, Clone)]
pub struct EnrolView {
    /// The link's token, as it came in the address.
    pub token: String,
    /// What the passkey signs, in base64url.
    pub challenge: String,
    /// The domain that it is for.
    pub rp: String,
    /// The user's handle, in base64url.
    pub user: String,
    /// The second factor's secret, in base32.
    pub totp_secret: String,
    /// What was typed before: login and name.
    pub typed: (String, String),
    /// Why it was not done.
    pub refused: Option<EnrolRefused>,
}

/// `GET /{lang}/enrol/{token}`.
#[derive(Debug, Template)]
#[template(path = "enrol.html")]
pub struct Enrol {
    chrome: Chrome,
    t: Text,
    view: EnrolView,
}

impl Enrol {
    /// The page.
    pub fn new(chrome: Chrome, view: EnrolView) -> Self {
        Self { t: chrome.text(), chrome, view }
    }

    fn action(&self) -> String {
        self.chrome.url(&format!("/enrol/{}", self.view.token))
    }

    fn problem(&self) -> Option<String> {
        match self.view.refused? {
            EnrolRefused::Account => Some(self.t.desk_enrol_account().to_owned()),
            EnrolRefused::Password(weak) => Some(refused_password(weak, self.t)),
            EnrolRefused::Code => Some(self.t.desk_enrol_code_wrong().to_owned()),
            EnrolRefused::Passkey => Some(self.t.desk_enrol_passkey_wrong().to_owned()),
            EnrolRefused::Link | EnrolRefused::Unavailable => None,
        }
    }

    /// In fours, to be copied by hand.
    fn secret(&self) -> String {
        let letters: Vec<char> = self.view.totp_secret.chars().collect();
        letters.chunks(4).map(|four| four.iter().collect::<String>()).collect::<Vec<_>>().join(" ")
    }
}

/// The answer once it is done.
#[derive(Debug, Template)]
#[template(path = "enrolled.html")]
pub struct Enrolled {
    chrome: Chrome,
    t: Text,
}

impl Enrolled {
    /// The page.
    pub fn new(chrome: Chrome) -> Self {
        Self { t: chrome.text(), chrome }
    }
}
