//! Health data shown.

use super::{Do, Documented, Form, codes, entry, written};
use crate::Event;

pub(super) const ENTRIES: &[Documented] = &[
    entry(
        Event::StrayObject,
        &[written(Form::Note, "the SIS answered outside the scope; nothing was shown", "detail: the object")],
        &["acces-web:AA2"],
        codes("110113", Do::Execute),
    ),
    entry(
        Event::PeopleRead,
        &[written(Form::Released, "the list of people one may see was shown", "patients")],
        &["acces-web:TR1", "clausier:O-6.3"],
        codes("110112", Do::Execute).rest("search-type"),
    ),
    entry(
        Event::RecordRead,
        &[written(Form::Released, "a record's lists were shown", "patients, objects")],
        &["acces-web:TR1", "clausier:O-6.3"],
        codes("110110", Do::Read).rest("read"),
    ),
    entry(
        Event::ResultRead,
        &[written(Form::Released, "a result was shown", "patient, object")],
        &["acces-web:TR1", "clausier:O-6.3"],
        codes("110110", Do::Read).rest("read"),
    ),
    entry(
        Event::DocumentRead,
        &[written(Form::Released, "a document's description was shown", "patient, object")],
        &["acces-web:TR1", "clausier:O-6.3"],
        codes("110110", Do::Read).rest("read"),
    ),
    entry(
        Event::DocumentOpened,
        &[written(Form::Released, "a document, or a result's printed sheet, was given", "patient, object")],
        &["acces-web:TR1", "clausier:O-6.3"],
        codes("110110", Do::Read).rest("read"),
    ),
    entry(
        Event::SightingsAsked,
        &[written(
            Form::Effect,
            "a patient asked who saw his record, and no answer of the last half minute was there",
            "patient",
        )],
        &["acces-web:TR3"],
        codes("110101", Do::Read),
    ),
    entry(
        Event::SightingsGiven,
        &[written(
            Form::Effect,
            "a node that may read traces answered: what it found of that patient's, sealed to the portal",
            "author `system.node`; patient; detail: how many",
        )],
        &["acces-web:TR3"],
        codes("110101", Do::Read),
    ),
    entry(
        Event::SightingsRead,
        &[written(Form::Released, "the answer was shown to him", "patient")],
        &["acces-web:TR3"],
        codes("110101", Do::Read),
    ),
    entry(
        Event::TracesSearched,
        &[written(
            Form::Released,
            "raw traces were searched; written before anything is read",
            "detail: what was searched for",
        )],
        &["acces-web:TR3", "acces-web:HE8"],
        codes("110101", Do::Read),
    ),
    entry(
        Event::TracesExported,
        &[written(
            Form::Released,
            "raw traces left as a file; written before the first byte",
            "detail: what was asked for",
        )],
        &["acces-web:TR3", "acces-web:HE8"],
        codes("110106", Do::Read),
    ),
    entry(
        Event::SearchSaved,
        &[written(
            Form::Effect,
            "a trace controller keeps a search under a name, in the place of one of the same name; refused: as many as may be",
            "target: `search:<id>`; detail: what it asks for",
        )],
        &["acces-web:TR3"],
        codes("110101", Do::Create),
    ),
    entry(
        Event::SearchForgotten,
        &[written(
            Form::Effect,
            "a trace controller forgot a search of his own; refused: absent",
            "target: `search:<id>`",
        )],
        &["acces-web:TR3"],
        codes("110101", Do::Delete),
    ),
    entry(
        Event::RetentionAsked,
        &[written(
            Form::Note,
            "a trace controller asked for a retention, a legal hold or its end, or for more or less to be recorded beyond the minimum; nothing changes yet",
            "detail: why; in clear: what, by whom as a keyed token",
        )],
        &["acces-web:TR3"],
        codes("110101", Do::Update),
    ),
    entry(
        Event::RetentionConfirmed,
        &[written(Form::Note, "another one confirmed it", "in clear: which, by whom as a keyed token")],
        &["acces-web:TR3"],
        codes("110101", Do::Update),
    ),
    entry(
        Event::RetentionWithdrawn,
        &[written(Form::Note, "it was taken back", "in clear: which, by whom as a keyed token")],
        &["acces-web:TR3"],
        codes("110101", Do::Update),
    ),
];
