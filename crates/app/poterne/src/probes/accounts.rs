//! The life of an account leaves its traces: its creation, what opens it, given and taken (segur SC.SSI/IAM.91).

use super::{
    Fault,
    accesses::{outcome, signed_in},
    browser::{Form, Page},
    no_door,
    traces::{BETWEEN_LOOKS, Journaled, LOOKS_MAX},
    verdict,
    visits::{Visit, Visits},
};
use dossier::{BoxFuture, Probe, ProbeInfo, ProbeOutcome};
use identity::vouching::Pins;
use journal::{Kind, Outcome, Trace};
use std::sync::Arc;
use types::{Door, EstablishmentId, Event, Time};

const MEANS: &str = "/fr/means";
/// Tokens that a stop left behind are ended first, so many at once.
const LEFT_MAX: usize = 8;

/// Whether, and when, this run of the node made the reserved account.
pub type Made = Option<(Time, Time)>;

/// Has the reserved account of the desk issue a token and end it.
pub struct AccountsProbe {
    info: &'static ProbeInfo,
    desk: Option<Arc<Visits>>,
    made: Made,
    journal: Arc<dyn Journaled>,
    /// By which keys rights over others are signed, and where.
    rights: Option<(Pins, EstablishmentId)>,
}

impl AccountsProbe {
    /// At the desk, if this node has it, with the node's journal.
    pub fn new(info: &'static ProbeInfo, desk: Option<Arc<Visits>>, made: Made, journal: Arc<dyn Journaled>) -> Self {
        Self { info, desk, made, journal, rights: None }
    }

    /// Says too whether rights over others are signed, or confirmed only.
    pub fn telling(self, rights: Option<(Pins, EstablishmentId)>) -> Self {
        Self { rights, ..self }
    }

    fn given(&self) -> &'static str {
        match &self.rights {
            None => "",
            Some((pins, place)) if pins.now().vouches_at(*place) => "; rights over others are signed by two people",
            Some(_) => {
                "; rights over others are confirmed by two people, not signed: no administrator's key is pinned here"
            }
        }
    }

    async fn look(&self, desk: &Visits) -> Result<String, Fault> {
        let Visit { cookie, signed_in: moments, .. } = desk.visit().await?;
        end_tokens(desk, &cookie).await?;
        let began = desk.now();
        issue(desk, &cookie).await?;
        if end_tokens(desk, &cookie).await? == 0 {
            return Err(Fault::broken("a token that was issued is not among the account's means"));
        }
        if end_tokens(desk, &cookie).await? > 0 {
            return Err(Fault::broken("a token that was ended is still among the account's means"));
        }
        let acted = (began, desk.now());
        let wanted = |event| matches!(event, Event::SignIn | Event::TokenIssued | Event::TokenRevoked);
        let mut seen = Err(Fault::broken("nothing is traced"));
        for _ in 0..LOOKS_MAX {
            let traces = self.journal.between(moments.0, acted.1, wanted).await?;
            seen = means_traced(desk, &traces, moments, acted);
            if seen.is_ok() {
                break;
            }
            tokio::time::sleep(BETWEEN_LOOKS).await;
        }
        let account = seen?;
        let created = self.created(&account).await?;
        Err(Fault::Partly(format!(
            "a token given and taken is traced, with who did it; {created}; a change of somebody's rights is not tried, nor who \
             reaches the machine itself{}",
            self.given()
        )))
    }

    async fn created(&self, account: &str) -> Result<&'static str, Fault> {
        let Some((from, until)) = self.made else { return Ok("the account was made before this start") };
        let traces = self.journal.between(from, until, |event| event == Event::AccountCreated).await?;
        let ours = |trace: &&Trace| trace.kind == Kind::Intent && trace.target.as_deref() == Some(account);
        match traces.iter().find(ours).map(|intent| outcome(&traces, intent)) {
            Some(Some(Outcome::Done)) => Ok("so is the account's creation"),
            _ => Err(Fault::broken("the creation of an account leaves no trace")),
        }
    }
}

impl Probe for AccountsProbe {
    fn info(&self) -> &ProbeInfo {
        self.info
    }

    fn run(&self) -> BoxFuture<'_, ProbeOutcome> {
        Box::pin(async {
            let Some(desk) = &self.desk else { return no_door() };
            let seen: Vec<(Door, _)> = vec![(desk.door(), self.look(desk).await)];
            verdict(seen)
        })
    }
}

async fn means(desk: &Visits, cookie: &str) -> Result<Page, Fault> {
    let page = desk.browser.get(MEANS, Some(cookie)).await.map_err(Fault::unreachable)?;
    if page.status == 200 { Ok(page) } else { Err(Fault::unreachable(format!("the means answer {}", page.status))) }
}

/// A token that may read the rules for a day.
pub(super) async fn issue(desk: &Visits, cookie: &str) -> Result<String, Fault> {
    let form = means(desk, cookie).await?.form("days");
    let form = form.ok_or_else(|| Fault::unreachable("no page offers a token"))?;
    let typed = [("label", "sonde"), ("scope", "rules:read"), ("days", "1"), ("sources", "")];
    let page = desk.browser.submit(&form, &typed, Some(cookie)).await.map_err(Fault::unreachable)?;
    let shown = page.body.split("<code class=\"secret\"").nth(1).and_then(|rest| rest.split("</code>").next());
    let token = shown.and_then(|shown| shown.split_once('>')).map(|(_, token)| token.to_owned());
    token.ok_or_else(|| Fault::unreachable(format!("no token is issued ({})", page.status)))
}

/// Ends the account's tokens as its page offers; gives how many there were.
pub(super) async fn end_tokens(desk: &Visits, cookie: &str) -> Result<usize, Fault> {
    let page = means(desk, cookie).await?;
    let start = format!("{MEANS}/tokens/");
    let ends = page.body.split("action=\"").skip(1).filter_map(|rest| rest.split('"').next());
    let ends = ends.filter(|action| action.starts_with(&start) && action.ends_with("/revoke"));
    let ends: Vec<_> = ends.take(LEFT_MAX).map(str::to_owned).collect();
    for action in &ends {
        let form = page.form("csrf").ok_or_else(|| Fault::unreachable("no page offers a form"))?;
        let form = Form { action: action.clone(), ..form };
        let page = desk.browser.submit(&form, &[], Some(cookie)).await.map_err(Fault::unreachable)?;
        if page.status >= 400 {
            return Err(Fault::unreachable(format!("a token is not ended ({})", page.status)));
        }
    }
    Ok(ends.len())
}

/// The account, if its token's issue and end are traced as done by it, on itself, from where it was.
fn means_traced(desk: &Visits, traces: &[Trace], moments: (Time, Time), acted: (Time, Time)) -> Result<String, Fault> {
    let account = signed_in(traces, desk.door(), moments)?.target.clone().unwrap_or_default();
    let (name, address) = (desk.door().to_string(), desk.browser.target().address.ip().to_string());
    for (event, what) in [(Event::TokenIssued, "issue"), (Event::TokenRevoked, "end")] {
        let mut ours = traces.iter().filter(|trace| {
            trace.event == event && trace.kind == Kind::Intent && trace.time >= acted.0 && trace.time <= acted.1
        });
        let ours = ours.find(|trace| trace.target.as_deref() == Some(&account));
        let ours = ours.ok_or_else(|| Fault::broken(format!("the {what} of a token leaves no trace")))?;
        if ours.author != account || ours.door.as_deref() != Some(&name) || ours.address.as_deref() != Some(&address) {
            return Err(Fault::broken(format!(
                "the trace of a token's {what} does not say who, through what, from where"
            )));
        }
        if outcome(traces, ours) != Some(Outcome::Done) {
            return Err(Fault::broken(format!("the trace of a token's {what} does not say that it was done")));
        }
    }
    Ok(account)
}
