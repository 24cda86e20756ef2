//! Bytes on the disk against the entries' own.

use crate::{
    Plan,
    rows::{open, settle},
};
use std::{fs, os::unix::fs::MetadataExt as _, path::Path};
use tokio::runtime::Runtime;

/// Lengths of entries, as 1,177 entries of five demonstrations' journals were distributed: 183 bytes in the middle.
const LENGTHS: [usize; 20] =
    [116, 119, 120, 122, 122, 123, 125, 130, 140, 152, 175, 193, 203, 211, 215, 221, 228, 243, 270, 430];
const ENTRIES: usize = 1_000_000;

/// Lengths of a folder's files, and the room that the file system gives them.
fn weigh(folder: &Path) -> (u64, u64) {
    let (mut length, mut room) = (0, 0);
    for item in fs::read_dir(folder).unwrap() {
        let (item, meta) = item.map(|item| (item.path(), item.metadata().unwrap())).unwrap();
        let (more, room_more) = if meta.is_dir() { weigh(&item) } else { (meta.len(), meta.blocks() * 512) };
        length += more;
        room += room_more;
    }
    (length, room)
}

/// A million entries with lengths as the journeys have them.
pub fn bytes(plan: &Plan, runtime: &Runtime) {
    let folder = plan.folder();
    let opened = open(folder.path());
    let mut own = 0;
    for _ in 0..ENTRIES / 1000 {
        let batch: Vec<Vec<u8>> =
            (0..1000).map(|_| vec![fastrand::u8(..); *fastrand::choice(&LENGTHS).unwrap()]).collect();
        own += batch.iter().map(Vec::len).sum::<usize>();
        runtime.block_on(opened.log.append_all(batch)).unwrap();
    }
    runtime.block_on(settle(&opened.log));
    runtime.block_on(opened.log.close()).unwrap();
    drop(opened.reserve);
    let (tiles, room) = weigh(&folder.path().join("log/tile"));
    let (length, _) = weigh(&folder.path().join("log"));
    let segments = length - tiles - fs::metadata(folder.path().join("log/revocations")).unwrap().len();
    let part = |bytes: u64| bytes as f64 / own as f64;
    println!("bytes on the disk, tiles: {:.3} x the entries' own (aim: at most 1.2, with the segments)", part(tiles));
    println!("  {:.3} in whole blocks; {ENTRIES} entries of {} bytes", part(room), own / ENTRIES);
    println!("  segments after a storm: {:.1} MiB, whatever the length", segments as f64 / 1_048_576.0);
}
