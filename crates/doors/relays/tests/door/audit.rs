//! What is refused beside the session, and what an auditor's tool says of the door.

use crate::site::{Site, limits};
use relays::RelayLimits;
use std::{process::Stdio, time::Duration};

#[tokio::test(flavor = "multi_thread")]
async fn forwarding_is_refused_with_a_sentence() {
    let site = Site::open().await;
    let said = site.ssh().option("ExitOnForwardFailure=no").flag("-W").flag("127.0.0.1:1").start(&[]).given(b"x").await;
    assert!(said.err.contains("Port forwarding is not permitted"), "-W: {said:?}");
    let said = site.ssh().flag("-R").flag("0:127.0.0.1:1").run(&["sleep 0.3; echo fait"]).await;
    assert!(said.err.contains("Port forwarding is not permitted") && said.text() == "fait\n", "-R: {said:?}");
    let socket = format!("{}:127.0.0.1:1", site.place("socket"));
    let said = site.ssh().flag("-R").flag(&socket).run(&["sleep 0.3; echo fait"]).await;
    assert!(said.err.contains("Port forwarding is not permitted") && said.text() == "fait\n", "-R socket: {said:?}");

    let agent = std::process::Command::new("ssh-agent")
        .args(["-D", "-a", &site.place("agent")])
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    while !site.path("agent").exists() {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let with_agent = || site.ssh().flag("-A").env("SSH_AUTH_SOCK", site.path("agent"));
    let said = with_agent().run(&["echo \"<$SSH_AUTH_SOCK>\""]).await;
    assert!(said.err.contains("Forwarding your key agent is not permitted") && said.text() == "<>\n", "-A: {said:?}");
    let mut agent = agent;
    agent.kill().unwrap();
    agent.wait().unwrap();

    let said = site.ssh().flag("-Y").env("DISPLAY", ":99").run(&["echo \"<$DISPLAY>\""]).await;
    assert!(said.err.contains("X11 forwarding is not permitted") && said.text() == "<>\n", "-Y: {said:?}");
}

/// Several channels of one connection, as OpenSSH's multiplexing opens them. What is refused it tries on a new connection.
#[tokio::test(flavor = "multi_thread")]
async fn channels_are_bounded_and_give_their_place_back() {
    let site = Site::with(RelayLimits { channels_max: 3, channels_in_all_max: 16, ..limits() }, |_| {}).await;
    let socket = site.place("master");
    let path = format!("ControlPath={socket}");
    let mut master = site.ssh().option("ControlMaster=yes").option(&path).flag("-N").start(&[]);
    while !site.path("master").exists() {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let more = || site.ssh().option("ControlMaster=no").option(&path);
    let refused = "Session open refused by peer";
    let three = [1, 2, 3].map(|at| more().start(&[&format!("touch {}-{at}; sleep 2; exit {at}", site.place("up"))]));
    while (1..=3).any(|at| !site.path(&format!("up-{at}")).exists()) {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let fourth = more().run(&["true"]).await;
    assert!(fourth.err.contains(refused), "{fourth:?}");
    for (running, status) in three.into_iter().zip([1, 2, 3]) {
        let said = running.end().await;
        assert_eq!((said.code(), said.err.as_str()), (Some(status), ""));
    }
    for status in 0..13 {
        let said = more().run(&[&format!("exit {status}")]).await;
        assert_eq!((said.code(), said.err.as_str()), (Some(status), ""), "one after the other there is room");
        // The client hears of the end a moment before the door does.
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let beyond = more().run(&["true"]).await;
    assert!(beyond.err.contains(refused), "{beyond:?}");
    master.child.kill().await.unwrap();
    let channels = loop {
        let ending = site.house.ending().await;
        if ending.channels.len() > 1 {
            break ending.channels;
        }
    };
    let mut statuses: Vec<_> = channels.iter().filter_map(|one| one.exit_status).collect();
    statuses[..3].sort_unstable();
    assert_eq!(statuses, [&[1, 2, 3][..], &(0..13).collect::<Vec<_>>()].concat());
}

/// Its exit status is 3 for a failure, 2 for a warning, 0 for neither.
#[tokio::test(flavor = "multi_thread")]
async fn ssh_audit_finds_no_failure() {
    let site = Site::open().await;
    let audit = tokio::process::Command::new("ssh-audit")
        .args(["-n", "-l", "warn", "-p", &site.port.to_string(), "127.0.0.1"])
        .output()
        .await
        .unwrap();
    let text = String::from_utf8_lossy(&audit.stdout).into_owned();
    assert!(matches!(audit.status.code(), Some(0 | 2)) && !text.contains("[fail]"), "{text}");
}
