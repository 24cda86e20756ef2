//! The second step of signing in: the code.

use super::{SignInProblem, Then};
use web::layout::prelude::*;

/// What the code page needs.
#[derive(Debug, Clone)]
pub struct CodeStepView {
    /// Sealed state that the form brings back (field `ceremony`).
    pub ceremony: String,
    /// Where to go on, for whoever proves again who he is.
    pub then: Option<Then>,
    /// Why the last code did not pass.
    pub problem: Option<SignInProblem>,
}

/// The answer to `POST /{lang}/session`, and to a failed `POST /{lang}/session/code`.
#[derive(Debug, Template)]
#[template(path = "entrance/code.html")]
pub struct CodeStep {
    chrome: Chrome,
    t: Text,
    view: CodeStepView,
    takes_sheets: bool,
}

impl CodeStep {
    /// The page.
    pub fn new(chrome: Chrome, view: CodeStepView) -> Self {
        Self { t: chrome.text(), chrome, view, takes_sheets: false }
    }

    /// The same, saying that a code of a printed sheet is typed there too: at a door whose people may have one.
    pub fn taking_sheets(self, takes_sheets: bool) -> Self {
        Self { takes_sheets, ..self }
    }

    fn then(&self) -> &str {
        self.view.then.as_ref().map_or("", Then::word)
    }

    fn is_wrong(&self) -> bool {
        self.view.problem == Some(SignInProblem::Code)
    }
}
