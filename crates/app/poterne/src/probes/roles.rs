//! Whoever comes in does what his role may, and nothing that others' may (acces-web AA1): what is another role's, or another
//! door's, is answered to him like what is not there, and what he was given at one door opens nothing at another.

use super::{
    Fault, Seen,
    accounts::{end_tokens, issue},
    at_each,
    browser::{Browser, Form},
    strangers::path_of,
    target::Target,
    visits::{Visit, Visits},
};
use dossier::{BoxFuture, Probe, ProbeInfo, ProbeOutcome};
use entrance::{Asks, Route};
use std::sync::Arc;
use types::Door;

/// Routes asked in a round; the next round goes on with the next ones. Each refusal is traced.
pub const ROUTES_EACH: usize = 8;
const ROUND_SECONDS: i64 = 600;
const SESSION: &str = "/fr/session";
const NOWHERE: &str = "/fr/nowhere";
/// What the desk's programs may ask with the token that the probe is issued.
const OF_TOKEN: &str = "/api/v1/rules";

/// A field that one of the forms cannot be read without; with nothing in it, none changes anything.
const NOTHING_TOLD: [(&str, &str); 1] = [("name", "")];
/// Of programs' routes, the ends of those that are not understood without more.
const ASK_MORE: [&str; 3] = ["/recording", "/export", "/terms"];

/// What a reserved account's role may do at its door.
struct His {
    /// Pages that open to it.
    opens: &'static [&'static str],
    /// Beginnings of what is its own too, and is not tried here.
    besides: &'static [&'static str],
    /// Pages of which it sends no form.
    besides_pages: &'static [&'static str],
}

/// Of the patient, the security officer, the technician.
fn his(door: Door) -> Option<His> {
    Some(match door {
        Door::Portal => His { opens: &["/fr/", SESSION], besides: &["/{lang}/records/"], besides_pages: &[] },
        Door::Desk => His {
            opens: &[
                "/fr/",
                SESSION,
                "/fr/interventions",
                "/fr/sessions",
                "/fr/equipment",
                "/fr/rules",
                "/fr/policies",
                "/fr/means",
            ],
            besides: &["/{lang}/accounts", "/{lang}/interventions", "/{lang}/sessions", "/{lang}/means"],
            besides_pages: &["/{lang}/equipment/{id}", "/{lang}/suppliers"],
        },
        Door::Suppliers => His {
            opens: &["/fr/", SESSION, "/fr/interventions", "/fr/interventions/new", "/fr/means"],
            besides: &["/{lang}/interventions", "/{lang}/means", "/{lang}/ssh"],
            besides_pages: &[],
        },
        _ => return None,
    })
}

/// Of the desk's accounts, a security officer sees, suspends and confirms; the rest is administrators'.
const OF_ADMINISTRATORS: [(&str, &str); 4] = [
    ("GET", "/{lang}/accounts/new"),
    ("POST", "/{lang}/accounts"),
    ("POST", "/{lang}/accounts/{id}/link"),
    ("POST", "/{lang}/accounts/{id}/review"),
];

/// Has each reserved account ask for what is not its role's.
pub struct RolesProbe {
    info: &'static ProbeInfo,
    doors: Vec<Arc<Visits>>,
    targets: Vec<Target>,
    each: usize,
}

impl RolesProbe {
    /// Over these doors; `targets` are all those with pages, where sessions of others are shown too. Asks so many routes of each
    /// in a round.
    pub fn new(info: &'static ProbeInfo, (doors, targets): (Vec<Arc<Visits>>, Vec<Target>), each: usize) -> Self {
        Self { info, doors, targets, each }
    }

    async fn look(&self, door: &Visits) -> Seen {
        let Visit { cookie, .. } = door.visit().await?;
        let his = his(door.door()).ok_or_else(|| Fault::unreachable("nobody is known there"))?;
        for path in his.opens {
            let status = door.browser.get(path, Some(&cookie)).await.map_err(Fault::unreachable)?.status;
            match status {
                200 => {}
                500.. => return Err(Fault::unreachable(format!("{path} is answered {status}"))),
                _ => return Err(Fault::broken(format!("{path}, which the role may open, is answered {status}"))),
            }
        }
        let (count, own) = others_routes(door, &cookie, (&his, self.each)).await?;
        for other in self.targets.iter().filter(|other| other.door != door.door()) {
            let there = Browser::new(other).map_err(Fault::unreachable)?;
            if there.get(SESSION, Some(&cookie)).await.map_err(Fault::unreachable)?.status == 200 {
                return Err(Fault::broken(format!("a session of this door opens one at {}", other.door)));
            }
        }
        if door.door() == Door::Desk {
            self.programs(door, &cookie).await?;
        }
        if door.door() == Door::Suppliers {
            // Nobody else uses this session.
            drop(door.leave().await?);
            door.forget().await;
        }
        let seen = format!(
            "what the role may opens; of {count} routes of other roles and doors, {} each time answer like what is not \
             there; what one door gave opens nothing at another",
            self.each
        );
        match own {
            0 => Err(Fault::Partly(format!("{seen}; this door has no page of another role, so that no role is tried"))),
            _ => Ok(format!("{seen}; {own} of the routes are this door's own")),
        }
    }

    /// What a token for one thing opens besides, and at other doors.
    async fn programs(&self, desk: &Visits, cookie: &str) -> Result<(), Fault> {
        end_tokens(desk, cookie).await?;
        let token = issue(desk, cookie).await?;
        let seen = self.called(desk, &token).await;
        end_tokens(desk, cookie).await?;
        seen
    }

    async fn called(&self, desk: &Visits, token: &str) -> Result<(), Fault> {
        for (path, opens) in [(OF_TOKEN, true), ("/api/v1/nowhere", false)] {
            let status = desk.browser.call(path, token).await.map_err(Fault::unreachable)?.status;
            if (status == 200) != opens {
                return Err(Fault::unreachable(format!("{path} is answered {status} to a token")));
            }
        }
        // What takes a body is refused for want of it, which says nothing.
        let reads = desk::ROUTES.iter().filter(|route| route.asks == Asks::Token && route.method == "GET");
        let reads =
            reads.filter(|route| route.path != OF_TOKEN && !ASK_MORE.iter().any(|end| route.path.ends_with(end)));
        let routes: Vec<_> = reads.collect();
        for route in turn(&routes, desk, self.each) {
            let path = path_of(route);
            let status = desk.browser.call(&path, token).await.map_err(Fault::unreachable)?.status;
            refused(route, status)?;
            if !matches!(status, 403 | 404) {
                return Err(Fault::unreachable(format!("{path} is answered {status} to a token for another thing")));
            }
        }
        for other in self.targets.iter().filter(|other| other.door != Door::Desk) {
            let there = Browser::new(other).map_err(Fault::unreachable)?;
            let status = there.call("/api/v1/interventions", token).await.map_err(Fault::unreachable)?.status;
            if status < 400 {
                return Err(Fault::broken(format!("a token of the desk opens something at {}", other.door)));
            }
        }
        Ok(())
    }
}

impl Probe for RolesProbe {
    fn info(&self) -> &ProbeInfo {
        self.info
    }

    fn run(&self) -> BoxFuture<'_, ProbeOutcome> {
        Box::pin(at_each(self.doors.iter().map(|door| (door.door(), self.look(door)))))
    }
}

/// The routes of this round.
fn turn<'r>(routes: &'r [&'static Route], door: &Visits, each: usize) -> impl Iterator<Item = &'static Route> + 'r {
    let round = usize::try_from(door.now().seconds() / ROUND_SECONDS).unwrap_or(0);
    let first = round.wrapping_mul(each) % routes.len().max(1);
    routes.iter().copied().cycle().skip(first).take(each.min(routes.len()))
}

fn own_routes(door: Door) -> &'static [Route] {
    match door {
        Door::Portal => portal::ROUTES,
        Door::Desk => desk::ROUTES,
        _ => suppliers::ROUTES,
    }
}

/// The routes that ask for a session and are other roles' or other doors'.
fn others(door: Door, his: &His) -> Vec<&'static Route> {
    let every = [portal::ROUTES, desk::ROUTES, suppliers::ROUTES];
    let own = own_routes(door);
    let same = |route: &Route, other: &Route| (route.method, route.path) == (other.method, other.path);
    let is_his = |route: &Route| {
        let page = route.path.replace("{lang}", "fr");
        let his_too = his.besides_pages.contains(&route.path);
        let told = OF_ADMINISTRATORS.contains(&(route.method, route.path)) && door == Door::Desk;
        !told
            && (his.besides.iter().any(|begin| route.path.starts_with(begin))
                || (route.method == "GET" && (his.opens.contains(&page.as_str()) || his_too)))
    };
    let there = |route: &Route| own.iter().any(|one| same(one, route));
    let asks = every.into_iter().flatten().filter(|route| route.asks == Asks::Session);
    // What stands at another door under an address of this one is this one's.
    asks.filter(|route| if there(route) { !is_his(route) } else { !own.iter().any(|one| one.path == route.path) })
        .collect()
}

/// Asks for some of them; gives how many there are, and how many of them are this door's own.
async fn others_routes(door: &Visits, cookie: &str, (his, each): (&His, usize)) -> Result<(usize, usize), Fault> {
    let routes = others(door.door(), his);
    let page = door.browser.get(SESSION, Some(cookie)).await.map_err(Fault::unreachable)?;
    // A form of this very session: what refuses is not that it is another's.
    let form = page.form("csrf").ok_or_else(|| Fault::unreachable("no page offers a form"))?;
    let absent = door.browser.get(NOWHERE, Some(cookie)).await.map_err(Fault::unreachable)?;
    for route in turn(&routes, door, each) {
        let path = path_of(route);
        let page = match route.method {
            "GET" => door.browser.get(&path, Some(cookie)).await,
            _ => door.browser.submit(&Form { action: path, ..form.clone() }, &NOTHING_TOLD, Some(cookie)).await,
        };
        let page = page.map_err(Fault::unreachable)?;
        refused(route, page.status)?;
        // What this listener has under another method only is not there either: the desk administers apart.
        if page.status != absent.status && page.status != 405 {
            let told = format!(
                "{} {} is answered {}, what is not there {}",
                route.method, route.path, page.status, absent.status
            );
            return Err(Fault::broken(told));
        }
    }
    let own = own_routes(door.door());
    let is_own = |route: &&&Route| own.iter().any(|one| (one.method, one.path) == (route.method, route.path));
    Ok((routes.len(), routes.iter().filter(is_own).count()))
}

fn refused(route: &Route, status: u16) -> Result<(), Fault> {
    let route = format!("{} {}", route.method, route.path);
    match status {
        500.. => Err(Fault::unreachable(format!("{route} answers {status}"))),
        400.. => Ok(()),
        _ => Err(Fault::broken(format!("{route} is answered {status} to somebody of another role"))),
    }
}
