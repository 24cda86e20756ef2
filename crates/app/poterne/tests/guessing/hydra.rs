//! THC hydra (Debian: hydra), against both steps of the sign-in.

use super::*;
use std::process::{Command, Stdio};

/// How long it tries codes.
const TRIES: Duration = Duration::from_secs(36);

/// What it is told of a form.
struct Form<'a> {
    path: &'a str,
    body: &'a str,
    /// Where the answer holds this, it believes that it found what it looks for.
    success: &'a str,
}

impl Site {
    /// Runs hydra from 127.0.0.1 over a list, for so long at most; gives what it says.
    async fn hydra(&self, (form, tasks): (Form<'_>, &str), list: &[String], longest: Duration) -> String {
        let (words, told) = (self.path("hydra.list"), self.path("hydra.told"));
        fs::write(&words, list.join("\n")).unwrap();
        let (origin, port) = (format!("https://{HOST}:{}", self.door), self.door.to_string());
        let module =
            format!("{}:{}:g=:H=Origin\\: {}:S={}", form.path, form.body, origin.replace(':', "\\:"), form.success);
        let child = Command::new("hydra")
            .current_dir(self.folder.path())
            .args(["-l", "cible", "-P", words.to_str().unwrap(), "-t", tasks, "-I", "-s", &port])
            .args(["127.0.0.1", "https-post-form", &module])
            .stdin(Stdio::null())
            .stdout(fs::File::create(&told).unwrap())
            .stderr(Stdio::null())
            .spawn();
        let mut running = Running(child.expect("hydra (Debian: hydra) is there"));
        let began = Instant::now();
        while running.0.try_wait().unwrap().is_none() && began.elapsed() < longest {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        drop(running);
        fs::read_to_string(told).unwrap()
    }

    /// How often a form answered with this status; the node's own probes have it answer too.
    fn answered(&self, route: &str, status: u16) -> usize {
        let log = fs::read_to_string(self.path("log")).unwrap();
        let lines = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        lines.filter(|line| line["fields"]["route"] == route && line["fields"]["status"] == status).count()
    }

    /// Seconds between the guesses that were looked at, of the account that somebody signed in to from `address`.
    fn gaps(&self, address: &str) -> Vec<f64> {
        let traces = self.traces();
        let of = |one: &&journal::Trace| one.event == types::Event::SignIn;
        let owner = traces.iter().filter(of).find(|one| one.address.as_deref() == Some(address));
        let target = owner.and_then(|one| one.target.clone()).expect("the owner's sign-in is traced");
        let acts: Vec<_> =
            traces.iter().filter(|one| one.target.as_ref() == Some(&target)).map(|one| one.trace).collect();
        let refused = traces.iter().filter(of).filter(|one| one.outcome == Some(journal::Outcome::Refused));
        let at: Vec<_> = refused.filter(|one| acts.contains(&one.trace)).map(|one| one.time).collect();
        at.windows(2).map(|pair| pair[1].since(pair[0]).as_secs_f64()).collect()
    }
}

fn found(told: &str) -> bool {
    assert!(told.contains("attacking") && !told.contains("ERROR"), "hydra did not run: {told}");
    told.contains("password: ")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hydra_finds_no_code_and_no_password_while_the_owner_comes_in() {
    let site = Site::new().await;
    let running = site.serve().await;
    let (target, other) = (site.patient("cible", 1), site.patient("temoin", 2));
    let guesser = site.visitor([127, 0, 0, 1]);
    let ceremony = async |account: &Value| {
        let (login, password) = (account["login"].as_str().unwrap(), account["password"].as_str().unwrap());
        let ceremony = guesser.password(login, password).await.unwrap();
        format!("ceremony={ceremony}&code=^PASS^")
    };
    let of_code = |body| Form { path: "/fr/session/code", body, success: "__Host-" };
    let wrong: Vec<String> = (100_000..104_000).map(|n| format!("{n}")).collect();

    // He has the password, and tries codes. The first that is looked at is found.
    let body = ceremony(&other).await;
    let told = site.hydra((of_code(&body), "1"), &[Code(1).of(&other)], TRIES).await;
    assert!(found(&told), "{told}");
    // One that comes after wrong ones is not.
    let body = ceremony(&target).await;
    let list = [&wrong[..6], &[Code(1).of(&target)], &wrong[6..]].concat();
    let told = site.hydra((of_code(&body), "1"), &list, TRIES).await;
    assert!(!found(&told), "{told}");
    let told_to_wait = site.answered("/{lang}/session/code", 429);
    assert!(told_to_wait > 100, "it came to the right one: {told}");

    // Passwords: whatever is typed has the same page, and forty are taken in a minute.
    let passwords: Vec<String> = (0..120).map(|n| format!("Bienvenue-{n}")).collect();
    let right = target["password"].as_str().unwrap().to_owned();
    let list = [&passwords[..60], &[right], &passwords[60..]].concat();
    let form = Form { path: "/fr/session", body: "login=^USER^&password=^PASS^", success: "__Host-" };
    let told = site.hydra((form, "4"), &list, TRIES).await;
    assert!(!found(&told), "{told}");
    let waits = site.answered("/{lang}/session", 429);
    // Forty a minute; it may have seen the end of one and the beginning of the next.
    assert!(waits >= list.len() - 2 * 40, "{waits} of {} passwords told to wait", list.len());

    let (_, took) = site.visitor([127, 0, 5, 5]).sign_in(&target, Code(1)).await.expect("the owner waits for nobody");
    assert!(took < Duration::from_secs(3), "{took:?}");
    running.stop();
    let gaps = site.gaps("127.0.5.5");
    println!(
        "{} codes looked at, {told_to_wait} told to wait, {gaps:.1?} s between them; of {} passwords {waits} told to \
         wait; the owner: {} ms",
        gaps.len() + 1,
        list.len(),
        took.as_millis()
    );
    assert!((3..=5).contains(&gaps.len()), "{gaps:?}");
    for (n, gap) in (1..).zip(&gaps) {
        // The wait runs from when the failure was counted; its trace bears a moment of its own, some milliseconds apart.
        assert!(*gap >= 2_f64.powi(n) - 0.1, "it doubles: {gaps:?}");
    }
}
