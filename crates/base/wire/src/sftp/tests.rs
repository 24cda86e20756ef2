#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
use super::*;
use crate::fuzzing::{packet, string};

#[derive(Debug, Default, PartialEq, Eq)]
struct Passed(Vec<u8>);

impl Content for Passed {
    fn take(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(bytes);
    }
}

type Follows = Follower<Passed>;

fn greeted() -> Follows {
    let mut follower = Follows::default();
    follower.to_machine(&packet(1, 3, &[])).unwrap();
    follower.to_client(&packet(2, 3, &[&string(b"posix-rename@openssh.com"), &string(b"1")])).unwrap();
    follower
}

fn open(id: u32, path: &[u8], flags: u32) -> Vec<u8> {
    packet(3, id, &[&string(path), &flags.to_be_bytes(), &[0; 4]])
}

fn write(id: u32, handle: &[u8], offset: u64, data: &[u8]) -> Vec<u8> {
    packet(6, id, &[&string(handle), &offset.to_be_bytes(), &string(data)])
}

fn read(id: u32, handle: &[u8], offset: u64) -> Vec<u8> {
    packet(5, id, &[&string(handle), &offset.to_be_bytes(), &[0, 0, 1, 0]])
}

fn close(id: u32, handle: &[u8]) -> Vec<u8> {
    packet(4, id, &[&string(handle)])
}

fn status(id: u32, code: u32) -> Vec<u8> {
    packet(101, id, &[&code.to_be_bytes(), &string(b""), &string(b"")])
}

fn handle(id: u32, handle: &[u8]) -> Vec<u8> {
    packet(102, id, &[&string(handle)])
}

fn data(id: u32, bytes: &[u8]) -> Vec<u8> {
    packet(103, id, &[&string(bytes)])
}

/// One with a file open under a handle.
fn with_open(path: &[u8], flags: u32, under: &[u8]) -> Follows {
    let mut follower = greeted();
    follower.to_machine(&open(1, path, flags)).unwrap();
    follower.to_client(&handle(1, under)).unwrap();
    follower
}

fn told(act: &Act<Passed>) -> (Verb, &str, Option<&str>, Ended) {
    (act.verb, act.path.as_str(), act.to.as_deref(), act.ended)
}

#[test]
fn what_is_written_and_read_is_seen_whole() {
    let mut follower = with_open(b"/firmware.bin", 0x1a, &[0, 0, 0, 200]);
    let under = &[0, 0, 0, 200];
    follower.to_machine(&[write(2, under, 0, b"abc"), write(3, under, 3, b"de")].concat()).unwrap();
    follower.to_client(&[status(2, 0), status(3, 0)].concat()).unwrap();
    assert!(follower.acts().is_empty(), "not closed yet");
    follower.to_machine(&close(4, under)).unwrap();
    follower.to_client(&status(4, 0)).unwrap();
    let acts = follower.acts();
    assert_eq!(told(&acts[0]), (Verb::Written, "/firmware.bin", None, Ended::Done));
    assert_eq!((acts[0].written.bytes, acts[0].read.bytes), (5, 0));
    assert_eq!(acts[0].written.content, Some(Passed(b"abcde".to_vec())));

    // The machine's numbers serve again; answers come when they come.
    follower.to_machine(&open(1, b"/log", 1)).unwrap();
    follower.to_client(&handle(1, under)).unwrap();
    follower.to_machine(&[read(2, under, 0), read(3, under, 3)].concat()).unwrap();
    follower.to_client(&[data(2, b"xyz"), status(3, 1)].concat()).unwrap();
    follower.to_machine(&close(4, under)).unwrap();
    follower.to_client(&status(4, 0)).unwrap();
    let acts = follower.acts();
    assert_eq!(told(&acts[0]), (Verb::Read, "/log", None, Ended::Done));
    assert_eq!((acts[0].read.bytes, &acts[0].read.content), (3, &Some(Passed(b"xyz".to_vec()))));
    assert!(follower.finish().is_empty());
}

#[test]
fn content_out_of_its_order_is_counted_and_not_said_to_be_known() {
    for offsets in [[3, 0], [0, 4], [0, 0], [1, 4]] {
        let mut follower = with_open(b"/a", 2, b"h");
        let [first, second] = offsets;
        follower
            .to_machine(&[write(2, b"h", first, b"abc"), write(3, b"h", second, b"abc"), close(4, b"h")].concat())
            .unwrap();
        follower.to_client(&[status(2, 0), status(3, 0), status(4, 0)].concat()).unwrap();
        let acts = follower.acts();
        assert_eq!((acts[0].written.bytes, &acts[0].written.content), (6, &None), "{offsets:?}");
    }
    let mut follower = with_open(b"/a", 2, b"h");
    follower.to_machine(&[write(2, b"h", 0, b"abc"), close(3, b"h")].concat()).unwrap();
    follower.to_client(&[status(2, 4), status(3, 0)].concat()).unwrap();
    let acts = follower.acts();
    assert_eq!((acts[0].ended, &acts[0].written.content), (Ended::Refused, &None), "the machine did not take it");
}

#[test]
fn names_are_seen_with_what_became_of_them() {
    let two = |kind, id, from: &[u8], to: &[u8]| packet(kind, id, &[&string(from), &string(to)]);
    let extended = |id, name: &[u8], fields: &[u8]| packet(200, id, &[&string(name), fields]);
    let (from, to) = (string(b"/d"), string(b"/e"));
    let mut follower = greeted();
    let asked = [
        packet(13, 1, &[&string(b"/a")]),
        packet(14, 2, &[&string(b"/n\xe9"), &[0; 4]]),
        packet(15, 3, &[&string(b"/c")]),
        two(18, 4, b"/d", b"/e"),
        two(20, 5, b"/d", b"/e"),
        packet(9, 6, &[&string(b"/f"), &[0; 4]]),
        extended(7, b"posix-rename@openssh.com", &[&from[..], &to].concat()),
        extended(8, b"hardlink@openssh.com", &[&from[..], &to].concat()),
        extended(9, b"md5-hash@example.net", &from),
        extended(10, b"statvfs@openssh.com", &from),
        packet(17, 11, &[&string(b"/f")]),
    ];
    follower.to_machine(&asked.concat()).unwrap();
    let answered: Vec<_> = (1..=8).map(|id| status(id, u32::from(id == 1) * 2)).collect();
    follower.to_client(&answered.concat()).unwrap();
    follower
        .to_client(&[packet(201, 9, &[&[7; 16]]), packet(201, 10, &[&[0; 88]]), packet(105, 11, &[&[0; 4]])].concat())
        .unwrap();
    let acts = follower.acts();
    let pair = (Some("/e"), Ended::Done);
    assert_eq!(
        acts.iter().map(told).collect::<Vec<_>>(),
        [
            (Verb::Removed, "/a", None, Ended::Refused),
            (Verb::FolderMade, "/n\\xe9", None, Ended::Done),
            (Verb::FolderRemoved, "/c", None, Ended::Done),
            (Verb::Renamed, "/d", pair.0, pair.1),
            (Verb::Linked, "/d", pair.0, pair.1),
            (Verb::Changed, "/f", None, Ended::Done),
            (Verb::Renamed, "/d", pair.0, pair.1),
            (Verb::Linked, "/d", pair.0, pair.1),
            (Verb::Other, "md5-hash@example.net", None, Ended::Done),
        ]
    );
}

#[test]
fn what_is_done_by_a_handle_bears_its_name() {
    let mut follower = with_open(b"/a", 1, b"h");
    follower.to_machine(&open(2, b"/b", 0x1a)).unwrap();
    follower.to_client(&handle(2, b"i")).unwrap();
    let set = packet(10, 3, &[&string(b"i"), &[0; 4]]);
    let copied = [&string(b"copy-data")[..], &string(b"h"), &[0; 16], &string(b"i"), &[0; 8]].concat();
    follower.to_machine(&[set, packet(200, 4, &[&copied])].concat()).unwrap();
    follower.to_client(&[status(3, 0), status(4, 0)].concat()).unwrap();
    assert_eq!(
        follower.acts().iter().map(told).collect::<Vec<_>>(),
        [(Verb::Changed, "/b", None, Ended::Done), (Verb::Copied, "/a", Some("/b"), Ended::Done)]
    );
    let mut left: Vec<_> = follower.finish().iter().map(|act| (act.path.clone(), act.ended)).collect();
    left.sort_by(|a, b| a.0.cmp(&b.0));
    assert_eq!(left, [("/a".to_owned(), Ended::Unfinished), ("/b".to_owned(), Ended::Unfinished)]);
}

#[test]
fn a_folder_that_is_looked_into_is_seen() {
    let mut follower = greeted();
    follower.to_machine(&packet(11, 1, &[&string(b"/patients")])).unwrap();
    follower.to_client(&handle(1, b"h")).unwrap();
    follower.to_machine(&[packet(12, 2, &[&string(b"h")]), close(3, b"h")].concat()).unwrap();
    follower.to_client(&[packet(104, 2, &[&[0; 4]]), status(3, 0)].concat()).unwrap();
    assert_eq!(follower.acts().iter().map(told).collect::<Vec<_>>(), [(Verb::Listed, "/patients", None, Ended::Done)]);
    follower.to_machine(&open(4, b"/secret", 1)).unwrap();
    follower.to_client(&status(4, 3)).unwrap();
    assert_eq!(follower.acts().iter().map(told).collect::<Vec<_>>(), [(Verb::Read, "/secret", None, Ended::Refused)]);
}

/// What two readers could understand differently is not let through.
#[test]
fn nothing_is_hidden_behind_a_number_or_a_handle() {
    let lost = |bytes: &[u8]| with_open(b"/a", 1, b"h").to_machine(bytes).unwrap_err().0;
    for (asked, why) in [
        // OpenSSH's handles can be guessed: content would go to a file whose name is not known yet.
        ([open(2, b"/b", 2), write(3, b"i", 0, b"x")].concat(), "a handle that the machine has not given"),
        (read(2, b"i", 0), "a handle that the machine has not given"),
        (close(2, b"i"), "a handle that the machine has not given"),
        (packet(10, 2, &[&string(b"i")]), "a handle that the machine has not given"),
        // The machine answers both under one number: which file is whose?
        ([open(2, b"/b", 1), open(2, b"/c", 1)].concat(), "a request's number that still waits"),
        ([packet(17, 2, &[&string(b"/")]), open(2, b"/c", 1)].concat(), "a request's number that still waits"),
        (packet(1, 3, &[]), "a greeting out of its place"),
        (packet(99, 2, &[]), "a request of an unknown kind"),
        (vec![0, 0, 0, 0], "a packet's length"),
        (vec![0, 8, 0, 1], "a packet's length"),
        (packet(13, 2, &[&[0, 0, 0, 9], b"/a"]), "a packet that ends too early"),
        (open(2, &[b'a'; PATH_BYTES_MAX + 1], 1), "a name or a handle that is too long"),
    ] {
        assert_eq!(lost(&asked), why);
    }
    let mut first = Follows::default();
    assert_eq!(first.to_machine(&open(1, b"/a", 1)).unwrap_err().0, "a greeting out of its place");
}

#[test]
fn answers_fit_what_was_asked() {
    let lost = |asked: &[u8], answer: &[u8]| {
        let mut follower = with_open(b"/a", 3, b"h");
        follower.to_machine(asked).unwrap();
        follower.to_client(answer).unwrap_err().0
    };
    let otherwise = "an answer to something else";
    for (asked, answer, why) in [
        (vec![], status(7, 0), otherwise),
        (read(2, b"h", 0), handle(2, b"i"), otherwise),
        (open(2, b"/b", 1), data(2, b"x"), otherwise),
        (open(2, b"/b", 1), handle(2, b"h"), "a handle that is another file's"),
        (packet(13, 2, &[&string(b"/a")]), packet(105, 2, &[&[0; 4]]), otherwise),
        ([read(2, b"h", 0), close(3, b"h")].concat(), [status(3, 0), data(2, b"x")].concat(), otherwise),
        (vec![], packet(2, 3, &[]), "a greeting out of its place"),
        (vec![], packet(99, 2, &[]), "an answer of an unknown kind"),
    ] {
        assert_eq!(lost(&asked, &answer), why);
    }
}

#[test]
fn what_waits_is_bounded() {
    let mut follower = with_open(b"/a", 3, b"h");
    let more = (2..).find_map(|id| follower.to_machine(&read(id, b"h", 0)).err().map(|lost| (id, lost)));
    assert_eq!(more, Some((2 + ASKED_MAX as u32, Lost("too many requests that wait"))));
    let mut follower = greeted();
    let more = (1..).find_map(|id| follower.to_machine(&open(id, b"/a", 1)).err().map(|lost| (id, lost)));
    assert_eq!(more, Some((1 + NAMED_MAX as u32, Lost("too many requests that wait"))));
    let mut follower = greeted();
    let more = (1..).find_map(|id: u32| {
        follower.to_machine(&open(id, b"/a", 1)).unwrap();
        follower.to_client(&handle(id, &id.to_be_bytes())).err().map(|lost| (id, lost))
    });
    assert_eq!(more, Some((1 + OPEN_MAX as u32, Lost("too many open files"))));
}
