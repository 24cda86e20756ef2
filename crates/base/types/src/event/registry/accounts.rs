//! Establishments, accounts, rights, means of signing in.

use super::{Do, Documented, Form, codes, entry, written};
use crate::Event;

pub(super) const ENTRIES: &[Documented] = &[
    entry(
        Event::EstablishmentCreated,
        &[written(Form::Effect, "an establishment was created", "author `system.operator` or `system.demo`")],
        &["acces-web:TR1"],
        codes("110113", Do::Create).of_type("110129"),
    ),
    entry(
        Event::AccountCreated,
        &[
            written(Form::Effect, "an account was created", "target: the account; detail: the role"),
            written(
                Form::Effect,
                "the hospital's directory knows somebody new: his account waits for a link",
                "author `system.directory`; target: the account; detail: the role",
            ),
        ],
        &["segur:SC.SSI/IAM.91"],
        codes("110113", Do::Create).of_type("110137"),
    ),
    entry(
        Event::AddressChanged,
        &[written(
            Form::Effect,
            "where an account's mail goes was changed; the former address is told",
            "target: the account; detail: whether there is an address from now on, never which",
        )],
        &["acces-web:GA4", "segur:SC.SSI/IAM.91"],
        codes("110113", Do::Update).of_type("110137"),
    ),
    entry(
        Event::AttributesCorrected,
        &[written(
            Form::Effect,
            "who an account's holder is was corrected by somebody who manages accounts; the holder is told by mail",
            "target: the account; detail: the names of before and those of now if they changed, which others changed, how his \
             identity was verified",
        )],
        &["segur:SC.SSI/IE.33", "segur:SC.SSI/IAM.91", "acces-web:GA4"],
        codes("110113", Do::Update).of_type("110137"),
    ),
    entry(
        Event::MailSent,
        &[written(
            Form::Effect,
            "the hospital's mail server took a message; what was kept of it is gone",
            "author `system.node`; target: the account that it was about; detail: what it told (`link`, \
             `password_changed`…) and what names it, neither its address nor its text",
        )],
        &["acces-web:AA6", "segur:SC.SSI/IAM.91"],
        codes("110113", Do::Execute),
    ),
    entry(
        Event::ReviewsReminded,
        &[written(
            Form::Effect,
            "administrators were written to that accounts are due to be looked at again, or will be within a week",
            "author `system.node`; detail: how many accounts, and to how many administrators",
        )],
        &["acces-web:GA4", "segur:SC.SSI/IAM.91"],
        codes("110113", Do::Execute),
    ),
    entry(
        Event::MailGivenUp,
        &[written(
            Form::Effect,
            "a message could not leave for two days, or as long as its link served; what was kept of it is gone",
            "author `system.node`; target: the account that it was about; detail: why",
        )],
        &["acces-web:AA6", "segur:SC.SSI/IAM.91"],
        codes("110113", Do::Delete),
    ),
    entry(
        Event::LinkDrawn,
        &[written(
            Form::Effect,
            "a link was drawn by which somebody chooses his password and second factor; those drawn before serve no more",
            "target: the account; detail: the link's identifier, how the identity was verified, whether a second person \
             must confirm, and the passkey that signed where that is asked",
        )],
        &["acces-web:AA6", "acces-web:GA4", "segur:SC.SSI/IAM.91"],
        codes("110113", Do::Create).of_type("110137"),
    ),
    entry(
        Event::LinkConfirmed,
        &[written(
            Form::Effect,
            "a second person confirmed the link of a role that decides over others",
            "target: the account; detail: the link's identifier, and the passkey that signed where that is asked",
        )],
        &["segur:SC.SSI/IAM.91"],
        codes("110113", Do::Update).of_type("110137"),
    ),
    entry(
        Event::LinkAllowed,
        &[written(
            Form::Effect,
            "an account's holder, who had just proved who he is, let a link to other means serve before its time",
            "target: the account; author: its holder; detail: the link's identifier",
        )],
        &["acces-web:GA4", "segur:SC.SSI/IAM.91"],
        codes("110113", Do::Update).of_type("110137"),
    ),
    entry(
        Event::LinkWithdrawn,
        &[written(Form::Effect, "it was taken back", "target: the account; detail: the link's identifier")],
        &["segur:SC.SSI/IAM.91"],
        codes("110113", Do::Delete).of_type("110137"),
    ),
    entry(
        Event::LinkUsed,
        &[written(
            Form::Effect,
            "its holder chose his password and second factor; refused if the link served, was replaced or is over",
            "target: the account; detail: the link's identifier. Sessions, spare codes and tokens of before are gone with it",
        )],
        &["acces-web:AA6", "segur:SC.SSI/IAM.91"],
        codes("110113", Do::Update).of_type("110137"),
    ),
    entry(
        Event::BreakGlassOpened,
        &[written(
            Form::Effect,
            "an account was opened that signs in by two sealed envelopes and nothing else; it has none yet",
            "target: the account; detail: the role",
        )],
        &["acces-web:GA4", "segur:SC.SSI/IAM.91"],
        codes("110113", Do::Create).of_type("110137"),
    ),
    entry(
        Event::EnvelopeDrawn,
        &[written(
            Form::Effect,
            "the first envelope was drawn; those that serve go on serving until a second person confirms",
            "target: the account; detail: what names the two envelopes",
        )],
        &["acces-web:GA4", "segur:SC.SSI/IAM.91"],
        codes("110113", Do::Create).of_type("110137"),
    ),
    entry(
        Event::EnvelopesConfirmed,
        &[written(
            Form::Effect,
            "a second person confirmed, and drew the second envelope; those of before serve no more",
            "target: the account; detail: what names the two envelopes",
        )],
        &["acces-web:GA4", "segur:SC.SSI/IAM.91"],
        codes("110113", Do::Update).of_type("110137"),
    ),
    entry(
        Event::EnvelopesRevoked,
        &[written(
            Form::Effect,
            "the envelopes serve no more, nor does the one that waited; sessions opened by them ended",
            "target: the account",
        )],
        &["acces-web:GA4", "segur:SC.SSI/IAM.91"],
        codes("110113", Do::Delete).of_type("110137"),
    ),
    entry(
        Event::SheetDrawn,
        &[written(
            Form::Effect,
            "a sheet of one-time codes was drawn and printed; what was the second factor goes on serving until a second \
             person confirms, or a link is taken with a code of it",
            "target: the account; detail: the sheet, and how the identity was verified",
        )],
        &["acces-web:AA4", "acces-web:GA4", "segur:SC.SSI/IAM.91"],
        codes("110113", Do::Create).of_type("110137"),
    ),
    entry(
        Event::SheetConfirmed,
        &[written(
            Form::Effect,
            "a second person confirmed a sheet: it is the second factor, the one before serves no more; sessions ended",
            "target: the account; detail: the sheet",
        )],
        &["acces-web:AA4", "acces-web:GA4", "segur:SC.SSI/IAM.91"],
        codes("110113", Do::Update).of_type("110137"),
    ),
    entry(
        Event::SheetWithdrawn,
        &[written(
            Form::Effect,
            "a sheet was lost or is not wanted: none of its codes serves any more; if it served, sessions ended",
            "target: the account; detail: the sheet",
        )],
        &["acces-web:AA4", "acces-web:GA4", "segur:SC.SSI/IAM.91"],
        codes("110113", Do::Delete).of_type("110137"),
    ),
    entry(
        Event::AccountStateChanged,
        &[
            written(
                Form::Effect,
                "an account was suspended, blocked, reopened or closed",
                "target: the account; detail: the state, and why",
            ),
            written(
                Form::Effect,
                "an account followed what the hospital's directory says: its name, its role, its departure",
                "author `system.directory`; target: the account; detail: the state and the role, and why",
            ),
        ],
        &["acces-web:GA4", "segur:SC.SSI/IAM.91", "segur:SC.SSI/IE.58"],
        codes("110113", Do::Update).of_type("110137"),
    ),
    entry(
        Event::AccountReviewed,
        &[written(Form::Effect, "somebody looked at an account again and left it as it is", "target: the account")],
        &["acces-web:GA4"],
        codes("110113", Do::Update).of_type("110137"),
    ),
    entry(
        Event::PasswordChanged,
        &[written(
            Form::Effect,
            "somebody changed his password; refused if the former one was wrong",
            "target: the account",
        )],
        &["segur:SC.SSI/IAM.91", "clausier:O-5.2"],
        codes("110113", Do::Update).of_type("110137"),
    ),
    entry(
        Event::PasswordRehashed,
        &[written(
            Form::Note,
            "a sign-in was right, and the password, kept under weaker parameters than today's, was hashed again in its \
             commit; the password stays, and all that goes with it",
            "author `system.door`; detail: the account",
        )],
        &["acces-web:AA4", "clausier:O-5.2"],
        codes("110113", Do::Update).of_type("110137"),
    ),
    entry(
        Event::SecondFactorChanged,
        &[written(
            Form::Effect,
            "somebody changed his second factor; refused if his password was wrong",
            "target: the account",
        )],
        &["segur:SC.SSI/IAM.91"],
        codes("110113", Do::Update).of_type("110137"),
    ),
    entry(
        Event::SpareCodesDrawn,
        &[written(
            Form::Effect,
            "spare codes were drawn, in place of those before; refused if the password was wrong",
            "target: the account",
        )],
        &["segur:SC.SSI/IAM.91"],
        codes("110113", Do::Update).of_type("110137"),
    ),
    entry(
        Event::SessionRulesSet,
        &[written(
            Form::Effect,
            "an administrator decided how long a population's sessions last, or how many one person may have",
            "detail: the population and what was decided",
        )],
        &["acces-web:AA8", "acces-web:AA13", "acces-web:DT9"],
        codes("110113", Do::Update),
    ),
    entry(
        Event::PatientRegistered,
        &[written(Form::Effect, "a patient of the SIS was given an identifier here", "patient")],
        &["acces-web:TR1"],
        codes("110110", Do::Create).rest("create"),
    ),
    entry(
        Event::RelationGranted,
        &[written(
            Form::Effect,
            "own record, mandate or care was granted",
            "patient; target: the account. What it covers and its dates are in the sealed relation, not in the trace",
        )],
        &["segur:SC.SSI/IAM.91", "acces-web:GA4"],
        codes("110113", Do::Create).of_type("110136"),
    ),
    entry(
        Event::SshKeyAdded,
        &[written(Form::Effect, "a key for SSH was added", "target: the account; detail: the fingerprint")],
        &["interventions:T1"],
        codes("110113", Do::Create).of_type("110137"),
    ),
    entry(
        Event::SshKeyRemoved,
        &[written(Form::Effect, "a key for SSH was removed", "target: the account; detail: the fingerprint")],
        &["interventions:T1"],
        codes("110113", Do::Delete).of_type("110137"),
    ),
    entry(
        Event::PasskeyEnrolled,
        &[written(
            Form::Effect,
            "a passkey was enrolled; it signs nothing yet",
            "target: the account; detail: the credential",
        )],
        &["segur:SC.SSI/IAM.91"],
        codes("110113", Do::Create).of_type("110137"),
    ),
    entry(
        Event::PasskeyVouched,
        &[written(
            Form::Effect,
            "an administrator signed its enrolment",
            "target: the account; detail: the credential",
        )],
        &["segur:SC.SSI/IAM.91"],
        codes("110113", Do::Update).of_type("110137"),
    ),
    entry(
        Event::PasskeyRevoked,
        &[written(Form::Effect, "it was revoked", "target: the account; detail: the credential")],
        &["segur:SC.SSI/IAM.91"],
        codes("110113", Do::Delete).of_type("110137"),
    ),
    entry(
        Event::TokenIssued,
        &[written(Form::Effect, "a token of the interfaces was issued", "target: the account; detail: the token")],
        &["acces-web:AA10"],
        codes("110113", Do::Create).of_type("110137"),
    ),
    entry(
        Event::TokenRevoked,
        &[written(Form::Effect, "a token was revoked", "target: the account; detail: the token")],
        &["acces-web:AA10"],
        codes("110113", Do::Delete).of_type("110137"),
    ),
];
