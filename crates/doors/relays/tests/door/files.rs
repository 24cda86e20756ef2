//! Files: the old scp, the new one, sftp; and the rights that they take.

use crate::{
    bytes::{noise, sha256},
    client::Client,
    house::{LOGIN, Opens, TARGET},
    site::Site,
};
use interventions::{ChannelKind, EndReason, FileAct, FileEnd, FileVerb, Right};
use relays::RelayLimits;
use std::fs;
use tokio::io::AsyncWriteExt as _;

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
    let sum = Some(sha256(&bytes));
    let files: Vec<FileAct> = site.house.state().files.iter().map(|(_, act)| act.clone()).collect();
    let content: Vec<_> = files
        .iter()
        .filter(|act| matches!(act.verb, FileVerb::Read | FileVerb::Written))
        .map(|act| (act.verb, act.path.clone(), act.bytes_in, act.bytes_out, &act.sha256_in, &act.sha256_out))
        .collect();
    assert_eq!(
        content,
        [
            (FileVerb::Written, site.place("there"), 5_000_000, 0, &sum, &None),
            (FileVerb::Read, site.place("there"), 0, 5_000_000, &None, &sum)
        ]
    );
    let folder = site.folder.path().display().to_string();
    assert!(files.iter().any(|act| act.verb == FileVerb::Listed && act.path.trim_end_matches('/') == folder));
    assert!(files.iter().all(|act| act.end == FileEnd::Done), "{files:?}");
    assert_eq!((&ending.channels[0].files, ending.channels[0].files_more), (&files, 0));
}

/// What is done to names is traced with what became of it, before the technician is told.
#[tokio::test(flavor = "multi_thread")]
async fn names_that_change_are_traced() {
    let site = Site::open().await;
    fs::write(site.path("here"), b"abc").unwrap();
    let (from, to) = (site.place("un fichier"), site.place("été"));
    let lines = [
        format!("put {} {:?}", site.place("here"), from),
        format!("rename {from:?} {to:?}"),
        format!("chmod 600 {to:?}"),
        format!("mkdir {}", site.place("dossier")),
        format!("symlink {to:?} {}", site.place("lien")),
        format!("rm {}", site.place("lien")),
        format!("rmdir {}", site.place("dossier")),
        format!("-rm {}", site.place("absent")),
        format!("-rmdir {}", site.place("absent")),
        String::new(),
    ];
    fs::write(site.path("batch"), lines.join("\n")).unwrap();
    let sftp = Client::transfer(&site, "sftp").option("BatchMode=no").flag("-b").flag(&site.place("batch"));
    let said = sftp.run(&[at("").trim_end_matches(':')]).await;
    assert_eq!(said.code(), Some(0), "{said:?}");
    site.house.ending().await;
    let files = site.house.state().files.clone();
    let told: Vec<_> = files
        .iter()
        .filter(|(_, act)| act.verb != FileVerb::Listed)
        .map(|(_, act)| (act.verb, act.path.as_str(), act.to.as_deref(), act.end))
        .collect();
    let (folder, absent) = (site.place("dossier"), site.place("absent"));
    for wanted in [
        (FileVerb::Written, from.as_str(), None, FileEnd::Done),
        (FileVerb::Renamed, &from, Some(to.as_str()), FileEnd::Done),
        (FileVerb::Changed, &to, None, FileEnd::Done),
        (FileVerb::FolderMade, &folder, None, FileEnd::Done),
        (FileVerb::Removed, &site.place("lien"), None, FileEnd::Done),
        (FileVerb::FolderRemoved, &folder, None, FileEnd::Done),
        (FileVerb::FolderRemoved, &absent, None, FileEnd::Refused),
    ] {
        assert!(told.contains(&wanted), "{wanted:?} {told:?}");
    }
    assert!(told.iter().any(|act| act.0 == FileVerb::Linked && act.3 == FileEnd::Done), "{told:?}");
}

fn string(bytes: &[u8]) -> Vec<u8> {
    [&u32::try_from(bytes.len()).unwrap().to_be_bytes()[..], bytes].concat()
}

fn packet(kind: u8, id: u32, fields: &[u8]) -> Vec<u8> {
    string(&[&[kind], &id.to_be_bytes()[..], fields].concat())
}

/// A client that writes to a handle before the machine has given it would write to a file whose name nobody has seen yet.
#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_followed_does_not_pass() {
    let site = Site::open().await;
    let place = site.place("caché");
    let open = packet(3, 1, &[&string(place.as_bytes())[..], &[0, 0, 0, 0x1a], &[0; 4]].concat());
    // OpenSSH's first handle.
    let write = packet(6, 2, &[&string(&[0; 4])[..], &[0; 8], &string(b"abc")].concat());
    let asked = [packet(1, 3, &[]), open, write].concat();
    let said = site.ssh().flag("-s").start(&["sftp"]).given(&asked).await;
    assert_eq!(said.code(), Some(255), "{said:?}");
    assert!(said.err.contains("cannot be followed file by file"), "{said:?}");
    let ending = site.house.ending().await;
    let state = site.house.state();
    assert!(state.alarms.iter().any(|alarm| alarm.contains("a handle that the machine has not given")));
    let acts: Vec<_> = state.files.iter().map(|(_, act)| (act.verb, act.path.clone(), act.end)).collect();
    assert!(acts.is_empty() || acts == [(FileVerb::Written, place.clone(), FileEnd::Unfinished)], "{acts:?}");
    assert_eq!(ending.channels[0].files.len(), acts.len());
    assert!(fs::read(&place).unwrap_or_default().is_empty(), "nothing was written");
}

/// The technician learns how something ended only once that is traced.
#[tokio::test(flavor = "multi_thread")]
async fn a_file_is_traced_before_its_end_is_told() {
    let site = Site::open().await;
    site.house.state().slow_traces = std::time::Duration::from_millis(400);
    fs::write(site.path("batch"), format!("mkdir {}\n", site.place("dossier"))).unwrap();
    let sftp = Client::transfer(&site, "sftp").option("BatchMode=no").flag("-b").flag(&site.place("batch"));
    let begun = std::time::Instant::now();
    let said = sftp.run(&[at("").trim_end_matches(':')]).await;
    assert_eq!(said.code(), Some(0), "{said:?}");
    assert!(begun.elapsed() >= std::time::Duration::from_millis(400));
    let made =
        |site: &Site| site.house.state().files.iter().filter(|(_, act)| act.verb == FileVerb::FolderMade).count();
    assert_eq!(made(&site), 1);
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

/// Each act is an entry of the journal: nobody fills it.
#[tokio::test(flavor = "multi_thread")]
async fn a_session_has_so_many_acts() {
    let site = Site::with(RelayLimits { files_in_all_max: 3, ..crate::site::limits() }, |_| {}).await;
    let names: Vec<_> = (0..5).map(|number| site.place(&format!("dossier-{number}"))).collect();
    let lines: String = names.iter().map(|name| format!("mkdir {name}\n")).collect();
    fs::write(site.path("batch"), lines).unwrap();
    let sftp = Client::transfer(&site, "sftp").option("BatchMode=no").flag("-b").flag(&site.place("batch"));
    let said = sftp.run(&[at("").trim_end_matches(':')]).await;
    assert!(said.code() != Some(0) && said.err.contains("Too many files for one session"), "{said:?}");
    let ending = site.house.ending().await;
    let state = site.house.state();
    // The one too many was done: it is traced too, and nothing after it passes.
    let traced: Vec<_> = state.files.iter().map(|(_, act)| act.path.clone()).collect();
    assert_eq!(traced, names[..4]);
    assert_eq!(ending.channels[0].files.len(), 4);
    assert_eq!(names.iter().filter(|name| fs::exists(name).unwrap()).count(), 4);
    assert!(state.alarms.iter().any(|alarm| alarm.contains("more acts on files")), "{:?}", state.alarms);
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_is_cut_leaves_nothing_untraced() {
    let site = Site::open().await;
    site.house.state().slow_traces = std::time::Duration::from_millis(700);
    let names = ["un", "deux", "trois"].map(|name| site.place(name));
    let made = (2..).zip(&names).map(|(id, name)| packet(14, id, &[&string(name.as_bytes())[..], &[0; 4]].concat()));
    let asked = [packet(1, 3, &[])].into_iter().chain(made).collect::<Vec<_>>().concat();
    let mut ssh = site.ssh().flag("-s").start(&["sftp"]);
    ssh.child.stdin.as_mut().unwrap().write_all(&asked).await.unwrap();
    while site.house.state().files.is_empty() {
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    site.house.cut(EndReason::Cut);
    assert_eq!(ssh.end().await.code(), Some(255));
    let ending = site.house.ending().await;
    let mut traced = Vec::new();
    for _ in 0..100 {
        traced = site.house.state().files.iter().map(|(_, act)| act.path.clone()).collect();
        if traced.len() >= names.iter().filter(|name| fs::exists(name).unwrap()).count() {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    let known: Vec<_> = ending.channels[0].files.iter().map(|act| act.path.clone()).collect();
    assert_eq!((&traced[..], &known[..]), (&names[..], &names[..]), "each once, in their order");
}
