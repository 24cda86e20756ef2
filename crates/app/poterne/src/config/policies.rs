//! `[policies]`: the hospital's own policies, beside Poterne's.

use super::{
    files::{self, Kept},
    reading::{Section, Wrong, text},
};
use policy::{OWN_FILES_MAX, Policies};
use std::{path::Path, sync::Arc};

/// Reads them all. Without the section, Poterne's alone. `None` only after a mistake was noted.
pub(super) fn policies(section: &Section<'_>, folder: &Path) -> Option<Arc<Policies>> {
    let own = if section.is_there() {
        section.required("own_folder", "\"policies\"", |value| in_folder(&folder.join(text(value, 1000)?)))
    } else {
        Some(Vec::new())
    };
    section.finish();
    match Policies::with_own(own?) {
        Ok(policies) => Some(Arc::new(policies)),
        Err(bad) => {
            for line in bad.lines() {
                let remedy =
                    "mend it, and try it with `poterne policy check FOLDER`; docs/policies.md says what they may hold";
                section.wrong("own_folder", line.replace('\n', " "), remedy);
            }
            None
        }
    }
}

/// The policies of a folder, in the order of their names. Anything else in there is a mistake: a file that was meant to forbid
/// and is not read forbids nothing.
pub(crate) fn in_folder(folder: &Path) -> Result<Vec<(String, String)>, Wrong> {
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
        let name = name
            .to_str()
            .filter(|name| name.ends_with(".cedar") && !name.starts_with('.'))
            .map(str::to_owned)
            .ok_or_else(|| {
            let what = format!("{shown} holds {}, which is no .cedar file and would not be read", name.display());
            Wrong::new(what, "move it elsewhere, or rename it")
        })?;
        names.push(name);
        if names.len() > OWN_FILES_MAX {
            return Err(Wrong::new(format!("{shown} holds too many files"), format!("at most {OWN_FILES_MAX}")));
        }
    }
    if names.is_empty() {
        return Err(Wrong::new(format!("{shown} holds no .cedar file"), "put one there, or leave [policies] out"));
    }
    names.sort();
    let read = |name: String| {
        let bytes = files::read(&folder.join(&name), Kept::Guarded, "your policies (Cedar)")?;
        let text = String::from_utf8(bytes);
        let text = text.map_err(|_| Wrong::new(format!("{name} is not a text in UTF-8"), "save it in UTF-8"))?;
        Ok((name, text))
    };
    names.into_iter().map(read).collect()
}
