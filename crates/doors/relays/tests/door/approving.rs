//! A line left empty where the code is asked for: approval in the browser, as OpenSSH's client goes through it.

use crate::{
    client::Client,
    house::{CODE, LOGIN, TARGET, WORDS, intervention},
    site::{Site, limits, script},
};
use relays::RelayLimits;
use signin::SshAnswer;
use std::time::{Duration, Instant};

const PAGE: &str = "https://fournisseurs.test:8444/ssh";

/// A site where sign-ins are approved in a browser; whether it was is looked for this long at each empty line.
async fn site(look: Duration) -> Site {
    with(RelayLimits { approval_look: look, ..limits() }).await
}

async fn with(limits: RelayLimits) -> Site {
    let site = Site::with(limits, |_| {}).await;
    site.house.state().page = Some(PAGE);
    site
}

/// Questions in the terminal, askings in the browser, codes given.
fn counted(site: &Site) -> (usize, usize, usize) {
    let asked = site.asked();
    let state = site.house.state();
    (asked, state.asks.len(), state.codes.len())
}

/// Nothing typed, whatever is asked.
fn silent(site: &Site) -> Client {
    site.ssh().env("CODE", "")
}

/// Nothing typed so many times, then, after a while, the code.
fn at_last(site: &Site, empty: usize, after: &str) -> Client {
    let lines = format!(
        "#!/bin/sh\necho asked >> \"$ASKED\"\n\
         if [ $(wc -l < \"$ASKED\") -le {empty} ]; then echo; else sleep {after}; echo \"$CODE\"; fi\n"
    );
    script(&site.path("at-last"), &lines);
    site.ssh().env("SSH_ASKPASS", site.path("at-last"))
}

#[tokio::test(flavor = "multi_thread")]
async fn approved_it_comes_in_without_a_code() {
    let site = site(Duration::from_secs(10)).await;
    let house = site.house.clone();
    let running = silent(&site).start(&["echo", "entré"]);
    let approved = tokio::spawn(async move {
        while house.state().looks == 0 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        house.state().answer = SshAnswer::Given;
    });
    let said = running.given(b"").await;
    approved.await.unwrap();
    assert_eq!((said.code(), said.text().trim()), (Some(0), "entré"), "{said:?}");
    assert!(said.err.contains(PAGE) && said.err.contains(WORDS), "{said:?}");
    assert!(said.err.is_ascii() && !said.err.contains('\\'), "a client writes other letters as numbers: {said:?}");
    assert_eq!(site.asked(), 2, "once to ask, once to come in");
    let state = site.house.state();
    assert_eq!((state.asks.as_slice(), state.codes.len()), (&[Some(TARGET.to_owned())][..], 0));
    assert!(state.open_keys.contains(&intervention()), "and the key is open, as after a code");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_code_remains() {
    let site = site(Duration::ZERO).await;
    let said = at_last(&site, 3, "0").run(&["true"]).await;
    assert_eq!(said.code(), Some(0), "{said:?}");
    assert_eq!(said.err.matches("Not approved yet").count(), 2, "{said:?}");
    assert_eq!(counted(&site), (4, 1, 1));
    // What was asked in the browser is over with it.
    for _ in 0..200 {
        if site.house.state().closed == 1 {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("what was asked still waits");
}

#[tokio::test(flavor = "multi_thread")]
async fn refused_or_too_late_nobody_comes_in() {
    let site = site(Duration::from_secs(10)).await;
    site.house.state().answer = SshAnswer::Over;
    let said = silent(&site).run(&["true"]).await;
    assert_eq!((said.code(), site.asked()), (Some(255), 2), "{said:?}");
    assert!(said.err.contains("Permission denied (keyboard-interactive)"), "{said:?}");
    // Then it is a wrong answer like any other, and he is not asked a second time in his browser.
    let said = silent(&site).option("NumberOfPasswordPrompts=9").run(&["true"]).await;
    assert_eq!(said.code(), Some(255), "{said:?}");
    assert_eq!(counted(&site), (2 + 5, 2, 0), "{said:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn where_nobody_may_be_asked_codes_are_taken() {
    let site = site(Duration::ZERO).await;
    site.house.state().no_asking = true;
    let said = at_last(&site, 1, "0").run(&["true"]).await;
    assert_eq!(said.code(), Some(0), "{said:?}");
    assert!(said.err.contains("please give a code") && !said.err.contains(WORDS), "{said:?}");
    // Nor where nothing was set up for it: an empty line is a wrong code.
    site.house.state().page = None;
    site.house.state().open_keys.clear();
    let said = silent(&site).run(&["true"]).await;
    assert_eq!((said.code(), counted(&site)), (Some(255), (3, 1, 2)), "{said:?}");
    assert_eq!(site.house.state().codes, [CODE, ""]);
}

#[tokio::test(flavor = "multi_thread")]
async fn empty_lines_are_bounded() {
    let site = site(Duration::ZERO).await;
    let said = silent(&site).run(&["true"]).await;
    assert_eq!(said.code(), Some(255), "{said:?}");
    assert_eq!((counted(&site), site.house.state().looks), ((26, 1, 0), 24));
}

#[tokio::test(flavor = "multi_thread")]
async fn only_what_is_his_is_named_in_the_browser() {
    let site = site(Duration::ZERO).await;
    site.house.state().answer = SshAnswer::Over;
    for user in [format!("{LOGIN}%approuvez"), LOGIN.to_owned()] {
        let said = Client::ssh(&site, &user).env("CODE", "").run(&["true"]).await;
        assert_eq!(said.code(), Some(255), "{said:?}");
    }
    assert_eq!(site.house.state().asks, [None, None]);
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_asked_without_the_key() {
    let site = site(Duration::ZERO).await;
    let known = format!("{LOGIN}%{TARGET}");
    for client in [Client::ssh_with(&site, &known, "stranger"), Client::ssh(&site, &format!("personne%{TARGET}"))] {
        assert_eq!(client.env("CODE", "").run(&["true"]).await.code(), Some(255));
    }
    assert_eq!(counted(&site), (0, 0, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_is_asked_has_longer_and_not_for_ever() {
    let limits = RelayLimits {
        login_max: Duration::from_millis(1500),
        approval_max: Duration::from_secs(4),
        approval_look: Duration::ZERO,
        ..limits()
    };
    let site = with(limits).await;
    let begun = Instant::now();
    let said = at_last(&site, 1, "2").run(&["true"]).await;
    assert_eq!(said.code(), Some(0), "{said:?}");
    assert!(begun.elapsed() > Duration::from_millis(1500), "longer than others have");
    site.house.state().open_keys.clear();
    std::fs::remove_file(site.path("asked")).unwrap();
    let begun = Instant::now();
    let said = at_last(&site, 1, "10").run(&["true"]).await;
    assert_eq!(said.code(), Some(255), "{said:?}");
    assert!(begun.elapsed() >= Duration::from_secs(4) && site.house.state().closed == 2, "{said:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_ends_takes_its_asking_with_it() {
    let site = site(Duration::ZERO).await;
    let mut running = at_last(&site, 1, "5").start(&["true"]);
    while site.asked() < 2 {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(site.house.state().closed, 0);
    running.child.kill().await.unwrap();
    for _ in 0..200 {
        if site.house.state().closed == 1 {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("what was asked still waits");
}
