//! Terminals: size, recording, and those who watch.

use crate::{house::TARGET, site::Site};
use std::{fs, process::Stdio, time::Duration};
use tokio::{io::AsyncWriteExt as _, time::timeout};

#[tokio::test(flavor = "multi_thread")]
async fn a_terminal_works_and_is_recorded_as_it_was_shown() {
    let site = Site::open().await;
    let typed = b"stty -echo; PS1=; echo term-$TERM-$((6*7)); exit 9\r";
    let said = site.ssh().flag("-tt").env("TERM", "xterm-256color").start(&[]).given(typed).await;
    assert_eq!(said.code(), Some(9), "{said:?}");
    assert!(said.text().contains("term-xterm-256color-42"), "{said:?}");
    let ending = site.house.ending().await;
    assert!(ending.channels[0].recording && ending.channels[0].exit_status == Some(9), "{ending:?}");
    let tapes = site.house.state().recordings.clone();
    let tape = &tapes[&1];
    assert_eq!(tape.output, said.out, "what was shown is what is recorded");
    assert!(tape.finished && tape.exit_status == Some(9));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_with_a_terminal_is_recorded_too() {
    let site = Site::open().await;
    let said = site.ssh().flag("-tt").run(&["tty; exit 4"]).await;
    assert!(said.text().contains("/dev/pts/") && said.code() == Some(4), "{said:?}");
    assert_eq!(site.house.state().recordings[&1].output, said.out);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_window_that_changes_its_size_changes_it_on_the_machine() {
    let site = Site::open().await;
    let inner = format!(
        "tty > {0}; stty cols 91 rows 33; exec ssh -F none -o UserKnownHostsFile={1} -o IdentityFile={2} \
         -o IdentitiesOnly=yes -p {3} {4}%{TARGET}@127.0.0.1 \
         'stty size; while [ $(stty size | cut -d\" \" -f2) = 91 ]; do sleep 0.05; done; stty size'",
        site.place("tty"),
        site.place("known"),
        site.place("technician"),
        site.port,
        crate::house::LOGIN,
    );
    let inner = inner.replacen("exec ssh", "exec ssh -t", 1);
    let mut script = tokio::process::Command::new("script");
    script.args(["-qec", &inner, "/dev/null"]).stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true);
    script.env("SSH_ASKPASS", site.path("askpass")).env("SSH_ASKPASS_REQUIRE", "force");
    script.env("ASKED", site.path("asked")).env("CODE", crate::house::CODE).env("SHELL", "/bin/sh");
    let mut child = script.spawn().unwrap();
    let _open = child.stdin.take();
    for _ in 0..500 {
        if site.house.state().recordings.get(&1).is_some_and(|tape| tape.output.windows(5).any(|w| w == b"33 91")) {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let tty = fs::read_to_string(site.path("tty")).unwrap();
    let resized = std::process::Command::new("stty").args(["-F", tty.trim(), "cols", "120", "rows", "40"]).status();
    assert!(resized.unwrap().success());
    let output = timeout(Duration::from_secs(20), child.wait_with_output()).await.unwrap().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(text.contains("33 91") && text.contains("40 120"), "{text}");
    let tapes = site.house.state().recordings.clone();
    assert_eq!((tapes[&1].sizes.first(), tapes[&1].sizes.last()), (Some(&(91, 33)), Some(&(120, 40))));
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_watches_sees_the_screen_and_never_the_bytes() {
    let site = Site::open().await;
    let mut running = site.ssh().flag("-tt").start(&["printf 'bon\\033]0;titre\\007jour\\n'; read line; echo lu"]);
    let mut feed = loop {
        let live = site.sessions.live();
        if let Some(session) = live.iter().find(|one| one.terminal) {
            break site.sessions.watch(session.relay).unwrap().frames;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    };
    let mut seen = String::new();
    while !seen.contains("bonjour") {
        seen = timeout(Duration::from_secs(5), feed.recv())
            .await
            .unwrap_or_else(|_| panic!("after {seen}"))
            .unwrap()
            .to_string();
        assert!(!seen.contains("\\u001b") && !seen.contains("titre"), "{seen}");
    }
    assert_eq!(site.sessions.live()[0].watchers, 1);
    // A watcher who takes nothing more does not hold the session up.
    let mut stdin = running.child.stdin.take().unwrap();
    stdin.write_all(b"oui\r").await.unwrap();
    let said = running.end().await;
    assert!(said.text().contains("lu"), "{said:?}");
    site.house.ending().await;
    assert!(site.sessions.live().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_nobody_could_see_afterwards_is_refused_with_a_sentence() {
    let site = Site::open().await;
    let typed = site.ssh().flag("-T").start(&[]).given(b"touch vu\n").await;
    assert_ne!(typed.code(), Some(0), "{typed:?}");
    assert!(typed.err.contains("An interactive session takes a terminal"), "{typed:?}");
    let hidden = format!("{}touch vu", " ".repeat(5000));
    let said = site.ssh().run(&[&hidden]).await;
    assert_ne!(said.code(), Some(0), "{said:?}");
    assert!(said.err.contains("too long to be kept whole"), "{said:?}");
    let whole = format!("true {}", "x".repeat(4000));
    assert_eq!(site.ssh().run(&[&whole]).await.code(), Some(0));
    let commands = site.house.state().commands.clone();
    assert_eq!(commands.len(), 3, "each leaves its trace");
    assert_eq!(commands[2].command.as_deref(), Some(whole.as_str()), "and none is shortened");
}
