//! The node's own life.

use super::{Do, Documented, Form, codes, entry, written};
use crate::Event;

pub(super) const ENTRIES: &[Documented] = &[
    entry(
        Event::NodeStarted,
        &[written(
            Form::Note,
            "a journal was opened and settled, by `serve`, `demo` or `account`",
            "author `system.node`",
        )],
        &["acces-web:TR1"],
        codes("110100", Do::Execute).of_type("110120"),
    ),
    entry(
        Event::NodeStopped,
        &[written(Form::Note, "a clean stop; missing after a crash", "author `system.node`")],
        &["acces-web:TR1"],
        codes("110100", Do::Execute).of_type("110121"),
    ),
    entry(
        Event::NodeConfigured,
        &[written(
            Form::Note,
            "a node that serves was opened by a configuration",
            "author `system.node`; detail: the SHA-256 of the configuration file; of `demo`, that it has none",
        )],
        &["acces-web:TR1", "segur:SC.SSI/GEN.11"],
        codes("110113", Do::Execute).of_type("110131"),
    ),
    entry(
        Event::PolicyInForce,
        &[written(
            Form::Note,
            "a node that serves was opened, before its doors",
            "author `system.node`; detail: the SHA-256 of its policies and their schema, the hospital's own among them",
        )],
        &["acces-web:TR1", "acces-web:GA4"],
        codes("110113", Do::Execute).of_type("110129"),
    ),
    entry(
        Event::DoorStarted,
        &[written(
            Form::Note,
            "a door, or the witness that this node serves as, is about to take connections; without this entry it takes none",
            "author `system.node`; detail: which, and where it listens",
        )],
        &["acces-web:TR1"],
        codes("110100", Do::Execute).of_type("110120"),
    ),
    entry(
        Event::DoorStopped,
        &[written(
            Form::Note,
            "a door, or the witness, ended its last connection at a stop; missing after a crash",
            "author `system.node`; detail: which, and how many connections were cut",
        )],
        &["acces-web:TR1"],
        codes("110100", Do::Execute).of_type("110121"),
    ),
    entry(
        Event::SealKey,
        &[written(
            Form::SealKey,
            "the first event of a family comes after an opening of the journal or the turn of a month",
            "the data key, sealed",
        )],
        &["acces-web:DT4"],
        codes("110113", Do::Create).of_type("110129"),
    ),
    entry(
        Event::JournalWitnessed,
        &[written(
            Form::Note,
            "a witness cosigns this journal, for the first time since the start or again",
            "author `system.node`; detail: the witness",
        )],
        &["clausier:O-6.1"],
        codes("110100", Do::Execute),
    ),
    entry(
        Event::JournalUnwitnessed,
        &[written(
            Form::Note,
            "a witness has cosigned nothing for the configured age, or remembers another journal: the detail then begins with ALARM",
            "author `system.node`; detail: the witness and why",
        )],
        &["clausier:O-6.1"],
        codes("110113", Do::Execute),
    ),
    entry(
        Event::JournalFollowed,
        &[written(
            Form::Note,
            "the copy of another node's journal is whole, for the first time since the start or again",
            "author `system.node`; detail: the journal; or, of a copy of one of its keys, that it was destroyed",
        )],
        &["clausier:O-6.1"],
        codes("110100", Do::Execute),
    ),
    entry(
        Event::JournalUnfollowed,
        &[written(
            Form::Note,
            "another node's journal could not be copied for a minute, or what its node shows is not the journal that was: the detail then begins with ALARM",
            "author `system.node`; detail: the journal and why",
        )],
        &["clausier:O-6.1"],
        codes("110113", Do::Execute),
    ),
    entry(
        Event::JournalStamped,
        &[written(
            Form::Note,
            "an authority stamped a checkpoint of this journal, once a day; the stamp is kept already",
            "author `system.node`; detail: the number of entries under it, and how many attempts had failed before",
        )],
        &["clausier:O-6.1"],
        codes("110100", Do::Execute),
    ),
    entry(
        Event::JournalUnstamped,
        &[written(
            Form::Note,
            "no stamp is had for this day; once a day, however often it is tried",
            "author `system.node`; detail: why",
        )],
        &["clausier:O-6.1"],
        codes("110113", Do::Execute),
    ),
    entry(
        Event::GapDeclared,
        &[written(
            Form::Note,
            "a new journal begins in the place of one of which something is missing; it follows its first key",
            "author `system.node`; detail: predecessor, its key, the checkpoint that the database remembers, the one found",
        )],
        &["acces-web:TR1", "acces-web:DT4"],
        codes("110113", Do::Create).of_type("110129"),
    ),
    entry(
        Event::JournalKeyRenewed,
        &[written(
            Form::Note,
            "the key that signs the journal gave way to another, which it named while it served; at the opening after that",
            "author `system.node`; detail: both keys, how many entries the first one signed, their root",
        )],
        &["acces-web:TR1", "clausier:O-6.1"],
        codes("110113", Do::Update).of_type("110129"),
    ),
    entry(
        Event::JournalPurged,
        &[written(
            Form::Note,
            "the key of a family's month reached its term and is about to be destroyed",
            "author `system.node`; in clear: the pair, its entries, checkpoint, term, ground",
        )],
        &["clausier:O-6.5"],
        codes("110113", Do::Delete),
    ),
    entry(
        Event::KeyDestroyed,
        &[written(Form::Note, "it was destroyed", "author `system.node`; in clear: the pair")],
        &["clausier:O-6.5"],
        codes("110113", Do::Delete),
    ),
    entry(
        Event::MinimumRaised,
        &[written(
            Form::Note,
            "every entry before a minimum reached the longest retention and is about to go",
            "author `system.node`; in clear: the minimum, the root of what goes, its months, ground, what stays in force",
        )],
        &["clausier:O-6.5"],
        codes("110113", Do::Delete),
    ),
    entry(
        Event::JournalPruned,
        &[written(Form::Note, "they went", "author `system.node`; in clear: the minimum")],
        &["clausier:O-6.5"],
        codes("110113", Do::Delete),
    ),
    entry(
        Event::SessionsPurged,
        &[written(
            Form::Effect,
            "ended sessions, old counters, and old answers on who saw a record were deleted, when there are any",
            "author `system.node`",
        )],
        &["acces-web:AA11"],
        codes("110100", Do::Delete),
    ),
    entry(
        Event::MailTaken,
        &[written(
            Form::Effect,
            "a node took mail that waited, to send it; until its next turn nobody takes it again",
            "author `system.node`; detail: how much",
        )],
        &["acces-web:AA6"],
        codes("110100", Do::Execute),
    ),
    entry(
        Event::RehearsalSet,
        &[written(
            Form::Effect,
            "a synthetic equipment with an approved intervention was set up for a probe, in the place of what a stop left of one",
            "author `system.node`; target: the intervention; detail: the equipment",
        )],
        &["interventions:T10", "interventions:T11", "interventions:O8"],
        codes("110100", Do::Create),
    ),
    entry(
        Event::RehearsalCleared,
        &[written(
            Form::Effect,
            "it was taken down, with what came of it in the database; its traces stay",
            "author `system.node`; target: the intervention",
        )],
        &["interventions:T10", "interventions:T11", "interventions:O8"],
        codes("110100", Do::Delete),
    ),
    entry(
        Event::ProofRecorded,
        &[written(
            Form::Effect,
            "a probe's answer was kept in the place of the one before",
            "author `system.node`; detail: the probe",
        )],
        &["acces-web:GP9"],
        codes("110100", Do::Update),
    ),
];
