//! A permit of the hospital's own with the real program: tried, signed by two people with `ssh-keygen`, refused whenever one of
//! them did not sign this very text, and then in force at the desk.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod nodes;

use demo::Authority;
use nodes::{Running, free_port, poterne, serve, tls, until_healthy, words};
use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};
use types::Clock as _;

fn mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

/// A node of the desk, with two people who may sign permits.
struct Site {
    root: PathBuf,
    config: String,
    ca: String,
    ports: (u16, u16),
    establishment: String,
}

impl Site {
    fn open(root: &Path) -> Self {
        let ports = (free_port(), free_port());
        let (origin, listen) = (format!("https://bureau.test:{}", ports.0), format!("127.0.0.1:{}", ports.0));
        let dir = root.join("node");
        let made = poterne(&[
            "init",
            dir.to_str().unwrap(),
            "--doors",
            "desk",
            "--establishment",
            "Hôpital d’essai",
            "--desk-origin",
            &origin,
            "--desk-listen",
            &listen,
            "--support",
            "01 99 00 00 00",
        ]);
        assert!(made.status.success(), "{}", words(&made));
        let authority = Authority::new(store::SystemClock.now()).unwrap();
        let server = authority.issue_server(&["bureau.test"]).unwrap();
        fs::write(dir.join("keys/desk.crt"), &server.chain_pem).unwrap();
        fs::write(dir.join("keys/desk.key"), server.key_pem.expose()).unwrap();
        mode(&dir.join("keys/desk.key"), 0o600);

        let config = dir.join("poterne.toml");
        let text = fs::read_to_string(&config).unwrap().replace("127.0.0.1:9464", &format!("127.0.0.1:{}", ports.1));
        let id = text.lines().skip_while(|line| *line != "[[establishments]]").find(|line| line.starts_with("id = "));
        let establishment = id.unwrap().split('"').nth(1).unwrap().to_owned();
        let mut text = format!("{text}\n[policies]\npermits_folder = \"permits\"\n");
        for name in ["m-roussel", "j-petit"] {
            let key = root.join(name);
            let made = Command::new("ssh-keygen").args(["-q", "-t", "ed25519", "-N", "", "-f"]).arg(&key).status();
            assert!(made.unwrap().success());
            let public = fs::read_to_string(key.with_extension("pub")).unwrap();
            text.push_str(&format!("[[policies.signers]]\nname = \"{name}\"\npublic_key = \"{}\"\n", public.trim()));
        }
        fs::write(&config, text).unwrap();
        fs::create_dir(dir.join("permits")).unwrap();
        mode(&dir.join("permits"), 0o755);
        let config = config.to_str().unwrap().to_owned();
        Self { root: root.to_owned(), config, ca: authority.ca_pem(), ports, establishment }
    }

    fn put(&self, name: &str, text: &[u8]) {
        let place = self.root.join("node/permits").join(name);
        fs::write(&place, text).unwrap();
        mode(&place, 0o644);
    }

    /// Signed with the key of `by`, named after `name`.
    fn sign(&self, by: &str, name: &str) {
        let file = fs::File::open(self.root.join("node/permits/dpo.cedar")).unwrap();
        let mut command = Command::new("ssh-keygen");
        command.args(["-Y", "sign", "-n", "poterne-permit", "-f"]).arg(self.root.join(by));
        let signed = command.stdin(file).stderr(Stdio::null()).output().unwrap();
        assert!(signed.status.success());
        self.put(&format!("dpo.cedar.{name}.sig"), &signed.stdout);
    }

    /// Neither `check` nor `serve` takes it, and both say why, with the line of the configuration.
    fn refused(&self, said: &str) {
        for command in ["check", "serve"] {
            let told = poterne(&[command, "--config", &self.config]);
            assert_eq!(told.status.code(), Some(2), "{command}: {}", words(&told));
            let line = words(&told).lines().find(|line| line.contains(said)).map(str::to_owned);
            let line = line.unwrap_or_else(|| panic!("{command}: {said}: {}", words(&told)));
            assert!(line.contains("poterne.toml:") && line.contains("policies.permits_folder"), "{line}");
        }
    }

    fn client(&self) -> reqwest::Client {
        reqwest::Client::builder()
            .tls_backend_preconfigured(tls(&self.ca))
            .resolve("bureau.test", ([127, 0, 0, 1], self.ports.0).into())
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .unwrap()
    }

    /// The program serving, once it is healthy, with what its health says.
    async fn serve(&self) -> (Running, String) {
        let log = self.root.join("log");
        let mut running = serve(&self.config, &log);
        let health = until_healthy(&mut running, self.ports.1, &log).await;
        (running, health)
    }

    fn account(&self, login: &str, role: &str) -> serde_json::Value {
        let line = ["account", "add", "--format", "json", "--config", &self.config, "--login", login];
        let added = poterne(&[&line[..], &["--name", "Personne Essai", "--role", role]].concat());
        assert!(added.status.success(), "{}", words(&added));
        serde_json::from_slice(&added.stdout).unwrap()
    }

    /// Signs in as a browser would; gives what each of these pages answers.
    async fn visits(&self, login: &str, account: &serde_json::Value, pages: &[&str]) -> Vec<(u16, String)> {
        let (client, origin) = (self.client(), format!("https://bureau.test:{}", self.ports.0));
        let post = |path: &str, body: String| {
            client
                .post(format!("{origin}{path}"))
                .header("sec-fetch-site", "same-origin")
                .header("content-type", "application/x-www-form-urlencoded")
                .body(body)
                .send()
        };
        let password = account["password"].as_str().unwrap();
        let page =
            post("/fr/session", format!("login={login}&password={password}")).await.unwrap().text().await.unwrap();
        let ceremony = page.split("name=\"ceremony\" value=\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
        let secret = data_encoding::BASE32_NOPAD.decode(account["totp_secret"].as_str().unwrap().as_bytes()).unwrap();
        let totp = totp_rs::Builder::new().with_secret(<[u8; 20]>::try_from(secret).unwrap()).build().unwrap();
        let code = totp.generate(u64::try_from(store::SystemClock.now().seconds()).unwrap());
        let answer = post("/fr/session/code", format!("ceremony={ceremony}&code={code}")).await.unwrap();
        assert_eq!(answer.status(), 303, "{:?}", answer.text().await);
        let cookie = answer.headers()["set-cookie"].to_str().unwrap().split(';').next().unwrap().to_owned();
        let mut seen = Vec::new();
        for page in pages {
            let answer = client.get(format!("{origin}{page}")).header("cookie", &cookie).send().await.unwrap();
            seen.push((answer.status().as_u16(), answer.text().await.unwrap()));
        }
        seen
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_two_people_signed_is_permitted_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let site = Site::open(folder.path());
    let today = jiff::Timestamp::now().to_zoned(jiff::tz::TimeZone::UTC).date();
    let last_day = today.saturating_add(jiff::Span::new().days(20));
    let permit = format!(
        "@id(\"dpo-follows\") @because(\"Décision du 3 mars.\") @until(\"{last_day}\")
permit (principal is Account, action == Action::\"see_interventions\", resource is Establishment)
when {{
  principal.establishment == Establishment::\"{}\" && principal.role == \"dpo\" && context.door == \"desk\" &&
  principal.assurance >= 2
}};\n",
        site.establishment
    );
    site.put("dpo.cedar", permit.as_bytes());

    // Tried before anybody signs it: what to type is said; with the configuration, what is still missing.
    let permits = folder.path().join("node/permits");
    let check = ["policy", "check", "--permits", permits.to_str().unwrap()];
    let told = poterne(&check);
    assert!(told.status.success(), "{}", words(&told));
    assert!(words(&told).contains("ssh-keygen -Y sign -n poterne-permit -f KEY < dpo.cedar > dpo.cedar.NAME.sig"));
    let configured = [&check[..], &["--config", &site.config]].concat();
    let told = poterne(&configured);
    assert_eq!(
        (told.status.code(), words(&told).contains("0 of the 2 signatures")),
        (Some(2), true),
        "{}",
        words(&told)
    );

    site.refused("0 of the 2 signatures");
    site.sign("m-roussel", "m-roussel");
    site.refused("1 of the 2 signatures");
    site.sign("m-roussel", "j-petit");
    site.refused("it was made with the key of m-roussel, not of j-petit");
    site.sign("j-petit", "j-petit");
    site.put("dpo.cedar", permit.replace("\"dpo\"", "\"on_call\"").as_bytes());
    site.refused("the file is not the one that was signed");
    site.put("dpo.cedar", permit.as_bytes());

    let told = poterne(&configured);
    assert!(told.status.success(), "{}", words(&told));
    // As a start would: beside what the hospital forbids.
    let text = fs::read_to_string(&site.config).unwrap();
    let own = folder.path().join("node/own");
    fs::create_dir(&own).unwrap();
    mode(&own, 0o755);
    let forbids =
        "@id(\"dpo-follows\") @because(\"x\") forbid (principal is Account, action == Action::\"replay\", resource);";
    fs::write(own.join("own.cedar"), forbids).unwrap();
    mode(&own.join("own.cedar"), 0o644);
    fs::write(&site.config, text.replace("\npermits_folder", "\nown_folder = \"own\"\npermits_folder")).unwrap();
    let told = poterne(&configured);
    assert!(told.status.code() == Some(2) && words(&told).contains("the name is taken"), "{}", words(&told));
    site.refused("the name is taken");
    fs::write(&site.config, text).unwrap();
    let told = poterne(&["check", "--config", &site.config]);
    let line = format!("! permit dpo-follows: signed by j-petit, m-roussel, until {last_day} (20 more days)");
    assert!(told.status.success() && words(&told).contains(&line), "{}", words(&told));
    let told = poterne(&["policy", "explain", "see_interventions", "--role", "dpo", "--config", &site.config]);
    assert!(
        words(&told).contains("permitted by dpo-follows (Décision du 3 mars.; signed by j-petit, m-roussel"),
        "{}",
        words(&told)
    );

    let (running, health) = site.serve().await;
    assert!(health.contains("\"permits\",\"status\":\"ready\""), "{health}");
    let (dpo, on_call) = (site.account("dpo", "dpo"), site.account("garde", "on_call"));
    let pages = ["/fr/interventions", "/fr/policies"];
    let seen = site.visits("dpo", &dpo, &pages).await;
    assert_eq!((seen[0].0, seen[1].0), (200, 200), "{}", seen[0].1);
    assert!(seen[1].1.contains("dpo-follows") && seen[1].1.contains("j-petit, m-roussel"), "{}", seen[1].1);
    let seen = site.visits("garde", &on_call, &pages).await;
    assert_eq!((seen[0].0, seen[1].0), (200, 404));
    running.stop();

    // Without it, he is where he was.
    let text = fs::read_to_string(&site.config).unwrap();
    fs::write(&site.config, text.split("[policies]").next().unwrap()).unwrap();
    let (_running, _) = site.serve().await;
    let another = site.account("dpo2", "dpo");
    assert_eq!(site.visits("dpo2", &another, &pages).await[0].0, 404);
}
