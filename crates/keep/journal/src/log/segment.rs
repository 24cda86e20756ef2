//! Write-ahead segments: what an append makes durable before it is acknowledged.
//!
//! A segment is a file of fixed size, written with zeros beforehand: a 64-byte header, then groups, then zeros. A group
//! is what one `fdatasync` made durable: a header signed by the log's key, then entries as a bundle has them. Because
//! each group is signed, an entry that is not yet under a checkpoint cannot be changed, added or moved by somebody who
//! holds the folder but not the key (a bare checksum could be recomputed by anybody).

use super::{
    note::{Signer, VKey},
    tiles::{BUNDLE_BYTES_MAX, Entries},
    tree::sha256,
};
use std::{fs::File, io, ops::Range, os::unix::fs::FileExt};

/// The segment made ready to come next; its first index is not known yet.
pub(crate) const SPARE: &str = "segment-spare";
/// What a spare's header gives as its first index.
pub(crate) const UNASSIGNED: u64 = u64::MAX;
pub(crate) const HEADER_BYTES: usize = 64;
pub(crate) const GROUP_HEADER_BYTES: usize = 84;
/// A segment at least and at most.
pub(crate) const SEGMENT_BYTES: Range<u64> = 1024..64 * 1024 * 1024 + 1;

/// Places after the last group that are looked at for another one. Each costs a hash of all that it says it holds, and an
/// interrupted write leaves one or two: more were put there.
const LATER_MAX: usize = 256;

const MAGIC: &[u8; 8] = b"POTJSEG1";
const GROUP_MAGIC: &[u8; 4] = b"GRP1";
/// Ends in NUL, which no note may hold: a group can never pass for a checkpoint, nor the other way round.
const DOMAIN: &[u8] = b"poterne/journal/group/v1\0";

/// The name of the segment whose first entry is `first`.
pub(crate) fn name(first: u64) -> String {
    format!("segment-{first:020}")
}

/// The first index that a name gives.
pub(crate) fn parse_name(text: &str) -> Option<u64> {
    let first = text.strip_prefix("segment-")?.parse().ok()?;
    (name(first) == text).then_some(first)
}

fn be_u32(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..)?.first_chunk().copied().map(u32::from_be_bytes)
}

fn be_u64(bytes: &[u8], at: usize) -> Option<u64> {
    bytes.get(at..)?.first_chunk().copied().map(u64::from_be_bytes)
}

/// The header of a segment of `size` bytes: magic, size, first index, SHA-256 of these, eight zeros.
pub(crate) fn header(size: u64, first: u64) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(HEADER_BYTES);
    bytes.extend_from_slice(MAGIC);
    bytes.extend_from_slice(&size.to_be_bytes());
    bytes.extend_from_slice(&first.to_be_bytes());
    let sum = sha256(&bytes);
    bytes.extend_from_slice(&sum);
    bytes.resize(HEADER_BYTES, 0);
    bytes
}

/// Size and first index of a header; nothing if it is not one, to the byte.
pub(crate) fn parse_header(bytes: &[u8]) -> Option<(u64, u64)> {
    let (size, first) = (be_u64(bytes, 8)?, be_u64(bytes, 16)?);
    (bytes.get(..HEADER_BYTES)? == header(size, first)).then_some((size, first))
}

fn signed_message(origin: &str, fields: &[u8], payload: &[u8]) -> Vec<u8> {
    let mut message = DOMAIN.to_vec();
    message.extend_from_slice(origin.as_bytes());
    message.push(0);
    message.extend_from_slice(fields);
    message.extend_from_slice(&sha256(payload));
    message
}

/// Adds a group of `count` entries (`payload`, as a bundle has them), the first of index `first`.
pub(crate) fn push_group(out: &mut Vec<u8>, signer: &Signer, first: u64, count: u32, payload: &[u8]) {
    let mut fields = GROUP_MAGIC.to_vec();
    fields.extend_from_slice(&count.to_be_bytes());
    fields.extend_from_slice(&first.to_be_bytes());
    fields.extend_from_slice(&u32::try_from(payload.len()).unwrap_or(u32::MAX).to_be_bytes());
    let signature = signer.sign_raw(&signed_message(signer.origin(), &fields, payload));
    out.extend_from_slice(&fields);
    out.extend_from_slice(&signature);
    out.extend_from_slice(payload);
}

/// A group found in a segment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Group {
    /// Where it begins in the file.
    pub offset: usize,
    /// The index of its first entry.
    pub first: u64,
    /// How many entries.
    pub count: u32,
    /// Where its entries are in the file.
    pub payload: Range<usize>,
}

impl Group {
    /// The index after its last entry.
    pub fn next(&self) -> u64 {
        self.first + u64::from(self.count)
    }
}

struct Fields {
    count: u32,
    first: u64,
    payload_len: usize,
}

fn parse_fields(bytes: &[u8]) -> Option<Fields> {
    if bytes.first_chunk::<4>()? != GROUP_MAGIC {
        return None;
    }
    let (count, first) = (be_u32(bytes, 4)?, be_u64(bytes, 8)?);
    let payload_len = usize::try_from(be_u32(bytes, 16)?).ok()?;
    first.checked_add(u64::from(count)).filter(|next| count > 0 && *next < UNASSIGNED)?;
    Some(Fields { count, first, payload_len })
}

/// The group that begins at `offset`, if it is whole and signed.
fn group_at(bytes: &[u8], offset: usize, vkey: &VKey) -> Option<Group> {
    let rest = bytes.get(offset..)?;
    let Fields { count, first, payload_len } = parse_fields(rest)?;
    let payload = rest.get(GROUP_HEADER_BYTES..)?.get(..payload_len)?;
    let message = signed_message(vkey.name(), rest.get(..20)?, payload);
    if !vkey.verifies(&message, rest.get(20..GROUP_HEADER_BYTES)?) {
        return None;
    }
    let entries = Entries::new(payload).try_fold(0_u32, |n, entry| entry.is_ok().then(|| n + 1))?;
    let start = offset + GROUP_HEADER_BYTES;
    (entries == count).then_some(Group { offset, first, count, payload: start..start + payload_len })
}

/// How the groups of a segment end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tail {
    /// With zeros to the end of the file.
    Zeros,
    /// With bytes that are no group, and no group after them: a write cut short, or an alteration.
    Torn,
    /// With bytes that are no group, though a later group is whole: no interrupted write does that.
    Damaged,
}

/// What a segment holds.
#[derive(Debug, Clone)]
pub(crate) struct Scan {
    /// The groups, in order and without a gap.
    pub groups: Vec<Group>,
    /// The index after the last entry.
    pub next: u64,
    /// Where the groups end in the file.
    pub end: usize,
    /// What comes there.
    pub tail: Tail,
    /// How long the file is, or was before its end was lost.
    pub size: u64,
}

/// Reads a whole segment whose name says that its first index is `first`; or what is wrong with its header.
pub(crate) fn scan(bytes: &[u8], first: u64, vkey: &VKey) -> Result<Scan, &'static str> {
    let Some((size, stated)) = parse_header(bytes) else { return Err("byte 0: not a segment's header") };
    if stated != first {
        return Err("byte 16: the header gives another first index than the name");
    }
    if size < bytes.len() as u64 {
        return Err("byte 8: the file is longer than its header says");
    }
    if size >= SEGMENT_BYTES.end {
        return Err("byte 8: no segment is as long as this header says");
    }
    let mut scan = Scan { groups: Vec::new(), next: first, end: HEADER_BYTES, tail: Tail::Zeros, size };
    while let Some(group) = group_at(bytes, scan.end, vkey).filter(|group| group.first == scan.next) {
        scan.next = group.next();
        scan.end = group.payload.end;
        scan.groups.push(group);
    }
    let rest = bytes.get(scan.end..).unwrap_or_default();
    if rest.iter().any(|byte| *byte != 0) {
        // A group of the same index may stand here whole only if what precedes it was moved or cut out.
        let later = rest.windows(4).enumerate().filter(|(_, window)| window == GROUP_MAGIC);
        let whole = |at: usize| group_at(bytes, scan.end + at, vkey).is_some_and(|group| group.first >= scan.next);
        let damaged = later.enumerate().any(|(place, (at, _))| place >= LATER_MAX || whole(at));
        scan.tail = if damaged { Tail::Damaged } else { Tail::Torn };
    }
    if size > bytes.len() as u64 && scan.tail == Tail::Zeros {
        // An end that a file system lost is worth an end that was never written.
        scan.tail = Tail::Torn;
    }
    Ok(scan)
}

/// Reads the group at `offset` of a segment that this process writes: index of its first entry, payload, next offset.
/// Nothing where no group is. The signature is not checked again.
pub(crate) fn read_group(file: &File, offset: u64) -> io::Result<Option<(u64, Vec<u8>, u64)>> {
    let mut header = [0; GROUP_HEADER_BYTES];
    match file.read_exact_at(&mut header, offset) {
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
        other => other?,
    }
    let Some(fields) = parse_fields(&header).filter(|f| f.payload_len as u64 <= BUNDLE_BYTES_MAX) else {
        return Ok(None);
    };
    let mut payload = vec![0; fields.payload_len];
    let start = offset + GROUP_HEADER_BYTES as u64;
    file.read_exact_at(&mut payload, start)?;
    Ok(Some((fields.first, payload, start + fields.payload_len as u64)))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
    use super::*;
    use crate::log::tiles::push_entry;
    use proptest::prelude::*;

    const SIZE: usize = 2048;

    fn signer() -> Signer {
        Signer::from_seed("example.test/log", &[3; 32]).unwrap()
    }

    fn group(first: u64, entries: &[&[u8]]) -> Vec<u8> {
        let (mut payload, mut out) = (Vec::new(), Vec::new());
        entries.iter().for_each(|entry| push_entry(&mut payload, entry));
        push_group(&mut out, &signer(), first, u32::try_from(entries.len()).unwrap(), &payload);
        out
    }

    fn segment(first: u64, groups: &[Vec<u8>]) -> Vec<u8> {
        let mut bytes = header(SIZE as u64, first);
        groups.iter().for_each(|g| bytes.extend_from_slice(g));
        bytes.resize(SIZE, 0);
        bytes
    }

    fn read(bytes: &[u8], first: u64) -> Result<(u64, Tail), &'static str> {
        scan(bytes, first, signer().vkey()).map(|scan| (scan.next, scan.tail))
    }

    #[test]
    fn names_are_strict() {
        assert_eq!(name(7), "segment-00000000000000000007");
        assert_eq!(parse_name(&name(u64::MAX - 1)), Some(u64::MAX - 1));
        for bad in ["segment-7", SPARE, "segment-", "segment-+0000000000000000007", "segment-99999999999999999999"] {
            assert_eq!(parse_name(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_torn_tail_is_told_from_damage() {
        let groups = [group(5, &[b"a", b"bb"]), group(7, &[b"ccc"]), group(8, &[b"dddd"])];
        let good = segment(5, &groups);
        assert_eq!(read(&good, 5), Ok((9, Tail::Zeros)));
        assert_eq!(read(&segment(5, &[]), 5), Ok((5, Tail::Zeros)));
        assert!(read(&good, 6).is_err());
        assert_eq!(read(&good[..SIZE - 1], 5), Ok((9, Tail::Torn)));
        assert!(read(&[good.as_slice(), &[0]].concat(), 5).is_err());
        let last = HEADER_BYTES + groups[0].len() + groups[1].len();
        // Cut at every byte of the last group.
        for cut in last + 1..last + groups[2].len() {
            let mut torn = good.clone();
            torn[cut..].fill(0);
            assert_eq!(read(&torn, 5), Ok((8, Tail::Torn)), "cut at {cut}");
        }
        // Any byte of an earlier group, any byte of the last one.
        for i in HEADER_BYTES..last + groups[2].len() {
            let mut bad = good.clone();
            bad[i] ^= 0x10;
            let (next, tail) = read(&bad, 5).unwrap();
            assert!(next < 9 && tail == if i < last { Tail::Damaged } else { Tail::Torn }, "byte {i}");
        }
        // Padding and header.
        for i in (0..HEADER_BYTES).chain(last + groups[2].len()..SIZE) {
            let mut bad = good.clone();
            bad[i] ^= 1;
            assert!(!matches!(read(&bad, 5), Ok((_, Tail::Zeros))), "byte {i}");
        }
        // Removed, reordered, repeated, of another log.
        assert_eq!(read(&segment(5, &[groups[1].clone(), groups[2].clone()]), 5), Ok((5, Tail::Damaged)));
        assert_eq!(read(&segment(5, &[groups[1].clone(), groups[0].clone()]), 5), Ok((5, Tail::Damaged)));
        assert_eq!(read(&segment(5, &[groups[0].clone(), groups[0].clone()]), 5), Ok((7, Tail::Torn)));
        let other = Signer::from_seed("example.test/other", &[3; 32]).unwrap();
        assert_eq!(scan(&good, 5, other.vkey()).unwrap().next, 5);
    }

    #[test]
    fn what_is_full_of_beginnings_is_damaged_and_costs_little() {
        // Each says that it holds all the rest: without a bound the whole file would be hashed a hundred thousand times.
        let size = 4 * 1024 * 1024;
        let mut bytes = header(size as u64, 5);
        while bytes.len() + GROUP_HEADER_BYTES < size {
            let rest = u32::try_from(size - bytes.len() - GROUP_HEADER_BYTES).unwrap();
            bytes.extend([GROUP_MAGIC.as_slice(), &[0, 0, 0, 1], &9_u64.to_be_bytes(), &rest.to_be_bytes()].concat());
        }
        bytes.resize(size, 0);
        assert_eq!(read(&bytes, 5), Ok((5, Tail::Damaged)));
    }

    proptest! {
        #[test]
        fn garbage_never_panics(bytes: Vec<u8>, first: u64) {
            let mut segment = header(HEADER_BYTES as u64 + bytes.len() as u64, first);
            segment.extend_from_slice(&bytes);
            let mut marked = segment.clone();
            let _ = scan(&bytes, first, signer().vkey());
            let _ = scan(&segment, first, signer().vkey());
            marked.splice(HEADER_BYTES..HEADER_BYTES, *GROUP_MAGIC);
            let _ = group_at(&marked, HEADER_BYTES, signer().vkey());
        }
    }
}
