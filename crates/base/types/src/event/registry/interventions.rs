//! Suppliers, equipment, interventions, relays.

use super::{Do, Documented, Form, codes, entry, written};
use crate::Event;

pub(super) const ENTRIES: &[Documented] = &[
    entry(
        Event::SupplierRegistered,
        &[written(Form::Effect, "a supplier was registered", "target: the supplier")],
        &["interventions:T10"],
        codes("110113", Do::Create).of_type("110137"),
    ),
    entry(
        Event::EquipmentRegistered,
        &[written(
            Form::Effect,
            "an equipment was registered or changed, signed by an administrator",
            "target: the equipment; detail: the version",
        )],
        &["interventions:T10"],
        codes("110113", Do::Update).of_type("110129"),
    ),
    entry(
        Event::InterventionRequested,
        &[written(
            Form::Effect,
            "an intervention was asked for",
            "target: the intervention; detail: the equipment. Purpose, people and window are in the sealed row",
        )],
        &["interventions:O2", "interventions:O3"],
        codes("110113", Do::Create).of_type("110136"),
    ),
    entry(
        Event::InterventionApproved,
        &[written(
            Form::Effect,
            "somebody who answers for the equipment signed; the quorum may not be reached",
            "target: the intervention",
        )],
        &["interventions:O3", "interventions:O6"],
        codes("110113", Do::Update).of_type("110136"),
    ),
    entry(
        Event::InterventionRefused,
        &[written(Form::Effect, "it was refused", "target: the intervention")],
        &["interventions:O3"],
        codes("110113", Do::Update).of_type("110136"),
    ),
    entry(
        Event::InterventionWithdrawn,
        &[written(Form::Effect, "those who asked took it back", "target: the intervention")],
        &["interventions:O3"],
        codes("110113", Do::Update).of_type("110136"),
    ),
    entry(
        Event::InterventionOpened,
        &[written(Form::Effect, "it was opened, other than by a first session", "target: the intervention")],
        &["interventions:O7"],
        codes("110113", Do::Execute).of_type("110139"),
    ),
    entry(
        Event::InterventionExtended,
        &[written(Form::Effect, "a later end was signed", "target: the intervention")],
        &["interventions:O6"],
        codes("110113", Do::Update).of_type("110136"),
    ),
    entry(
        Event::InterventionHeld,
        &[written(Form::Effect, "\"do not interrupt\" was signed", "target: the intervention")],
        &["interventions:O8"],
        codes("110113", Do::Update).of_type("110136"),
    ),
    entry(
        Event::InterventionReleased,
        &[written(Form::Effect, "it was lifted", "target: the intervention")],
        &["interventions:O8"],
        codes("110113", Do::Update).of_type("110136"),
    ),
    entry(
        Event::InterventionClosed,
        &[written(Form::Effect, "it was closed", "target: the intervention")],
        &["interventions:O7"],
        codes("110113", Do::Execute).of_type("110140"),
    ),
    entry(
        Event::InterventionCut,
        &[
            written(Form::Effect, "it was cut; follows a cut already in force", "target: the intervention"),
            written(
                Form::Note,
                "it was cut, where journal or database did not take it in time",
                "target; detail: when, and the reason given",
            ),
        ],
        &["interventions:O8"],
        codes("110113", Do::Execute).of_type("110140"),
    ),
    entry(
        Event::InterventionLapsed,
        &[written(
            Form::Effect,
            "its window was over; or a cut was written late, or after a restart",
            "author `system.node`; target: the intervention",
        )],
        &["interventions:O8"],
        codes("110113", Do::Execute).of_type("110140"),
    ),
    entry(
        Event::RelayOpened,
        &[written(
            Form::Effect,
            "a technician tried to open a session; the outcome says whether he did. Where nothing was found to try: `access.refused`",
            "target: the session; detail: the intervention",
        )],
        &["interventions:T11", "clausier:O-9.9"],
        codes("110113", Do::Execute).of_type("110139"),
    ),
    entry(
        Event::RelayKeyOpened,
        &[written(
            Form::Note,
            "a code, or an approval in the browser, opened a key, from an address, for an intervention",
            "target, detail",
        )],
        &["interventions:T1"],
        codes("110114", Do::Execute).of_type("110122"),
    ),
    entry(
        Event::RelayApprovalAsked,
        &[written(
            Form::Effect,
            "a sign-in by SSH, its key shown, asked to be approved in the browser; refused where another waits from elsewhere, \
             several brought nobody in, or one was refused, within ten minutes",
            "author `system.door`; target: the account; detail: which",
        )],
        &["acces-web:AA7", "interventions:T1"],
        codes("110114", Do::Execute).of_type("110122"),
    ),
    entry(
        Event::RelayApprovalGiven,
        &[written(
            Form::Effect,
            "its holder approved it, from the same address; the sign-in that follows is a `session.sign_in` of its own",
            "target: the account; detail: which",
        )],
        &["acces-web:AA4", "interventions:T1"],
        codes("110114", Do::Execute).of_type("110122"),
    ),
    entry(
        Event::RelayApprovalRefused,
        &[written(Form::Effect, "its holder said that it is not his", "target: the account; detail: which")],
        &["acces-web:AA8", "interventions:T1"],
        codes("110113", Do::Execute).of_type("110122"),
    ),
    entry(
        Event::RelayApprovalExpired,
        &[written(
            Form::Effect,
            "nobody came in by it: its two minutes were over, its connection gone, or the code was typed",
            "author `system.door`; target: the account; detail: which",
        )],
        &["interventions:T1"],
        codes("110114", Do::Update).of_type("110122"),
    ),
    entry(
        Event::RelayClosed,
        &[written(
            Form::Effect,
            "a session ended; counts and reason are in its sealed row",
            "author `system.node`; target: the session",
        )],
        &["interventions:T11"],
        codes("110113", Do::Execute).of_type("110140"),
    ),
    entry(
        Event::RelayCommand,
        &[written(
            Form::Note,
            "a command or a transfer without terminal ended",
            "target: the session; detail: kind, bytes and SHA-256 in both directions, status, the command's first 1,000 characters",
        )],
        &["interventions:T11"],
        codes("110113", Do::Execute).of_type("110132"),
    ),
    entry(
        Event::RelayFile,
        &[written(
            Form::Note,
            "a file passed, or a name was changed, over SFTP; written before the technician is told how it ended",
            "target: the session; detail: channel, what and how it ended, bytes and SHA-256 in both directions, the names",
        )],
        &["interventions:T11"],
        codes("110113", Do::Execute).of_type("110132"),
    ),
    entry(
        Event::RelayCut,
        &[
            written(Form::Effect, "a session was cut", "target: the session"),
            written(
                Form::Note,
                "a session was cut, where journal or database did not take it in time",
                "target; detail: when, and the reason given",
            ),
        ],
        &["interventions:O8"],
        codes("110113", Do::Execute).of_type("110140"),
    ),
    entry(
        Event::RelayAlarm,
        &[written(
            Form::Note,
            "target out of reach or with another key, recording, store, \"do not interrupt\" past the window",
            "target: the session; detail: what",
        )],
        &["interventions:T11"],
        codes("110113", Do::Execute),
    ),
    entry(
        Event::RelayWatched,
        &[written(
            Form::Released,
            "somebody began to watch a session; written before the first picture",
            "target: the session",
        )],
        &["interventions:O8"],
        codes("110113", Do::Read).of_type("110132"),
    ),
    entry(
        Event::RecordingReplayed,
        &[written(Form::Released, "somebody opened a recording; written before the first byte", "target: the session")],
        &["interventions:O8"],
        codes("110113", Do::Read).of_type("110132"),
    ),
];
