//! Who an account's holder is, is corrected by the proof that it takes, and the trace keeps who it was (segur IE.33, IAM.91).

use super::staff::{Administrator, GUARD};
use crate::probes::{
    Fault, Seen,
    accesses::outcome,
    browser::{Page, attribute},
    traces::{BETWEEN_LOOKS, Journaled, LOOKS_MAX},
};
use journal::{Kind, Outcome, Trace};
use types::Event;

/// What one turn adds to the first name of the person on call, and the next takes away.
const ADDED: &str = " Essai";
/// Proofs, as the form names them: one that does for an account in use, one that does not.
const FIRM: &str = "in_person";
const WEAK: &str = "employer";
const FIELDS: [&str; 4] = ["given_name", "family_name", "profession", "rpps"];

/// Corrects the name of the person on call: without the proof, without a name, then as it must be.
pub async fn look(admin: &Administrator, journal: &dyn Journaled) -> Seen {
    let sheet = admin.managed(GUARD).await?;
    if !["/state/suspended", "/state/active"].iter().any(|to| sheet.leads_to(to)) {
        return Err(Fault::unreachable("nobody took the account into use whose name is corrected"));
    }
    let path = format!("{}/identity", sheet.path);
    let page = admin.get(&path).await?;
    let form = page.form("given_name").filter(|form| form.action == path);
    let form = form.ok_or_else(|| Fault::broken("no page offers to correct who an account's holder is"))?;
    let [given, family, profession, rpps] = values(&page)?;
    let corrected = given.strip_suffix(ADDED).map_or_else(|| format!("{given}{ADDED}"), str::to_owned);
    let typed = |given, proof| {
        let [first, name, trade, number] = FIELDS;
        [(first, given), (name, &*family), (trade, &*profession), (number, &*rpps), ("proof", proof)]
    };
    for (fields, field, how) in [
        (typed(&corrected, WEAK), "proof", "without the proof that its holder is still the same"),
        (typed("", FIRM), "given_name", "to nobody's name"),
    ] {
        let page = admin.submit(&form, &fields).await?;
        match page.status {
            422 if page.body.contains(&format!("id=\"{field}-wrong\"")) => {}
            422 => {
                return Err(Fault::broken(format!("an account renamed {how} is refused, and the field is not named")));
            }
            200..=399 => return Err(Fault::broken(format!("an account is renamed {how}"))),
            status => return Err(Fault::unreachable(format!("an account renamed {how} is answered {status}"))),
        }
    }
    let began = admin.visits.now();
    let page = admin.submit(&form, &typed(&corrected, FIRM)).await?;
    let ended = admin.visits.now();
    if page.status != 303 || page.header("location").contains('?') {
        return Err(Fault::broken(format!("who an account's holder is cannot be corrected ({})", page.status)));
    }
    let [shown, ..] = values(&admin.get(&path).await?)?;
    if shown != corrected {
        return Err(Fault::broken("a name that was corrected is not shown"));
    }
    let names = [&given, &corrected].map(|given| format!("{given} {family}"));
    let mut seen = Err(Fault::broken("nothing is traced"));
    for _ in 0..LOOKS_MAX {
        let traces = journal.between(began, ended, |event| event == Event::AttributesCorrected).await?;
        seen = traced(&traces, (admin, &sheet.path), &names);
        if seen.is_ok() {
            break;
        }
        tokio::time::sleep(BETWEEN_LOOKS).await;
    }
    seen
}

/// What the form holds now.
fn values(page: &Page) -> Result<[String; 4], Fault> {
    let inputs = || page.body.split("<input").skip(1).filter_map(|input| input.split('>').next());
    let of = |name: &str| {
        let value = inputs().find(|tag| attribute(tag, "name") == Some(name)).and_then(|tag| attribute(tag, "value"));
        // The reserved account has no letter that a page would escape.
        let value = value.filter(|value| !value.contains('&'));
        value.map(str::to_owned).ok_or_else(|| Fault::broken(format!("the page of a correction does not show {name}")))
    };
    Ok([of(FIELDS[0])?, of(FIELDS[1])?, of(FIELDS[2])?, of(FIELDS[3])?])
}

/// Whether the correction is traced: by whom, of whom, through what, from where, with both names, and done.
fn traced(traces: &[Trace], (admin, path): (&Administrator, &str), names: &[String; 2]) -> Seen {
    let account = path.rsplit('/').next().unwrap_or_default();
    let target = format!("account:{account}");
    let ours = |trace: &&Trace| trace.kind == Kind::Intent && trace.target.as_deref() == Some(&target);
    let Some(ours) = traces.iter().find(ours) else {
        return Err(Fault::broken("a correction of who somebody is leaves no trace"));
    };
    let (door, address) = (admin.visits.door().to_string(), admin.visits.browser.target().address.ip().to_string());
    let by = format!("account:{}", admin.account);
    if ours.author != by || ours.door.as_deref() != Some(&door) || ours.address.as_deref() != Some(&address) {
        return Err(Fault::broken("the trace of a correction does not say who, through what, from where"));
    }
    let detail = ours.detail.as_deref().unwrap_or_default();
    if !detail.contains(&format!("{} -> {}", names[0], names[1])) {
        return Err(Fault::broken("the trace of a correction does not keep the name of before and the new one"));
    }
    if outcome(traces, ours) != Some(Outcome::Done) {
        return Err(Fault::broken("the trace of a correction does not say that it was done"));
    }
    Ok("the name of an account that was taken into use is corrected by the proof that other means would take, and by none less; never to nobody's; \
        the trace says who did it, from where, with both names"
        .into())
}
