//! Who came and who was refused.

use super::{Do, Documented, Form, codes, entry, written};
use crate::Event;

pub(super) const ENTRIES: &[Documented] = &[
    entry(
        Event::SignIn,
        &[written(
            Form::Effect,
            "the second step; *done*: a session was opened, *refused*: something was wrong or too early",
            "author `system.door`; target: the account, if the login exists",
        )],
        &["acces-web:TR1", "clausier:O-6.2"],
        codes("110114", Do::Execute).of_type("110122"),
    ),
    entry(
        Event::SignInAlarm,
        &[written(
            Form::Note,
            "within ten minutes, one network failed on twenty logins, all of them on two hundred, or one login from eight \
             networks; each once in that time on each node",
            "author `system.door`; detail: which of the three, and the network or the account",
        )],
        &["acces-web:AA7", "clausier:O-5.3"],
        codes("110113", Do::Execute),
    ),
    entry(
        Event::AlarmKept,
        &[written(
            Form::Effect,
            "an alarm of sign-ins, or of one that its account's holder says was not his, was kept for the desks of all nodes, and \
             administrators were written to if none had been of its kind for an hour; refused if it is there already",
            "author `system.node`; detail: which kind, and how many administrators",
        )],
        &["acces-web:AA7", "clausier:O-5.3"],
        codes("110113", Do::Execute),
    ),
    entry(
        Event::SignInDisowned,
        &[written(
            Form::Effect,
            "an account's holder says that a sign-in was not his; his sessions but the one he says it from, and his tokens, \
             ended; the desk is told",
            "target: the account; author: its holder, or `system.door` when he has no session",
        )],
        &["acces-web:AA8"],
        codes("110113", Do::Execute),
    ),
    entry(
        Event::BreakGlass,
        &[written(
            Form::Effect,
            "somebody gave the codes of two sealed envelopes; *done*: a session was opened, the desk and the account \
             administrators are told, and both envelopes serve no more; *refused*: something was wrong or too early",
            "author `system.door`; target: the account, if it is one of these; detail, once done: the session, the envelopes, \
             and the reason as it was typed",
        )],
        &["acces-web:AA7", "acces-web:TR1", "acces-web:GA4"],
        codes("110113", Do::Execute).of_type("110127"),
    ),
    entry(
        Event::BreakGlassReviewed,
        &[written(
            Form::Effect,
            "somebody else looked at what was done under such a session; the alarm goes",
            "target: the account; detail: the session, and what was found, as it was typed",
        )],
        &["acces-web:TR1", "acces-web:GA4"],
        codes("110113", Do::Update),
    ),
    entry(
        Event::SignOut,
        &[
            written(
                Form::Effect,
                "a session was ended; follows a revocation already in force",
                "detail `asked`, or `fault` when an internal fault closed it",
            ),
            written(
                Form::Note,
                "signed out while the record could not be read",
                "author `system.door`; detail: the session",
            ),
        ],
        &["acces-web:AA12", "acces-web:DT8"],
        codes("110114", Do::Execute).of_type("110123"),
    ),
    entry(
        Event::SessionsSeen,
        &[written(
            Form::Effect,
            "which sessions' browsers are still there was noted, once a minute at most for each door, where one session at a time is kept",
            "author `system.node`",
        )],
        &["acces-web:AA8"],
        codes("110114", Do::Update),
    ),
    entry(
        Event::SessionClosed,
        &[
            written(
                Form::Effect,
                "an internal error closed the session that met it: its record goes, so that no other node over the same \
                 database honors it",
                "author `system.node`; detail: the session",
            ),
            written(
                Form::Note,
                "the same, where its record could not be deleted: it is over on the node that met the error, and \
                 elsewhere at its end",
                "author `system.node`; detail: the session",
            ),
            written(
                Form::Note,
                "one session at a time is kept, and another sign-in to its account closed it",
                "author `system.door`; detail: the session",
            ),
        ],
        &["acces-web:AA8", "acces-web:DT8"],
        codes("110114", Do::Execute).of_type("110123"),
    ),
    entry(
        Event::SessionRenewed,
        &[written(Form::Effect, "the idle end was moved; at most once in a quarter of the idle time", "")],
        &["acces-web:AA13"],
        codes("110114", Do::Update),
    ),
    entry(
        Event::Refused,
        &[written(
            Form::Refusal,
            "nothing or nobody is known; not permitted; malformed; absent; forged or malformed token; too many or too early sign-in steps",
            "target: what was asked for in our words; detail: why",
        )],
        &["acces-web:TR1", "clausier:O-6.2"],
        codes("110113", Do::Execute).of_type("110132"),
    ),
    entry(
        Event::RefusalsFolded,
        &[written(
            Form::Folded,
            "a minute's refusals of one source and type beyond the bound",
            "author `system.node`; source; distinct targets; detail: type and distinct authors; count",
        )],
        &["acces-web:TR1"],
        codes("110113", Do::Execute).of_type("110132"),
    ),
    entry(
        Event::RequestMade,
        &[written(
            Form::Note,
            "somebody signed in asked for a page or sent a form; only while trace controllers have decided so",
            "target: method and path",
        )],
        &["acces-web:TR1", "acces-web:TR3"],
        codes("110100", Do::Execute),
    ),
    entry(
        Event::CallMade,
        &[written(
            Form::Note,
            "a program made a call with a token; only while trace controllers have decided so",
            "target: method and path",
        )],
        &["acces-web:TR1", "acces-web:TR3"],
        codes("110100", Do::Execute),
    ),
    entry(
        Event::TokenUsed,
        &[written(Form::Effect, "a token was used, the first time in an hour", "detail: the token")],
        &["acces-web:TR1"],
        codes("110114", Do::Execute).of_type("110122"),
    ),
];
