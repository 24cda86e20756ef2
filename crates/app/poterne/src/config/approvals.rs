//! `[approvals]`: what signatures are verified against.

use super::{
    Approvals,
    doors::public_origin,
    files::{self, Kept},
    reading::{Section, Wrong, text},
    sections::{SIGNED_DOORS, Site},
};
use crate::first_admin::{FirstAdministrator, read_pinned};
use interventions::PinnedKey;
use std::path::{Path, PathBuf};
use store::SystemClock;
use types::{Clock as _, Door};
use web::csrf::Origin;

const PINNED_FILE: &str = "keys/pinned.json";
const LINK_FILE: &str = "keys/first-administrator.json";

/// Reads the section; `desk` is the origin of the desk, if this node runs it.
pub(super) fn approvals(root: &Section<'_>, site: Site<'_>, desk: Option<&Origin>) -> Option<Approvals> {
    let section = root.section("approvals", SIGNED_DOORS.iter().any(|door| site.runs(*door)));
    let runs_desk = site.runs(Door::Desk);
    let pinned_file = path(&section, "pinned_file", site.folder, PINNED_FILE);
    // The link and the origin belong to the desk; where the doors are not known, nothing is asked of either.
    let first = (runs_desk || site.doors.is_none())
        .then(|| path(&section, "first_administrator_file", site.folder, LINK_FILE).zip(pinned_file.clone()))
        .flatten()
        .map(|(link, pinned)| FirstAdministrator::new(pinned, link));
    let told = match (runs_desk, site.doors) {
        (true, _) => None,
        (false, Some(_)) => section
            .required("desk_origin", "\"https://bureau.hopital.example\"", |value| public_origin(value, Door::Desk)),
        (false, None) => section.optional("desk_origin", |value| public_origin(value, Door::Desk)),
    };
    section.finish();
    if !section.is_there() {
        return None;
    }
    if site.doors.is_some_and(|doors| !doors.iter().any(|door| SIGNED_DOORS.contains(door))) {
        section.wrong_section("no door of this node looks at approvals", "remove the section");
    }
    let pinned = pinned_file.and_then(|file| {
        let read = pinned(&file, first.as_ref(), runs_desk);
        read.map_err(|Wrong { what, remedy }| section.wrong("pinned_file", what, remedy)).ok()
    });
    Some(Approvals { desk_origin: desk.cloned().or(told)?, pinned: pinned?, first_administrator: first })
}

fn path(section: &Section<'_>, key: &'static str, folder: &Path, default: &str) -> Option<PathBuf> {
    let mut told = false;
    let given = section.optional(key, |value| {
        told = true;
        text(value, 1000)
    });
    match given {
        None if told => None,
        given => Some(folder.join(given.as_deref().unwrap_or(default))),
    }
}

fn pinned(file: &Path, first: Option<&FirstAdministrator>, runs_desk: bool) -> Result<Vec<PinnedKey>, Wrong> {
    let shown = file.display();
    if file.symlink_metadata().is_err_and(|error| error.kind() == std::io::ErrorKind::NotFound) {
        let outstanding = first.is_some_and(|first| first.outstanding(SystemClock.now()).is_some());
        let why = match first {
            Some(first) if first.is_drawn() => {
                "the first administrator's link does not serve (its week is over, or its file is not this user's alone)"
            }
            _ => "no first administrator's link is outstanding",
        };
        return match (runs_desk, outstanding) {
            (true, true) => Ok(Vec::new()),
            (true, false) => Err(Wrong::new(
                format!("no key is pinned ({shown} does not exist) and {why}"),
                "put the file back from its copy, or, if nobody was ever enrolled, draw a link with \
                 `poterne init --renew-link` and the folder of this file",
            )),
            (false, _) => Err(Wrong::new(
                format!("{shown} does not exist: no approval could be verified"),
                "copy it from the desk's node, once the first administrator is enrolled there",
            )),
        };
    }
    let text = files::read(file, Kept::Guarded, "the pinned keys, copied from the desk's node")?;
    read_pinned(&text).map_err(|what| Wrong::new(format!("{shown}: {what}"), "put the file back from its copy"))
}

/// Reads only what a new link of the first administrator needs.
pub(super) fn read_for_link(root: &Section<'_>, file: &Path) -> Option<(Origin, FirstAdministrator)> {
    let folder = file.parent().unwrap_or(Path::new(""));
    let desk = root.section("desk", true);
    let origin =
        desk.required("origin", "\"https://bureau.hopital.example\"", |value| public_origin(value, Door::Desk));
    let section = root.section("approvals", true);
    let pinned = path(&section, "pinned_file", folder, PINNED_FILE);
    let link = path(&section, "first_administrator_file", folder, LINK_FILE);
    Some((origin?, FirstAdministrator::new(pinned?, link?)))
}
