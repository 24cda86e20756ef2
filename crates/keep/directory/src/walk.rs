//! Groups within groups, where the server does not resolve them: up from a person, down from a group. Bounded in depth and
//! in number; a circle is gone round once.

use crate::{
    DirectoryError, Settings,
    link::{Link, Look},
    people::{OPEN_LDAP, PEOPLE_MAX},
};
use std::collections::{BTreeSet, HashMap};
use wire::ldap::{Entry, Filter, Scope};

/// Groups within groups, that deep.
const DEPTH_MAX: usize = 10;
/// Groups met on one way.
const GROUPS_MAX: usize = 2_000;

/// What a group names its members by.
const MEMBER: [&str; 2] = ["member", "uniqueMember"];

/// Whether an entry of that name is there.
pub(crate) fn is_there(link: &mut Link, dn: &str) -> Result<bool, DirectoryError> {
    Ok(entry(link, dn, &Filter::Present("objectClass"), &["1.1"])?.is_some())
}

fn entry(link: &mut Link, dn: &str, filter: &Filter, attributes: &[&str]) -> Result<Option<Entry>, DirectoryError> {
    let look = Look { base: dn, scope: Scope::Base, filter, attributes, most: 1, paged: false, own_domain: false };
    Ok(link.look(&look)?.and_then(|found| found.into_iter().next()))
}

/// The groups of the settings that an entry is in, by their places.
pub(crate) fn up(settings: &Settings, link: &mut Link, dn: &str) -> Result<Vec<usize>, DirectoryError> {
    let mut met = BTreeSet::new();
    let mut level = vec![dn.to_owned()];
    for _ in 0..DEPTH_MAX {
        let mut above = Vec::new();
        for dn in &level {
            let named = MEMBER.map(|attribute| Filter::Equals(attribute, dn.as_bytes().to_vec()));
            let filter = Filter::Any(named.to_vec());
            let look = Look {
                base: &settings.groups_base,
                scope: Scope::Subtree,
                filter: &filter,
                attributes: &["1.1"],
                most: GROUPS_MAX,
                paged: true,
                own_domain: false,
            };
            let groups = link.look(&look)?.ok_or_else(|| DirectoryError::NoGroup(settings.groups_base.clone()))?;
            for group in groups {
                if met.insert(plain(&group.dn)) {
                    above.push(group.dn);
                }
            }
            if met.len() > GROUPS_MAX {
                return Err(DirectoryError::TooMany("groups"));
            }
        }
        if above.is_empty() {
            let places = settings.groups.iter().enumerate().filter(|(_, group)| met.contains(&plain(&group.0)));
            return Ok(places.map(|(place, _)| place).collect());
        }
        level = above;
    }
    Err(DirectoryError::TooMany("groups within groups"))
}

/// The people in a group, and in the groups within it. A member that is gone is nobody.
pub(crate) fn down(settings: &Settings, link: &mut Link, group: &str) -> Result<Vec<Entry>, DirectoryError> {
    let attributes: Vec<&str> = OPEN_LDAP.iter().copied().chain(MEMBER).collect();
    // An entry tells the classes that it was given, and not those that they are made from: the server knows them.
    let person = Filter::Equals("objectClass", b"person".to_vec());
    let filter = Filter::Any(MEMBER.map(Filter::Present).into_iter().chain([person]).collect());
    let (mut people, mut met, mut groups) = (HashMap::new(), BTreeSet::new(), 0);
    let mut level = vec![group.to_owned()];
    for _ in 0..=DEPTH_MAX {
        let mut below = Vec::new();
        for dn in &level {
            if !met.insert(plain(dn)) {
                continue;
            }
            let Some(found) = entry(link, dn, &filter, &attributes)? else { continue };
            let members: Vec<&Vec<u8>> = MEMBER.iter().flat_map(|name| found.values(name)).collect();
            if members.is_empty() {
                if is_below(&found.dn, &settings.people_base) {
                    people.insert(found.dn.clone(), found);
                }
                continue;
            }
            groups += 1;
            let members = members.into_iter().filter_map(|member| String::from_utf8(member.clone()).ok());
            below.extend(members.filter(|member| !member.is_empty()));
            if groups > GROUPS_MAX || below.len() > PEOPLE_MAX || met.len() > PEOPLE_MAX {
                return Err(DirectoryError::TooMany("members"));
            }
        }
        if below.is_empty() {
            return Ok(people.into_values().collect());
        }
        level = below;
    }
    Err(DirectoryError::TooMany("groups within groups"))
}

/// A name without what does not count in it: case, and the spaces around its signs.
fn plain(dn: &str) -> String {
    parts(dn).join(",")
}

fn parts(dn: &str) -> Vec<String> {
    let mut parts = vec![String::new()];
    let mut is_escaped = false;
    for c in dn.chars() {
        if c == ',' && !is_escaped {
            parts.push(String::new());
        } else if let Some(last) = parts.last_mut() {
            last.extend(c.to_lowercase());
        }
        is_escaped = c == '\\' && !is_escaped;
    }
    let part = |part: String| match part.split_once('=') {
        Some((name, value)) => format!("{}={}", name.trim(), value.trim()),
        None => part.trim().to_owned(),
    };
    parts.into_iter().map(part).collect()
}

fn is_below(dn: &str, base: &str) -> bool {
    parts(dn).ends_with(&parts(base))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_compared_without_case_and_spaces() {
        assert_eq!(plain("CN=Garde , OU = Groupes,dc=Essai"), plain("cn=garde,ou=groupes,dc=essai"));
        assert_eq!(plain("cn=a\\, b,dc=c"), "cn=a\\, b,dc=c");
        assert!(is_below("uid=a,ou=people,dc=essai", "ou=People, dc=essai"));
        for elsewhere in ["uid=a,ou=otherpeople,dc=essai", "ou=peopl,dc=essai", "uid=a\\,ou=people,dc=essai"] {
            assert!(!is_below(elsewhere, "ou=people,dc=essai"), "{elsewhere}");
        }
    }
}
