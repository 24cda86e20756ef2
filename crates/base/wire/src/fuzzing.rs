//! What must be true of whatever proxies and their clients say, directories, and both ends of a file transfer: for the fuzzers of `fuzz/`, and for a test that mutates
//! the same seeds. As in the journal's.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use crate::{
    ldap::{Answer, Framing, MESSAGE_BYTES_MAX, answer, framing},
    proxy::{ANNOUNCEMENT_BYTES_MAX, Announced, Proxies, Reading, Says, announced},
    sftp::{Act, Content, Follower},
};
use types::ClientAddress;

/// A decoder: its name, what must be true of whatever it is given, valid inputs.
pub type Target = (&'static str, fn(&[u8]), fn() -> Vec<Vec<u8>>);

/// The decoders of what proxies, directories and both ends of file transfers say.
pub const TARGETS: &[Target] = &[
    ("ldap_answer", ldap_answer, ldap_seeds),
    ("proxy_announced", proxy_announced, announced_seeds),
    ("proxy_forwarded", proxy_forwarded, forwarded_seeds),
    ("sftp", sftp, sftp_seeds),
];

/// What a directory sends, read as a client reads it: bounded, and what is kept was all there.
pub fn ldap_answer(bytes: &[u8]) {
    let mut rest = bytes;
    while let Ok(Framing::Whole(length)) = framing(rest) {
        assert!((2..=MESSAGE_BYTES_MAX.min(rest.len())).contains(&length));
        let (message, after) = rest.split_at(length);
        assert_eq!(framing(&message[..length - 1]), Ok(Framing::More), "a part is no whole");
        if let Ok((_, Answer::Entry(entry))) = answer(message) {
            let values = entry.attributes.iter().flat_map(|(_, values)| values);
            let kept: usize = entry.dn.len() + values.map(Vec::len).sum::<usize>();
            assert!(kept <= length);
        }
        rest = after;
    }
    let _ = answer(bytes);
}

/// The beginning of a connection, read as a door reads it: bounded, and nothing is taken of what follows.
pub fn proxy_announced(bytes: &[u8]) {
    // Given all at once, which no door does.
    let _ = announced(bytes);
    let mut taken = 0;
    while let Ok(reading) = announced(&bytes[..taken]) {
        match reading {
            Reading::More(more) => {
                assert!(more > 0 && taken + more <= ANNOUNCEMENT_BYTES_MAX);
                taken += more;
            }
            Reading::Whole(said) => {
                assert!(taken >= 15, "shorter than any");
                let peer = ClientAddress::new([192, 0, 2, 9].into());
                let strangers = Proxies::new(Vec::new(), Says::ProxyProtocol);
                let believed = strangers.announced_by(peer, said);
                assert_eq!(believed, (said == Announced::Nobody).then_some(peer), "nobody trusted said so");
                return;
            }
        }
        if taken > bytes.len() {
            return;
        }
    }
}

/// A client's own header: whatever it says, his address is the one that the first trusted proxy saw.
pub fn proxy_forwarded(bytes: &[u8]) {
    let (client, near, far) = ([203, 0, 113, 7], [10, 0, 0, 1], [10, 0, 0, 2]);
    let address = |ip: [u8; 4]| ClientAddress::new(ip.into());
    let trusted = || vec!["10.0.0.0/24".parse().unwrap()];
    for (says, sees) in [(Says::XForwardedFor, ""), (Says::Forwarded, "for=")] {
        let proxies = Proxies::new(trusted(), says);
        let hop = |ip| format!("{sees}{}", address(ip)).into_bytes();
        let on_the_line = [bytes, &hop(client), &hop(far)].join(&b", "[..]);
        let on_its_own = [&hop(client)[..], &hop(far)].join(&b','.to_owned());
        for lines in [vec![&on_the_line[..]], vec![bytes, &on_its_own], vec![bytes, &hop(client), &hop(far)]] {
            assert_eq!(proxies.client(address(near), lines.iter().copied()), address(client), "{says:?} {lines:?}");
            assert_eq!(proxies.client(address(client), lines.iter().copied()), address(client), "not a proxy");
        }
        // Alone, it is either read or not.
        proxies.client(address(near), [bytes].into_iter());
    }
}

/// A file's content as it passed.
#[derive(Debug, Default, PartialEq, Eq)]
struct Passed(Vec<u8>);

impl Content for Passed {
    fn take(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(bytes);
    }
}

/// Both directions of a file transfer, in parts: a byte with the direction and a length, then so many bytes. However the
/// parts are cut, the same is seen; what is said to have passed did.
pub fn sftp(bytes: &[u8]) {
    let (mut whole, mut cut) = (Follower::<Passed>::default(), Follower::<Passed>::default());
    let pass = |follower: &mut Follower<Passed>, inwards: bool, part: &[u8]| {
        if inwards { follower.to_machine(part) } else { follower.to_client(part) }
    };
    let (mut rest, mut acts) = (bytes, Vec::new());
    while let Some((head, after)) = rest.split_first() {
        let (part, after) = after.split_at(usize::from(head & 0x7f).min(after.len()));
        rest = after;
        let seen = pass(&mut whole, head & 0x80 == 0, part);
        assert_eq!(seen, part.iter().try_for_each(|byte| pass(&mut cut, head & 0x80 == 0, &[*byte])));
        assert!(whole.is_bounded() && cut.is_bounded());
        let over = whole.acts();
        assert_eq!(over, cut.acts());
        acts.extend(over);
        if seen.is_err() {
            break;
        }
    }
    acts.extend(whole.finish());
    assert!(acts.iter().map(told).sum::<usize>() <= bytes.len());
}

/// How many bytes an act says that it was made of.
fn told(act: &Act<Passed>) -> usize {
    for flow in [&act.written, &act.read] {
        assert!(flow.content.as_ref().is_none_or(|content| content.0.len() as u64 == flow.bytes));
    }
    usize::try_from(act.written.bytes + act.read.bytes).unwrap()
}

fn ldap_seeds() -> Vec<Vec<u8>> {
    let messages: [&[u8]; 6] = [
        b"\x30\x0c\x02\x01\x01\x61\x07\x0a\x01\x00\x04\x00\x04\x00",
        b"\x30\x0f\x02\x01\x01\x61\x0a\x0a\x01\x31\x04\x00\x04\x03\x6e\x6f\x6e",
        b"\x30\x1b\x02\x01\x02\x64\x16\x04\x04cn=a\x30\x0e\x30\x0c\x04\x02cn\x31\x06\x04\x01a\x04\x01b",
        b"\x30\x0e\x02\x01\x02\x73\x09\x04\x07ldap://",
        b"\x30\x84\x00\x00\x00\x0c\x02\x01\x02\x65\x07\x0a\x01\x0a\x04\x00\x04\x00",
        b"\x30\x30\x02\x01\x02\x65\x07\x0a\x01\x00\x04\x00\x04\x00\xa0\x22\x30\x20\x04\x161.2.840.113556.1.4.319\x04\x06\x30\x04\x02\x01\x00\x04\x00",
    ];
    messages.map(<[u8]>::to_vec).into_iter().chain([messages.concat()]).collect()
}

fn announced_seeds() -> Vec<Vec<u8>> {
    let binary = |command: u8, family: u8, rest: &[u8]| {
        let length = u16::try_from(rest.len()).unwrap().to_be_bytes();
        [b"\r\n\r\n\0\r\nQUIT\n", &[command, family][..], &length, rest].concat()
    };
    let extension = [3, 0, 4, 1, 2, 3, 4];
    vec![
        b"PROXY TCP4 192.0.2.7 198.51.100.1 50000 443\r\n".to_vec(),
        b"PROXY TCP6 2001:db8::7 2001:db8::1 50000 443\r\n".to_vec(),
        b"PROXY UNKNOWN\r\n".to_vec(),
        b"PROXY UNKNOWN 2001:db8::7 2001:db8::1 50000 443\r\n".to_vec(),
        binary(0x21, 0x11, &[&[192, 0, 2, 7, 198, 51, 100, 1, 1, 2, 1, 187], &extension[..]].concat()),
        binary(0x21, 0x21, &[&[0x20; 36], &extension[..]].concat()),
        binary(0x21, 0x00, &[]),
        binary(0x20, 0x00, &extension),
    ]
}

fn forwarded_seeds() -> Vec<Vec<u8>> {
    [
        "198.51.100.9",
        "198.51.100.9:50000, 10.0.0.2",
        "2001:db8::7, [2001:db8::8]:4711",
        "for=198.51.100.9",
        "for=\"198.51.100.9:4711\";proto=https;by=10.0.0.2, for=unknown",
        "For=\"[2001:db8::7]:4711\" ; host=\"a,b;c\", for=_hidden",
        "for=\"\\\", for=10.0.0.2;x=\\\"\"",
        "for=\"",
    ]
    .map(|text| text.as_bytes().to_vec())
    .to_vec()
}

fn sftp_seeds() -> Vec<Vec<u8>> {
    let part = |head: u8, packets: &[Vec<u8>]| {
        let bytes = packets.concat();
        bytes.chunks(0x7f).flat_map(|part| [&[head | part.len() as u8][..], part].concat()).collect::<Vec<u8>>()
    };
    let (inwards, outwards) = (|packets: &[Vec<u8>]| part(0, packets), |packets: &[Vec<u8>]| part(0x80, packets));
    let hello = [inwards(&[packet(1, 3, &[])]), outwards(&[packet(2, 3, &[])])].concat();
    let open = [
        inwards(&[packet(3, 1, &[&string(b"/firmware.bin"), &[0, 0, 0, 0x1a], &[0; 4]])]),
        outwards(&[packet(102, 1, &[&string(b"h")])]),
    ];
    let wrote = |id, offset: u64, data| packet(6, id, &[&string(b"h"), &offset.to_be_bytes(), &string(data)]);
    let write = [
        inwards(&[wrote(2, 0, b"abc"), wrote(3, 3, b"de"), packet(4, 4, &[&string(b"h")])]),
        outwards(&[2, 3, 4].map(|id| packet(101, id, &[&[0; 4], &string(b""), &string(b"")]))),
    ];
    let read = [
        inwards(&[packet(5, 2, &[&string(b"h"), &[0; 8], &[0, 0, 1, 0]]), packet(4, 3, &[&string(b"h")])]),
        outwards(&[packet(103, 2, &[&string(b"abc")]), packet(101, 3, &[&[0; 4]])]),
    ];
    let renamed = [&string(b"posix-rename@openssh.com")[..], &string(b"/a"), &string(b"/b\xff")];
    let names = [
        inwards(&[packet(13, 5, &[&string(b"/a")]), packet(200, 6, &renamed), packet(17, 7, &[&string(b"/")])]),
        outwards(&[packet(101, 5, &[&[0, 0, 0, 2]]), packet(101, 6, &[&[0; 4]]), packet(105, 7, &[&[0; 4]])]),
    ];
    [&write[..], &read, &[]].map(|content| [&[hello.clone()][..], &open, content, &names].concat().concat()).to_vec()
}

/// A packet of a file transfer.
pub(crate) fn packet(kind: u8, id: u32, fields: &[&[u8]]) -> Vec<u8> {
    let rest = fields.concat();
    let length = u32::try_from(rest.len() + 5).unwrap();
    [&length.to_be_bytes()[..], &[kind], &id.to_be_bytes(), &rest].concat()
}

/// A string of one.
pub(crate) fn string(bytes: &[u8]) -> Vec<u8> {
    [&u32::try_from(bytes.len()).unwrap().to_be_bytes()[..], bytes].concat()
}

#[cfg(test)]
mod tests {
    use super::TARGETS;
    use proptest::{prelude::*, sample::Index};
    use std::{fs, path::Path};

    proptest! {
        #[test]
        fn whatever_is_said_nothing_panics_and_no_stranger_is_believed(
            seed: Index,
            changes in prop::collection::vec((any::<Index>(), any::<u8>(), 0_u8..4), 0..4),
        ) {
            for (_, check, seeds) in TARGETS {
                let seeds = seeds();
                let mut bytes = seeds[seed.index(seeds.len())].clone();
                for (at, with, how) in &changes {
                    let at = at.index(bytes.len() + 1);
                    match how {
                        0 => bytes.truncate(at),
                        1 => bytes.insert(at, *with),
                        2 => drop(bytes.drain(at..(at + usize::from(*with)).min(bytes.len()))),
                        _ => bytes.iter_mut().skip(at).take(1).for_each(|byte| *byte = *with),
                    }
                }
                check(&bytes);
            }
        }

        #[test]
        fn nor_by_any_bytes(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            for (_, check, _) in TARGETS {
                check(&bytes);
            }
        }
    }

    #[test]
    fn every_decoder_has_its_fuzzer() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../fuzz/fuzz_targets");
        for (name, ..) in TARGETS {
            let text = fs::read_to_string(folder.join(format!("{name}.rs"))).unwrap_or_default();
            assert!(text.contains(&format!("wire::fuzzing::{name}(bytes)")), "{name}");
        }
    }
}
