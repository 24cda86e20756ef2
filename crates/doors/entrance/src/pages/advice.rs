//! How to protect oneself.

use types::Door;
use web::layout::prelude::*;

/// `GET /{lang}/advice`.
#[derive(Debug, Template)]
#[template(path = "entrance/advice.html")]
pub struct Advice {
    chrome: Chrome,
    t: Text,
    origin: String,
    door: Door,
}

impl Advice {
    /// The page: `origin` is the door's true address.
    pub fn new(chrome: Chrome, origin: String, door: Door) -> Self {
        Self { t: chrome.text(), chrome, origin, door }
    }

    /// Keys for SSH are suppliers' people's.
    fn is_suppliers(&self) -> bool {
        self.door == Door::Suppliers
    }

    fn is_portal(&self) -> bool {
        self.door == Door::Portal
    }

    fn is_signed_in(&self) -> bool {
        self.chrome.signed_in.is_some()
    }
}
