//! One password tried on a thousand logins from fifty addresses.

use super::*;
use std::sync::{
    Mutex,
    atomic::{AtomicUsize, Ordering},
};

const ADDRESSES: usize = 50;
const LOGINS_OF_EACH: usize = 20;
/// Two of the addresses are where owners live: one that the hospital declared, one that it did not.
const UNDECLARED: [u8; 4] = [127, 0, 2, 7];
const DECLARED: [u8; 4] = [127, 0, 3, 7];
/// How long an owner may take, the door's page included.
const OWNER_MAX: Duration = Duration::from_secs(3);

fn login(n: usize) -> String {
    format!("compte.{n:04}")
}

/// Each address is in a network of its own.
fn address(n: usize) -> [u8; 4] {
    match n {
        0 => UNDECLARED,
        1 => DECLARED,
        _ => [127, 0, u8::try_from(n + 10).unwrap(), 9],
    }
}

/// What became of the guesses.
struct Score {
    /// Of each address, those that were looked at.
    examined: [AtomicUsize; ADDRESSES],
    /// The addresses told to wait.
    slowed: Mutex<std::collections::BTreeSet<usize>>,
}

impl Score {
    fn slowed(&self) -> usize {
        self.slowed.lock().unwrap().len()
    }

    fn examined(&self) -> Vec<usize> {
        self.examined.iter().map(|count| count.load(Ordering::Relaxed)).collect()
    }
}

/// Tries one password on its logins, patiently: whoever is told to wait waits, and goes on where he was.
async fn spray(visitor: Visitor, n: usize, score: Arc<Score>) {
    for login in (0..LOGINS_OF_EACH).map(|each| login(n * LOGINS_OF_EACH + each)) {
        loop {
            let wait = match visitor.password(&login, "Bienvenue-2026%21").await {
                Err(wait) => wait,
                Ok(ceremony) => match visitor.code(&ceremony, "123456").await {
                    Answer::Page(422, _) => {
                        score.examined[n].fetch_add(1, Ordering::Relaxed);
                        break;
                    }
                    Answer::Wait(wait) => {
                        score.slowed.lock().unwrap().insert(n);
                        wait
                    }
                    Answer::Page(..) => Duration::from_secs(1),
                    Answer::Opened(_) => panic!("{login} was opened"),
                },
            };
            tokio::time::sleep(wait).await;
        }
    }
}

/// Takes every first step that an address has.
async fn hog(visitor: Visitor) {
    loop {
        if let Err(wait) = visitor.password("personne", "rien").await {
            tokio::time::sleep(wait.min(Duration::from_millis(200))).await;
        }
    }
}

async fn within(what: &str, owner: &Visitor, account: &Value, code: Code) {
    let (_, took) = owner.sign_in(account, code).await.unwrap_or_else(|wait| panic!("{what} waits {wait:?}"));
    println!("{what}: {} ms", took.as_millis());
    assert!(took < OWNER_MAX, "{what}: {took:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_spray_is_slowed_and_told_and_owners_come_in_meanwhile() {
    let site = Site::new().await;
    let running = site.serve().await;
    let made = Instant::now();
    site.accounts((0..ADDRESSES * LOGINS_OF_EACH).map(login)).await;
    println!("made in {:?}", made.elapsed());
    let officer = site.account("surete", "security_officer", &[]);
    let places = [("at home", [127, 0, 1, 200]), ("undeclared", UNDECLARED), ("declared", DECLARED)];
    let owners: Vec<_> = (0_u64..)
        .zip(places)
        .map(|(n, (what, from))| (what, site.visitor(from), site.patient(&format!("titulaire.{n}"), 900 + n)))
        .collect();
    let newcomer = |from, n: u64| (site.visitor(from), site.patient(&format!("nouveau.{n}"), 950 + n));
    let (lives_declared, lives_undeclared) = (newcomer(DECLARED, 1), newcomer(UNDECLARED, 2));
    for (what, owner, account) in &owners {
        owner.sign_in(account, Code(-1)).await.unwrap_or_else(|wait| panic!("{what} waits {wait:?} before anything"));
    }

    let score = Arc::new(Score { examined: [const { AtomicUsize::new(0) }; ADDRESSES], slowed: Mutex::default() });
    let mut flood = JoinSet::new();
    let began = Instant::now();
    for n in 0..ADDRESSES {
        flood.spawn(spray(site.visitor(address(n)), n, Arc::clone(&score)));
    }
    // All but those of the declared network, where every guess is looked at.
    while score.slowed() < ADDRESSES - 1 || score.examined()[1] < LOGINS_OF_EACH {
        assert!(began.elapsed() < Duration::from_secs(120), "not slowed: {:?}", score.examined());
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    println!("all slowed after {:?}: {} guesses", began.elapsed(), score.examined().iter().sum::<usize>());
    for (what, owner, account) in &owners {
        within(what, owner, account, Code(0)).await;
    }
    // Whoever was never there solves a puzzle first, on the same processor as fifty who guess.
    let (_, took) =
        lives_declared.0.sign_in(&lives_declared.1, Code(0)).await.expect("nobody waits for the others there");
    println!("new at the declared address: {} ms", took.as_millis());
    assert!(took < Duration::from_secs(15), "a puzzle is no wait: {took:?}");
    // Whoever was never there waits with those who guess from there, where nobody declared the address.
    let told = lives_undeclared.0.sign_in(&lives_undeclared.1, Code(0)).await.err();
    println!("new at the undeclared address: waits {told:?}");
    assert!(told.is_none_or(|wait| wait < Duration::from_secs(65)), "{told:?}");

    // And when somebody takes all that their addresses have.
    for from in [UNDECLARED, DECLARED] {
        flood.spawn(hog(site.visitor(from)));
    }
    for from in [UNDECLARED, DECLARED] {
        let other = site.visitor(from);
        while other.password("quelqu.un", "rien").await.is_ok() {}
    }
    for (what, owner, account) in &owners {
        within(&format!("{what}, no step left"), owner, account, Code(1)).await;
    }
    let examined = score.examined();
    let seconds = began.elapsed().as_secs();
    flood.shutdown().await;
    let undeclared: usize = examined.iter().sum::<usize>() - examined[1];
    println!("{undeclared} guesses of 980 from undeclared addresses in {seconds} s: {examined:?}");
    // Five of each are free while many fail together, then each waits twice as long as before: without that, all are looked
    // at as fast as passwords are hashed.
    assert!(undeclared < 49 * 13, "{undeclared} in {seconds} s");

    let (desk, officer_code) = (site.visitor_of((DESK, site.desk), [127, 0, 9, 9]), Code(0));
    let (cookie, _) = desk.sign_in(&officer, officer_code).await.unwrap();
    let page = desk.home(&cookie).await;
    for sentence in [
        "Quelqu’un essaie des mots de passe",
        "200 identifiants au moins ont échoué en dix minutes.",
        "20 identifiants au moins ont échoué en dix minutes depuis le réseau de 127.0.3.0.",
    ] {
        assert!(page.contains(sentence), "{sentence}: {page}");
    }
    running.stop();

    let traces = site.traces().into_iter().filter(|trace| trace.event == types::Event::SignInAlarm);
    let alarms: Vec<String> = traces.filter_map(|trace| trace.detail).collect();
    assert!(alarms.iter().any(|told| told == "200 logins failed in ten minutes"), "{alarms:?}");
    assert!(alarms.iter().any(|told| told.contains("127.0.3.0")), "{alarms:?}");
}
