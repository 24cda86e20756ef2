//! The answers, for people at a terminal.

use identity::Assurance;
use policy::{Ask, Cause, Explanation, Need, PolicyText, Signed, Supposed, Verdict, Way};
use signin::Standing;
use std::fmt::Write as _;
use types::{AccountState, Role};

/// One line of the list.
pub(super) fn line(one: &PolicyText) -> String {
    let effect = if one.forbids { "forbids" } else { "permits" };
    match &one.because {
        Some(because) if one.signed.is_some() => {
            let signed = one.signed.as_ref().map(signed).unwrap_or_default();
            format!("{effect}  {}  (the hospital's own, {signed}: {because})", one.id)
        }
        Some(because) => format!("{effect}  {}  (the hospital's own: {because})", one.id),
        None => format!("{effect}  {}  {}", one.id, one.rules.join(" ")),
    }
}

fn signed(signed: &Signed) -> String {
    let until = match signed.days_left {
        Some(days) => format!("until {}, {days} more days", signed.last_day),
        None => format!("ended on {}", signed.last_day),
    };
    format!("signed by {}, {until}", signed.by.join(", "))
}

/// One policy, whole.
pub(super) fn policy(one: &PolicyText) -> String {
    format!("{}\n\n{}", line(one), one.text)
}

/// All that somebody may do, door by door.
pub(super) fn all(standing: &Standing, may: &[(Ask, Vec<Way>)]) -> String {
    let mut told = warning(standing);
    for (ask, ways) in may {
        for way in ways {
            let asks = asked(way.assurance, way.fresh);
            let need = way.explanation.need().map(|need| format!(", where {}", words(&need))).unwrap_or_default();
            let _ = writeln!(told, "{:18} {:9} {asks}{need}", ask.as_str(), way.door.as_str());
        }
    }
    let never: Vec<&str> = may.iter().filter(|(_, ways)| ways.is_empty()).map(|(ask, _)| ask.as_str()).collect();
    if !never.is_empty() {
        let _ = writeln!(told, "\nnever: {}", never.join(", "));
    }
    told.trim_end().to_owned()
}

/// One act: the answer, why, and what would change it.
pub(super) fn one(
    standing: &Standing,
    who: &Supposed,
    answer: &Explanation,
    (ways, roles): (&[Way], &[Role]),
) -> String {
    let mut told = warning(standing);
    let fresh = if who.fresh { "just signed in" } else { "signed in long ago" };
    let how = format!("{} at {}, {}, {fresh}", who.role, who.door, recognized(who.assurance));
    let verdict = match answer.verdict {
        Verdict::Yes => "yes",
        Verdict::Where => "yes, where what follows holds",
        Verdict::No => "no",
    };
    let _ = writeln!(told, "{} by {how}: {verdict}", answer.action.as_str());
    let line = |told: &mut String, word: &str, link: &str, cause: &Cause| {
        let need = cause.need.as_ref().map(|need| format!("{link}{}", words(need))).unwrap_or_default();
        let by = cause.signed.as_ref().map(|one| format!("; {}", signed(one))).unwrap_or_default();
        let because = cause.because.as_ref().map(|because| format!(" ({because}{by})")).unwrap_or_default();
        let _ = writeln!(told, "  {word} {}{because}{need}", cause.policy);
    };
    for cause in &answer.permits {
        line(&mut told, "permitted by", ", where ", cause);
    }
    for cause in &answer.forbids {
        line(&mut told, "forbidden by", ", unless ", cause);
    }
    for cause in &answer.misses {
        line(&mut told, "not permitted by", ", which needs ", cause);
    }
    if answer.verdict == Verdict::No {
        for way in ways {
            let asks = asked(way.assurance, way.fresh);
            let _ = writeln!(told, "  he may at {}, {asks}", way.door);
        }
        if ways.is_empty() {
            let never = if roles.contains(&who.role) { "this very account never" } else { "in that role never" };
            let roles: Vec<&str> = roles.iter().map(|role| role.as_str()).collect();
            let may = if roles.is_empty() { "nobody".to_owned() } else { roles.join(", ") };
            let _ = writeln!(told, "  {never}; the roles that may: {may}");
        }
    }
    told.trim_end().to_owned()
}

/// Whatever the policies say, an account that is not active does nothing.
fn warning(standing: &Standing) -> String {
    match standing.state {
        AccountState::Active => String::new(),
        state => format!("the account is {}: it does nothing until it is active; if it were:\n", state.as_str()),
    }
}

fn recognized(assurance: Assurance) -> &'static str {
    match assurance {
        Assurance::System => "a part of the system",
        Assurance::Token => "by a token",
        Assurance::Envelopes => "by sealed envelopes",
        Assurance::TwoFactors => "with two factors",
        Assurance::Passkey => "with a passkey",
    }
}

fn asked(assurance: Assurance, fresh: bool) -> String {
    let least = match assurance {
        Assurance::System | Assurance::Token | Assurance::Envelopes => "even by a token",
        Assurance::TwoFactors => "with two factors",
        Assurance::Passkey => "with a passkey",
    };
    if fresh { format!("{least}, signed in less than ten minutes ago") } else { least.to_owned() }
}

/// A need in the policies' own words.
fn words(need: &Need) -> String {
    let joined = |all: &[Need], word: &str| {
        let inner = |need: &Need| match need {
            Need::All(_) | Need::Any(_) => format!("({})", words(need)),
            _ => words(need),
        };
        all.iter().map(inner).collect::<Vec<_>>().join(word)
    };
    match need {
        Need::All(all) => joined(all, " and "),
        Need::Any(any) => joined(any, " or "),
        Need::Is(text) => text.clone(),
        Need::Not(text) => format!("not {text}"),
    }
}
