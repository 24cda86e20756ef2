//! What is recorded beyond the minimum is what two trace controllers decided, and no other (acces-web TR3).

use super::{
    Fault,
    terms::JournalTerms,
    traces::{BETWEEN_LOOKS, Journaled, LOOKS_MAX},
    visits::Visits,
};
use dossier::BoxFuture;
use journal::Trace;
use std::sync::Arc;
use types::{Event, Extra, Extras, Time};
use vault::random;

/// What a node records, and what its journal says that was decided.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Set {
    /// What the node records beyond the minimum.
    pub in_force: Extras,
    /// What the statements in its journal decide.
    pub decided: Extras,
    /// Statements that count for nothing: nobody who may writes such.
    pub stray: u64,
    /// Whether every statement could be read.
    pub whole: bool,
}

/// Where it is looked at.
pub trait Settings: Send + Sync {
    /// As it stands now.
    fn set(&self) -> BoxFuture<'_, Result<Set, Fault>>;
}

impl Settings for JournalTerms {
    fn set(&self) -> BoxFuture<'_, Result<Set, Fault>> {
        Box::pin(async {
            let keeping = self.journal().keeping().await.map_err(Fault::unreachable)?;
            let (stray, whole) = (keeping.book.stray(), keeping.book.is_whole());
            Ok(Set { in_force: keeping.extras, decided: keeping.book.extras(), stray, whole })
        })
    }
}

/// Holds what is recorded against what was decided.
pub struct Recording {
    settings: Arc<dyn Settings>,
    journal: Arc<dyn Journaled>,
    page: NewPage,
}

/// An address that nobody else asks for, and that leads nowhere.
pub type NewPage = fn() -> Result<String, Fault>;

fn new_page() -> Result<String, Fault> {
    let number = u64::from_le_bytes(random().map_err(Fault::unreachable)?);
    Ok(format!("/fr/sonde-{number}"))
}

impl Recording {
    /// Of a node, with its journal.
    pub fn new(settings: Arc<dyn Settings>, journal: Arc<dyn Journaled>) -> Self {
        Self::asking_for(new_page, settings, journal)
    }

    /// The same, with the address that is asked for.
    pub fn asking_for(page: NewPage, settings: Arc<dyn Settings>, journal: Arc<dyn Journaled>) -> Self {
        Self { settings, journal, page }
    }

    /// What the node records at present.
    pub async fn in_force(&self) -> Result<Extras, Fault> {
        Ok(self.settings.set().await?.in_force)
    }

    /// Acts at a door, where pages that a session asks for are refused, and looks at what came of it. `proven` is what was
    /// in force when the journal's entries were verified, and what they decide.
    pub async fn around(
        &self,
        desk: &Visits,
        proven: Option<(Extras, Extras)>,
        act: impl Future<Output = Result<(), Fault>>,
    ) -> Result<String, Fault> {
        let before = self.settings.set().await?;
        as_decided(&before)?;
        if let Some((in_force, decided)) = proven
            && in_force == before.in_force
            && in_force != decided
        {
            return Err(Fault::broken("what is recorded is not what the journal's verified entries decide"));
        }
        let (page, cookie) = ((self.page)()?, desk.visit().await?.cookie);
        let began = desk.now();
        desk.browser.get(&page, Some(&cookie)).await.map_err(Fault::unreachable)?;
        act.await?;
        let acted = (began, desk.now());
        let mut seen = Err(Fault::unreachable("nothing was looked at"));
        for _ in 0..LOOKS_MAX {
            seen = self.recorded(desk, &page, before.in_force, acted).await;
            if seen.is_ok() {
                break;
            }
            tokio::time::sleep(BETWEEN_LOOKS).await;
        }
        // Two controllers may decide at any moment: what was written meanwhile then says nothing.
        if self.settings.set().await?.in_force != before.in_force {
            return Err(Fault::unreachable("what is recorded was changed while it was looked at"));
        }
        seen.map(|()| told(before.in_force))
    }

    async fn recorded(&self, desk: &Visits, page: &str, set: Extras, acted: (Time, Time)) -> Result<(), Fault> {
        let wanted = |event| matches!(event, Event::Refused | Event::RequestMade | Event::CallMade);
        let traces = self.journal.between(acted.0, acted.1, wanted).await?;
        let address = desk.browser.target().address.ip().to_string();
        let line = format!("GET {page}");
        let ours = |trace: &&Trace| trace.address.as_deref() == Some(&address);
        let of = |event: Event| traces.iter().filter(move |trace| trace.event == event);
        let asked = of(Event::RequestMade).filter(ours).any(|trace| trace.target.as_deref() == Some(&line));
        if set.has(Extra::Requests) && !asked {
            return Err(Fault::broken("a page was asked for, is to be recorded, and is not"));
        }
        for (extra, event) in [(Extra::Requests, Event::RequestMade), (Extra::Calls, Event::CallMade)] {
            if !set.has(extra) && of(event).next().is_some() {
                return Err(Fault::broken(format!("{event} is recorded and nobody decided so")));
            }
        }
        let mut refused = of(Event::Refused).filter(ours).peekable();
        if refused.peek().is_none() {
            return Err(Fault::Partly(
                "its own refusals were counted with others: whether they are traced with the port was not seen".into(),
            ));
        }
        if refused.any(|trace| trace.port.is_some() != set.has(Extra::Port)) {
            return Err(Fault::broken("the port is recorded, or not, otherwise than was decided"));
        }
        Ok(())
    }
}

fn as_decided(set: &Set) -> Result<(), Fault> {
    if !set.whole {
        return Err(Fault::broken("a decision in the journal cannot be read"));
    }
    if set.stray > 0 {
        return Err(Fault::broken(format!("{} statements in the journal were decided by nobody who may", set.stray)));
    }
    match Extra::ALL.iter().find(|extra| set.in_force.has(**extra) != set.decided.has(**extra)) {
        Some(extra) => Err(Fault::broken(format!("{extra} is recorded otherwise than two controllers decided"))),
        None => Ok(()),
    }
}

fn told(set: Extras) -> String {
    let name = |extra: &Extra| match extra {
        Extra::Calls => "calls (none was made to see it)",
        other => other.as_str(),
    };
    let names: Vec<_> = Extra::ALL.iter().filter(|extra| set.has(**extra)).map(name).collect();
    if names.is_empty() { "nothing".to_owned() } else { names.join(", ") }
}
