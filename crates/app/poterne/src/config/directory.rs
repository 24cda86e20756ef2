//! `[directory]`: the hospital's directory, and whose groups come in as what.

use super::{
    Directory, Establishment,
    files::{self, Kept},
    reading::{Section, Wrong, number, text, texts, word},
    sections::Site,
    trusted,
};
use crate::node::DESK_ROLES;
use ::directory::{Group, Kind, Server, Settings, Wait};
use std::{path::Path, time::Duration};
use toml_edit::Value;
use types::{Door, EstablishmentId, Role, Secret};

const SERVERS_MAX: usize = 8;
const GROUPS_MAX: usize = 64;
const NAME_CHARS_MAX: usize = 400;

/// Reads it, if it is there. `None` only after a mistake was noted.
pub(super) fn directory(
    root: &Section<'_>,
    site: Site<'_>,
    establishments: &[Establishment],
) -> Option<Option<Directory>> {
    let section = root.section("directory", false);
    if !section.is_there() {
        section.finish();
        return Some(None);
    }
    let kinds = [("openldap", Kind::OpenLdap), ("active_directory", Kind::ActiveDirectory)];
    let kind = section.required("kind", "\"active_directory\"", |value| word(value, &kinds));
    let servers = section.required("servers", "[\"ldaps://annuaire.hopital.example\"]", servers);
    let what = "the certificate of the authority that vouches for the directory (PEM)";
    section.needs("ca_file", "\"keys/directory-ca.crt\"");
    let trusted = trusted::trusted(&section, ["ca_file", "crl_file"], site.folder, what);
    let tls = trusted.as_ref().and_then(|trusted| Settings::tls(&trusted.trust).ok());
    let service_dn = section.required("service_dn", "\"cn=poterne,ou=services,dc=hopital,dc=example\"", name);
    let password =
        section.required("service_password_file", "\"keys/directory.password\"", |value| password(value, site.folder));
    let people_base = section.required("people_base", "\"ou=personnes,dc=hopital,dc=example\"", name);
    let groups_base = section.optional("groups_base", name);
    let wait = section.optional("wait_millis", |value| number(value, 500, 10_000));
    let every = section.optional("synchronize_seconds", |value| number(value, 10, 86_400));
    let percent = section.optional("leaving_percent_max", |value| number(value, 1, 100));
    let groups = groups(&section, establishments);
    section.finish();
    if site.doors.is_some_and(|doors| !doors.contains(&Door::Desk)) {
        section.wrong_section("the staff comes in at the desk, which this node does not run", "remove the section");
    }
    let (kind, people_base, groups) = (kind?, people_base?, groups?);
    if kind == Kind::OpenLdap && groups_base.is_none() && !section.has("groups_base") {
        section.wrong(
            "groups_base",
            "missing",
            "add groups_base = \"ou=groupes,dc=hopital,dc=example\" under [directory]",
        );
        return None;
    }
    let (groups, places): (Vec<_>, Vec<_>) = groups.into_iter().unzip();
    let servers = servers?;
    let of_all = servers.len();
    let reached = servers.iter().filter_map(Server::begins_with_tls);
    let reached = reached.map(|(host, port)| (host.to_owned(), port)).collect();
    let settings = Settings {
        kind,
        servers,
        tls: tls?,
        service_dn: service_dn?,
        service_password: password?,
        groups_base: groups_base.unwrap_or_else(|| people_base.clone()),
        people_base,
        groups,
        wait: Wait::new(Duration::from_millis(wait.unwrap_or(3_000))),
    };
    Some(Some(Directory {
        directory: ::directory::Directory::open(settings),
        reached,
        servers: of_all,
        trusted: trusted?,
        places,
        every: Duration::from_secs(every.unwrap_or(900)),
        leaving_percent_max: percent.and_then(|percent| u32::try_from(percent).ok()).unwrap_or(20),
    }))
}

fn servers(value: &Value) -> Result<Vec<Server>, Wrong> {
    let read = |given: &String| {
        let remedy = "write ldaps:// or ldap+starttls:// (StartTLS), its name and, if need be, its port";
        given.parse().map_err(|error| Wrong::new(format!("\"{given}\": {error}"), remedy))
    };
    texts(value, SERVERS_MAX)?.iter().map(read).collect()
}

/// An entry's name, which only the directory knows how to judge.
fn name(value: &Value) -> Result<String, Wrong> {
    let name = text(value, NAME_CHARS_MAX)?;
    if !name.contains('=') {
        let remedy = "write its whole name, such as \"ou=personnes,dc=hopital,dc=example\"";
        return Err(Wrong::new("this is not the name of an entry", remedy));
    }
    Ok(name)
}

fn password(value: &Value, folder: &Path) -> Result<Secret<String>, Wrong> {
    let what = "the service account's password, on one line";
    let bytes = files::read(&folder.join(text(value, 1000)?), Kept::Private, what)?;
    let line = String::from_utf8(bytes).unwrap_or_default();
    let line = Secret::new(line);
    let password = line.expose().trim_end_matches(['\r', '\n']);
    if password.is_empty() || password.chars().any(char::is_control) {
        return Err(Wrong::new(
            "the file holds no password, or more than one line",
            "write it there, alone on one line",
        ));
    }
    Ok(Secret::new(password.to_owned()))
}

/// Groups in their order: of several that somebody is in, the first counts.
fn groups(directory: &Section<'_>, establishments: &[Establishment]) -> Option<Vec<(Group, (EstablishmentId, Role))>> {
    let sections = directory.sections_if_any("groups");
    if sections.is_empty() || sections.len() > GROUPS_MAX {
        let remedy = "write [[directory.groups]] with group and role, once for each group that comes in";
        directory.wrong("groups", format!("1 to {GROUPS_MAX} groups are expected"), remedy);
    }
    let only = match establishments {
        [one] => Some(one.id),
        _ => None,
    };
    let roles: Vec<_> = DESK_ROLES.iter().map(|role| (role.as_str(), *role)).collect();
    let mut read = Vec::new();
    let mut complete = !sections.is_empty();
    for section in sections {
        let group = section.required("group", "\"cn=poterne-astreinte,ou=groupes,dc=hopital,dc=example\"", name);
        let role = section.required("role", "\"on_call\"", |value| word(value, &roles));
        let told = section.optional("establishment", |value| {
            let unknown = || Wrong::new("no [[establishments]] has this id", "write the id of one of them");
            let id = text(value, 100)?.parse::<EstablishmentId>().map_err(|_| unknown())?;
            establishments.iter().any(|one| one.id == id).then_some(id).ok_or_else(unknown)
        });
        if told.is_none() && only.is_none() && !section.has("establishment") {
            section.wrong("establishment", "missing", "write the id of the establishment that it is for");
        }
        section.finish();
        match (group, role, told.or(only.filter(|_| !section.has("establishment")))) {
            (Some(group), Some(role), Some(establishment)) => read.push((Group(group), (establishment, role))),
            _ => complete = false,
        }
    }
    complete.then_some(read)
}
