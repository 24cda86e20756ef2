//! The texts that `init` writes: the configuration, from its commented template, and what to do next.

use super::questions::Answers;
use std::{collections::BTreeMap, fmt::Write as _, path::Path};
use types::{Door, EstablishmentId};

const TEMPLATE: &str = include_str!("../config/poterne.toml");

/// The configuration: the template's sections that the doors need, with the answers in their places.
pub(super) fn configuration(answers: &Answers, id: EstablishmentId) -> String {
    // JSON's escapes are all TOML's too.
    let quoted = |text: &str| serde_json::to_string(text).unwrap_or_default();
    let mut values: BTreeMap<&str, String> =
        answers.by_key.iter().map(|(key, answer)| (*key, quoted(answer))).collect();
    let doors: Vec<_> = answers.doors.iter().map(|door| quoted(door.as_str())).collect();
    values.insert("node.doors", format!("[{}]", doors.join(", ")));
    values.insert("establishments.id", quoted(&id.to_string()));
    let (mark, risk) = match &answers.accepted_risk {
        Some(risk) => ("", risk.as_str()),
        None => ("# ", "the reference of the accepted risk"),
    };
    values.insert("node.accept_single_zone", format!("{mark}accept_single_zone = {}", quoted(risk)));
    let desk = if answers.open(Door::Desk) {
        "# What is kept of the first administrator's link, until it has served (mode 0600).\n\
         first_administrator_file = \"keys/first-administrator.json\""
            .to_owned()
    } else {
        let origin = values.get("desk.origin").map(String::as_str).unwrap_or_default();
        format!("# The desk's address: every passkey is bound to it.\ndesk_origin = {origin}")
    };
    values.insert("approvals.desk", desk);

    let needed = |section: &&str| match header(section) {
        Some("approvals") => [Door::Desk, Door::Suppliers, Door::Relays].iter().any(|door| answers.open(*door)),
        Some("sis") => answers.open(Door::Portal),
        Some(name) => name.parse().map_or(true, |door| answers.open(door)),
        None => true,
    };
    let sections: Vec<_> = TEMPLATE.split("\n\n").filter(needed).map(|section| filled(section, &values)).collect();
    sections.join("\n\n")
}

/// The name of a section of the template; comments may stand before it.
fn header(section: &str) -> Option<&str> {
    let line = section.lines().find(|line| line.starts_with('['))?;
    Some(line.trim_matches(['[', ']']))
}

/// A text whose holes, such as `{desk.origin}`, are filled. In one pass, so that an answer that looks like a hole stays
/// what it is.
fn filled(mut rest: &str, values: &BTreeMap<&str, String>) -> String {
    let mut text = String::new();
    while let Some((before, after)) = rest.split_once('{') {
        text.push_str(before);
        match after.split_once('}').and_then(|(hole, after)| Some((values.get(hole)?, after))) {
            Some((value, after)) => {
                text.push_str(value);
                rest = after;
            }
            None => {
                text.push('{');
                rest = after;
            }
        }
    }
    text + rest
}

/// What was drawn, for the operator to hand on.
pub(super) struct Drawn {
    /// The fingerprint of the SSH host key.
    pub host_key: Option<String>,
    /// The first administrator's link.
    pub link: Option<String>,
}

/// What to do next.
pub(super) fn next_steps(dir: &Path, answers: &Answers, drawn: &Drawn) -> String {
    let (file, keys) = (dir.join("poterne.toml"), dir.join("keys"));
    let (file, master, keys) = (file.display(), keys.join("master.key"), keys.display());
    let master = master.display();
    let mut steps = vec![format!(
        "Keep a copy of {master} in a safe, away from this machine: without it nothing that is sealed opens again."
    )];
    let files = files(answers);
    if !files.is_empty() {
        steps.push(format!("Put these files in {keys} (PEM; the .key files with mode 0600):{files}"));
    }
    let signed = [Door::Suppliers, Door::Relays].iter().any(|door| answers.open(*door));
    if signed && !answers.open(Door::Desk) {
        steps.push(format!(
            "This node works with the one that runs the desk: give it the same database, the same establishments and the \
             same master.key, and copy keys/pinned.json from there to {keys} once the first administrator is enrolled."
        ));
    }
    if let Some(fingerprint) = &drawn.host_key {
        steps.push(format!("Tell technicians the fingerprint of the relays' SSH key: {fingerprint}"));
    }
    steps.push(format!("poterne check --config {file}"));
    steps.push(format!("poterne serve --config {file}"));
    if let Some(link) = &drawn.link {
        steps.push(format!("{}\n   {link}", hand_over("Once it serves, ")));
    }
    let mut text = format!("Written: {file}, {master}.\n\nNext:\n");
    for (place, step) in steps.iter().enumerate() {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{}. {step}", place + 1);
    }
    text
}

/// How a link is introduced.
pub(super) fn hand_over(when: &str) -> String {
    format!(
        "{when}give this link to the first administrator, by a safe way. It is shown here only, serves once, and for \
         seven days:"
    )
}

fn files(answers: &Answers) -> String {
    let mut text = String::new();
    let mut add = |name: &str, is: &str| {
        let _ = write!(text, "\n     {name:<34}{is}");
    };
    for (door, whose) in
        [(Door::Portal, "the portal's"), (Door::Suppliers, "the suppliers' door's"), (Door::Desk, "the desk's")]
    {
        if answers.open(door) {
            add(&format!("{door}.crt, {door}.key"), &format!("{whose} certificate, leaf first, and its key"));
        }
    }
    if answers.open(Door::Portal) {
        add("sis-ca.crt", "the authority that vouches for the health information system");
        add("sis-client.crt, sis-client.key", "the establishment's certificate as its client, and its key");
    }
    text
}
