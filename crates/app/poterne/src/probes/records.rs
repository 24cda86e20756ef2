//! What is somebody else's, absent or malformed has one answer (acces-web AA2, DT3).

use super::{Fault, Seen, browser::Page, no_door, verdict, visits::Visits};
use dossier::{BoxFuture, Probe, ProbeInfo, ProbeOutcome};
use std::sync::Arc;
use types::PatientId;
use vault::random;

/// Pages hold the moment of their making, to the minute: two of one minute are compared.
const TRIES_MAX: u32 = 3;

/// Which of the two.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum What {
    /// Another patient's record.
    Others,
    /// Addresses of every kind.
    Explored,
}

/// Asks the portal, as a patient who is related to nobody.
pub struct RecordsProbe {
    info: &'static ProbeInfo,
    what: What,
    portal: Option<Arc<Visits>>,
    other: Option<PatientId>,
}

impl RecordsProbe {
    /// At the portal, if there is one; `other` has a record in the SIS, if there is a fictitious patient.
    pub fn new(info: &'static ProbeInfo, what: What, portal: Option<Arc<Visits>>, other: Option<PatientId>) -> Self {
        Self { info, what, portal, other }
    }
}

impl Probe for RecordsProbe {
    fn info(&self) -> &ProbeInfo {
        self.info
    }

    fn run(&self) -> BoxFuture<'_, ProbeOutcome> {
        Box::pin(async {
            let Some(portal) = &self.portal else { return no_door() };
            let seen = match self.what {
                What::Others => others(portal, self.other).await,
                What::Explored => explored(portal, self.other).await,
            };
            verdict(vec![(portal.door(), seen)])
        })
    }
}

async fn others(door: &Visits, other: Option<PatientId>) -> Seen {
    let other = other.ok_or_else(|| Fault::unreachable("no fictitious patient has a record here"))?;
    alike(door, &[record(other)]).await?;
    Ok("another patient's record and one that nobody has get one and the same refusal".into())
}

async fn explored(door: &Visits, other: Option<PatientId>) -> Seen {
    let nobody = record(absent()?);
    let mut paths: Vec<String> = [
        "/fr/records/0",
        "/fr/records/..%2f..%2fetc",
        "/fr/records/%27%20OR%201%3D1",
        "/fr/records/%00",
        "/fr/nowhere",
    ]
    .map(str::to_owned)
    .to_vec();
    for place in ["results/1", "results/1/content", "documents/1", "documents/1/content", "documents/%2e%2e"] {
        paths.push(format!("{nobody}/{place}"));
    }
    if let Some(other) = other {
        paths.push(record(other));
        paths.push(format!("{}/documents/1", record(other)));
    }
    alike(door, &paths).await?;
    match other {
        Some(_) => Ok(format!("{} addresses, forbidden, absent or malformed, get one answer", paths.len())),
        None => {
            Err(Fault::Partly("absent and malformed addresses get one answer; no forbidden record to ask for".into()))
        }
    }
}

fn record(patient: PatientId) -> String {
    format!("/fr/records/{patient}")
}

fn absent() -> Result<PatientId, Fault> {
    Ok(PatientId::from_bytes(random().map_err(Fault::unreachable)?))
}

/// Whether each address is refused as a record that nobody has is.
async fn alike(door: &Visits, paths: &[String]) -> Result<(), Fault> {
    let cookie = door.visit().await?.cookie;
    if !door.opens(Some(&cookie)).await? {
        return Err(Fault::unreachable("the reserved account's own session opens nothing"));
    }
    for path in paths {
        let mut difference = "";
        for _ in 0..TRIES_MAX {
            let absent = ask(door, &record(absent()?), &cookie).await?;
            let page = ask(door, path, &cookie).await?;
            if absent.status != 404 {
                return Err(Fault::broken(format!("a record that nobody has is answered with {}", absent.status)));
            }
            difference = match () {
                () if page.status != absent.status => "another status",
                () if page.constant() != absent.constant() => "another page",
                () if page.headers.len() != absent.headers.len() => "other headers",
                () => "",
            };
            if difference.is_empty() {
                break;
            }
        }
        if !difference.is_empty() {
            let place = path.replace(|c: char| c.is_ascii_control(), " ");
            let kind: String = place.chars().take(80).collect();
            return Err(Fault::broken(format!("{kind} gets {difference} than what is absent")));
        }
    }
    Ok(())
}

async fn ask(door: &Visits, path: &str, cookie: &str) -> Result<Page, Fault> {
    door.browser.get(path, Some(cookie)).await.map_err(Fault::unreachable)
}
