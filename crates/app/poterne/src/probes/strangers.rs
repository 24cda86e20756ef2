//! What a door says to somebody without a session: that he has to sign in (acces-web GA1), and nothing of what it is made
//! of (DT2); and what a browser keeps of the pages of somebody with one: nothing (DT10).

use super::{
    Fault, Seen,
    browser::{Form, Page},
    visits::{Visit, Visits},
};
use dossier::BoxFuture;
use entrance::{Asks, Route};
use types::Door;

/// Routes asked in a round; the next round goes on with the next ones. Each refusal is traced.
const ROUTES_EACH: usize = 8;
const ROUND_SECONDS: i64 = 600;
/// An identifier that nothing has.
const NOTHING: &str = "aaaaaaaaaaaaaaaaaaaaaaaaaa";
/// A cookie that nobody was given, of a plausible form.
const MADE_UP: &str = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb";
/// Headers that say what a server is.
const TELLING: [&str; 7] = ["server", "x-powered-by", "via", "x-runtime", "x-version", "x-debug", "server-timing"];
/// Words of what it is made of; names that a page has no other reason to bear.
const MADE_OF: [&str; 15] = [
    "axum",
    "hyper",
    "rustls",
    "tokio",
    "sqlx",
    "sqlite",
    "postgres",
    "askama",
    "serde",
    "panicked",
    "backtrace",
    ".rs:",
    "/home/",
    "/usr/",
    "/var/",
];

/// The end of a font's name, which begins like a server's.
const FONT: &str = "hyperlegible";

/// Pages and programs' routes that ask for a session or a token open to nobody else.
pub fn kept_out(door: &Visits) -> BoxFuture<'_, Seen> {
    Box::pin(asked_of_strangers(door))
}

/// Pages and errors say nothing of what the door is made of.
pub fn discretion(door: &Visits) -> BoxFuture<'_, Seen> {
    Box::pin(made_of(door))
}

/// No page of somebody signed in may be kept by his browser.
pub fn residue(door: &Visits) -> BoxFuture<'_, Seen> {
    Box::pin(kept_by_browsers(door))
}

/// The routes of a door that ask for a session or a token.
fn asking(door: Door) -> Vec<&'static Route> {
    let own = match door {
        Door::Portal => portal::ROUTES,
        Door::Desk => desk::ROUTES,
        Door::Suppliers => suppliers::ROUTES,
        _ => &[],
    };
    entrance::ROUTES.iter().chain(own).filter(|route| route.asks != Asks::Nothing).collect()
}

/// A route's path, of something that is not there.
pub fn path_of(route: &Route) -> String {
    let parts = route.path.split('/').map(|part| match part {
        "{lang}" => "fr",
        "{number}" => "1",
        "{to}" => "suspended",
        part if part.starts_with('{') => NOTHING,
        part => part,
    });
    parts.collect::<Vec<_>>().join("/")
}

async fn asked_of_strangers(door: &Visits) -> Seen {
    let routes = asking(door.door());
    let round = usize::try_from(door.now().seconds() / ROUND_SECONDS).unwrap_or(0);
    let first = round.wrapping_mul(ROUTES_EACH) % routes.len().max(1);
    let now = routes.iter().cycle().skip(first).take(ROUTES_EACH.min(routes.len()));
    for route in now {
        for cookie in [None, Some(MADE_UP)] {
            let path = path_of(route);
            let page = match route.method {
                "GET" => door.browser.get(&path, cookie).await,
                _ => door.browser.submit(&Form { action: path, hidden: Vec::new() }, &[], cookie).await,
            };
            let status = page.map_err(Fault::unreachable)?.status;
            // Where a desk administers apart, some of them are nowhere; what is said of a form may come first.
            if !matches!(status, 400 | 401 | 403 | 404 | 405 | 415 | 422) {
                let route = format!("{} {}", route.method, route.path);
                return Err(match status {
                    500.. => Fault::unreachable(format!("{route} answers {status}")),
                    _ => Fault::broken(format!("somebody without a session is answered {status} by {route}")),
                });
            }
        }
    }
    Ok(format!("without a session, none of {ROUTES_EACH} routes of {} opens, others each time", routes.len()))
}

async fn made_of(door: &Visits) -> Seen {
    let long = format!("/fr/nowhere?{}", "x".repeat(20_000));
    let form = |action: &str| Form { action: action.into(), hidden: Vec::new() };
    let browser = &door.browser;
    let asked: [(&str, anyhow::Result<Page>); 7] = [
        ("the sign-in", browser.get("/fr/", None).await),
        ("a page that is not there", browser.get("/fr/nowhere", None).await),
        ("an address that cannot be read", browser.get("/fr/%ff%00'\"--", None).await),
        ("an address that is too long", browser.get(&long, None).await),
        ("a page without a session", browser.get("/fr/session", Some(MADE_UP)).await),
        ("a form with nothing in it", browser.submit(&form("/fr/session"), &[], None).await),
        ("a form for a page", browser.submit(&form("/fr/"), &[("x", "1")], None).await),
    ];
    for (what, page) in asked {
        let page = page.map_err(Fault::unreachable)?;
        if let Some(header) = TELLING.iter().find(|header| !page.header(header).is_empty()) {
            return Err(Fault::broken(format!("the answer to {what} bears the header {header}")));
        }
        let text = page.body.to_lowercase().replace(FONT, "");
        let version = concat!("poterne ", env!("CARGO_PKG_VERSION"));
        if let Some(word) = MADE_OF.iter().chain([&version]).find(|word| text.contains(**word)) {
            return Err(Fault::broken(format!("the answer to {what} says \"{word}\"")));
        }
    }
    Ok("pages and errors say nothing of the programs, versions and places behind them".into())
}

async fn kept_by_browsers(door: &Visits) -> Seen {
    let Visit { cookie, .. } = door.visit().await?;
    for path in ["/fr/", "/fr/session", "/fr/nowhere"] {
        let page = door.browser.get(path, Some(&cookie)).await.map_err(Fault::unreachable)?;
        let said = page.header("cache-control").to_ascii_lowercase();
        if !said.split(',').any(|word| word.trim() == "no-store") {
            return Err(Fault::broken(format!("browsers may keep {path}")));
        }
    }
    Ok("browsers are told to keep no page of somebody signed in".into())
}
