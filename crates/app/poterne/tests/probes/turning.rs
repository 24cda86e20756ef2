//! Each probe proves its rule at a door that keeps it, and turns at one that does not.

use crate::{
    fake::{self, door},
    hospital::{self, Flaw, Kept},
    journaled,
    probes::{
        Fault,
        alone::{AloneDoor, AloneProbe},
        codes::Reserved,
        each_door::{EachDoor, Look},
        faults::{FaultDoor, FaultsProbe},
        forged::ForgedProbe,
        guessing,
        over::{InForce, Opens as _, OverDoor, OverProbe, Which},
        passwords,
        records::{RecordsProbe, What as Records},
        restricted::{Inside, RestrictedProbe},
        sessions, strangers,
        target::Target,
        tls::TlsProbe,
        traces::{Refusals, TracesProbe},
        visits::Visits,
    },
};
use axum::{Router, routing::get};
use dossier::{BoxFuture, Probe as _, ProbeOutcome, probe_named};
use identity::{AtOnce, Population, SessionLimits, SessionRules};
use journal::Trace;
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::Duration,
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
};
use tokio_util::sync::CancellationToken;
use types::{Cidr, Event, Time};
use web::{limits::Limits, serve::Front};
use wire::proxy::{Proxies, Says};

fn served(hsts: &'static str) -> Router {
    Router::new().route("/fr/", get(move || async move { ([("strict-transport-security", hsts)], "<p>page</p>") }))
}

async fn tls(target: Target) -> ProbeOutcome {
    TlsProbe::new(probe_named("tls").unwrap(), vec![target]).run().await
}

#[tokio::test]
async fn tls_turns_on_clear_http_short_hsts_old_versions_and_other_certificates() {
    let year = "max-age=31536000; includeSubDomains";
    let kept = door(served(year), false).await;
    let outcome = tls(kept.clone()).await;
    assert!(matches!(outcome, ProbeOutcome::Proved(_)), "{outcome}");

    let outcome = tls(door(served(year), true).await).await;
    assert!(matches!(&outcome, ProbeOutcome::Failed(what) if what.contains("clear HTTP")), "{outcome}");

    for hsts in ["max-age=31535999", "includeSubDomains", ""] {
        let outcome = tls(door(served(hsts), false).await).await;
        assert!(matches!(&outcome, ProbeOutcome::Failed(what) if what.contains("HSTS")), "{hsts}: {outcome}");
    }

    // Somebody who answers an old hello with one of his own.
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let old = fake::target(&listener, &fake::tls());
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut hello = [0; 512];
            let count = stream.read(&mut hello).await.unwrap();
            if hello[..count].starts_with(&[0x16]) {
                stream.write_all(&[0x16, 3, 1, 0, 1, 2]).await.unwrap();
            }
        }
    });
    let outcome = tls(old).await;
    assert!(matches!(&outcome, ProbeOutcome::Failed(what) if what.contains("TLS 1.0")), "{outcome}");

    // Another certificate than the door's.
    let other = Target { leaf: door(served(year), false).await.leaf, ..kept };
    let outcome = tls(other).await;
    assert!(matches!(&outcome, ProbeOutcome::Failed(_)), "{outcome}");

    let nobody = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let target = fake::target(&nobody, &fake::tls());
    drop(nobody);
    assert!(matches!(tls(target).await, ProbeOutcome::CouldNotRun(_)));
}

async fn session(name: &str, flaw: Flaw) -> ProbeOutcome {
    let fake = hospital::open(flaw).await;
    let look: Look = match name {
        "last-sign-in" => sessions::last_sign_in,
        "session-tokens" => sessions::tokens,
        _ => sessions::sign_out,
    };
    if name == "last-sign-in" {
        // So that there is one before it.
        let (cookie, previous) = fake.visits.sign_in(|code| fake.open(&fake.visits, code)).await.unwrap();
        assert!(previous.is_none() && !cookie.is_empty());
        tokio::time::sleep(Duration::from_millis(1100)).await;
    }
    EachDoor::new(probe_named(name).unwrap(), look, vec![fake.visits]).run().await
}

fn failed(outcome: &ProbeOutcome, what: &str) {
    assert!(matches!(outcome, ProbeOutcome::Failed(told) if told.contains(what)), "{outcome}");
}

#[tokio::test]
async fn session_probes_turn_on_doors_that_keep_what_they_should_end() {
    for what in ["last-sign-in", "session-tokens", "sign-out"] {
        let outcome = session(what, Flaw::None).await;
        assert!(matches!(outcome, ProbeOutcome::Proved(_)), "{what:?}: {outcome}");
        if what != "last-sign-in" {
            let outcome = session(what, Flaw::NobodyIn).await;
            assert!(matches!(outcome, ProbeOutcome::CouldNotRun(_)), "{what:?}: {outcome}");
        }
    }
    failed(&session("session-tokens", Flaw::AnySecret).await, "altered token");
    failed(&session("session-tokens", Flaw::KeepsAfterSignOut).await, "withdrawn token");
    failed(&session("sign-out", Flaw::KeepsAfterSignOut).await, "former token");
    for flaw in [Flaw::NothingCleared, Flaw::CookieKept] {
        let outcome = session("sign-out", flaw).await;
        assert!(matches!(outcome, ProbeOutcome::Partial(_)), "{outcome}");
    }
    failed(&session("last-sign-in", Flaw::NoLastSignIn).await, "no page");
    failed(&session("last-sign-in", Flaw::OldLastSignIn).await, "not the one before");
    failed(&session("last-sign-in", Flaw::LastSignInWithoutHour).await, "without its date");
}

#[tokio::test]
async fn one_sign_in_serves_a_round_and_codes_serve_once() {
    let fake = hospital::open(Flaw::None).await;
    let first = fake.visits.visit().await.unwrap();
    assert_eq!(fake.visits.visit().await.unwrap().cookie, first.cookie);
    let seen = Mutex::new(Vec::new());
    let second = fake.visits.sign_in(|code| {
        seen.lock().unwrap().push(code);
        std::future::ready(Ok(Some(())))
    });
    let (_, previous) = second.await.unwrap();
    assert!(previous.is_some());
    // The two codes that this minute may take differ: the first was used by the visit.
    let step = u64::try_from(fake.visits.now().seconds()).unwrap() / 30;
    let used = seen.lock().unwrap()[0].clone();
    assert!([step, step + 1].map(|step| fake.visits.reserved().code(step)).contains(&used));
}

#[test]
fn codes_are_those_of_authenticators() {
    // RFC 6238, appendix B, the last six digits.
    let totp = types::Secret::new(*b"12345678901234567890");
    let reserved = Reserved { login: String::new(), password: types::Secret::new(String::new()), totp };
    for (seconds, code) in [(59, "287082"), (1_111_111_109, "081804"), (20_000_000_000_u64, "353130")] {
        assert_eq!(reserved.code(seconds / 30), code);
    }
}

async fn records(what: Records, flaw: Flaw, is_there: bool) -> ProbeOutcome {
    let fake = hospital::open(flaw).await;
    let name = if what == Records::Others { "others-records" } else { "explored-addresses" };
    let other = is_there.then_some(hospital::OTHER);
    RecordsProbe::new(probe_named(name).unwrap(), what, Some(fake.visits), other).run().await
}

#[tokio::test]
async fn record_probes_turn_on_answers_that_differ() {
    for what in [Records::Others, Records::Explored] {
        let outcome = records(what, Flaw::None, true).await;
        assert!(matches!(outcome, ProbeOutcome::Proved(_)), "{what:?}: {outcome}");
        failed(&records(what, Flaw::OthersForbidden, true).await, "another status");
        failed(&records(what, Flaw::OthersNamed, true).await, "another page");
    }
    failed(&records(Records::Explored, Flaw::MalformedTold, true).await, "another status");
    let outcome = records(Records::Others, Flaw::None, false).await;
    assert!(matches!(outcome, ProbeOutcome::CouldNotRun(_)), "{outcome}");
    let outcome = records(Records::Explored, Flaw::None, false).await;
    assert!(matches!(outcome, ProbeOutcome::Partial(_)), "{outcome}");
    let nowhere = RecordsProbe::new(probe_named("others-records").unwrap(), Records::Others, None, None);
    assert!(matches!(nowhere.run().await, ProbeOutcome::CouldNotRun(_)));
}

async fn traces(change: fn(&mut Trace), forgets: bool) -> ProbeOutcome {
    let door = hospital::open(Flaw::None).await;
    let kept = Arc::new(Kept { door: door.clone(), change, forgets });
    TracesProbe::new(probe_named("trace-content").unwrap(), vec![door.visits], kept).run().await
}

#[tokio::test]
async fn the_trace_probe_turns_on_what_a_trace_lacks() {
    let outcome = traces(|_| {}, false).await;
    assert!(matches!(outcome, ProbeOutcome::Proved(_)), "{outcome}");
    failed(&traces(|_| {}, true).await, "no trace");
    failed(&traces(|trace| trace.author = String::new(), false).await, "who");
    failed(&traces(|trace| trace.address = None, false).await, "from where");
    failed(&traces(|trace| trace.event = Event::SignOut, false).await, "what happened");
    let coarse = |trace: &mut Trace| trace.time = Time::from_micros(trace.time.micros() / 1000 * 1000);
    failed(&traces(coarse, false).await, "millisecond");
}

struct Decided(SessionRules);

impl InForce for Decided {
    fn rules(&self) -> BoxFuture<'_, Result<Vec<(Population, SessionRules)>, Fault>> {
        Box::pin(async { Ok(vec![(Population::Patients, self.0)]) })
    }
}

async fn alone(decided: AtOnce, flaw: Flaw) -> ProbeOutcome {
    let fake = hospital::open(flaw).await;
    let in_force = Arc::new(Decided(SessionRules::new(900, 28_800, decided).unwrap()));
    let door = AloneDoor { visits: fake.visits.clone(), role: types::Role::Patient, in_force };
    AloneProbe::new(probe_named("one-session").unwrap(), vec![door]).run().await
}

#[tokio::test]
async fn the_probe_of_one_session_turns_on_doors_that_open_two_or_close_one_in_silence() {
    let newest = alone(AtOnce::Newest, Flaw::NewestCloses).await;
    assert!(matches!(newest, ProbeOutcome::Proved(_)), "{newest}");
    let first = alone(AtOnce::First, Flaw::FirstStays).await;
    assert!(matches!(first, ProbeOutcome::Proved(_)), "{first}");
    let several = alone(AtOnce::Several, Flaw::None).await;
    assert!(matches!(several, ProbeOutcome::Partial(_)), "{several}");
    failed(&alone(AtOnce::Newest, Flaw::None).await, "leaves the first one open");
    failed(&alone(AtOnce::Newest, Flaw::NewestClosesInSilence).await, "not told why");
    failed(&alone(AtOnce::First, Flaw::None).await, "while the first one is there");
    failed(&alone(AtOnce::First, Flaw::FirstStaysInSilence).await, "without saying why");
    assert!(matches!(alone(AtOnce::First, Flaw::NobodyIn).await, ProbeOutcome::CouldNotRun(_)));
}

async fn over(which: Which, flaw: Flaw, (idle, absolute): (u64, u64)) -> ProbeOutcome {
    let fake = hospital::open(flaw).await;
    let limits = SessionLimits { idle: Duration::from_secs(idle), absolute: Duration::from_secs(absolute) };
    let in_force = Arc::new(Decided(SessionRules::of_installation(limits)));
    let door = OverDoor { visits: fake.visits.clone(), opens: Arc::new(fake), in_force };
    let name = if which == Which::Idle { "idle-session" } else { "session-end" };
    OverProbe::new(probe_named(name).unwrap(), which, vec![door]).run().await
}

#[tokio::test]
async fn the_idle_probe_turns_on_sessions_that_do_not_end() {
    let outcome = over(Which::Idle, Flaw::None, (7200, 28_800)).await;
    assert!(matches!(&outcome, ProbeOutcome::Proved(told) if told.contains("120 min")), "{outcome}");
    failed(&over(Which::Idle, Flaw::NeverIdle, (900, 28_800)).await, "past its idle limit");
    failed(&over(Which::Idle, Flaw::None, (7201, 28_800)).await, "two hours");
}

#[tokio::test]
async fn the_probe_of_ends_turns_on_sessions_that_go_on_as_long_as_they_are_used() {
    let outcome = over(Which::Used, Flaw::EndsInTime, (900, 28_800)).await;
    assert!(matches!(&outcome, ProbeOutcome::Proved(told) if told.contains("480 min")), "{outcome}");
    // Used, it never gets to be idle.
    failed(&over(Which::Used, Flaw::None, (900, 28_800)).await, "past its end");
    failed(&over(Which::Used, Flaw::EndsInTime, (900, 43_201)).await, "twelve hours");
}

#[tokio::test]
async fn the_probe_of_token_life_turns_on_tokens_that_browsers_keep_or_give_away() {
    let outcome = async |flaw| {
        let fake = hospital::open(flaw).await;
        EachDoor::new(probe_named("token-life").unwrap(), sessions::token_life, vec![fake.visits]).run().await
    };
    let kept = outcome(Flaw::None).await;
    assert!(matches!(kept, ProbeOutcome::Proved(_)), "{kept}");
    failed(&outcome(Flaw::TokenKept).await, "past its own end");
    failed(&outcome(Flaw::TokenRead).await, "without httponly");
    failed(&outcome(Flaw::TokenSent).await, "another site");
}

#[tokio::test]
async fn the_password_probe_turns_on_doors_that_take_what_is_guessed() {
    let outcome = async |flaw| {
        let fake = hospital::open(flaw).await;
        EachDoor::new(probe_named("passwords").unwrap(), passwords::look, vec![fake.visits]).run().await
    };
    let kept = outcome(Flaw::None).await;
    assert!(matches!(kept, ProbeOutcome::Proved(_)), "{kept}");
    failed(&outcome(Flaw::TakesGuessed).await, "soon guessed is taken");
    failed(&outcome(Flaw::ChangesNothing).await, "no page offers");
    failed(&outcome(Flaw::PasswordAlone).await, "without a code");
    assert!(matches!(outcome(Flaw::NobodyIn).await, ProbeOutcome::CouldNotRun(_)));
}

#[tokio::test]
async fn the_guessing_probe_turns_on_doors_that_let_guess_or_lock_out() {
    let outcome = async |flaw| {
        let fake = hospital::open(flaw).await;
        EachDoor::new(probe_named("guessing").unwrap(), guessing::look, vec![fake.visits]).run().await
    };
    let kept = outcome(Flaw::None).await;
    assert!(matches!(kept, ProbeOutcome::Partial(_)), "{kept}");
    failed(&outcome(Flaw::NeverWaits).await, "without any wait");
    failed(&outcome(Flaw::WaitsUntold).await, "how long");
    let locked = outcome(Flaw::LocksAllOut).await;
    assert!(!matches!(locked, ProbeOutcome::Partial(_) | ProbeOutcome::Proved(_)), "{locked}");
}

/// Where the desk administers, for one address of this machine or for all; or something that serves whoever comes.
async fn inside(networks: &[&str], lets_all_in: bool) -> Inside {
    let networks: Arc<[Cidr]> = networks.iter().map(|one| one.parse().unwrap()).collect();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let asked = (!lets_all_in).then(|| networks.clone());
    let front = Front { tls: Some(fake::tls()), proxies: None, networks: asked };
    let stop = CancellationToken::new();
    tokio::spawn(web::serve::serve(listener, front, Router::new(), Limits::default(), stop, Duration::ZERO));
    Inside { address, networks, proxies: None }
}

#[tokio::test]
async fn the_restricted_probe_turns_on_replays_and_on_what_administers_for_everybody() {
    let outcome = async |flaw, inside| {
        let fake = hospital::open(flaw).await;
        RestrictedProbe::new(probe_named("restricted").unwrap(), vec![fake.visits], inside).run().await
    };
    let partial = |outcome: &ProbeOutcome, what: &str| {
        assert!(matches!(outcome, ProbeOutcome::Partial(told) if told.contains(what)), "{outcome}");
    };
    partial(&outcome(Flaw::None, None).await, "the puzzle while many guess is not tried");
    failed(&outcome(Flaw::TakesAgain, None).await, "opens another one");

    let busy = outcome(Flaw::Busy, None).await;
    assert!(matches!(busy, ProbeOutcome::CouldNotRun(_)), "{busy}");

    partial(&outcome(Flaw::Administers, None).await, "where all of the staff comes in: [desk.administration]");
    let one: &[&str] = &["127.0.0.1"];
    for flaw in [Flaw::Administers, Flaw::LeaksOne] {
        failed(&outcome(flaw, Some(inside(one, false).await)).await, "answers where all of the staff comes in");
    }
    // What says more is told, whatever stands beside it.
    let desk = hospital::open(Flaw::Administers).await;
    let doors = vec![hospital::open(Flaw::None).await.visits, desk.visits];
    let both = RestrictedProbe::new(probe_named("restricted").unwrap(), doors, None).run().await;
    partial(&both, "where all of the staff comes in");
    let announced = Inside {
        proxies: Some(Proxies::new(vec!["10.0.0.10".parse().unwrap()], Says::ProxyProtocol)),
        ..inside(one, false).await
    };
    partial(&outcome(Flaw::AdministersApart, Some(announced)).await, "nothing is tried through them");
    partial(
        &outcome(Flaw::AdministersApart, Some(inside(one, false).await)).await,
        "closed to whoever comes from elsewhere",
    );
    failed(
        &outcome(Flaw::AdministersApart, Some(inside(one, true).await)).await,
        "somebody from elsewhere is answered",
    );
    let all = Some(inside(&["127.0.0.0/8"], false).await);
    partial(&outcome(Flaw::AdministersApart, all).await, "all of this machine's addresses may come there");
    // Nobody listens: nothing is known.
    let mut gone = inside(one, false).await;
    let nobody = TcpListener::bind("127.0.0.1:0").await.unwrap();
    gone.address = nobody.local_addr().unwrap();
    drop(nobody);
    let unknown = outcome(Flaw::AdministersApart, Some(gone)).await;
    assert!(matches!(unknown, ProbeOutcome::CouldNotRun(_)), "{unknown}");
    // Somebody listens and says nothing.
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let listens = Inside { address: silent.local_addr().unwrap(), ..inside(one, false).await };
    failed(&outcome(Flaw::AdministersApart, Some(listens)).await, "somebody from elsewhere is listened to");
}

#[tokio::test]
async fn the_probes_of_strangers_turn_on_doors_that_open_tell_or_are_kept() {
    let outcome = async |name, look: Look, flaw| {
        let fake = hospital::open(flaw).await;
        EachDoor::new(probe_named(name).unwrap(), look, vec![fake.visits]).run().await
    };
    let looks: [(&str, Look); 3] =
        [("strangers", strangers::kept_out), ("discretion", strangers::discretion), ("residue", strangers::residue)];
    for (name, look) in looks {
        let kept = outcome(name, look, Flaw::None).await;
        assert!(matches!(kept, ProbeOutcome::Proved(_)), "{name}: {kept}");
    }
    failed(&outcome("strangers", strangers::kept_out, Flaw::ServesStrangers).await, "is answered 200 by");
    for (flaw, what) in [
        (Flaw::SaysItsServer, "the header server"),
        (Flaw::SaysWhereItFell, "\".rs:\""),
        (Flaw::SaysItsVersion, "\"poterne 0"),
    ] {
        failed(&outcome("discretion", strangers::discretion, flaw).await, what);
    }
    failed(&outcome("residue", strangers::residue, Flaw::KeptByBrowsers).await, "browsers may keep /fr/");
}

/// A journal in which every refusal came from there.
struct Writes(&'static str);

impl Refusals for Writes {
    fn since(&self, from: Time) -> BoxFuture<'_, Result<Vec<Trace>, Fault>> {
        let refused = journaled::trace(Event::Refused, journal::Kind::Refusal, 1, from);
        let trace = Trace { address: Some(self.0.into()), ..refused };
        Box::pin(async move { Ok(vec![trace]) })
    }
}

#[tokio::test]
async fn the_probe_of_forged_addresses_turns_on_doors_that_believe_anybody() {
    let trusting = |says, trusted: &str| {
        let proxies = Proxies::new(vec![trusted.parse().unwrap()], says);
        BTreeMap::from([(types::Door::Portal, proxies)])
    };
    let outcome = async |written, proxies| {
        let visits = vec![hospital::open(Flaw::None).await.visits];
        ForgedProbe::new(probe_named("forged-address").unwrap(), visits, proxies, Arc::new(Writes(written))).run().await
    };
    let partial = |outcome: &ProbeOutcome, what: &str| {
        assert!(matches!(outcome, ProbeOutcome::Partial(told) if told.contains(what)), "{outcome}");
    };
    partial(&outcome("127.93.1.1", BTreeMap::new()).await, "no proxy stands before this door");
    let headers = || trusting(Says::XForwardedFor, "127.93.1.0/31");
    partial(&outcome("127.93.1.2", headers()).await, "what the proxies say is not tried");
    failed(&outcome("198.51.100.77", BTreeMap::new()).await, "as whom he pretends");
    let elsewhere = outcome("127.0.0.1", BTreeMap::new()).await;
    assert!(matches!(elsewhere, ProbeOutcome::CouldNotRun(_)), "{elsewhere}");
    let all = outcome("127.93.1.1", trusting(Says::Forwarded, "127.0.0.0/8")).await;
    assert!(matches!(all, ProbeOutcome::CouldNotRun(_)), "{all}");
    // Where proxies announce, nobody is answered beside them.
    let announcing = || trusting(Says::ProxyProtocol, "10.0.0.10");
    failed(&outcome("127.93.1.1", announcing()).await, "beside the proxies");
    let closed = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let master = vault::MasterKey::create(&tempfile::tempdir().unwrap().path().join("key")).unwrap();
    let target = fake::target(&closed, &fake::tls());
    tokio::spawn(async move {
        while let Ok((stream, _)) = closed.accept().await {
            drop(stream);
        }
    });
    let reserved = Reserved::new(&master.keys_for(vault::Holder::Prober), target.door).unwrap();
    let visits = vec![Arc::new(Visits::new(&target, reserved, Arc::new(store::SystemClock)).unwrap())];
    let probe = probe_named("forged-address").unwrap();
    let outcome = ForgedProbe::new(probe, visits, announcing(), Arc::new(Writes("127.93.1.1"))).run().await;
    assert!(matches!(&outcome, ProbeOutcome::Proved(told) if told.contains("nobody comes in beside")), "{outcome}");
}

async fn faults(flaw: Flaw) -> (FaultsProbe, hospital::Fake) {
    let (fake, rehearsal) = hospital::open_guarded(flaw).await;
    let door = FaultDoor { visits: fake.visits.clone(), opens: Arc::new(fake.clone()) };
    (FaultsProbe::new(probe_named("faults").unwrap(), vec![door], rehearsal), fake)
}

#[tokio::test]
async fn the_probe_of_faults_turns_on_sessions_that_outlive_theirs_and_on_those_that_end_with_others() {
    let (probe, _fake) = faults(Flaw::NeverIdle).await;
    for met in ["a panic", "an internal error", "a panic"] {
        let outcome = probe.run().await;
        assert!(matches!(&outcome, ProbeOutcome::Proved(told) if told.contains(met)), "{outcome}");
    }
    for (flaw, what) in [
        (Flaw::OutlivesFaults, "goes on after an internal error"),
        (Flaw::FaultsCloseAll, "in one session closes another"),
    ] {
        let (probe, _fake) = faults(flaw).await;
        failed(&probe.run().await, what);
    }
    // A door without such a guard says nothing of faults, and one where nobody comes in neither.
    for flaw in [Flaw::MeetsNoFault, Flaw::NobodyIn] {
        let (probe, _fake) = faults(flaw).await;
        let outcome = probe.run().await;
        assert!(matches!(outcome, ProbeOutcome::CouldNotRun(_)), "{outcome}");
    }
}
