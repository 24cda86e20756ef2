//! Keys that a security key holds: taken as keys, and then a code as for any other. What they say of a touch counts for
//! nothing, in either direction.

use crate::{
    agent::{Agent, Kind, TOUCHED, VERIFIED},
    client::Client,
    house::{LOGIN, TARGET},
    machine::public_line,
    site::Site,
};
use identity::SshPublicKey;
use std::{path::PathBuf, process::Command};

const BOTH: u8 = TOUCHED | VERIFIED;

#[tokio::test(flavor = "multi_thread")]
async fn whatever_it_says_of_its_holder_a_code_is_asked_for() {
    let site = Site::open().await;
    let mut cases = vec![(Kind::File, (0, 0), true)];
    for kind in [Kind::Ed25519, Kind::Ecdsa] {
        cases.extend([0, TOUCHED, VERIFIED, BOTH].map(|flags| (kind, (flags, flags), true)));
        // What it says is signed: whoever changes it on the way has no signature any more.
        cases.extend([(kind, (0, TOUCHED), false), (kind, (TOUCHED, BOTH), false)]);
    }
    for (number, (kind, flags, verifies)) in cases.into_iter().enumerate() {
        let name = format!("key-{number}");
        let agent = Agent::start(&site, &name, kind, flags);
        let (asked, before) = (site.asked(), site.house.state().from.len());
        site.house.state().key = agent.blob.clone();
        site.house.state().open_keys.clear();
        let client = || {
            let client = Client::ssh_with(&site, &format!("{LOGIN}%{TARGET}"), &format!("{name}.pub"));
            client.option(&agent.option)
        };
        let wrong = client().env("CODE", "000000").run(&["true"]).await;
        let what = format!("{kind:?} {flags:?}: {wrong:?}");
        assert_eq!(wrong.code(), Some(255), "a touch is no code: {what}");
        assert_eq!(site.house.state().from.len() - before, usize::from(verifies), "{what}");
        assert_eq!(site.asked() - asked, usize::from(verifies), "{what}");
        let said = client().run(&["true"]).await;
        assert_eq!(said.code(), Some(if verifies { 0 } else { 255 }), "{kind:?} {flags:?}: {said:?}");
        assert_eq!(agent.signed(), 2, "each connection takes a signature: {what}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn another_security_key_is_refused() {
    let site = Site::open().await;
    let own = Agent::start(&site, "own", Kind::Ed25519, (TOUCHED, TOUCHED));
    site.house.state().key = own.blob.clone();
    let others = Agent::start(&site, "others", Kind::Ed25519, (TOUCHED, TOUCHED));
    let client = Client::ssh_with(&site, &format!("{LOGIN}%{TARGET}"), "others.pub").option(&others.option);
    let said = client.run(&["true"]).await;
    assert_eq!((said.code(), others.signed(), site.asked()), (Some(255), 1, 0), "{said:?}");
}

/// The provider that OpenSSH loads: it lies beside this test.
fn provider() -> PathBuf {
    let place = std::env::current_exe().unwrap().with_file_name("libsecurity_key.so");
    assert!(place.is_file(), "{} is not built", place.display());
    place
}

/// Enrols a key as a technician does; gives it as his account takes it.
fn enrol(site: &Site, name: &str, kind: &str, options: &[&str]) -> SshPublicKey {
    let mut command = Command::new("ssh-keygen");
    command.args(["-q", "-t", kind, "-N", "", "-C", "clinique", "-w"]).arg(provider()).args(options);
    assert!(command.arg("-f").arg(site.path(name)).status().unwrap().success(), "ssh-keygen {kind}");
    SshPublicKey::from_line(&public_line(&site.path(name))).unwrap().0
}

fn with_provider(site: &Site, name: &str) -> Client {
    let option = format!("SecurityKeyProvider={}", provider().display());
    Client::ssh_with(site, &format!("{LOGIN}%{TARGET}"), name).option(&option)
}

#[tokio::test(flavor = "multi_thread")]
async fn openssh_enrols_it_and_comes_in_with_a_code() {
    let site = Site::open().await;
    let kinds = [
        ("ed25519-sk", &[][..]),
        ("ecdsa-sk", &["-O", "application=ssh:clinique"]),
        ("ed25519-sk", &["-O", "no-touch-required"]),
    ];
    for (number, (kind, options)) in kinds.into_iter().enumerate() {
        let (own, other) = (format!("own-{number}"), format!("other-{number}"));
        let key = enrol(&site, &own, kind, options);
        enrol(&site, &other, kind, options);
        assert!(key.algorithm().starts_with("sk-"));
        site.house.state().key = key.blob().to_vec();
        site.house.state().open_keys.clear();
        site.house.state().codes.clear();
        let said = with_provider(&site, &other).run(&["true"]).await;
        assert_eq!((said.code(), site.house.state().codes.len()), (Some(255), 0), "{kind}: {said:?}");
        let wrong = with_provider(&site, &own).env("CODE", "000000").run(&["true"]).await;
        assert_eq!(wrong.code(), Some(255), "{kind}: {wrong:?}");
        let said = with_provider(&site, &own).run(&["echo", "entré"]).await;
        assert_eq!((said.code(), said.text().trim()), (Some(0), "entré"), "{kind}: {said:?}");
        assert_eq!(site.house.state().codes.len(), 2, "a code each time, until the key is open");
    }
}
