//! Files: the old scp, the new one, sftp; and the rights that they take.

use crate::{
    bytes::{noise, sha256},
    client::Client,
    house::{LOGIN, Opens, TARGET},
    site::Site,
};
use interventions::{ChannelKind, Right};
use std::fs;

fn at(place: &str) -> String {
    format!("{LOGIN}%{TARGET}@127.0.0.1:{place}")
}

#[tokio::test(flavor = "multi_thread")]
async fn scp_of_both_kinds_goes_both_ways() {
    let site = Site::open().await;
    for (number, flags) in [(1, &["-O"][..]), (2, &["-s"]), (3, &["-O", "-p"])] {
        let bytes = noise(number, 3_000_001);
        let (here, there, back) = (site.place("here"), site.place("there"), site.place("back"));
        fs::write(&here, &bytes).unwrap();
        let scp = || flags.iter().fold(Client::transfer(&site, "scp"), |scp, flag| scp.flag(flag));
        let said = scp().run(&[&here, &at(&there)]).await;
        assert_eq!(said.code(), Some(0), "{flags:?} up: {said:?}");
        let said = scp().run(&[&at(&there), &back]).await;
        assert_eq!(said.code(), Some(0), "{flags:?} down: {said:?}");
        assert_eq!((sha256(&fs::read(there).unwrap()), sha256(&fs::read(back).unwrap())), {
            let sum = sha256(&bytes);
            (sum.clone(), sum)
        });
    }
    let kinds: Vec<_> = site.house.state().commands.iter().map(|one| one.kind).collect();
    assert!(kinds.contains(&ChannelKind::Sftp) && kinds.contains(&ChannelKind::Command), "{kinds:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn sftp_puts_and_gets() {
    let site = Site::open().await;
    let bytes = noise(5, 5_000_000);
    fs::write(site.path("here"), &bytes).unwrap();
    let batch = format!("put {0}/here {0}/there\nget {0}/there {0}/back\nls {0}\n", site.folder.path().display());
    fs::write(site.path("batch"), batch).unwrap();
    // In a batch, OpenSSH would not ask for the code; here it is asked for all the same.
    let sftp = Client::transfer(&site, "sftp").option("BatchMode=no").flag("-b").flag(&site.place("batch"));
    let said = sftp.option("BatchMode=no").run(&[at("").trim_end_matches(':')]).await;
    assert_eq!(said.code(), Some(0), "{said:?}");
    assert_eq!(sha256(&fs::read(site.path("back")).unwrap()), sha256(&bytes));
    let ending = site.house.ending().await;
    assert_eq!(ending.channels[0].kind, ChannelKind::Sftp);
    assert!(ending.bytes_in > 5_000_000 && ending.bytes_out > 5_000_000, "{ending:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_not_approved_is_refused_with_a_sentence() {
    let site = Site::open().await;
    fs::write(site.path("here"), b"x").unwrap();
    let (here, there) = (site.place("here"), site.place("there"));
    let refused = "This is not part of what was approved";
    for (rights, down, up, shell, exec, sftp) in [
        (&[Right::Shell][..], false, false, true, false, false),
        (&[Right::Exec], true, true, false, true, false),
        (&[Right::FilesIn], false, true, false, false, false),
        (&[Right::FilesOut], true, false, false, false, false),
        (&[Right::FilesIn, Right::FilesOut], true, true, false, false, true),
    ] {
        site.house.state().rights = rights.to_vec();
        let scp = |flag: &str| Client::transfer(&site, "scp").flag(flag);
        let tries = [
            ("down", down, scp("-O").run(&[&at(&here), &there]).await),
            ("up", up, scp("-O").run(&[&here, &at(&there)]).await),
            ("shell", shell, site.ssh().flag("-tt").start(&[]).given(b"exit 0\n").await),
            ("exec", exec, site.ssh().run(&["true"]).await),
            ("sftp", sftp, scp("-s").run(&[&here, &at(&there)]).await),
        ];
        for (what, may, said) in tries {
            assert_eq!(said.code() == Some(0), may, "{rights:?} {what}: {said:?}");
            let told = said.err.contains(refused) || said.text().contains(refused);
            assert_eq!(told, !may, "{rights:?} {what}: {said:?}");
        }
    }
}

/// The demonstration's machine takes a password, and keeps files in memory.
#[tokio::test(flavor = "multi_thread")]
async fn a_machine_that_takes_a_password_is_reached_too() {
    let folder = tempfile::tempdir().unwrap();
    let machine = demo::Machine::new("console", folder.path(), "maintenance", "mot de passe".into()).unwrap();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (port, host_key) = (listener.local_addr().unwrap().port(), machine.host_key());
    let site = Site::with(crate::site::limits(), |equipment| {
        (equipment.port, equipment.host_key, equipment.account) = (port, host_key, "maintenance".into());
    })
    .await;
    site.house.state().opens = Opens::Password("mot de passe".into());
    tokio::spawn(machine.serve(listener, site.stop.clone()));
    let said = site.ssh().run(&["etat"]).await;
    assert!(said.text().contains("en service") && !said.err.contains("mot de passe"), "{said:?}");
    let bytes = [b"\x03".as_slice(), &noise(5, 700_000)].concat();
    fs::write(site.place("here"), &bytes).unwrap();
    let scp = || Client::transfer(&site, "scp").flag("-s");
    let said = scp().run(&[&site.place("here"), &at("firmware.bin")]).await;
    assert_eq!(said.code(), Some(0), "up: {said:?}");
    let said = scp().run(&[&at("firmware.bin"), &site.place("back")]).await;
    assert_eq!(said.code(), Some(0), "down: {said:?}");
    assert_eq!(sha256(&fs::read(site.place("back")).unwrap()), sha256(&bytes));
}
