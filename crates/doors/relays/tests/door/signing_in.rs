//! Who comes in: a key, then a code, once for a while; and nobody else.

use crate::{
    client::{Client, Said},
    house::{LOGIN, TARGET},
    site::{Site, limits},
};
use interventions::GateRefused;
use relays::RelayLimits;
use std::time::{Duration, Instant};

#[tokio::test(flavor = "multi_thread")]
async fn a_code_is_asked_for_once() {
    let site = Site::open().await;
    let wrong = || site.ssh().env("CODE", "000000");
    let said = wrong().run(&["true"]).await;
    assert_eq!(said.code(), Some(255), "{said:?}");
    assert!(said.err.contains("Permission denied (keyboard-interactive)"), "{said:?}");
    assert_eq!(site.ssh().run(&["true"]).await.code(), Some(0));
    assert_eq!(wrong().run(&["true"]).await.code(), Some(0), "the key is open now");
    assert_eq!((site.asked(), site.house.state().codes.len()), (2, 2));
    let colon = Client::ssh(&site, &format!("{LOGIN}:{TARGET}"));
    assert_eq!(colon.env("CODE", "000000").run(&["true"]).await.code(), Some(0), "the other way to write it");
}

#[tokio::test(flavor = "multi_thread")]
async fn strangers_are_all_told_the_same() {
    let site = Site::with(RelayLimits { refusal_takes: Duration::from_millis(500), ..limits() }, |_| {}).await;
    let known = format!("{LOGIN}%{TARGET}");
    let cases = [
        ("another key", Client::ssh_with(&site, &known, "stranger")),
        ("another login", Client::ssh(&site, &format!("personne%{TARGET}"))),
        ("no login", Client::ssh(&site, &format!("%{TARGET}"))),
        ("a code alone", Client::ssh(&site, &known).option("PreferredAuthentications=keyboard-interactive,password")),
    ];
    let mut answers = Vec::new();
    for (what, client) in cases {
        let begun = Instant::now();
        let said = client.run(&["true"]).await;
        assert_eq!(said.code(), Some(255), "{what}: {said:?}");
        let tail = said.err.rsplit(": ").next().unwrap().trim().to_owned();
        answers.push((what, tail, begun.elapsed()));
    }
    assert!(answers.iter().all(|(_, tail, _)| tail == "Permission denied (publickey)."), "{answers:?}");
    let keys = answers.iter().take(3);
    assert!(keys.into_iter().all(|(_, _, took)| *took >= Duration::from_millis(500)), "{answers:?}");
    assert_eq!(site.asked(), 0, "nobody unknown is asked for a code");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_target_reads_like_any_refusal_and_opens_nothing() {
    let site = Site::open().await;
    let run = async |user: &str| -> Said { Client::ssh(&site, user).run(&["true"]).await };
    let wrong_target = run(&format!("{LOGIN}%autre")).await;
    site.house.state().refuses = Some(GateRefused::Refused);
    let refused = run(&format!("{LOGIN}%{TARGET}")).await;
    assert!(refused.err.contains("This session is not possible."), "{refused:?}");
    assert_eq!((&wrong_target.err, wrong_target.code()), (&refused.err, refused.code()));
    site.house.state().refuses = Some(GateRefused::Unavailable);
    let unavailable = run(&format!("{LOGIN}%{TARGET}")).await;
    assert!(unavailable.err.contains("No session is possible at present."), "{unavailable:?}");
    assert!(site.house.state().endings.is_empty() && site.house.state().recordings.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn tries_are_bounded_on_one_connection() {
    let site = Site::open().await;
    let six = site.ssh().env("CODE", "000000").option("NumberOfPasswordPrompts=6");
    let said = six.run(&["true"]).await;
    assert_eq!(said.code(), Some(255), "{said:?}");
    assert!(site.house.state().codes.len() <= 4, "{:?}", site.house.state().codes);
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_does_not_sign_in_is_sent_away() {
    use tokio::io::AsyncReadExt as _;
    let limits = RelayLimits { login_max: Duration::from_millis(700), strangers_per_source_max: 2, ..limits() };
    let site = Site::with(limits, |_| {}).await;
    let connect = || tokio::net::TcpStream::connect(("127.0.0.1", site.port));
    let (mut first, _second) = (connect().await.unwrap(), connect().await.unwrap());
    tokio::time::sleep(Duration::from_millis(100)).await;
    let mut third = connect().await.unwrap();
    let mut banner = Vec::new();
    third.read_to_end(&mut banner).await.unwrap();
    assert!(banner.is_empty(), "no seat, no word");
    let begun = Instant::now();
    first.read_to_end(&mut banner).await.unwrap();
    assert!(banner.starts_with(b"SSH-2.0-Poterne\r\n"));
    assert!(begun.elapsed() < Duration::from_secs(2), "{:?}", begun.elapsed());
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(site.ssh().run(&["true"]).await.code(), Some(0), "the seats are given back");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_target_a_menu_or_a_sentence() {
    let site = Site::open().await;
    let said = Client::ssh(&site, LOGIN).run(&["true"]).await;
    assert!(said.err.contains(&format!("{LOGIN}%{TARGET}")) && said.code() == Some(255), "{said:?}");
    let chosen = Client::ssh(&site, LOGIN).flag("-tt").start(&[]).given(b"1\recho choisi-$((40+2)); exit 3\r").await;
    assert!(chosen.text().contains("1  scanner-1") && chosen.text().contains("choisi-42"), "{chosen:?}");
    assert_eq!(chosen.code(), Some(3));
    let left = Client::ssh(&site, LOGIN).flag("-tt").start(&[]).given(b"q\r").await;
    assert_eq!(left.code(), Some(0), "{left:?}");
}
