//! How sessions end: cut, warned, idle, machines that fail, recordings that fail, doors that stop.

use crate::{
    client::{Running, Said},
    house::Opens,
    machine::{draw_key, public_line},
    site::{Site, limits},
};
use interventions::{EndReason, RecorderFault, Warning};
use relays::RelayLimits;
use std::{
    fs,
    sync::atomic::Ordering::SeqCst,
    time::{Duration, Instant},
};
use tokio::net::TcpListener;

/// A session at work on the machine.
async fn working(site: &Site, flags: &[&str], command: &str) -> Running {
    let ssh = flags.iter().fold(site.ssh(), |ssh, flag| ssh.flag(flag));
    let running = ssh.start(&[&format!("touch {}; {command}", site.place("working"))]);
    for _ in 0..1000 {
        if site.path("working").exists() {
            return running;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("the session does not begin");
}

/// What the technician reads, wherever he reads it.
fn read(said: &Said) -> String {
    said.text() + &said.err
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cut_ends_a_session_within_a_second() {
    let flood = "head -c 400000000 /dev/zero | tr '\\0' 'x'";
    for (flags, command, input) in [
        (&["-tt"][..], "sleep 60", &b""[..]),
        (&[], "sleep 60", &[7; 9_000_000]),
        (&["-tt"], flood, b""),
        (&[], flood, b""),
    ] {
        let site = Site::open().await;
        let running = working(&site, flags, command).await;
        let ended = tokio::spawn(running.given(input));
        tokio::time::sleep(Duration::from_millis(300)).await;
        let begun = Instant::now();
        site.house.cut(EndReason::Cut);
        let said = ended.await.unwrap();
        let took = begun.elapsed();
        assert!(took < Duration::from_millis(1000), "{command} {flags:?}: {took:?}");
        assert_eq!(said.code(), Some(255), "{command} {flags:?}");
        let told = read(&said);
        assert!(told.contains("The hospital has cut this session."), "{command} {flags:?}: …{}", tail(&told));
        let ending = site.house.ending().await;
        assert_eq!((ending.reason, ending.channels.len()), (EndReason::Cut, 1));
        assert!(site.sessions.live().is_empty());
    }
}

/// A client that neither reads nor leaves.
#[tokio::test(flavor = "multi_thread")]
async fn a_cut_does_not_wait_for_a_client_that_is_stuck() {
    let site = Site::open().await;
    let running = working(&site, &[], "cat /dev/zero").await;
    let pid = running.child.id().unwrap().to_string();
    let stopped = std::process::Command::new("kill").args(["-STOP", &pid]).status().unwrap();
    assert!(stopped.success());
    tokio::time::sleep(Duration::from_millis(300)).await;
    let begun = Instant::now();
    site.house.cut(EndReason::Cut);
    assert_eq!(site.house.ending().await.reason, EndReason::Cut);
    assert!(begun.elapsed() < Duration::from_millis(1500), "{:?}", begun.elapsed());
}

fn tail(text: &str) -> String {
    text.chars().rev().take(300).collect::<Vec<_>>().into_iter().rev().collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cut_reaches_whoever_still_waits_for_the_machine() {
    let site = Site::open().await;
    site.machine.slow_millis.store(5000, SeqCst);
    let ended = tokio::spawn(site.ssh().run(&["true"]));
    while site.sessions.live().is_empty() {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let begun = Instant::now();
    site.house.cut(EndReason::Window);
    let said = ended.await.unwrap();
    assert!(begun.elapsed() < Duration::from_secs(1) && said.code() == Some(255), "{:?}", begun.elapsed());
    assert!(said.err.contains("The authorized window is over"), "{said:?}");
    assert_eq!(site.house.ending().await.reason, EndReason::Window);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_end_is_announced() {
    for flags in [&["-tt"][..], &[]] {
        let site = Site::open().await;
        let running = working(&site, flags, "sleep 1; echo fini").await;
        let warn = |warning, left: u64| {
            site.house.lease.send_modify(|view| {
                view.ends = crate::house::after(Duration::from_secs(left));
                view.warning = Some(warning);
            });
        };
        warn(Warning::FiveMinutes, 299);
        tokio::time::sleep(Duration::from_millis(200)).await;
        warn(Warning::OneMinute, 59);
        let said = running.end().await;
        let told = read(&said);
        assert!(told.contains("cut in 5 minutes") && told.contains("cut in 1 minute:"), "{said:?}");
        assert!(said.text().contains("fini") && said.code() == Some(0), "{said:?}");
        if flags.is_empty() {
            assert_eq!(said.text(), "fini\n", "a command's output is its own");
        } else {
            assert_eq!(site.house.state().recordings[&1].markers.len(), 2);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_through_which_nothing_passes_is_closed_unless_it_must_not_be_interrupted() {
    let idle = || RelayLimits { idle_max: Duration::from_secs(2), ..limits() };
    let site = Site::with(idle(), |_| {}).await;
    let said = site.ssh().run(&["sleep 30"]).await;
    assert!(said.err.contains("Nothing has passed for a long time"), "{said:?}");
    assert_eq!(site.house.ending().await.reason, EndReason::Idle);

    let site = Site::with(idle(), |_| {}).await;
    let hold = crate::house::after(Duration::from_secs(3600));
    site.house.lease.send_modify(|view| view.hold = Some(hold));
    let said = site.ssh().run(&["sleep 5; echo fini"]).await;
    assert_eq!((said.text().as_str(), said.code()), ("fini\n", Some(0)), "{said:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_machine_that_is_down_is_said_to_be() {
    let closed = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port();
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let limits = RelayLimits { connect_max: Duration::from_secs(1), ..limits() };
    for port in [closed, silent.local_addr().unwrap().port()] {
        let site = Site::with(limits.clone(), |equipment| equipment.port = port).await;
        let said = site.ssh().start(&["cat"]).given(b"\x03abc").await;
        assert!(said.err.contains("The equipment does not answer.") && said.code() == Some(255), "{said:?}");
        let ending = site.house.ending().await;
        assert_eq!((ending.reason, ending.bytes_in), (EndReason::Unreachable, 0));
        assert_eq!(site.house.state().alarms.len(), 1);
        let terminal = site.ssh().flag("-tt").start(&[]).given(b"").await;
        assert!(read(&terminal).contains("The equipment does not answer."), "{terminal:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_machine_with_another_key_is_given_nothing() {
    let keys = tempfile::tempdir().unwrap();
    for kind in ["ed25519", "ecdsa", "rsa"] {
        let other = keys.path().join(kind);
        draw_key(&other, kind);
        let site = Site::with(limits(), |equipment| equipment.host_key = public_line(&other)).await;
        let said = site.ssh().start(&["cat"]).given(b"secret").await;
        assert!(said.err.contains("did not show the expected key") && said.code() == Some(255), "{kind}: {said:?}");
        let ending = site.house.ending().await;
        assert_eq!((ending.reason, ending.bytes_in), (EndReason::HostKey, 0), "{kind}");
        let alarms = site.house.state().alarms.clone();
        assert!(alarms.len() == 1 && alarms[0].contains("host key"), "{alarms:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_machine_that_refuses_the_credentials_is_said_to() {
    let site = Site::open().await;
    let other = fs::read_to_string(site.path("stranger")).unwrap();
    for opens in [Opens::Key(other), Opens::Password("faux".into()), Opens::Key("illisible".into())] {
        site.house.state().opens = opens;
        let said = site.ssh().run(&["true"]).await;
        assert!(said.err.contains("did not accept the credentials"), "{said:?}");
        assert!(!said.err.contains("faux"), "{said:?}");
        assert_eq!(site.house.ending().await.reason, EndReason::Credentials);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_shown_that_is_not_recorded() {
    let site = Site::open().await;
    site.house.state().no_recording = true;
    let said = site.ssh().flag("-tt").run(&["echo montre"]).await;
    assert!(said.text().contains("can no longer be recorded") && !said.text().contains("montre"), "{said:?}");
    site.house.ending().await;

    let site = Site::open().await;
    let running = working(&site, &["-tt"], "sleep 60").await;
    site.house.fault.send_replace(Some(RecorderFault::Disk("full".into())));
    let said = running.end().await;
    assert!(said.text().contains("can no longer be recorded"), "{said:?}");
    assert_eq!(site.house.ending().await.reason, EndReason::Recording);

    let site = Site::open().await;
    let hold = crate::house::after(Duration::from_secs(3600));
    site.house.lease.send_modify(|view| view.hold = Some(hold));
    let running = working(&site, &["-tt"], "sleep 2; echo fini").await;
    site.house.fault.send_replace(Some(RecorderFault::Disk("full".into())));
    let said = running.end().await;
    assert!(said.text().contains("fini") && said.code() == Some(0), "{said:?}");
    assert_eq!(site.house.state().alarms.len(), 1);
}

/// Under "do not interrupt", with the disk and the reserve full, a session goes on only before somebody's eyes.
#[tokio::test(flavor = "multi_thread")]
async fn a_full_reserve_needs_eyes() {
    let site = Site::open().await;
    let hold = crate::house::after(Duration::from_secs(3600));
    site.house.lease.send_modify(|view| view.hold = Some(hold));
    let running = working(&site, &["-tt"], "sleep 60").await;
    let watching = site.sessions.watch(site.sessions.live()[0].relay).unwrap();
    site.house.fault.send_replace(Some(RecorderFault::ReserveFull));
    tokio::time::sleep(Duration::from_millis(2500)).await;
    assert_eq!(site.sessions.live().len(), 1, "somebody watches");
    drop(watching);
    let said = running.end().await;
    assert!(said.text().contains("can no longer be recorded"), "{said:?}");
    assert_eq!(site.house.ending().await.reason, EndReason::Recording);
    assert_eq!(site.house.state().alarms.len(), 2, "the fault, and a last one before the cut");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_machine_that_leaves_ends_the_session() {
    let site = Site::open().await;
    let said = site.ssh().run(&["kill -KILL $PPID; sleep 5"]).await;
    assert_eq!(said.code(), Some(255), "{said:?}");
    assert!(said.err.contains("The equipment closed the connection."), "{said:?}");
    assert_eq!(site.house.ending().await.reason, EndReason::Equipment);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_vanishes_ends_its_session() {
    let site = Site::open().await;
    let mut running = working(&site, &["-tt"], "sleep 60").await;
    running.child.kill().await.unwrap();
    let ending = site.house.ending().await;
    assert_eq!((ending.reason, ending.channels.len()), (EndReason::Technician, 1));
    assert!(site.house.state().recordings[&1].finished);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fault_of_ours_ends_the_session_it_happened_in() {
    let site = Site::open().await;
    site.house.state().panics = true;
    let said = site.ssh().flag("-tt").run(&["sleep 60"]).await;
    assert_eq!(said.code(), Some(255), "{said:?}");
    assert!(read(&said).contains("an incident of the gateway"), "{said:?}");
    assert_eq!(site.house.ending().await.reason, EndReason::Fault);
    site.house.state().panics = false;
    assert_eq!(site.ssh().run(&["true"]).await.code(), Some(0), "and no other");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_door_that_stops_says_so_and_waits_for_what_must_not_be_interrupted() {
    let mut site = Site::open().await;
    let running = working(&site, &[], "sleep 60").await;
    let begun = Instant::now();
    assert_eq!(site.stopped().await.cut_connections, 0);
    assert!(begun.elapsed() < Duration::from_millis(1500), "{:?}", begun.elapsed());
    assert!(running.end().await.err.contains("The gateway stops"));
    assert_eq!(site.house.ending().await.reason, EndReason::Node);

    for (seconds, cut) in [(1, 0), (30, 1)] {
        let mut site = Site::open().await;
        let hold = crate::house::after(Duration::from_secs(3600));
        site.house.lease.send_modify(|view| view.hold = Some(hold));
        let running = working(&site, &[], &format!("sleep {seconds}; echo fini")).await;
        assert_eq!(site.stopped().await.cut_connections, cut);
        let said = running.end().await;
        assert!(said.err.contains("The gateway has to stop: please finish"), "{said:?}");
        assert_eq!(said.text().contains("fini"), cut == 0, "{said:?}");
    }
}
