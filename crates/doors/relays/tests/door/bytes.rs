//! Bytes arrive whole, from the first one, in both directions; statuses come back.

use crate::{house::intervention, site::Site};
use aws_lc_rs::digest::{SHA256, digest};
use data_encoding::HEXLOWER;
use interventions::{ChannelKind, EndReason};
use std::{
    fs,
    sync::{Arc, atomic::Ordering::SeqCst},
    time::Duration,
};

pub fn sha256(bytes: &[u8]) -> String {
    HEXLOWER.encode(digest(&SHA256, bytes).as_ref())
}

/// Bytes that look random, different for each seed.
pub fn noise(seed: u64, length: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    std::iter::repeat_with(|| next().to_le_bytes()).flatten().take(length).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_runs_and_its_status_and_both_outputs_come_back() {
    let site = Site::open().await;
    for (command, status) in [("true", 0), ("echo fort; echo bas >&2; exit 7", 7), ("exit 255", 255)] {
        let said = site.ssh().run(&[command]).await;
        assert_eq!(said.code(), Some(status), "{command}: {said:?}");
        let ending = site.house.ending().await;
        assert_eq!((ending.reason, ending.channels.len()), (EndReason::Technician, 1));
        assert_eq!(ending.channels[0].exit_status, Some(status));
        if status == 7 {
            assert_eq!((said.text().as_str(), said.err.as_str()), ("fort\n", "bas\n"));
            assert_eq!(ending.bytes_out, 9);
        }
    }
    let commands = site.house.state().commands.clone();
    let second = &commands[1];
    assert_eq!((second.number, second.kind, second.recording), (1, ChannelKind::Command, false));
    assert_eq!(second.command.as_deref(), Some("echo fort; echo bas >&2; exit 7"));
    assert_eq!((second.bytes_in, second.sha256_in.as_deref()), (0, Some(sha256(b"").as_str())));
    assert_eq!((second.bytes_out, second.sha256_out.as_ref().map(String::len)), (9, Some(64)));
    assert!(site.house.state().recordings.is_empty(), "no terminal, no recording");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_that_a_signal_ended_looks_as_it_does_without_the_door() {
    let site = Site::open().await;
    let said = site.ssh().run(&["kill -KILL $$"]).await;
    // OpenSSH's own answer to a signal.
    assert_eq!(said.code(), Some(255), "{said:?}");
    assert_eq!(site.house.ending().await.channels[0].exit_status, Some(128));
}

#[tokio::test(flavor = "multi_thread")]
async fn input_ends_and_output_goes_on() {
    let site = Site::open().await;
    let said = site.ssh().start(&["cat; sleep 0.3; echo fin"]).given(b"debut\n").await;
    assert_eq!((said.code(), said.text().as_str()), (Some(0), "debut\nfin\n"));
    // The machine stops listening; what the technician still sends is nobody's fault.
    let said = site.ssh().start(&["exec 0<&-; sleep 0.3; echo sourd"]).given(&noise(1, 3_000_000)).await;
    assert_eq!((said.code(), said.text().as_str()), (Some(0), "sourd\n"));
}

/// OpenSSH closes the channel once both directions have ended; what comes after that would be lost.
#[tokio::test(flavor = "multi_thread")]
async fn a_status_that_comes_after_the_output_is_not_lost() {
    let site = Site::open().await;
    for (command, status) in
        [("exec >&- 2>&-; sleep 0.5; exit 3", Some(3)), ("exec >&- 2>&-; sleep 0.5; kill -KILL $$", Some(255))]
    {
        assert_eq!(site.ssh().run(&[command]).await.code(), status, "{command}");
    }
    // Whoever waits for the end of the output before he ends his input is not kept waiting.
    let mut running = site.ssh().start(&["exec >&- 2>&-; cat; exit 4"]);
    let mut out = running.child.stdout.take().unwrap();
    let mut text = Vec::new();
    let ended = tokio::io::AsyncReadExt::read_to_end(&mut out, &mut text);
    tokio::time::timeout(Duration::from_secs(5), ended).await.unwrap().unwrap();
    drop(running.child.stdin.take());
    running.end().await;
    assert_eq!(site.house.state().commands.last().unwrap().exit_status, Some(4));
}

#[tokio::test(flavor = "multi_thread")]
async fn only_what_shows_text_passes_of_the_environment() {
    let site = Site::open().await;
    let ssh = site.ssh().option("SetEnv=LC_TIME=fr_FR.UTF-8 HIDDEN=secret");
    let said = ssh.run(&["echo \"<$LC_TIME><$HIDDEN>\""]).await;
    assert_eq!(said.text(), "<fr_FR.UTF-8><>\n");
}

/// What a terminal would take for something.
const FIRSTS: [&[u8]; 8] = [b"\x03", b"\x04", b"\x00", b"\x7f", b"~.", b"\r~.", b"\xff\xfe", b"\x1b[2J"];
const LENGTHS: [usize; 8] = [0, 1, 77, 4096, 32_768, 65_537, 300_001, 2_500_000];

async fn upload(site: &Site, number: u64) -> String {
    let at = usize::try_from(number).unwrap();
    let mut bytes = FIRSTS[at % 8].to_vec();
    bytes.extend(noise(number + 1, LENGTHS[at / 3 % 8]));
    let to = site.path(&format!("upload-{number}"));
    let said = site.ssh().start(&[&format!("cat > {}", to.display())]).given(&bytes).await;
    assert_eq!(said.code(), Some(0), "{number}: {said:?}");
    let arrived = fs::read(&to).unwrap();
    assert!(arrived == bytes, "{number}: {} bytes became {}", bytes.len(), arrived.len());
    sha256(&bytes)
}

/// Uploads whose first bytes a terminal would take for something, while the machine is still being reached.
#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_uploads_arrive_whole_from_the_first_byte() {
    let site = Arc::new(Site::open().await);
    assert_eq!(site.ssh().run(&["true"]).await.code(), Some(0));
    assert!(site.house.state().open_keys.contains(&intervention()));
    site.machine.slow_millis.store(30, SeqCst);
    let mut lanes = tokio::task::JoinSet::new();
    for lane in 0..4 {
        let site = site.clone();
        lanes.spawn(async move {
            let mut sums = Vec::new();
            for number in (lane..100).step_by(4) {
                sums.push(upload(&site, number).await);
            }
            sums
        });
    }
    let mut sums: Vec<String> = lanes.join_all().await.into_iter().flatten().collect();
    let commands = site.house.state().commands.clone();
    let mut traced: Vec<String> = commands.iter().skip(1).filter_map(|channel| channel.sha256_in.clone()).collect();
    sums.sort();
    traced.sort();
    assert_eq!(traced, sums, "the traces hold the digest of what was uploaded");
}

#[tokio::test(flavor = "multi_thread")]
async fn much_comes_down_whole() {
    let site = Site::open().await;
    let bytes = noise(9, 20_000_000);
    fs::write(site.path("big"), &bytes).unwrap();
    let said = site.ssh().run(&[&format!("cat {}", site.place("big"))]).await;
    assert!(said.out == bytes, "{} of {} bytes", said.out.len(), bytes.len());
    assert_eq!(site.house.ending().await.channels[0].sha256_out, Some(sha256(&bytes)));
}

/// Both directions full at once: neither waits for the other for ever.
#[tokio::test(flavor = "multi_thread")]
async fn both_directions_at_once_come_through() {
    let site = Site::open().await;
    let bytes = noise(11, 8_000_000);
    let said = site.ssh().start(&["cat"]).given(&bytes).await;
    assert!(said.out == bytes, "{} of {} bytes", said.out.len(), bytes.len());
}

/// New keys are agreed on in the middle of it, every two megabytes with the client and every five with the machine.
#[tokio::test(flavor = "multi_thread")]
async fn new_keys_do_not_disturb_a_transfer() {
    let site = Site::open().await;
    let bytes = noise(13, 24_000_000);
    let ssh = || site.ssh().option("RekeyLimit=2M");
    let said = ssh().start(&[&format!("cat > {}", site.place("up"))]).given(&bytes).await;
    assert_eq!(said.code(), Some(0), "{said:?}");
    assert!(fs::read(site.path("up")).unwrap() == bytes);
    let said = ssh().run(&[&format!("cat {}", site.place("up"))]).await;
    assert!(said.out == bytes, "{} of {} bytes: {}", said.out.len(), bytes.len(), said.err);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_that_stalls_does_not_end_another_of_the_same_connection() {
    let site = Site::open().await;
    let path = format!("ControlPath={}", site.path("master").display());
    let master = site.ssh().option("ControlMaster=yes").option(&path).flag("-N").start(&[]);
    while !site.path("master").exists() {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let share = || site.ssh().option(&path);
    let bytes = noise(7, 24_000_000);
    let stalled = share().start(&["sleep 5; wc -c"]);
    let flowing = share().start(&["wc -c"]);
    let (stalled, flowing) = tokio::join!(stalled.given(&bytes), flowing.given(&bytes));
    for said in [stalled, flowing] {
        assert_eq!((said.code(), said.text().trim()), (Some(0), "24000000"), "{said:?}");
    }
    drop(master);
}
