//! The operator's journey with the real program: init, check, an account, serve, sign-in, verify, stop.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod nodes;

use demo::{Authority, Hospital, Sis, SisFaults};
use nodes::{free_port, poterne, serve, tls, until_healthy, words};
use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::Path,
    process::Command,
    time::{Duration, Instant},
};
use tokio_util::sync::CancellationToken;
use types::Clock as _;

fn private(path: &Path, text: &str) {
    fs::write(path, text).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_operator_opens_a_portal() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    let (port, health) = (free_port(), free_port());

    // The hospital's records, and certificates from its authority.
    let authority = Authority::new(store::SystemClock.now()).unwrap();
    let hospital = Hospital::generate(1, jiff::civil::date(2026, 11, 21));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let sis_url = format!("https://localhost:{}/fhir", listener.local_addr().unwrap().port());
    let server = authority.issue_server(&["localhost"]).unwrap();
    let sis = Sis::new(&hospital, &server, &authority.ca_pem(), SisFaults::new()).unwrap();
    let stop = CancellationToken::new();
    tokio::spawn(sis.serve(listener, stop.clone()));

    let origin = format!("https://portail.test:{port}");
    let listen = format!("127.0.0.1:{port}");
    let dir = root.join("node");
    let dir = dir.to_str().unwrap();
    let made = poterne(&[
        "init",
        dir,
        "--establishment",
        "Hôpital d’essai",
        "--origin",
        &origin,
        "--listen",
        &listen,
        "--sis",
        &sis_url,
        "--support",
        "01 99 00 00 00",
        "--name",
        "node1",
    ]);
    assert!(made.status.success(), "{}", words(&made));
    let config = format!("{dir}/poterne.toml");
    let text = fs::read_to_string(&config).unwrap().replace("127.0.0.1:9464", &format!("127.0.0.1:{health}"));
    let text = format!("{text}\n[policies]\nown_folder = \"policies\"\n");
    fs::write(&config, text).unwrap();
    // The hospital's own policies may only forbid; what they do is seen below, in what its patients are shown.
    let own = root.join("node/policies");
    fs::create_dir(&own).unwrap();
    fs::set_permissions(&own, fs::Permissions::from_mode(0o755)).unwrap();
    let own = own.join("own.cedar");
    let about = "(principal is Account, action == Action::\"see_people\", resource is Establishment)";
    let rest = format!("{about} when {{ principal.role == \"patient\" }};");
    let write = |effect: &str| {
        fs::write(&own, format!("@id(\"not-yet\") @because(\"Ouverture en mars.\") {effect} {rest}")).unwrap();
        fs::set_permissions(&own, fs::Permissions::from_mode(0o644)).unwrap();
    };
    write("permit");
    let told = poterne(&["check", "--config", &config]);
    assert!(words(&told).contains("policy not-yet: it permits"), "{}", words(&told));
    write("forbid");

    // What is missing is told at once, each with its place.
    let told = poterne(&["check", "--config", &config]);
    assert_eq!(told.status.code(), Some(2));
    assert_eq!(words(&told).matches("does not exist").count(), 5, "{}", words(&told));
    assert_eq!(poterne(&["serve", "--config", &config]).status.code(), Some(2));

    let keys = root.join("node/keys");
    let (portal, client) =
        (authority.issue_server(&["portail.test"]).unwrap(), authority.issue_client("node1").unwrap());
    fs::write(keys.join("portal.crt"), &portal.chain_pem).unwrap();
    private(&keys.join("portal.key"), portal.key_pem.expose());
    fs::write(keys.join("sis-ca.crt"), authority.ca_pem()).unwrap();
    fs::write(keys.join("sis-client.crt"), &client.chain_pem).unwrap();
    private(&keys.join("sis-client.key"), client.key_pem.expose());
    let told = poterne(&["check", "--config", &config]);
    assert!(told.status.success(), "{}", words(&told));

    let log = root.join("log");
    let mut serving = serve(&config, &log);
    until_healthy(&mut serving, health, &log).await;

    // Beside the running node.
    let added = poterne(&[
        "account",
        "add",
        "--config",
        &config,
        "--login",
        "essai",
        "--name",
        "Personne Essai",
        "--role",
        "patient",
        "--ins",
        &nir(),
        "--format",
        "json",
    ]);
    assert!(added.status.success(), "{}", words(&added));
    let account: serde_json::Value = serde_json::from_slice(&added.stdout).unwrap();
    let again = poterne(&[
        "account",
        "add",
        "--config",
        &config,
        "--login",
        "ESSAI ",
        "--name",
        "Autre",
        "--role",
        "patient",
        "--ins",
        &nir(),
    ]);
    assert!(!again.status.success() && words(&again).contains("taken"), "{}", words(&again));

    let nir = nir();
    let professional = |more: &[&str]| {
        let add = ["account", "add", "--format", "json", "--config", &config, "--role", "professional", "--ins", &nir];
        poterne(&[&add[..], more].concat())
    };
    let nameless = professional(&["--login", "soin", "--name", "Docteur Essai"]);
    assert!(!nameless.status.success() && words(&nameless).contains("says who he is"), "{}", words(&nameless));
    let named =
        ["--given-name", "Docteur", "--family-name", "Essai", "--profession", "Médecin", "--verified", "in_person"];
    let short = professional(&[&named[..], &["--login", "soin", "--rpps", "123"]].concat());
    assert!(!short.status.success() && words(&short).contains("11 digits"), "{}", words(&short));
    let professional = professional(&[&named[..], &["--login", "soin", "--rpps", "10000000001"]].concat());
    assert!(professional.status.success(), "{}", words(&professional));
    let professional: serde_json::Value = serde_json::from_slice(&professional.stdout).unwrap();
    let page = signed_in(&authority.ca_pem(), &origin, port, ("soin", &professional)).await;
    assert!(page.contains("Bonjour, Docteur Essai"), "{page}");

    // A relative's account is opened by a link: nobody but him ever knows what opens it.
    let relative = |more: &[&str]| {
        let add = ["account", "add", "--config", &config, "--role", "relative", "--ins", &nir, "--login", "proche"];
        let named = ["--given-name", "Lise", "--family-name", "Essai", "--verified", "in_person", "--link"];
        poterne(&[&add[..], &named, more].concat())
    };
    for (more, why) in [
        (["--mail", "proche@example.org"], "sends no mail"),
        (["--profession", "Médecin"], "--profession: a patient or a relative"),
    ] {
        let refused = relative(&more);
        assert!(!refused.status.success() && words(&refused).contains(why), "{}", words(&refused));
    }
    let invited = relative(&["--format", "json"]);
    assert!(invited.status.success(), "{}", words(&invited));
    let invited: serde_json::Value = serde_json::from_slice(&invited.stdout).unwrap();
    assert!(invited.get("password").is_none() && invited["mailed"] == false, "{invited}");
    let again = relative(&["--format", "json"]);
    assert!(!again.status.success() && words(&again).contains("taken"), "{}", words(&again));
    let link = invited["link"].as_str().unwrap();
    let path = link.strip_prefix(&origin).expect("a page of the portal");
    let chosen = chosen_by_link(&authority.ca_pem(), &origin, port, path).await;
    let page = signed_in(&authority.ca_pem(), &origin, port, ("proche", &chosen)).await;
    assert!(page.contains("Lise Essai"), "{page}");

    // The patient comes in, and the hospital's own policy keeps the list of his people from him.
    let page = signed_in(&authority.ca_pem(), &origin, port, ("essai", &account)).await;
    assert!(page.contains("Personne Essai"), "{page}");
    assert!(!page.contains("Bonjour"), "{page}");
    let told = poterne(&["policy", "explain", "see_people", "--config", &config, "--login", "Essai"]);
    assert!(words(&told).contains("see_people by patient at portal"), "{}", words(&told));
    assert!(words(&told).contains(": no\n") && words(&told).contains("forbidden by not-yet"), "{}", words(&told));
    let told = poterne(&["policy", "explain", "see_people", "--config", &config, "--login", "personne"]);
    assert_eq!((told.status.code(), words(&told).contains("nobody has the login")), (Some(2), true));
    assert!(page.contains("Hôpital d’essai"));

    // A stop is clean, and what was written verifies; pinned to its own key, and not to another.
    let began = Instant::now();
    let pid = serving.0.id().to_string();
    assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
    assert!(serving.0.wait().unwrap().success());
    assert!(began.elapsed() < Duration::from_secs(10));
    let data = root.join("node/data");
    let verified = poterne(&[
        "journal",
        "verify",
        "--data",
        data.to_str().unwrap(),
        "--format",
        "json",
        "--database",
        &format!("sqlite:{}", data.join("poterne.db").display()),
    ]);
    let verdict: serde_json::Value = serde_json::from_slice(&verified.stdout).unwrap();
    assert_eq!(verdict["ok"], true, "{verdict}");
    let other = "node1+5d4b07bc+AYXQ8sCeOiVXcWfRCXqZlVrSyZiWY6v4o2AOE1vX1QUH";
    let pinned = poterne(&["journal", "verify", "--data", data.to_str().unwrap(), "--vkey", other]);
    assert!(!pinned.status.success(), "{}", words(&pinned));

    // A demonstration does not open a real store, nor a real node a demonstration's.
    let mixed = poterne(&["demo", "--data", data.to_str().unwrap(), "--https", "0"]);
    assert_eq!(mixed.status.code(), Some(2), "{}", words(&mixed));
    stop.cancel();
}

/// A number whose form is right and which belongs to nobody (place of birth 99 999).
fn nir() -> String {
    let body: u64 = 1_800_199_999_001;
    format!("{body}{:02}", 97 - body % 97)
}

fn browser(ca: &str, port: u16) -> reqwest::Client {
    reqwest::Client::builder()
        .tls_backend_preconfigured(tls(ca))
        .resolve("portail.test", ([127, 0, 0, 1], port).into())
        .redirect(reqwest::redirect::Policy::none())
        .build()
        .unwrap()
}

/// A second factor's code, so many seconds ahead of now.
fn code_of(secret: &str, ahead: u64) -> String {
    let secret = data_encoding::BASE32_NOPAD.decode(secret.as_bytes()).unwrap();
    let totp = totp_rs::Builder::new().with_secret(<[u8; 20]>::try_from(secret).unwrap()).build().unwrap();
    totp.generate(u64::try_from(store::SystemClock.now().seconds()).unwrap() + ahead).to_string()
}

/// Chooses a password and a second factor on a link's page. Gives what one signs in with then: a code serves once, so that
/// the next one is of the half minute after.
async fn chosen_by_link(ca: &str, origin: &str, port: u16, path: &str) -> serde_json::Value {
    let client = browser(ca, port);
    let page = client.get(format!("{origin}{path}")).send().await.unwrap();
    assert_eq!(page.status(), 200);
    let page = page.text().await.unwrap();
    let secret = page.split("name=\"totp_secret\" value=\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
    let password = "quatre-bateaux-mauves-au-large";
    let body = format!("password={password}&totp_secret={secret}&code={}", code_of(&secret, 0));
    let sent = || {
        client
            .post(format!("{origin}{path}"))
            .header("sec-fetch-site", "same-origin")
            .header("content-type", "application/x-www-form-urlencoded")
            .body(body.clone())
            .send()
    };
    let done = sent().await.unwrap();
    assert_eq!(done.status(), 200, "{:?}", done.text().await);
    assert_eq!(sent().await.unwrap().status(), 404, "a link serves once");
    serde_json::json!({ "password": password, "totp_secret": secret, "ahead": 30 })
}

/// Signs in as a browser would, and gives the first page.
async fn signed_in(ca: &str, origin: &str, port: u16, (login, account): (&str, &serde_json::Value)) -> String {
    let client = browser(ca, port);
    let post = |path: &str, body: String| {
        client
            .post(format!("{origin}{path}"))
            .header("sec-fetch-site", "same-origin")
            .header("content-type", "application/x-www-form-urlencoded")
            .body(body)
            .send()
    };
    let password = account["password"].as_str().unwrap();
    let page = post("/fr/session", format!("login={login}&password={password}")).await.unwrap();
    assert_eq!(page.status(), 200);
    let page = page.text().await.unwrap();
    let ceremony = page.split("name=\"ceremony\" value=\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
    let code = code_of(account["totp_secret"].as_str().unwrap(), account["ahead"].as_u64().unwrap_or(0));
    let answer = post("/fr/session/code", format!("ceremony={ceremony}&code={code}")).await.unwrap();
    assert_eq!(answer.status(), 303, "{:?}", answer.text().await);
    let cookie = answer.headers()["set-cookie"].to_str().unwrap().split(';').next().unwrap().to_owned();
    client.get(format!("{origin}/fr/")).header("cookie", cookie).send().await.unwrap().text().await.unwrap()
}
