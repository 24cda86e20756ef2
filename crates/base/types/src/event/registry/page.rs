//! docs/events.md, as the registry renders it.

use super::{Documented, Family};
use std::fmt::Write as _;

const HEAD: &str = "\
# Events

Each type that the journal may record, by family. This page is made from the registry in `crates/base/types/src/event/registry/`;
`POTERNE_WRITE_DOCS=1 cargo test -p types --test events` writes it anew. The word of an event never changes once written.

Every entry says its time to the microsecond and whether the node's clock was synchronized, the type, the act's trace id, and what became of
it: an intent's is in its outcome; what was noted or shown is done; refusals are refused. The node is the journal's origin, the name of its
folder and of its checkpoints. Below, what else the sealed body says, and the rules served. Kinds and keys: [journal.md](journal.md).

A family's term is how long its entries are meant to stay readable, by default and at least.

Where a person acts, the body has his account, role, establishment, door, session, the terminal's address and, but for notes and refusals, the purpose.

The last two columns are how audit messages of health care name the event: DICOM (PS3.15 A.5: event identifier, type code, action) and FHIR R4
AuditEvent (type, subtype, action). Nothing is sent in these forms yet.
";

const FOOT: &str = "
Lists of interventions, equipment, means and rules leave no entry when they are allowed. An outcome's body names the author only; it is found by its trace id. A first step of sign-in leaves no entry unless refused; so does
a session that is merely over. Requests for pages without health data (the sign-in page, one's session, assets) leave none of their own.
";

/// The whole page.
pub fn events_page() -> String {
    let mut page = HEAD.to_owned();
    for family in Family::ALL {
        // Writing to a String cannot fail.
        let _ = write!(
            page,
            "\n## {family}\n\nTerm by default: {} months; at least {}.\n\n\
             | event | kind | when | also says | rules | DICOM | FHIR |\n| --- | --- | --- | --- | --- | --- | --- |\n",
            family.retention_months_default(),
            family.retention_months_min(),
        );
        family.documented().iter().for_each(|entry| rows(&mut page, entry));
    }
    page.push_str(FOOT);
    page
}

fn rows(page: &mut String, Documented { event, written, rules, codes }: &Documented) {
    let named = |first: &str, second: Option<&str>| {
        let second = second.map(|code| format!(" {code}")).unwrap_or_default();
        format!("{first}{second} {}", codes.action)
    };
    let dicom = named(codes.event_id, codes.event_type);
    let fhir = named(codes.fhir_type(), codes.fhir_subtype());
    for way in *written {
        let (form, when, says, rules) = (way.form, way.when, way.says, rules.join(" "));
        let _ = writeln!(page, "| `{event}` | {form} | {when} | {says} | {rules} | {dicom} | {fhir} |");
    }
}
