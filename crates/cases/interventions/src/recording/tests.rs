#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]
use super::{reserve::Spool, *};
use types::Door;
use vault::{Holder, MasterKey, MonthKeys, Purpose};

const NOW: Time = Time::from_micros(1_790_000_000_000_000);
const RELAY: RelayId = RelayId::from_bytes([7; 16]);

struct Fixture {
    folder: tempfile::TempDir,
    keys: MonthKeys,
    config: RecordingsConfig,
}

fn fixture(reserve_bytes: u64) -> Fixture {
    let folder = tempfile::tempdir().unwrap();
    let master = MasterKey::create(&folder.path().join("k")).unwrap();
    let desk = (Holder::Door(Door::Desk), Purpose::RecordingReading);
    let keys = MonthKeys::of(&folder.path().join("vault"), &master, desk).unwrap();
    let mut config = RecordingsConfig::under(folder.path());
    config.reserve_bytes = reserve_bytes;
    config.flush_every = Duration::from_millis(20);
    Fixture { folder, keys, config }
}

impl Fixture {
    fn recordings(&self) -> Recordings {
        Recordings::open(self.config.clone(), self.keys.seal_only()).unwrap()
    }

    async fn read(&self, channel: u32) -> Result<(String, bool), RecorderFault> {
        let reader = RecordingsReader::new(self.config.clone(), self.keys.clone());
        let mut reader = reader.open(RELAY, channel).await?.ok_or(RecorderFault::Ended)?;
        let mut all = Vec::new();
        while let Some(piece) = reader.next().await? {
            all.extend(piece);
        }
        Ok((String::from_utf8(all).unwrap(), reader.is_cut()))
    }

    fn file(&self, channel: u32) -> PathBuf {
        file_of(&self.config.session(RELAY), channel)
    }
}

#[tokio::test]
async fn what_was_shown_comes_back_and_is_nowhere_in_clear() {
    let it = fixture(1 << 16);
    let recorder = it.recordings().begin(RELAY, NOW).await.unwrap();
    let recording = recorder.terminal(1, (80, 24), "xterm").await.unwrap();
    recording.output("Bonjour, é\x1b[2J".as_bytes()).await.unwrap();
    recording.resize(100, 30).await.unwrap();
    recording.finish(Some(0)).await.unwrap();
    let (text, cut) = it.read(1).await.unwrap();
    assert!(!cut);
    let lines: Vec<&str> = text.lines().collect();
    assert!(lines[0].contains("\"version\":3") && lines[0].contains("\"cols\":80"), "{text}");
    assert!(text.contains("Bonjour, é") && text.contains("100x30"), "{text}");
    let kept = std::fs::read(it.file(1)).unwrap();
    assert!(!kept.windows(7).any(|bytes| bytes == b"Bonjour"));
    assert_eq!(it.read(2).await, Err(RecorderFault::Ended), "another channel");
    // Under another session's name it does not open.
    let other = RelayId::from_bytes([8; 16]);
    std::fs::rename(it.config.session(RELAY), it.config.session(other)).unwrap();
    let reader = RecordingsReader::new(it.config.clone(), it.keys.clone());
    assert!(reader.open(other, 1).await.is_err());
}

#[tokio::test]
async fn a_crash_loses_a_second_at_most_and_the_reader_says_so() {
    let it = fixture(1 << 16);
    let recorder = it.recordings().begin(RELAY, NOW).await.unwrap();
    let recording = recorder.terminal(1, (80, 24), "").await.unwrap();
    recording.output(b"first").await.unwrap();
    tokio::time::sleep(Duration::from_millis(200)).await;
    let crashed = std::fs::read(it.file(1)).unwrap();
    recording.output(b"second").await.unwrap();
    recording.finish(None).await.unwrap();
    assert!(!it.read(1).await.unwrap().1);
    std::fs::write(it.file(1), &crashed).unwrap();
    let (text, cut) = it.read(1).await.unwrap();
    assert!(cut && text.contains("first") && !text.contains("second"), "{text}");
    std::fs::write(it.file(1), &crashed[..crashed.len() - 3]).unwrap();
    assert!(it.read(1).await.unwrap().1, "a torn tail is a cut");
    let mut changed = crashed;
    let last = changed.len() - 1;
    changed[last] ^= 1;
    std::fs::write(it.file(1), &changed).unwrap();
    assert!(it.read(1).await.is_err(), "a changed byte does not open");
}

#[tokio::test]
async fn without_a_folder_there_is_no_session() {
    let it = fixture(1 << 16);
    let recordings = it.recordings();
    std::fs::remove_dir_all(&it.config.folder).unwrap();
    std::fs::write(&it.config.folder, b"in the way").unwrap();
    assert!(matches!(recordings.begin(RELAY, NOW).await, Err(RecorderFault::Disk(_))));
}

/// A bound of the recording stands for a disk that takes no more.
fn too_small(it: &mut Fixture) {
    it.config.recording_bytes_max = 600;
}

async fn shown(recording: &Recording, times: usize) -> Result<(), RecorderFault> {
    for n in 0..times {
        recording.output(format!("line {n} of what the equipment said\r\n").as_bytes()).await?;
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    Ok(())
}

#[tokio::test]
async fn a_recording_that_cannot_go_on_is_a_fault() {
    let mut it = fixture(1 << 16);
    too_small(&mut it);
    let recorder = it.recordings().begin(RELAY, NOW).await.unwrap();
    let mut fault = recorder.fault();
    let recording = recorder.terminal(1, (80, 24), "").await.unwrap();
    let _ = shown(&recording, 60).await;
    let told = tokio::time::timeout(Duration::from_secs(5), fault.wait_for(Option::is_some)).await.unwrap();
    assert_eq!(told.unwrap().clone(), Some(RecorderFault::TooLong));
    assert_eq!(recording.output(b"more").await, Err(RecorderFault::TooLong));
    assert!(it.read(1).await.unwrap().1, "what was written stays, and is cut");
}

/// A file that takes no more: read-only under the writer's feet is not possible, so the writer is given one.
#[tokio::test]
async fn what_the_disk_refuses_goes_to_the_reserve_and_comes_home() {
    let it = fixture(16 * 1100);
    let recordings = it.recordings();
    let recorder = recordings.begin(RELAY, NOW).await.unwrap();
    let session = Arc::clone(&recorder.0);
    recorder.set_hold(true);
    let row: [&[u8]; 2] = [RELAY.as_bytes(), &1_u32.to_be_bytes()];
    let (sealer, header) = Sealer::begin_to(&session.to, place(&row)).unwrap();
    let path = file_of(&session.folder, 1);
    std::fs::write(&path, b"").unwrap();
    let term = Term { cols: 80, rows: 24, kind: None };
    let (cast, line) = Writer::begin(term, None, None);
    // Opened to read only: every write fails, as on a full disk.
    let file = fs::File::open(&path).await.unwrap();
    let mut tape = Tape {
        session: Arc::clone(&session),
        channel: 1,
        sealer: Some(sealer),
        cast,
        start: Instant::now(),
        file,
        synced: 0,
        pending: header,
        spool: None,
    };
    tape.seal(&line).unwrap();
    for n in 0..20 {
        let line = tape.cast.output(Duration::from_secs(n), format!("line {n} {}", "x".repeat(100)).as_bytes());
        tape.seal(&line).unwrap();
        tape.tick().await.unwrap();
    }
    assert!(recorder.spooling() && recordings.reserve_used() > 0.0);
    assert!(matches!(recorder.fault().borrow().clone(), Some(RecorderFault::Disk(_))), "it is told");
    assert_eq!(std::fs::metadata(&path).unwrap().len(), 0);
    // The node stops without warning; the next one brings home what was spooled.
    drop(tape);
    drop(recordings);
    let again = it.recordings();
    assert!(again.reserve_used() == 0.0);
    let (text, cut) = it.read(1).await.unwrap();
    assert!(cut && text.contains("line 0 ") && text.contains("line 19 "), "{text}");
    drop(it.folder);
}

#[tokio::test]
async fn the_reserve_has_an_end() {
    let it = fixture(16 * 200);
    let reserve = Reserve::open(&it.folder.path().join("vault"), 16 * 200).unwrap();
    let mut spool = Spool::new(RELAY, 1, 0);
    let room = 16 * (200 - 64);
    reserve.append(&mut spool, &vec![1; room - 1]).unwrap();
    assert!((reserve.used() - 1.0).abs() < f64::EPSILON);
    reserve.append(&mut spool, &[1]).unwrap();
    assert_eq!(reserve.append(&mut spool, &[1]), Err(RecorderFault::ReserveFull));
    assert_eq!(reserve.append(&mut Spool::new(RELAY, 2, 0), &[1]), Err(RecorderFault::ReserveFull));
}

/// Recordings of the same folder on a disk of which nothing is left for them. The disk itself is asked; what must stay free
/// of it is all of it.
fn on_a_full_disk(it: &Fixture) -> Arc<Home> {
    let mut config = it.config.clone();
    config.free = FreeSpace { bytes: u64::MAX, one_in: 1 };
    let reserve = Reserve::open(&config.reserve_folder, config.reserve_bytes).unwrap();
    Arc::new(Home { config, keys: it.keys.seal_only(), reserve })
}

/// The same session, from when the disk is full.
fn filled(it: &Fixture, recorder: &Recorder) -> Recorder {
    let session = &recorder.0;
    Recorder(Arc::new(Session {
        home: on_a_full_disk(it),
        relay: session.relay,
        now: session.now,
        folder: session.folder.clone(),
        to: it.keys.seal_only().seal_to(FAMILY, &month_of(NOW)).unwrap(),
        fault: watch::channel(None).0,
        held: AtomicBool::new(session.held.load(Ordering::SeqCst)),
        spooling: AtomicBool::new(false),
        taken: Taken::default(),
    }))
}

async fn told(recorder: &Recorder) -> Option<RecorderFault> {
    let mut fault = recorder.fault();
    let told = tokio::time::timeout(Duration::from_secs(5), fault.wait_for(Option::is_some)).await.unwrap();
    told.unwrap().clone()
}

#[tokio::test]
async fn a_session_has_one_budget_for_all_its_channels() {
    let mut it = fixture(1 << 16);
    it.config.session_bytes_max = 2000;
    let recorder = it.recordings().begin(RELAY, NOW).await.unwrap();
    let one = recorder.terminal(1, (80, 24), "").await.unwrap();
    let other = recorder.terminal(2, (80, 24), "").await.unwrap();
    for _ in 0..40 {
        let both = (shown(&one, 1).await, shown(&other, 1).await);
        if both.0.is_err() || both.1.is_err() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(told(&recorder).await, Some(RecorderFault::TooLong));
    let sizes = [1, 2].map(|channel| std::fs::metadata(it.file(channel)).unwrap().len());
    assert!(sizes.iter().sum::<u64>() <= 2000, "{sizes:?}");
    assert!(sizes.iter().all(|size| *size > 300), "each is far from the bound of a recording: {sizes:?}");
}

#[tokio::test]
async fn under_do_not_interrupt_the_budget_holds_and_the_rest_goes_to_the_reserve() {
    let mut it = fixture(16 * 4096);
    it.config.session_bytes_max = 1000;
    let recordings = it.recordings();
    let recorder = recordings.begin(RELAY, NOW).await.unwrap();
    recorder.set_hold(true);
    let recording = recorder.terminal(1, (80, 24), "").await.unwrap();
    shown(&recording, 40).await.unwrap();
    assert_eq!(told(&recorder).await, Some(RecorderFault::TooLong));
    let spooled = async {
        while recordings.reserve_used() == 0.0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(5), spooled).await.unwrap();
    assert!(recorder.spooling());
    assert!(std::fs::metadata(it.file(1)).unwrap().len() <= 1000);
    recording.finish(Some(0)).await.unwrap();
    let (text, cut) = it.read(1).await.unwrap();
    assert!(!cut && text.contains("line 0 ") && text.contains("line 39 "), "{text}");
}

#[tokio::test]
async fn on_a_full_disk_no_session_begins() {
    let it = fixture(1 << 16);
    let _ = it.recordings();
    let recordings = Recordings(on_a_full_disk(&it));
    assert_eq!(recordings.begin(RELAY, NOW).await.err(), Some(RecorderFault::TooFull));
    assert!(!it.config.session(RELAY).exists(), "nothing is left of it");
    // A session under way opens no channel more.
    let under_way = filled(&it, &it.recordings().begin(RELAY, NOW).await.unwrap());
    assert_eq!(under_way.terminal(1, (80, 24), "").await.err(), Some(RecorderFault::TooFull));
}

/// A recording that began while there was room.
async fn begun(it: &Fixture, held: bool) -> (Recorder, Tape) {
    let before = it.recordings().begin(RELAY, NOW).await.unwrap();
    before.set_hold(held);
    let recorder = filled(it, &before);
    let row: [&[u8]; 2] = [RELAY.as_bytes(), &1_u32.to_be_bytes()];
    let (sealer, header) = Sealer::begin_to(&before.0.to, place(&row)).unwrap();
    let (cast, line) = Writer::begin(Term { cols: 80, rows: 24, kind: None }, None, None);
    let mut tape = Tape {
        session: Arc::clone(&before.0),
        channel: 1,
        sealer: Some(sealer),
        cast,
        start: Instant::now(),
        file: fs::File::create(it.file(1)).await.unwrap(),
        synced: 0,
        pending: header,
        spool: None,
    };
    tape.seal(&line).unwrap();
    tape.tick().await.unwrap();
    tape.session = Arc::clone(&recorder.0);
    (recorder, tape)
}

#[tokio::test]
async fn on_a_full_disk_no_recording_grows() {
    let it = fixture(1 << 16);
    let (recorder, mut tape) = begun(&it, false).await;
    let size = std::fs::metadata(it.file(1)).unwrap().len();
    let line = tape.cast.output(Duration::from_secs(1), b"more");
    tape.seal(&line).unwrap();
    assert_eq!(tape.tick().await, Err(RecorderFault::TooFull));
    assert_eq!(told(&recorder).await, Some(RecorderFault::TooFull), "its session is cut");
    assert_eq!(std::fs::metadata(it.file(1)).unwrap().len(), size);
}

#[tokio::test]
async fn the_reserve_comes_home_once_there_is_room_again() {
    let it = fixture(16 * 1100);
    let (recorder, mut tape) = begun(&it, true).await;
    for n in 0..3 {
        let line = tape.cast.output(Duration::from_secs(1), format!("line {n}").as_bytes());
        tape.seal(&line).unwrap();
        tape.tick().await.unwrap();
    }
    assert_eq!(told(&recorder).await, Some(RecorderFault::TooFull), "it is told, and goes on");
    assert!(recorder.spooling());
    tape.end(Some(0)).await.unwrap();
    let full = on_a_full_disk(&it);
    full.reserve.bring_home(&full.config);
    assert!(full.reserve.used() > 0.0, "there is no room yet");
    assert!(it.read(1).await.unwrap().1);
    assert!(it.recordings().reserve_used() == 0.0);
    let (text, cut) = it.read(1).await.unwrap();
    assert!(!cut && text.contains("line 0") && text.contains("line 2"), "{text}");
}
