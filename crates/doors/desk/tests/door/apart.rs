//! The desk as it is reached where nothing is administered (clausier O-5.3).

use crate::{
    house::House,
    people::FORM,
    routes::{assert_strict, path_of},
};
use desk::{ADMINISTRATION, ROUTES, Route};
use store::testing::{TestDatabase, both};

fn administers(route: &Route) -> bool {
    let is = |(method, path): &(Option<&str>, &str)| {
        route.path.starts_with(path) && method.is_none_or(|method| method == route.method)
    };
    ADMINISTRATION.iter().any(is)
}

/// What serves the same path there, by another method or as an identifier that nothing has ("change").
fn instead(route: &Route) -> Option<&'static Route> {
    let is_path_of = |other: &&Route| {
        let (one, other): (Vec<_>, Vec<_>) = (route.path.split('/').collect(), other.path.split('/').collect());
        one.len() == other.len() && one.iter().zip(&other).all(|(one, other)| one == other || *other == "{id}")
    };
    ROUTES.iter().filter(|other| !administers(other)).find(is_path_of)
}

async fn what_administers_is_absent_and_the_rest_is_as_ever(database: &TestDatabase) {
    let mut house = House::new(database).await;
    let administered = ROUTES.iter().filter(|route| administers(route)).count();
    assert!(administered > 20 && administered < ROUTES.len() - 20, "{administered}");
    for path in ADMINISTRATION {
        assert!(ROUTES.iter().any(|route| route.path.starts_with(path.1)), "{path:?} is no route's");
    }
    let whole = std::mem::replace(&mut house.router, house.apart.clone());
    let administrator = house.sign_in("administrator").await;
    let cookie = ("cookie", administrator.cookie.clone().unwrap());
    for route in ROUTES {
        let line = format!("{} {}", route.method, path_of(route));
        let headers = [("sec-fetch-site", "same-origin"), FORM];
        let here = house.ask(&line, &headers, "csrf=x").await;
        house.router = whole.clone();
        let there = house.ask(&line, &headers, "csrf=x").await;
        house.router = house.apart.clone();
        assert_strict(&here, &line);
        if !administers(route) {
            assert_eq!(here.status, there.status, "{line}");
            continue;
        }
        let expected = match instead(route) {
            None => [404, 404],
            Some(other) if other.method == route.method => [401, 404],
            Some(_) => [405, 405],
        };
        let headers = [(cookie.0, cookie.1.as_str()), ("sec-fetch-site", "same-origin"), FORM];
        let signed_in = house.ask(&line, &headers, "csrf=x").await;
        assert_eq!([here.status, signed_in.status], expected, "{line}");
    }
}
both!(what_administers_is_absent_and_the_rest_is_as_ever);

async fn whoever_administers_is_told_where_and_is_shown_no_way_that_leads_nowhere(database: &TestDatabase) {
    let mut house = House::new(database).await;
    house.router = house.apart.clone();
    for (login, administers) in
        [("administrator", true), ("security_officer", true), ("trace_controller", true), ("on_call", false)]
    {
        let somebody = house.sign_in(login).await;
        for page in ["/fr/", "/fr/means"] {
            let page = somebody.get(page).await;
            assert_eq!(page.status, 200, "{login}");
            for path in ["/fr/accounts", "/fr/suppliers", "/fr/passkeys", "/fr/retention", "/fr/equipment/change"] {
                assert!(!page.text.contains(&format!("href=\"{path}")), "{login} is shown {path}");
            }
        }
        let told = somebody.get("/fr/").await.text.contains("les durées de conservation s");
        assert_eq!(told, administers, "{login}");
        for path in ["/fr/accounts", "/fr/accounts/new", "/fr/retention"] {
            assert_eq!(somebody.get(path).await.status, 404, "{login}: {path}");
        }
        assert!(login == "trace_controller" || somebody.get("/fr/interventions").await.status == 200, "{login}");
    }
    // The list of equipment is there, without what registers it.
    let administrator = house.sign_in("administrator").await;
    let list = administrator.get("/fr/equipment").await;
    assert!(list.status == 200 && !list.text.contains("/equipment/change"), "{}", list.status);
    let token = house.token("administrator", types::TokenScope::ALL).await;
    for (line, status) in [("GET /api/v1/accounts", 404), ("GET /api/v1/suppliers", 404), ("GET /api/v1/targets", 200)]
    {
        assert_eq!(house.call(line, &token, "").await.status, status, "{line}");
    }
}
both!(whoever_administers_is_told_where_and_is_shown_no_way_that_leads_nowhere);
