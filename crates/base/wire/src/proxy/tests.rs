//! Who is believed, about whom.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use super::*;
use proptest::{prelude::*, sample::Index};
use std::net::Ipv6Addr;

const TRUSTED: [&str; 3] = ["10.0.0.0/24", "2001:db8:10::/64", "192.0.2.1"];

fn proxies(says: Says) -> Proxies {
    Proxies::new(TRUSTED.iter().map(|range| range.parse().unwrap()).collect(), says)
}

fn at(text: &str) -> ClientAddress {
    ClientAddress::new(text.parse().unwrap())
}

/// Who it is, and from which port.
fn told(says: Says, peer: &str, lines: &[&str]) -> String {
    let peer = ClientAddress::of_peer(SocketAddr::new(peer.parse().unwrap(), 1));
    let client = proxies(says).client(peer, lines.iter().map(|line| line.as_bytes()));
    format!("{client}#{}", client.port().map_or("none".into(), |port| port.to_string()))
}

#[test]
fn x_forwarded_for_is_read_from_its_end_as_far_as_it_is_sure() {
    let many = ["10.0.0.9"; 40].join(", ");
    let long = format!("{}, 203.0.113.7", "x".repeat(20_000));
    for (peer, lines, expected) in [
        // What one trusted proxy, or several, tell.
        ("10.0.0.1", &["203.0.113.7"][..], "203.0.113.7#none"),
        ("10.0.0.1", &["203.0.113.7:4711"], "203.0.113.7#4711"),
        ("10.0.0.1", &["2001:db8::7"], "2001:db8::7#none"),
        ("10.0.0.1", &["[2001:db8::7]"], "2001:db8::7#none"),
        ("10.0.0.1", &["\t[2001:db8::7]:4711 "], "2001:db8::7#4711"),
        ("10.0.0.1", &["::ffff:203.0.113.7"], "203.0.113.7#none"),
        ("::ffff:10.0.0.1", &["203.0.113.7"], "203.0.113.7#none"),
        ("2001:db8:10::5", &["203.0.113.7,192.0.2.1"], "203.0.113.7#none"),
        ("10.0.0.1", &["203.0.113.7, 10.0.0.2, 192.0.2.1"], "203.0.113.7#none"),
        ("10.0.0.1", &["203.0.113.7", "10.0.0.2,192.0.2.1"], "203.0.113.7#none"),
        // What the client forged stands before it.
        ("10.0.0.1", &["198.51.100.1, 203.0.113.7"], "203.0.113.7#none"),
        ("10.0.0.1", &["198.51.100.1", "198.51.100.2, 10.0.0.2", "203.0.113.7"], "203.0.113.7#none"),
        ("10.0.0.1", &[long.as_str()], "203.0.113.7#none"),
        // A proxy that asks for itself, or says nothing.
        ("10.0.0.1", &[], "10.0.0.1#1"),
        ("10.0.0.1", &["10.0.0.2"], "10.0.0.2#none"),
        // What cannot be read leaves what is sure.
        ("10.0.0.1", &[""], "10.0.0.1#1"),
        ("10.0.0.1", &["203.0.113.7,"], "10.0.0.1#1"),
        ("10.0.0.1", &["203.0.113.7, unknown"], "10.0.0.1#1"),
        ("10.0.0.1", &["203.0.113.7, _hidden, 10.0.0.2"], "10.0.0.2#none"),
        ("10.0.0.1", &["203.0.113.7, 1.2.3, 10.0.0.2"], "10.0.0.2#none"),
        ("10.0.0.1", &["203.0.113.7:0"], "10.0.0.1#1"),
        ("10.0.0.1", &["203.0.113.7:080"], "10.0.0.1#1"),
        ("10.0.0.1", &["203.0.113.7:+80"], "10.0.0.1#1"),
        ("10.0.0.1", &["203.0.113.7:65536"], "10.0.0.1#1"),
        ("10.0.0.1", &["203.0.113.7:"], "10.0.0.1#1"),
        ("10.0.0.1", &["[203.0.113.7]"], "10.0.0.1#1"),
        ("10.0.0.1", &["[2001:db8::7]80"], "10.0.0.1#1"),
        ("10.0.0.1", &["[2001:db8::7"], "10.0.0.1#1"),
        ("10.0.0.1", &["fe80::1%eth0"], "10.0.0.1#1"),
        ("10.0.0.1", &["0.0.0.0"], "10.0.0.1#1"),
        ("10.0.0.1", &["::ffff:255.255.255.255"], "10.0.0.1#1"),
        ("10.0.0.1", &["ff02::1"], "10.0.0.1#1"),
        ("10.0.0.1", &["203.0.113.07"], "10.0.0.1#1"),
        ("10.0.0.1", &["é"], "10.0.0.1#1"),
        ("10.0.0.1", &["203.0.113.7, 10.0.0.5, ", many.as_str()], "10.0.0.9#none"),
        // Who is no proxy speaks for himself.
        ("203.0.113.9", &["198.51.100.1"], "203.0.113.9#1"),
        ("10.0.1.1", &["198.51.100.1, 10.0.0.2"], "10.0.1.1#1"),
    ] {
        assert_eq!(told(Says::XForwardedFor, peer, lines), expected, "{lines:?}");
    }
}

#[test]
fn forwarded_is_read_likewise() {
    for (lines, expected) in [
        (&["for=203.0.113.7"][..], "203.0.113.7#none"),
        (&["FOR=\"203.0.113.7:4711\";proto=https;by=10.0.0.1"], "203.0.113.7#4711"),
        (&["proto=https; for=\"[2001:db8::7]:4711\" ;host=\"a,b;c=d\""], "2001:db8::7#4711"),
        (&["for=\"[::ffff:203.0.113.7]\""], "203.0.113.7#none"),
        (&["for=203.0.113.7, for=10.0.0.2,for=\"192.0.2.1\""], "203.0.113.7#none"),
        (&["for=203.0.113.7", "for=10.0.0.2"], "203.0.113.7#none"),
        (&["for=198.51.100.1, for=203.0.113.7"], "203.0.113.7#none"),
        // A quote that the client left open holds nothing of what follows.
        (&["for=\"198.51.100.1, for=203.0.113.7"], "203.0.113.7#none"),
        (&["for=198.51.100.1;x=\"\\\", for=203.0.113.7"], "203.0.113.7#none"),
        (&["for=203.0.113.7;"], "203.0.113.7#none"),
        // What cannot be read leaves what is sure.
        (&[""], "10.0.0.1#1"),
        (&["for=unknown"], "10.0.0.1#1"),
        (&["for=_hidden"], "10.0.0.1#1"),
        (&["for=\"203.0.113.7:_port\""], "10.0.0.1#1"),
        (&["for=203.0.113.7, for=_x, for=10.0.0.2"], "10.0.0.2#none"),
        (&["proto=https"], "10.0.0.1#1"),
        (&["for=203.0.113.7;for=203.0.113.8"], "10.0.0.1#1"),
        (&["for =203.0.113.7"], "10.0.0.1#1"),
        (&["for= 203.0.113.7"], "10.0.0.1#1"),
        (&["for=203.0.113.7:4711"], "10.0.0.1#1"),
        (&["for=2001:db8::7"], "10.0.0.1#1"),
        (&["for=\"2001:db8::7\""], "10.0.0.1#1"),
        (&["for=\"203.0.113.7"], "10.0.0.1#1"),
        (&["for=203.0.113.7\""], "10.0.0.1#1"),
        (&["for=203.0.113.7;x"], "10.0.0.1#1"),
        (&["203.0.113.7"], "10.0.0.1#1"),
        // A proxy that copies its client's words into its own element: they never become an address.
        (&["for=203.0.113.7;host=\"\\\", for=198.51.100.1;x=\\\"\""], "10.0.0.1#1"),
    ] {
        assert_eq!(told(Says::Forwarded, "10.0.0.1", lines), expected, "{lines:?}");
    }
    assert_eq!(told(Says::Forwarded, "203.0.113.9", &["for=198.51.100.1"]), "203.0.113.9#1");
    // The other header, and headers where announcements are expected, say nothing.
    assert_eq!(told(Says::XForwardedFor, "10.0.0.1", &["for=198.51.100.1"]), "10.0.0.1#1");
    assert_eq!(told(Says::ProxyProtocol, "10.0.0.1", &["198.51.100.1"]), "10.0.0.1#1");
}

/// The whole of what a connection began with, read as a door reads it.
fn read(bytes: &[u8]) -> Option<String> {
    let mut taken = 0;
    loop {
        match announced(bytes.get(..taken)?).ok()? {
            Reading::More(more) => taken += more,
            Reading::Whole(said) => {
                assert_eq!(taken, bytes.len(), "something of what follows was taken, or left");
                return Some(match said {
                    Announced::Nobody => "nobody".to_owned(),
                    Announced::Client(client) => format!("{client}#{}", client.port().unwrap()),
                });
            }
        }
    }
}

#[test]
fn announcements_of_version_1() {
    let longest = format!("PROXY UNKNOWN {}\r\n", "x".repeat(91));
    assert_eq!(longest.len(), 107);
    let v6 = "ffff:ffff:ffff:ffff:ffff:ffff:ffff:fff1";
    let full = format!("PROXY TCP6 2001:{} {v6} 65535 65535\r\n", &v6[5..]);
    for (line, expected) in [
        ("PROXY TCP4 203.0.113.7 10.0.0.1 4711 443\r\n", "203.0.113.7#4711"),
        ("PROXY TCP4 1.1.1.1 1.1.1.1 1 1\r\n", "1.1.1.1#1"),
        ("PROXY TCP6 2001:db8::7 ::1 4711 443\r\n", "2001:db8::7#4711"),
        ("PROXY TCP6 ::ffff:203.0.113.7 ::1 4711 443\r\n", "203.0.113.7#4711"),
        (full.as_str(), "2001:ffff:ffff:ffff:ffff:ffff:ffff:fff1#65535"),
        ("PROXY UNKNOWN\r\n", "nobody"),
        ("PROXY UNKNOWN ffff::1 whatever\r\n", "nobody"),
        (longest.as_str(), "nobody"),
    ] {
        assert_eq!(read(line.as_bytes()).as_deref(), Some(expected), "{line}");
    }
    for bad in [
        "GET / HTTP/1.1\r\n",
        "proxy tcp4 203.0.113.7 10.0.0.1 4711 443\r\n",
        "PROXY\tTCP4 203.0.113.7 10.0.0.1 4711 443\r\n",
        "PROXY TCP4 203.0.113.7 10.0.0.1 4711\r\n",
        "PROXY TCP4 203.0.113.7 10.0.0.1 4711 443 1\r\n",
        "PROXY TCP4 203.0.113.7 10.0.0.1 4711 443 \r\n",
        "PROXY TCP4  203.0.113.7 10.0.0.1 4711 443\r\n",
        "PROXY TCP4 203.0.113.7 10.0.0.1 +4711 443\r\n",
        "PROXY TCP4 203.0.113.7 10.0.0.1 04711 443\r\n",
        "PROXY TCP4 203.0.113.7 10.0.0.1 0 443\r\n",
        "PROXY TCP4 203.0.113.7 10.0.0.1 65536 443\r\n",
        "PROXY TCP4 203.0.113.07 10.0.0.1 4711 443\r\n",
        "PROXY TCP4 0.0.0.0 10.0.0.1 4711 443\r\n",
        "PROXY TCP4 2001:db8::7 ::1 4711 443\r\n",
        "PROXY TCP6 203.0.113.7 10.0.0.1 4711 443\r\n",
        "PROXY UDP4 203.0.113.7 10.0.0.1 4711 443\r\n",
        "PROXY UNKNOWNS\r\n",
        "PROXY TCP4 203.0.113.7\n10.0.0.1 4711 443\r\n",
        "PROXY TCP4 203.0.113.7 10.0.0.1 4711 443\n",
        "PROXY UNKNOWN \0\r\n",
        "PROXY UNKNOWN é\r\n",
        &longest.replace("UNKNOWN ", "UNKNOWN xx"),
    ] {
        assert_eq!(read(bad.as_bytes()), None, "{bad:?}");
    }
}

fn binary(command: u8, family: u8, rest: &[u8]) -> Vec<u8> {
    let length = u16::try_from(rest.len()).unwrap().to_be_bytes();
    [b"\r\n\r\n\0\r\nQUIT\n", &[command, family][..], &length, rest].concat()
}

#[test]
fn announcements_of_version_2() {
    let v4 = [203, 0, 113, 7, 10, 0, 0, 1, 0x12, 0x67, 1, 187];
    let ip: Ipv6Addr = "2001:db8::7".parse().unwrap();
    let v6 = [&ip.octets()[..], &[0; 16], &[0x12, 0x67, 1, 187]].concat();
    let extended = |extension: &[u8]| [&v4[..], extension].concat();
    let large = |bytes: u16| {
        let [high, low] = bytes.to_be_bytes();
        extended(&[&[4, high, low][..], &vec![0; usize::from(bytes)]].concat())
    };
    for (bytes, expected) in [
        (binary(0x21, 0x11, &v4), "203.0.113.7#4711"),
        (binary(0x21, 0x21, &v6), "2001:db8::7#4711"),
        (binary(0x21, 0x11, &extended(&[4, 0, 0, 0xee, 0, 2, 7, 7])), "203.0.113.7#4711"),
        (binary(0x21, 0x11, &large(2017)), "203.0.113.7#4711"),
        (binary(0x21, 0x00, &[]), "nobody"),
        (binary(0x21, 0x00, &[9; 40]), "nobody"),
        (binary(0x20, 0x00, &[]), "nobody"),
        (binary(0x20, 0x11, &v4), "nobody"),
        (binary(0x20, 0x99, &[1, 2, 3]), "nobody"),
    ] {
        assert_eq!(read(&bytes).as_deref(), Some(expected), "{bytes:?}");
    }
    let mut zero_port = v4;
    zero_port[8..10].fill(0);
    for bad in [
        binary(0x22, 0x11, &v4),
        binary(0x11, 0x11, &v4),
        binary(0x21, 0x12, &v4),
        binary(0x21, 0x31, &[0; 216]),
        binary(0x21, 0x11, &v4[..11]),
        binary(0x21, 0x21, &v6[..35]),
        binary(0x21, 0x11, &zero_port),
        binary(0x21, 0x11, &[0; 12]),
        binary(0x21, 0x11, &extended(&[4])),
        binary(0x21, 0x11, &extended(&[4, 0])),
        binary(0x21, 0x11, &extended(&[4, 0, 2, 7])),
        binary(0x21, 0x11, &large(2018)),
    ] {
        assert_eq!(read(&bad), None, "{bad:?}");
    }
    // Refused at its head, before the rest is waited for.
    assert_eq!(announced(&binary(0x21, 0x11, &large(60_000))[..16]), Err(BadAnnouncement));
    assert_eq!(announced(&binary(0x21, 0x31, &[0; 216])[..16]), Err(BadAnnouncement));
}

#[test]
fn only_proxies_are_heard_and_only_this_machine_comes_beside_them() {
    let (proxy, stranger, here) = (at("10.0.0.1"), at("203.0.113.9"), at("192.0.2.80"));
    let announced = proxies(Says::ProxyProtocol);
    assert_eq!(announced.arrival(proxy, Some(here)), Arrival::Announced);
    assert_eq!(announced.arrival(stranger, Some(here)), Arrival::Refused);
    assert_eq!(announced.arrival(stranger, None), Arrival::Refused);
    assert_eq!(announced.arrival(here, Some(here)), Arrival::Announced);
    for says in [Says::XForwardedFor, Says::Forwarded] {
        assert_eq!(proxies(says).arrival(proxy, Some(here)), Arrival::EachRequest);
        assert_eq!(proxies(says).arrival(stranger, Some(here)), Arrival::Direct);
        assert_eq!(proxies(says).arrival(here, Some(here)), Arrival::Direct);
    }
    // This machine comes as itself, and for nobody else.
    for (peer, said, expected) in [
        (proxy, Announced::Client(stranger), Some(stranger)),
        (proxy, Announced::Nobody, Some(proxy)),
        (here, Announced::Nobody, Some(here)),
        (here, Announced::Client(stranger), None),
    ] {
        assert_eq!(announced.announced_by(peer, said), expected);
    }
    assert_eq!(announced.source(proxy), None);
    assert_eq!(announced.source(stranger), Some(stranger.source()));
}

prop_compose! {
    fn trusted()(one in 0..TRUSTED.len(), last in 1_u8..255) -> ClientAddress {
        match one {
            0 => ClientAddress::new([10, 0, 0, last].into()),
            1 => at(&format!("2001:db8:10::{last:x}")),
            _ => at("192.0.2.1"),
        }
    }
}

prop_compose! {
    fn stranger()(v6: bool, a: u16, b: u8, port in prop::option::of(1_u16..)) -> ClientAddress {
        let v6 = v6.then(|| IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0x99, 0, 0, 0, a, b.into())));
        let ip = v6.unwrap_or([198, 51, 100, b].into());
        port.map_or(ClientAddress::new(ip), |port| ClientAddress::of_peer(SocketAddr::new(ip, port)))
    }
}

/// What a proxy writes of who came to it.
fn hop(says: Says, of: ClientAddress) -> String {
    let ip = if of.ip().is_ipv6() { format!("[{of}]") } else { of.to_string() };
    let node = of.port().map_or(ip.clone(), |port| format!("{ip}:{port}"));
    match says {
        Says::Forwarded => format!("for=\"{node}\";proto=https"),
        _ => node,
    }
}

/// What a client may write: anything, and what looks like the truth.
fn forged() -> impl Strategy<Value = Vec<u8>> {
    let likely = prop::collection::vec(
        prop::sample::select(vec![
            "10.0.0.5",
            "198.51.100.77",
            "for=",
            ",",
            " ",
            "\"",
            "\\",
            ";",
            "unknown",
            "[",
            "]",
            ":",
            "2001:db8::1",
            "_x",
        ]),
        0..30,
    );
    prop_oneof![prop::collection::vec(any::<u8>(), 0..200), likely.prop_map(|parts| parts.concat().into_bytes())]
}

proptest! {
    /// Whatever a client sends, and however proxies append to it, his address is the one that the first of them saw.
    #[test]
    fn no_header_of_a_client_changes_his_address(
        says in prop::sample::select(vec![Says::XForwardedFor, Says::Forwarded]),
        own in prop::collection::vec(forged(), 0..4),
        client in stranger(),
        chain in prop::collection::vec(trusted(), 0..6),
        peer in trusted(),
        lines_of_their_own in prop::collection::vec(any::<Index>(), 6),
    ) {
        let mut lines = own.clone();
        for (seen, how) in std::iter::once(&client).chain(&chain).zip(&lines_of_their_own) {
            match lines.last_mut() {
                Some(line) if how.index(2) == 0 => line.extend(format!(", {}", hop(says, *seen)).into_bytes()),
                _ => lines.push(hop(says, *seen).into_bytes()),
            }
        }
        let found = proxies(says).client(peer, lines.iter().map(Vec::as_slice));
        prop_assert_eq!((found, found.port()), (client, client.port()), "{:?}", lines);
    }

    /// Who is no proxy is never believed, whatever the door expects.
    #[test]
    fn who_is_not_trusted_is_never_believed(
        own in prop::collection::vec(forged(), 0..4),
        peer in stranger(),
        other in stranger(),
    ) {
        for says in [Says::XForwardedFor, Says::Forwarded, Says::ProxyProtocol] {
            let proxies = proxies(says);
            prop_assert_eq!(proxies.client(peer, own.iter().map(Vec::as_slice)), peer);
            prop_assert!(proxies.announced_by(peer, Announced::Client(other)).is_none());
        }
    }
}
