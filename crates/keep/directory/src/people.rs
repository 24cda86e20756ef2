//! People and their groups, as each kind of directory keeps them.

use crate::{
    DirectoryError, Kind, Person, Settings,
    link::{Link, Look},
    walk,
};
use data_encoding::HEXLOWER;
use std::collections::BTreeMap;
use types::Time;
use wire::ldap::{Entry, Filter, Scope};

/// People that are read.
pub(crate) const PEOPLE_MAX: usize = 20_000;
/// Members of a group, those of its groups included, by the server's own rule.
const IN_CHAIN: &str = "1.2.840.113556.1.4.1941";
/// Of userAccountControl: the account is disabled.
const ACCOUNT_DISABLED: i64 = 0x2;
/// A lock without an end (the password policy of OpenLDAP).
const LOCKED_FOR_GOOD: &str = "000001010000Z";
/// From 1601, in tenths of microseconds, to 1970.
const UNIX_EPOCH_IN_FILETIME: i64 = 116_444_736_000_000_000;
/// Characters kept of a name.
const CHARS_MAX: usize = 128;

/// What is asked of a person.
pub(crate) const OPEN_LDAP: &[&str] =
    &["entryUUID", "uid", "givenName", "sn", "cn", "pwdAccountLockedTime", "shadowExpire", "nsAccountLock"];
const ACTIVE_DIRECTORY: &[&str] =
    &["objectGUID", "sAMAccountName", "givenName", "sn", "displayName", "userAccountControl", "accountExpires"];

/// A person of that key with the groups he is in, and his name in the directory.
pub(crate) fn find(
    settings: &Settings,
    link: &mut Link,
    key: &str,
    now: Time,
) -> Result<Option<(Person, String)>, DirectoryError> {
    let Some(value) = key_value(settings.kind, key) else { return Ok(None) };
    let filter = Filter::All(vec![is_person(settings.kind), Filter::Equals(settings.key_attribute(), value)]);
    let look = Look {
        base: &settings.people_base,
        scope: Scope::Subtree,
        filter: &filter,
        attributes: attributes(settings.kind),
        most: 1,
        paged: false,
        own_domain: settings.kind == Kind::ActiveDirectory,
    };
    let entries = link.look(&look)?.ok_or_else(|| DirectoryError::NoGroup(settings.people_base.clone()))?;
    let Some(entry) = entries.into_iter().next() else { return Ok(None) };
    let Some(mut person) = read(settings, &entry, now) else { return Ok(None) };
    person.groups = match settings.kind {
        Kind::OpenLdap => walk::up(settings, link, &entry.dn)?,
        Kind::ActiveDirectory => groups_by_rule(settings, link, &entry.dn)?,
    };
    Ok(Some((person, entry.dn)))
}

/// Everybody in the groups.
pub(crate) fn members(settings: &Settings, link: &mut Link, now: Time) -> Result<Vec<Person>, DirectoryError> {
    groups_are_there(settings, link)?;
    let mut people: BTreeMap<String, Person> = BTreeMap::new();
    for (place, group) in settings.groups.iter().enumerate() {
        let entries = match settings.kind {
            Kind::OpenLdap => walk::down(settings, link, &group.0)?,
            Kind::ActiveDirectory => members_by_rule(settings, link, &group.0)?,
        };
        for person in entries.iter().filter_map(|entry| read(settings, entry, now)) {
            people.entry(person.key.clone()).or_insert(person).groups.push(place);
        }
        if people.len() > PEOPLE_MAX {
            return Err(DirectoryError::TooMany("people"));
        }
    }
    Ok(people.into_values().collect())
}

/// A group that is gone, or whose entry may not be read, must not be taken for an empty one. One whose members alone may
/// not be read looks empty (threat model, R33).
pub(crate) fn groups_are_there(settings: &Settings, link: &mut Link) -> Result<(), DirectoryError> {
    for group in &settings.groups {
        if !walk::is_there(link, &group.0)? {
            return Err(DirectoryError::NoGroup(group.0.clone()));
        }
    }
    Ok(())
}

fn attributes(kind: Kind) -> &'static [&'static str] {
    match kind {
        Kind::OpenLdap => OPEN_LDAP,
        Kind::ActiveDirectory => ACTIVE_DIRECTORY,
    }
}

fn is_person(kind: Kind) -> Filter {
    match kind {
        Kind::OpenLdap => Filter::Equals("objectClass", b"person".to_vec()),
        // A user's account, and not a computer's or a group's.
        Kind::ActiveDirectory => Filter::Equals("sAMAccountType", b"805306368".to_vec()),
    }
}

fn in_chain(group: &str) -> Filter {
    Filter::ByRule { rule: IN_CHAIN, attribute: "memberOf", value: group.as_bytes().to_vec() }
}

fn members_by_rule(settings: &Settings, link: &mut Link, group: &str) -> Result<Vec<Entry>, DirectoryError> {
    let filter = Filter::All(vec![is_person(settings.kind), in_chain(group)]);
    let look = Look {
        base: &settings.people_base,
        scope: Scope::Subtree,
        filter: &filter,
        attributes: attributes(settings.kind),
        most: PEOPLE_MAX,
        paged: true,
        own_domain: true,
    };
    link.look(&look)?.ok_or_else(|| DirectoryError::NoGroup(settings.people_base.clone()))
}

fn groups_by_rule(settings: &Settings, link: &mut Link, dn: &str) -> Result<Vec<usize>, DirectoryError> {
    let mut places = Vec::new();
    for (place, group) in settings.groups.iter().enumerate() {
        let filter = in_chain(&group.0);
        let look = Look {
            base: dn,
            scope: Scope::Base,
            filter: &filter,
            attributes: &["1.1"],
            most: 1,
            paged: false,
            own_domain: true,
        };
        if link.look(&look)?.is_some_and(|found| !found.is_empty()) {
            places.push(place);
        }
    }
    Ok(places)
}

/// A key as it is told here, from what the directory holds.
fn key_of(kind: Kind, entry: &Entry) -> Option<String> {
    match kind {
        Kind::OpenLdap => {
            let key = entry.text("entryUUID")?.to_lowercase();
            let is_key = key.len() == 36 && key.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-');
            is_key.then_some(key)
        }
        Kind::ActiveDirectory => {
            let key = entry.values("objectGUID").first()?;
            (key.len() == 16).then(|| HEXLOWER.encode(key))
        }
    }
}

/// And back.
fn key_value(kind: Kind, key: &str) -> Option<Vec<u8>> {
    match kind {
        Kind::OpenLdap => (key.len() == 36).then(|| key.as_bytes().to_vec()),
        Kind::ActiveDirectory => HEXLOWER.decode(key.as_bytes()).ok().filter(|key| key.len() == 16),
    }
}

/// A person, if the entry has what one must have. Who has no login signs in nowhere.
fn read(settings: &Settings, entry: &Entry, now: Time) -> Option<Person> {
    let key = key_of(settings.kind, entry)?;
    let text = |name: &str| {
        let text = entry.text(name)?.trim();
        (!text.is_empty()).then(|| text.chars().filter(|c| !c.is_control()).take(CHARS_MAX).collect::<String>())
    };
    let login = text(settings.login_attribute())?;
    let whole = text("sn").or_else(|| text("displayName")).or_else(|| text("cn"));
    let is_usable = match settings.kind {
        Kind::OpenLdap => is_usable_in_open_ldap(entry, now),
        Kind::ActiveDirectory => is_usable_in_active_directory(entry, now),
    };
    let (given_name, family_name) = (text("givenName").unwrap_or_default(), whole.unwrap_or_else(|| login.clone()));
    Some(Person { key, login, given_name, family_name, is_usable, groups: Vec::new() })
}

/// A lock that ends by itself is not a departure: signing in is refused by the directory while it lasts.
fn is_usable_in_open_ldap(entry: &Entry, now: Time) -> bool {
    let is_locked = entry.text("pwdAccountLockedTime") == Some(LOCKED_FOR_GOOD)
        || entry.text("nsAccountLock").is_some_and(|lock| lock.eq_ignore_ascii_case("true"));
    let days = entry.text("shadowExpire").and_then(|days| days.parse::<i64>().ok()).filter(|days| *days >= 0);
    !is_locked && days.is_none_or(|days| now.seconds() < days.saturating_mul(86_400))
}

/// Without its flags an account is not believed to be usable.
fn is_usable_in_active_directory(entry: &Entry, now: Time) -> bool {
    let number = |name: &str| entry.text(name).and_then(|number| number.parse::<i64>().ok());
    let is_enabled = number("userAccountControl").is_some_and(|flags| flags & ACCOUNT_DISABLED == 0);
    // Neither 0 nor the greatest number is a date.
    let ends = number("accountExpires").filter(|ends| *ends != 0 && *ends != i64::MAX);
    let at = now.micros().saturating_mul(10).saturating_add(UNIX_EPOCH_IN_FILETIME);
    is_enabled && ends.is_none_or(|ends| at < ends)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const NOW: Time = Time::from_micros(1_790_000_000_000_000);

    fn entry(attributes: &[(&str, &str)]) -> Entry {
        let attributes = attributes.iter().map(|(name, value)| ((*name).to_owned(), vec![value.as_bytes().to_vec()]));
        Entry { dn: "uid=a".into(), attributes: attributes.collect() }
    }

    #[test]
    fn an_account_of_active_directory_is_usable_unless_disabled_or_expired() {
        let past = (UNIX_EPOCH_IN_FILETIME + 10).to_string();
        let future = i64::MAX - 1;
        for (flags, expires, usable) in [
            (Some("512"), None, true),
            (Some("512"), Some("0"), true),
            (Some("66048"), Some("9223372036854775807"), true),
            (Some("512"), Some(future.to_string().as_str()), true),
            (Some("512"), Some(past.as_str()), false),
            (Some("514"), None, false),
            (None, None, false),
        ] {
            let told = [("userAccountControl", flags), ("accountExpires", expires)];
            let told: Vec<_> = told.into_iter().filter_map(|(name, value)| Some((name, value?))).collect();
            assert_eq!(is_usable_in_active_directory(&entry(&told), NOW), usable, "{told:?}");
        }
    }

    #[test]
    fn an_account_of_open_ldap_is_usable_unless_locked_for_good_or_expired() {
        for (told, usable) in [
            (&[][..], true),
            (&[("pwdAccountLockedTime", "20260101000000Z")], true),
            (&[("pwdAccountLockedTime", LOCKED_FOR_GOOD)], false),
            (&[("nsAccountLock", "TRUE")], false),
            (&[("shadowExpire", "-1")], true),
            (&[("shadowExpire", "1")], false),
            (&[("shadowExpire", "99999")], true),
        ] {
            assert_eq!(is_usable_in_open_ldap(&entry(told), NOW), usable, "{told:?}");
        }
    }
}
