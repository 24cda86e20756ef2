#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
use super::*;
use ber::{Reader, element, group, number};

#[test]
fn a_bind_is_written_as_the_standard_says() {
    let expected = [
        &[0x30, 0x16, 0x02, 0x01, 0x01, 0x60, 0x11, 0x02, 0x01, 0x03, 0x04, 0x04][..],
        b"cn=a",
        &[0x80, 0x06],
        b"secret",
    ];
    assert_eq!(bind(1, "cn=a", b"secret"), expected.concat());
    assert_eq!(unbind(2), [0x30, 0x05, 0x02, 0x01, 0x02, 0x42, 0x00]);
}

#[test]
fn a_value_never_becomes_a_part_of_the_filter() {
    for value in ["*", ")(uid=*", "\0", "a\\2a", "(|(objectClass=*))"] {
        let filter = Filter::Equals("uid", value.as_bytes().to_vec());
        let asked = Search {
            base: "dc=essai",
            scope: Scope::Subtree,
            filter: &filter,
            attributes: &["cn"],
            entries_max: 2,
            seconds_max: 3,
            page: None,
            own_domain: false,
        };
        let bytes = search(7, &asked);
        let mut message = Reader::new(Reader::new(&bytes).expect(0x30).unwrap());
        assert_eq!(message.number(0x02), Ok(7));
        let mut parts = Reader::new(message.expect(0x63).unwrap());
        assert_eq!(parts.text(), Ok("dc=essai"));
        for tag in [0x0a, 0x0a, 0x02, 0x02, 0x01] {
            parts.expect(tag).unwrap();
        }
        let mut equality = Reader::new(parts.expect(0xa3).unwrap());
        assert_eq!((equality.text(), equality.expect(0x04)), (Ok("uid"), Ok(value.as_bytes())));
        assert!(equality.is_over());
    }
}

#[test]
fn numbers_and_lengths_go_and_come() {
    for value in [0, 1, 127, 128, 255, 256, 65_535, 8_388_608, u32::MAX] {
        assert_eq!(Reader::new(&number(0x02, value)).number(0x02), Ok(value), "{value}");
    }
    for length in [0, 1, 127, 128, 255, 256, 70_000] {
        let bytes = element(0x30, &vec![7; length]);
        assert_eq!(framing(&bytes), Ok(Framing::Whole(bytes.len())));
        assert_eq!(framing(&bytes[..bytes.len() - 1]), Ok(Framing::More));
    }
    // As Active Directory writes them.
    assert_eq!(framing(&[0x30, 0x84, 0, 0, 0, 1, 0x05]), Ok(Framing::Whole(7)));
}

#[test]
fn what_is_too_long_or_no_message_is_refused_at_once() {
    for bytes in [&[0x31][..], &[0x30, 0x80], &[0x30, 0x85, 0, 0, 0, 0, 1], &[0x30, 0x84, 0x7f, 0xff, 0xff, 0xff]] {
        assert_eq!(framing(bytes), Err(Malformed), "{bytes:x?}");
    }
    assert_eq!(answer(&[0x30, 0x03, 0x02, 0x01, 0x01]), Err(Malformed));
}

#[test]
fn a_page_ends_with_what_asks_for_the_next() {
    let done = group(0x65, &[number(0x0a, 0), element(4, b""), element(4, b"")]);
    let value = group(0x30, &[number(2, 0), element(4, b"next")]);
    let control = group(0x30, &[element(4, b"1.2.840.113556.1.4.319"), element(4, &value)]);
    let other = group(0x30, &[element(4, b"1.2.3"), element(1, &[0]), element(4, b"x")]);
    let message = group(0x30, &[number(2, 3), done.clone(), group(0xa0, &[other, control])]);
    let ended = Outcome { code: 0, said: String::new() };
    assert_eq!(answer(&message), Ok((3, Answer::Done(ended.clone(), b"next".to_vec()))));
    assert_eq!(answer(&group(0x30, &[number(2, 3), done])), Ok((3, Answer::Done(ended, Vec::new()))));
}
