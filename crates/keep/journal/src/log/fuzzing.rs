//! The log's decoders, for [`crate::fuzzing`].
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use super::{
    Archive, ArchiveWriter, Checkpoint, Keys, Revocation, Signer, VKey, Verdict, Verifying, WitnessKey, WitnessSigner,
    files::Files as _,
    keys::Renewal,
    minimum::Minimum,
    note::{NOTE_BYTES_MAX, Note},
    proof::{
        Hashes, InclusionProof, LINES_MAX, check_consistency, check_inclusion, inclusion, read_lines, write_lines,
    },
    reserve as reserves, segment as segments,
    tiles::{Entries, Kind, Tile, push_entry},
    tree::{Hash, Tree, leaf_hash, root_of},
    verify::is_file_of_log,
};
use crate::{
    Against, KeptCheckpoint,
    fuzzing::{file_of, same},
    stamp::fuzzing as stamps,
    verify_archived,
    witness::Kept,
};
use data_encoding::BASE64;
use std::{cell::RefCell, convert::Infallible, path::Path, sync::LazyLock};
use types::{Secret, Time};

pub(crate) const ORIGIN: &str = "example.test";
pub(crate) const NOW: Time = Time::from_micros(1_790_000_000_000_000);

static SIGNER: LazyLock<Signer> = LazyLock::new(|| Signer::from_seed(ORIGIN, &[5; 32]).unwrap());
static WITNESS: LazyLock<WitnessSigner> =
    LazyLock::new(|| WitnessSigner::from_seed("witness.example", &[6; 32]).unwrap());

pub(crate) fn signer() -> &'static Signer {
    &SIGNER
}

pub(crate) fn witness() -> &'static WitnessSigner {
    &WITNESS
}

/// A log as its leaves.
pub(crate) struct Leaves(Vec<Hash>);

impl Leaves {
    pub(crate) fn new(size: u64) -> Self {
        Self((0..size).map(|index| leaf_hash(&index.to_be_bytes())).collect())
    }

    pub(crate) fn checkpoint(&self) -> Checkpoint {
        Checkpoint { origin: ORIGIN.to_owned(), size: self.0.len() as u64, root: root_of(&self.0) }
    }
}

impl Hashes for Leaves {
    type Error = Infallible;
    fn perfect(&mut self, height: u8, index: u64) -> Result<Hash, Infallible> {
        let from = (index << height) as usize;
        Ok(root_of(&self.0[from..from + (1 << height)]))
    }
}

/// The one checkpoint that log and witness signed here.
pub(crate) static CHECKPOINT: LazyLock<Checkpoint> = LazyLock::new(|| Leaves::new(300).checkpoint());

pub(crate) fn signed() -> String {
    CHECKPOINT.sign(signer())
}

pub(crate) fn cosigned() -> String {
    format!("{}{}", signed(), witness().cosign(&CHECKPOINT.text(), NOW))
}

/// A signed note.
pub fn note(bytes: &[u8]) {
    let kept = Kept::new(Path::new(""), Keys::only(signer().vkey().clone()), witness().key().clone()).open(bytes);
    assert!(kept.is_none_or(|kept| kept == (CHECKPOINT.clone(), 1_790_000_000)), "another cosignature than was made");
    let opened = Checkpoint::open(bytes, signer().vkey());
    assert!(opened.as_ref().is_ok_and(|opened| *opened == *CHECKPOINT) || opened.is_err(), "another than was signed");
    let _ = KeptCheckpoint::read("kept", bytes).origin();
    let Ok(note) = Note::parse(bytes) else { return assert!(opened.is_err()) };
    assert!(bytes.len() as u64 <= NOTE_BYTES_MAX);
    let blob = |id: &[u8; 4], signature: &[u8]| BASE64.encode(&[id.as_slice(), signature].concat());
    let lines = note.signatures.iter().map(|one| format!("\u{2014} {} {}\n", one.name, blob(&one.id, &one.signature)));
    assert_eq!(format!("{}\n{}", note.text, lines.collect::<String>()).as_bytes(), bytes);
    if note.verify(signer().vkey()).is_ok() || witness().key().verify(&note).is_ok() {
        assert_eq!(note.text, CHECKPOINT.text(), "another text than was signed");
        assert!(note.signatures.iter().any(|one| [ORIGIN, witness().key().name()].contains(&one.name.as_str())));
    }
}

/// A checkpoint's text.
pub fn checkpoint(bytes: &[u8]) {
    same(bytes, |text| Checkpoint::parse(text).map(|checkpoint| checkpoint.text()));
}

/// The keys that a log had: as their file, and as a text that one of them signed.
pub fn keys(bytes: &[u8]) {
    if let Ok(all) = Renewal::parse_all(bytes) {
        assert_eq!(all.iter().map(|one| one.block.as_str()).collect::<String>().as_bytes(), bytes);
        assert!(all.windows(2).all(|two| two[0].after == two[1].before && two[0].size <= two[1].size));
    }
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let block = format!("{}\n{}", signer().vkey(), signer().sign_note(text));
    for one in Renewal::parse_all(block.as_bytes()).unwrap_or_default() {
        let head = Checkpoint { origin: ORIGIN.to_owned(), size: one.size, root: one.root };
        assert_eq!(Renewal::signed(signer(), head, &one.after).block, block);
        assert!(one.after.name() == ORIGIN && Checkpoint::parse(text).is_err(), "it passes for a checkpoint");
    }
}

/// A log's minimum: as its file, and as a text that its key signed.
pub fn minimum(bytes: &[u8]) {
    let key = signer().vkey();
    let Ok(text) = std::str::from_utf8(bytes) else { return assert!(Minimum::open(bytes, key).is_none()) };
    for note in [text.to_owned(), signer().sign_note(text)] {
        let Some(minimum) = Minimum::open(note.as_bytes(), key) else { continue };
        assert_eq!(minimum.sign(signer()), note);
        assert!(minimum.size > 0 && minimum.size.is_multiple_of(256) && minimum.stated_at >= minimum.size);
        assert!(Checkpoint::parse(&Note::parse(note.as_bytes()).unwrap().text).is_err(), "it passes for a checkpoint");
    }
}

/// A log's key, a witness's, a witness's private one.
pub fn key(bytes: &[u8]) {
    same(bytes, str::parse::<VKey>);
    same(bytes, str::parse::<WitnessKey>);
    if let Ok(text) = std::str::from_utf8(bytes)
        && let Ok(signer) = WitnessSigner::from_secret(&Secret::new(text.to_owned()))
    {
        assert!(text.starts_with(&format!("PRIVATE+KEY+{}+", signer.key().name())) && text.ends_with('\n'));
    }
}

/// A proof: whole, or its lines alone.
pub fn proof(bytes: &[u8]) {
    same(bytes, |text| InclusionProof::parse(text).map(|proof| proof.text()));
    same(bytes, |text| read_lines(text).map(|(path, rest)| format!("{}\n{rest}", write_lines(&path))));
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let Ok(InclusionProof { index, path, note }) = InclusionProof::parse(text) else { return };
    assert!(path.len() <= LINES_MAX);
    let Some(head) = Note::parse(note.as_bytes()).ok().and_then(|note| Checkpoint::parse(&note.text).ok()) else {
        return;
    };
    let leaf = leaf_hash(&index.to_be_bytes());
    let held = check_inclusion(index, &leaf, head.size, &head.root, &path).is_ok();
    if held && head == *CHECKPOINT {
        assert_eq!(inclusion(&mut Leaves::new(300), index, 300).unwrap(), Some(path.clone()), "another proof holds");
    }
    let held = check_consistency((index, &leaf), (head.size, &head.root), &path).is_ok();
    assert!(!held || index <= head.size);
}

/// The name of a file of a log.
pub fn name(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let segment = segments::parse_name(text);
    assert!(segment.is_none_or(|first| segments::name(first) == text));
    let Some(tile) = Tile::parse(text) else { return };
    assert!(tile.path() == text && segment.is_none() && is_file_of_log(text));
    assert!(tile.end() == u64::MAX || tile.belongs_to(tile.end()), "a tile belongs to the tree that it ends");
    assert!(Tile::partials(tile.end()).all(|partial| partial.is_partial()));
}

/// A bundle of entries.
pub fn bundle(bytes: &[u8]) {
    let (mut entries, mut again) = (Entries::new(bytes), Vec::new());
    loop {
        match entries.next() {
            Some(Ok(entry)) => push_entry(&mut again, entry),
            Some(Err(at)) => break assert_eq!((at, entries.next()), (again.len(), None)),
            None => break assert_eq!(again.len(), bytes.len()),
        }
    }
    assert_eq!(&again, &bytes[..again.len()]);
}

/// A segment; and one whose only group, signed, has this for its entries.
pub fn segment(bytes: &[u8]) {
    if let Ok(scan) = segments::scan(bytes, 0, signer().vkey()) {
        let file = file_of(bytes);
        for (place, group) in scan.groups.iter().enumerate() {
            let payload = &bytes[group.payload.clone()];
            assert_eq!((group.first, payload), (3 * place as u64, three().as_slice()), "a group that was never signed");
            let read = segments::read_group(&file, group.offset as u64).unwrap();
            assert_eq!(read, Some((group.first, payload.to_vec(), group.payload.end as u64)));
        }
        assert!(scan.end <= bytes.len() && scan.next == 3 * scan.groups.len() as u64);
    }
    // Wherever a group may begin, reading it back neither fails strangely nor reads past the end.
    let _ = segments::read_group(&file_of(bytes), segments::HEADER_BYTES as u64);
    let entries = Entries::new(bytes).take(10_000).collect::<Vec<_>>();
    let whole = !entries.is_empty() && entries.len() < 10_000 && entries.iter().all(Result::is_ok);
    let made = segment_of(7, &[bytes.to_vec()], entries.len() as u32);
    let scan = segments::scan(&made, 7, signer().vkey()).unwrap();
    assert_eq!(scan.groups.len(), usize::from(whole));
    assert_eq!(scan.tail == segments::Tail::Zeros, whole);
}

/// A segment of groups of `count` entries each.
fn segment_of(first: u64, groups: &[Vec<u8>], count: u32) -> Vec<u8> {
    let mut made = Vec::new();
    for (place, payload) in (0..).zip(groups) {
        segments::push_group(&mut made, signer(), first + place * u64::from(count), count, payload);
    }
    let size = (segments::HEADER_BYTES + made.len() + 40).max(1024);
    let mut segment = segments::header(size as u64, first);
    segment.append(&mut made);
    segment.resize(size, 0);
    segment
}

const REVOCATIONS: [Revocation; 2] = [
    Revocation { kind: 1, subject: [1; 16], at: NOW, until: Time::from_micros(1_790_000_009_000_000) },
    Revocation { kind: 2, subject: [2; 16], at: NOW, until: Time::from_micros(1_790_000_009_000_000) },
];

/// The reserve.
pub fn reserve(bytes: &[u8]) {
    for (slot, found) in reserves::parse(bytes, signer().vkey()).unwrap_or_default().iter().enumerate() {
        assert!(found.is_none() || found.as_ref() == REVOCATIONS.get(slot), "it was never signed: {found:?}");
    }
}

/// The archive of a log of these entries, so many of them under the checkpoint and the others in one group after it.
pub(crate) fn archived(entries: &[&[u8]], published: usize) -> Vec<u8> {
    let inside = format!("journal/{ORIGIN}");
    let mut out = ArchiveWriter::new(Vec::new());
    let mut put = |name: &str, bytes: &[u8]| out.write(&inside, name, bytes).unwrap();
    put("vkey", format!("{}\n", signer().vkey()).as_bytes());
    let (under, after) = entries.split_at(published);
    let (mut tree, mut bundle) = (Tree::new(), Vec::new());
    let mut tiles: Vec<(Tile, Vec<u8>)> = Vec::new();
    for entry in under {
        push_entry(&mut bundle, entry);
        let full = &mut |level, index, hashes: &[Hash]| {
            tiles.push((Tile { kind: Kind::Hashes(level), index, width: 256 }, hashes.concat()));
            if level == 0 {
                tiles.push((Tile { kind: Kind::Entries, index, width: 256 }, std::mem::take(&mut bundle)));
            }
            Ok::<(), Infallible>(())
        };
        tree.push(leaf_hash(entry), full).unwrap();
    }
    for tile in Tile::partials(tree.size()) {
        let bytes = match tile.kind {
            Kind::Entries => bundle.clone(),
            Kind::Hashes(level) => tree.row(level).concat(),
        };
        tiles.push((tile, bytes));
    }
    tiles.iter().for_each(|(tile, bytes)| put(&tile.path(), bytes));
    let checkpoint = Checkpoint { origin: ORIGIN.to_owned(), size: tree.size(), root: tree.root() };
    put("checkpoint", checkpoint.sign(signer()).as_bytes());
    let mut payload = Vec::new();
    after.iter().for_each(|entry| push_entry(&mut payload, entry));
    let groups = if after.is_empty() { Vec::new() } else { vec![payload] };
    let first = tree.size();
    put(&segments::name(first), &segment_of(first, &groups, after.len() as u32));
    put("revocations", &reserves::written(signer(), 3, &REVOCATIONS));
    out.write(&format!("witnessed/{ORIGIN}"), "latest-00000000", cosigned().as_bytes()).unwrap();
    out.write(&format!("stamped/{ORIGIN}"), "2026-09-21.checkpoint", signed().as_bytes()).unwrap();
    out.write(&format!("stamped/{ORIGIN}"), "2026-09-21.tsr", &stamps::answer()).unwrap();
    out.finish().unwrap()
}

/// What verification says of the log in an archive, if it is one.
pub(crate) fn verified(bytes: &[u8]) -> Option<Verdict> {
    let archive = Archive::of(file_of(bytes), "archive".to_owned()).ok()?;
    assert!(bytes.len().is_multiple_of(512));
    let mut last = None;
    for origin in archive.origins() {
        let kept = archive.kept(origin).expect("what lies in it can be read");
        let kept: Vec<KeptCheckpoint> = kept.iter().map(|(name, bytes)| KeptCheckpoint::read(name, bytes)).collect();
        let stamps = archive.stamps(origin).expect("what lies in it can be read");
        let witnesses = [witness().key().clone()];
        let authority = Some(stamps::authority());
        let against =
            Against { kept: &kept, witnesses: &witnesses, stamps: Some(&stamps), authority, ..Against::default() };
        let report = verify_archived(&archive, origin, &Verifying::default(), &against).expect("it is in it");
        assert!(report.verdict.ok == report.verdict.bad.is_none());
        last = Some(report.verdict);
    }
    last
}

static ARCHIVED: LazyLock<Vec<Vec<u8>>> = LazyLock::new(|| {
    let entries: Vec<Vec<u8>> = (0..270).map(crate::fuzzing::note_entry).collect();
    let entries: Vec<&[u8]> = entries.iter().map(Vec::as_slice).collect();
    vec![archived(&entries[..5], 3), archived(&entries[..2], 0), archived(&entries, 260)]
});

/// An export.
pub fn archive(bytes: &[u8]) {
    static KNOWN: LazyLock<Vec<Verdict>> =
        LazyLock::new(|| ARCHIVED.iter().map(|bytes| verified(bytes).unwrap()).collect());
    let Some(verdict) = verified(bytes) else { return };
    assert!(KNOWN.iter().all(|known| known.ok), "{:?}", KNOWN[0]);
    if verdict.ok && verdict.vkey == signer().vkey().to_string() {
        // A group that no checkpoint covers yet may be cut off with nobody the wiser: the checkpoint may not change.
        assert!(KNOWN.iter().any(|known| known.checkpoint == verdict.checkpoint), "{verdict:?}");
    }
}

/// The export of somebody who holds the key: whatever it says is signed again before it is read.
pub fn archive_signed(bytes: &[u8]) {
    let Ok(archive) = Archive::of(file_of(bytes), "archive".to_owned()) else { return };
    let mut out = ArchiveWriter::new(Vec::new());
    for origin in archive.origins() {
        let log = archive.log(origin).unwrap();
        let names = RefCell::new(Vec::new());
        log.names(&|name| {
            names.borrow_mut().push(name.to_owned());
            true
        })
        .unwrap();
        for name in names.into_inner() {
            let bytes = log.load(&name, u64::MAX).unwrap();
            let bytes = match name.as_str() {
                "vkey" => format!("{}\n", signer().vkey()).into_bytes(),
                "checkpoint" => signed_again(&bytes),
                name if name.starts_with("segment-") => grouped_again(&bytes),
                _ => bytes,
            };
            out.write(&format!("journal/{origin}"), &name, &bytes).unwrap();
        }
    }
    let verdict = verified(&out.finish().unwrap());
    assert!(verdict.is_none_or(|verdict| !verdict.ok || verdict.checkpoint.is_some_and(|c| c.size <= verdict.entries)));
}

fn signed_again(note: &[u8]) -> Vec<u8> {
    let text = std::str::from_utf8(note).ok().and_then(|note| note.rfind("\n\n").map(|end| note[..=end].to_owned()));
    text.map_or_else(|| note.to_vec(), |text| signer().sign_note(&text).into_bytes())
}

fn grouped_again(segment: &[u8]) -> Vec<u8> {
    let number = |bytes: &[u8], at: usize| Some(u64::from_be_bytes(*bytes.get(at..)?.first_chunk()?));
    let (Some(size), Some(first)) = (number(segment, 8), number(segment, 16)) else { return segment.to_vec() };
    let mut made = segments::header(size, first);
    loop {
        let rest = segment.get(made.len()..).unwrap_or_default();
        // Magic and count, index of the first entry, length of the payload before the signature.
        let (Some(head), Some(first), Some(tail)) = (number(rest, 0), number(rest, 8), number(rest, 16)) else { break };
        let (count, length) = (head as u32, (tail >> 32) as usize);
        if !rest.starts_with(b"GRP1") {
            break;
        }
        let Some(payload) = rest.get(segments::GROUP_HEADER_BYTES..).and_then(|rest| rest.get(..length)) else { break };
        segments::push_group(&mut made, signer(), first, count, payload);
    }
    made.extend_from_slice(segment.get(made.len()..).unwrap_or_default());
    made
}

pub(crate) fn note_seeds() -> Vec<Vec<u8>> {
    vec![signed().into_bytes(), cosigned().into_bytes()]
}

pub(crate) fn checkpoint_seeds() -> Vec<Vec<u8>> {
    vec![CHECKPOINT.text().into_bytes(), Leaves::new(0).checkpoint().text().into_bytes()]
}

pub(crate) fn keys_seeds() -> Vec<Vec<u8>> {
    let other = |number: u8| Signer::from_seed(ORIGIN, &[number; 32]).unwrap();
    let one = Renewal::signed(signer(), CHECKPOINT.clone(), other(3).vkey()).block;
    let next = Checkpoint { size: 400, ..CHECKPOINT.clone() };
    let two = format!("{one}{}", Renewal::signed(&other(3), next, other(4).vkey()).block);
    let text: Vec<u8> = one.lines().skip(1).take(5).flat_map(|line| format!("{line}\n").into_bytes()).collect();
    vec![one.into_bytes(), two.into_bytes(), text]
}

pub(crate) fn minimum_seeds() -> Vec<Vec<u8>> {
    let note = Minimum { size: 512, root: CHECKPOINT.root, stated_at: 700 }.sign(signer());
    let text = Note::parse(note.as_bytes()).unwrap().text;
    vec![note.into_bytes(), text.into_bytes()]
}

pub(crate) fn key_seeds() -> Vec<Vec<u8>> {
    let secret = WitnessSigner::secret("witness.example", &[6; 32]).unwrap();
    let keys = [signer().vkey().to_string(), witness().key().to_string(), secret.expose().clone()];
    keys.into_iter().map(String::into_bytes).collect()
}

pub(crate) fn proof_seeds() -> Vec<Vec<u8>> {
    let path = inclusion(&mut Leaves::new(300), 7, 300).unwrap().unwrap();
    let lines = format!("{}\nrest", write_lines(&path));
    vec![InclusionProof { index: 7, path, note: cosigned() }.text().into_bytes(), lines.into_bytes()]
}

pub(crate) fn name_seeds() -> Vec<Vec<u8>> {
    let paths = ["tile/0/000", "tile/entries/x001/234.p/255", "tile/7/000.p/1", "segment-00000000000000000007"];
    paths.map(|path| path.as_bytes().to_vec()).to_vec()
}

fn three() -> Vec<u8> {
    let mut bundle = Vec::new();
    [b"one".as_slice(), b"two", &[7; 300]].iter().for_each(|entry| push_entry(&mut bundle, entry));
    bundle
}

pub(crate) fn bundle_seeds() -> Vec<Vec<u8>> {
    vec![three()]
}

pub(crate) fn segment_seeds() -> Vec<Vec<u8>> {
    vec![segment_of(0, &[three(), three()], 3), segment_of(0, &[], 0), three()]
}

pub(crate) fn reserve_seeds() -> Vec<Vec<u8>> {
    vec![reserves::written(signer(), 3, &REVOCATIONS), reserves::written(signer(), 1, &[])]
}

pub(crate) fn archive_seeds() -> Vec<Vec<u8>> {
    ARCHIVED.clone()
}
