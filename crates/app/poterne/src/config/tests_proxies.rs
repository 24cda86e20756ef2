//! Doors behind proxies: what is read, and exactly what is said of each mistake.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use super::{
    testing::{GOOD, GOOD_SECOND, Site},
    tests::said,
    *,
};
use types::ClientAddress;
use wire::proxy::Says;

/// A section's first line, and these keys after it.
fn with(section: &str, keys: &str) -> String {
    format!("[{section}]\n{keys}")
}

#[test]
fn both_keys_are_read_for_each_door() {
    let site = Site::good();
    let read = || Config::read(&site.file()).unwrap_or_else(|mistakes| panic!("{mistakes}"));
    assert!(read().portal.unwrap().proxies.is_none());
    for (word, says) in [
        ("x_forwarded_for", Says::XForwardedFor),
        ("forwarded", Says::Forwarded),
        ("proxy_protocol", Says::ProxyProtocol),
    ] {
        let keys = format!("trusted_proxies = [\"10.0.0.10\", \"2001:db8::/64\"]\nproxies_say = \"{word}\"");
        site.write(&GOOD.replace("[portal]", &with("portal", &keys)));
        let proxies = read().portal.unwrap().proxies.unwrap();
        assert_eq!(proxies.says(), says);
        let trusts = |address: &str| proxies.trusts(ClientAddress::new(address.parse().unwrap()));
        assert!(trusts("10.0.0.10") && trusts("2001:db8::9") && !trusts("10.0.0.11"));
    }
    let site = Site::second();
    let keys = "trusted_proxies = [\"10.0.0.0/8\"]\nproxies_say = \"proxy_protocol\"";
    let mut text = GOOD_SECOND.to_owned();
    for section in ["desk", "suppliers", "relays"] {
        text = text.replace(&format!("[{section}]"), &with(section, keys));
    }
    site.write(&text);
    let config = Config::read(&site.file()).unwrap_or_else(|mistakes| panic!("{mistakes}"));
    let all = [config.desk.unwrap().proxies, config.suppliers.unwrap().proxies, config.relays.unwrap().proxies];
    assert!(all.iter().all(|proxies| proxies.as_ref().is_some_and(|proxies| proxies.says() == Says::ProxyProtocol)));
}

#[test]
fn each_mistake_about_proxies_has_its_place_and_its_remedy() {
    const WRITE: &str = "write the proxies' own addresses or networks, such as [\"10.0.0.10\", \"10.0.1.0/24\"]";
    let ranges = |given: &str| format!("trusted_proxies = {given}\nproxies_say = \"forwarded\"");
    let many: Vec<String> = (1..=33).map(|last| format!("\"10.0.0.{last}\"")).collect();
    let beyond = "is no address, nor a network with nothing set beyond its prefix";
    let wide = "is wider than /8: strangers from there would be believed";
    let site = Site::second();
    for (section, keys, expected) in [
        (
            "desk",
            ranges("[\"10.0.0.1/24\"]"),
            vec![format!("19: desk.trusted_proxies: \"10.0.0.1/24\" {beyond}; {WRITE}")],
        ),
        (
            "desk",
            ranges("[\"proxy.example\", \"10.0.0.10\", \"0.0.0.0/0\", \"::/0\", \"10.0.0.0/7\"]"),
            vec![format!(
                "19: desk.trusted_proxies: \"proxy.example\" {beyond}, \"0.0.0.0/0\" {wide}, \"::/0\" is wider than /32: strangers from there would be believed, \
                 \"10.0.0.0/7\" {wide}; {WRITE}"
            )],
        ),
        (
            "suppliers",
            ranges("[]"),
            vec!["19: suppliers.trusted_proxies: the list is empty or too long; write 1 to 32 texts".into()],
        ),
        (
            "suppliers",
            ranges(&format!("[{}]", many.join(", "))),
            vec!["19: suppliers.trusted_proxies: the list is empty or too long; write 1 to 32 texts".into()],
        ),
        (
            "desk",
            ranges("\"10.0.0.10\""),
            vec!["19: desk.trusted_proxies: a text where a list is expected; write it as [\"one\", \"two\"]".into()],
        ),
        (
            "desk",
            "trusted_proxies = [\"10.0.0.10\"]".into(),
            vec![
                "19: desk.trusted_proxies: nothing tells how these proxies say whom they speak for; \
                 add proxies_say = \"x_forwarded_for\", as they do"
                    .into(),
            ],
        ),
        (
            "desk",
            "proxies_say = \"forwarded\"".into(),
            vec![
                "15: desk.proxies_say: no proxy is trusted to say it; \
                 add trusted_proxies = [\"10.0.0.10\"], with their own addresses, or remove this key"
                    .into(),
            ],
        ),
        (
            "desk",
            "trusted_proxies = [\"10.0.0.10\"]\nproxies_say = \"X-Forwarded-For\"".into(),
            vec![
                "15: desk.proxies_say: \"X-Forwarded-For\" is not known here; did you mean \"x_forwarded_for\"?".into(),
            ],
        ),
        (
            "desk",
            "trusted_proxies = [\"::/0\"]\nproxies_say = \"true-client-ip\"".into(),
            vec![
                format!(
                    "19: desk.trusted_proxies: \"::/0\" is wider than /32: strangers from there would be believed; {WRITE}"
                ),
                "15: desk.proxies_say: \"true-client-ip\" is not known here; \
                 write one of: x_forwarded_for, forwarded, proxy_protocol"
                    .into(),
            ],
        ),
        (
            "relays",
            "trusted_proxies = [\"10.0.0.10\"]\nproxies_say = \"x_forwarded_for\"".into(),
            vec!["15: relays.proxies_say: SSH has no headers that could say it; write \"proxy_protocol\"".into()],
        ),
        (
            "relays",
            "trusted_proxies = [\"10.0.0.10\"]".into(),
            vec![
                "19: relays.trusted_proxies: nothing tells how these proxies say whom they speak for; \
                 add proxies_say = \"proxy_protocol\", as they do"
                    .into(),
            ],
        ),
    ] {
        site.write(&GOOD_SECOND.replace(&format!("[{section}]"), &with(section, &keys)));
        let told: Vec<String> = said(&site).iter().map(|line| line.split_once(':').unwrap().1.to_owned()).collect();
        assert_eq!(told, expected, "for {keys}");
    }
}

#[test]
fn a_mistake_about_proxies_is_told_at_its_line() {
    let site = Site::good();
    site.change("[portal]", &with("portal", "trusted_proxies = [\"0.0.0.0/0\"]\nproxies_say = \"forwarded\""));
    let told = said(&site);
    assert!(told.len() == 1 && told[0].starts_with("17:19: portal.trusted_proxies: "), "{told:?}");
}
