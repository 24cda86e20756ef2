//! `[policies]`: the hospital's own policies, beside Poterne's: those that forbid, and those that permit, which people sign.

use super::{
    files::{self, Kept},
    reading::{Section, Wrong, text},
    signers::{Draft, Signer, signers, verified},
};
use policy::{BadPolicies, OWN_FILES_MAX, PERMIT_FILES_MAX, Policies, SIGNATURES_MAX, SignedFile};
use std::{path::Path, sync::Arc};
use store::SystemClock;
use types::{Clock as _, EstablishmentId};

/// Bytes of a signature's file at most.
const SIGNATURE_BYTES_MAX: usize = 8 * 1024;
const REMEDY: &str = "mend it, and try it with `poterne policy check FOLDER`; docs/policies.md says what they may hold";
const SIGNED_REMEDY: &str = "mend it, try it with `poterne policy check --permits FOLDER`, and have it signed again; \
                             docs/policies.md says what a permit may say";

/// Reads them all. Without the section, Poterne's alone. `None` only after a mistake was noted.
pub(super) fn policies(section: &Section<'_>, folder: &Path, of: &[EstablishmentId]) -> Option<Arc<Policies>> {
    let path = |value: &_| Ok(folder.join(text(value, 1000)?));
    let permitting = section.has("permits_folder");
    let own = match (section.is_there(), permitting && !section.has("own_folder")) {
        (true, false) => section.required("own_folder", "\"policies\"", |value| in_folder(&path(value)?)),
        (true, true) => section.optional("own_folder", |_| Ok(Vec::new())).or(Some(Vec::new())),
        (false, _) => Some(Vec::new()),
    };
    let drafts = section.optional("permits_folder", |value| drafts(&path(value)?));
    let signers = signers(section);
    if !permitting && signers.as_ref().is_some_and(|signers| !signers.is_empty()) {
        section.wrong_section("people may sign permits, and there is no folder of permits", "add permits_folder");
    }
    section.finish();
    let forbidding = own.and_then(|own| forbidding(section, own));
    if !permitting {
        return forbidding.map(Arc::new);
    }
    let (drafts, signers) = (drafts?, signers?);
    let files = signed(drafts, &signers, |Wrong { what, remedy }| section.wrong("permits_folder", what, remedy))?;
    let permitting = forbidding?.permitting(files, of, SystemClock.now());
    noted(section, permitting, "permits_folder", SIGNED_REMEDY).map(Arc::new)
}

/// The files with their signatures, each verified; `told` hears of all that is wrong with them.
fn signed(drafts: Vec<Draft>, signers: &[Signer], told: impl Fn(Wrong)) -> Option<Vec<SignedFile>> {
    let mut files = Vec::new();
    let mut whole = true;
    for draft in drafts {
        match verified(draft, signers) {
            Ok(file) => files.push(file),
            Err(wrong) => {
                whole = false;
                wrong.into_iter().for_each(&told);
            }
        }
    }
    whole.then_some(files)
}

/// What a folder of permits is tried with.
pub(crate) struct ForPermits {
    /// What is in force without them.
    pub policies: Policies,
    /// Who may sign.
    pub signers: Vec<Signer>,
    /// The establishments that permits may be for.
    pub establishments: Vec<EstablishmentId>,
}

/// Reads that and nothing else.
pub(super) fn read_for_permits(
    root: &Section<'_>,
    folder: &Path,
    of: impl FnOnce(&Section<'_>) -> Option<Vec<EstablishmentId>>,
) -> Option<ForPermits> {
    let section = root.section("policies", true);
    let own = match section.has("own_folder") {
        true => section.required("own_folder", "\"policies\"", |value| in_folder(&folder.join(text(value, 1000)?))),
        false => Some(Vec::new()),
    };
    let (policies, signers) = (own.and_then(|own| forbidding(&section, own)), signers(&section));
    Some(ForPermits { policies: policies?, signers: signers?, establishments: of(root)? })
}

/// Poterne's policies with those that forbid; what is wrong with these is noted.
fn forbidding(section: &Section<'_>, own: Vec<(String, String)>) -> Option<Policies> {
    noted(section, Policies::with_own(own), "own_folder", REMEDY)
}

fn noted(section: &Section<'_>, read: Result<Policies, BadPolicies>, key: &str, remedy: &str) -> Option<Policies> {
    let note =
        |bad: &BadPolicies| bad.lines().iter().for_each(|line| section.wrong(key, line.replace('\n', " "), remedy));
    read.inspect_err(note).ok()
}

/// The policies of a folder, in the order of their names. Anything else in there is a mistake: a file that was meant to forbid
/// and is not read forbids nothing.
pub(crate) fn in_folder(folder: &Path) -> Result<Vec<(String, String)>, Wrong> {
    let is_policy = |name: &str| name.ends_with(".cedar") && !name.starts_with('.');
    let names = listed(folder, OWN_FILES_MAX, ".cedar file", is_policy)?;
    names.into_iter().map(|name| Ok((name.clone(), own_text(folder, &name, "your policies (Cedar)")?))).collect()
}

/// The permits of a folder with the signatures beside them, in the order of their names. Anything else in there is a mistake.
pub(crate) fn drafts(folder: &Path) -> Result<Vec<Draft>, Wrong> {
    let is_one = |name: &str| (name.ends_with(".cedar") || name.ends_with(".sig")) && !name.starts_with('.');
    let most = PERMIT_FILES_MAX * (1 + SIGNATURES_MAX);
    let (permits, others): (Vec<_>, Vec<_>) = listed(folder, most, ".cedar file nor a signature of one", is_one)?
        .into_iter()
        .partition(|name| name.ends_with(".cedar"));
    let mut drafts = Vec::new();
    for name in permits {
        let text = own_text(folder, &name, "your permits (Cedar)")?;
        drafts.push(Draft { name, text, signatures: Vec::new() });
    }
    for file in others {
        let of = drafts.iter_mut().find_map(|draft| {
            let signer = file.strip_prefix(&draft.name)?.strip_prefix('.')?.strip_suffix(".sig")?.to_owned();
            Some((draft, signer))
        });
        let Some((draft, signer)) = of else {
            let what = format!("{} holds {file}, which is the signature of no .cedar file there", folder.display());
            return Err(Wrong::new(
                what,
                "name it after its file and its signer, x.cedar.m-roussel.sig, or take it away",
            ));
        };
        let text = own_text(folder, &file, "a signature")?;
        if text.len() > SIGNATURE_BYTES_MAX {
            return Err(Wrong::new(format!("{file} is too long for a signature"), "put the signature there, alone"));
        }
        draft.signatures.push((signer, file, text));
    }
    Ok(drafts)
}

/// The names of a folder's files, sorted.
fn listed(folder: &Path, most: usize, kind: &str, wanted: impl Fn(&str) -> bool) -> Result<Vec<String>, Wrong> {
    let shown = folder.display();
    let unread = |error: std::io::Error| {
        Wrong::new(format!("{shown} cannot be read ({error})"), "name the folder that holds your .cedar files")
    };
    let mut names = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(unread)? {
        let entry = entry.map_err(unread)?;
        let name = entry.file_name();
        // Nor a link, whose end others may change, nor a pipe that would be waited for.
        if !entry.file_type().is_ok_and(|kind| kind.is_file()) {
            let what = format!("{shown} holds {}, which is no plain file", name.display());
            return Err(Wrong::new(what, "put the file itself there"));
        }
        let name = name.to_str().filter(|name| wanted(name)).map(str::to_owned).ok_or_else(|| {
            let what = format!("{shown} holds {}, which is no {kind} and would not be read", name.display());
            Wrong::new(what, "move it elsewhere, or rename it")
        })?;
        names.push(name);
        if names.len() > most {
            return Err(Wrong::new(format!("{shown} holds too many files"), format!("at most {most}")));
        }
    }
    if !names.iter().any(|name| name.ends_with(".cedar")) {
        return Err(Wrong::new(
            format!("{shown} holds no .cedar file"),
            "put one there, or leave the folder out of [policies]",
        ));
    }
    names.sort();
    Ok(names)
}

fn own_text(folder: &Path, name: &str, what: &str) -> Result<String, Wrong> {
    let bytes = files::read(&folder.join(name), Kept::Guarded, what)?;
    String::from_utf8(bytes).map_err(|_| Wrong::new(format!("{name} is not a text in UTF-8"), "save it in UTF-8"))
}
