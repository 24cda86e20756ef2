//! A printed sheet of codes: shown once, made for paper.

use types::{AccountId, SheetId, Time};
use web::layout::prelude::*;

/// What a sheet says.
#[derive(Debug, Clone)]
pub struct CodesSheetView {
    /// Whose.
    pub account: AccountId,
    /// For whom. What he types first is not printed: whoever finds the sheet is told no more than he must be.
    pub name: String,
    /// From the first, as they are printed.
    pub codes: Vec<String>,
    /// What names it in the traces.
    pub id: SheetId,
    /// When it was drawn.
    pub drawn: Time,
    /// First moment at which it no longer serves.
    pub until: Time,
    /// Whether a second person confirms it; otherwise the holder's link asks for a code of it.
    pub confirms: bool,
    /// Where the portal is, if it is known here.
    pub origin: Option<String>,
}

/// The answer to whoever draws a sheet.
#[derive(Debug, Template)]
#[template(path = "codes_sheet.html")]
pub struct CodesSheet {
    chrome: Chrome,
    t: Text,
    view: CodesSheetView,
}

impl CodesSheet {
    /// The page.
    pub fn new(chrome: Chrome, view: CodesSheetView) -> Self {
        Self { t: chrome.text(), chrome, view }
    }

    fn open(&self) -> String {
        match &self.view.origin {
            Some(origin) => format!("{origin}/{}/", self.chrome.lang),
            None => self.t.desk_accounts_codes_paper_unknown().to_owned(),
        }
    }

    /// What a person says of it at the telephone, and what its page shows: six letters of what names it.
    fn mark(&self) -> String {
        mark_of(&self.view.id)
    }

    fn account(&self) -> String {
        self.chrome.url(&format!("/accounts/{}", self.view.account))
    }
}

/// Six letters of what names a sheet: enough to tell two of one person apart.
pub(super) fn mark_of(id: &SheetId) -> String {
    let letters: Vec<char> = id.to_string().to_uppercase().chars().take(6).collect();
    letters.chunks(3).map(|part| part.iter().collect::<String>()).collect::<Vec<_>>().join("-")
}
