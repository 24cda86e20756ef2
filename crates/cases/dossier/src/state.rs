//! A rule's state: one word, one icon, one color each, and the one function that decides it.

use crate::{Kept, ProbeInfo, ProbeOutcome, Rule, RuleKey, Text, catalogue::words};
use types::{Lang, Time};

words! {
    /// How a rule stands.
    State {
        /// A live check says that it holds.
        Proved = "proved",
        /// Somebody signed that it holds (none yet: attestations come later).
        Attested = "attested",
        /// It holds in part.
        Partial = "partial",
        /// Nothing shows that it holds.
        Gap = "gap",
        /// It does not concern this subject.
        NotApplicable = "not_applicable",
        /// Its risk was treated otherwise, by decision of the SIS owner.
        Derogated = "derogated",
    }
}

impl State {
    /// The word that people read.
    pub const fn word(self, lang: Lang) -> &'static str {
        match (self, lang) {
            (State::Proved, Lang::Fr) => "prouvé",
            (State::Proved, Lang::En) => "proved",
            (State::Attested, Lang::Fr) => "attesté",
            (State::Attested, Lang::En) => "attested",
            (State::Partial, Lang::Fr) => "partiel",
            (State::Partial, Lang::En) => "partial",
            (State::Gap, Lang::Fr) => "manque",
            (State::Gap, Lang::En) => "gap",
            (State::NotApplicable, Lang::Fr) => "sans objet",
            (State::NotApplicable, Lang::En) => "not applicable",
            (State::Derogated, Lang::Fr) => "dérogé",
            (State::Derogated, Lang::En) => "derogated",
        }
    }

    /// The name of its icon on pages; the word and the color go with it.
    pub const fn icon(self) -> &'static str {
        match self {
            State::Proved => "proved",
            State::Attested => "attested",
            State::Partial => "partial",
            State::Gap => "gap",
            State::NotApplicable => "not-applicable",
            State::Derogated => "derogated",
        }
    }

    /// The same icon where there are only letters.
    pub const fn mark(self) -> char {
        match self {
            State::Proved => '✔',
            State::Attested => '✎',
            State::Partial => '◐',
            State::Gap => '✖',
            State::NotApplicable => '–',
            State::Derogated => '⚑',
        }
    }

    /// The name of its color in the style sheet: what is done, what can be done, what waits, what is missing.
    pub const fn color(self) -> &'static str {
        match self {
            State::Proved => "moss",
            State::Attested => "slate",
            State::Partial | State::Derogated => "amber",
            State::Gap => "brick",
            State::NotApplicable => "ink",
        }
    }
}

/// What shows how a rule stands. Where it reads "gap", this is why a probe does not prove it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proof {
    /// Of which rule.
    pub rule: RuleKey,
    /// By which probe.
    pub probe: String,
    /// What this probe alone would make of the rule.
    pub state: State,
    /// When it had run.
    pub at: Time,
    /// When it counts no more.
    pub expires: Time,
    /// What it saw, in one line.
    pub detail: String,
}

/// What of the installation bears on rules.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Installation {
    /// The reference of the accepted risk, when doors of two zones share one process.
    pub single_zone: Option<String>,
}

/// The partitioning rules: with doors of two zones in one process they never read more than "partial".
const PARTITIONING: [&str; 3] = ["GP3", "GP4", "GP5"];

impl Installation {
    /// The accepted risk that a rule must show, if it is one of those that it weakens.
    pub fn weakens(&self, rule: &RuleKey) -> Option<&str> {
        let partitioning = rule.text == Text::AccesWeb && PARTITIONING.contains(&rule.id.as_str());
        self.single_zone.as_deref().filter(|_| partitioning)
    }
}

/// Which probes there are, and what they last answered.
#[derive(Debug, Clone, Copy)]
pub struct Evidence<'a> {
    /// The registry.
    pub probes: &'a [ProbeInfo],
    /// Their latest answers; one that is not here proves nothing.
    pub kept: &'a [Kept],
}

/// Decides a rule's state. It reads "proved" only when every probe registered for it says so, recently, and there is at
/// least one; the worst answer decides, and is given as the reason.
pub fn state_of(
    rule: &RuleKey,
    evidence: &Evidence<'_>,
    installation: &Installation,
    now: Time,
) -> (State, Option<Proof>) {
    let serving = evidence.probes.iter().filter(|probe| probe.serves(rule.text, &rule.id));
    let mut worst: Option<(State, Option<Proof>)> = None;
    for probe in serving {
        let kept = evidence.kept.iter().find(|kept| kept.probe == probe.name);
        let proof = kept.map(|kept| proof_of(rule, kept, now));
        let state = proof.as_ref().map_or(State::Gap, |proof| proof.state);
        // Of two that are as bad, one that says why; of two that do, the one that expires first.
        let before = |why: &Option<Proof>| match (&proof, why) {
            (Some(new), Some(old)) => new.expires < old.expires,
            (new, _) => new.is_some(),
        };
        let worse =
            worst.as_ref().is_none_or(|(held, why)| badness(state) > badness(*held) || (state == *held && before(why)));
        if worse {
            worst = Some((state, proof));
        }
    }
    let (state, proof) = worst.unwrap_or((State::Gap, None));
    match installation.weakens(rule) {
        Some(_) if state == State::Proved => (State::Partial, proof),
        _ => (state, proof),
    }
}

fn proof_of(rule: &RuleKey, kept: &Kept, now: Time) -> Proof {
    let said = kept.outcome.detail();
    let (state, detail) = match &kept.outcome {
        _ if !kept.counts(now) => (State::Gap, format!("no recent proof; last: {said}")),
        ProbeOutcome::Proved(_) => (State::Proved, said.to_owned()),
        ProbeOutcome::Partial(_) => (State::Partial, said.to_owned()),
        ProbeOutcome::Failed(_) => (State::Gap, format!("failed: {said}")),
        ProbeOutcome::CouldNotRun(_) => (State::Gap, format!("could not run: {said}")),
    };
    Proof { rule: rule.clone(), probe: kept.probe.clone(), state, at: kept.at, expires: kept.expires, detail }
}

/// Of what a probe can make of a rule, the worst decides.
const fn badness(state: State) -> u8 {
    match state {
        State::Proved => 0,
        State::Partial => 1,
        _ => 2,
    }
}

impl Rule {
    /// Its state; see [`state_of`].
    pub fn state(&self, evidence: &Evidence<'_>, installation: &Installation, now: Time) -> (State, Option<Proof>) {
        state_of(&self.key, evidence, installation, now)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
    use super::*;
    use crate::VALID;
    use std::{collections::BTreeSet, time::Duration};

    const NOW: Time = Time::from_micros(1_790_000_000_000_000);

    const fn probe(name: &'static str, rules: &'static [(Text, &'static str)]) -> ProbeInfo {
        ProbeInfo { name, rules, what_fr: "", what_en: "" }
    }

    const REGISTRY: &[ProbeInfo] = &[
        probe("one", &[(Text::AccesWeb, "AA2"), (Text::AccesWeb, "GP3")]),
        probe("two", &[(Text::AccesWeb, "AA2"), (Text::Segur, "GP3")]),
    ];

    /// An answer `minutes` old.
    fn kept(name: &str, outcome: ProbeOutcome, minutes: u64) -> Kept {
        let at = NOW - Duration::from_secs(60 * minutes);
        Kept { probe: name.into(), outcome, at, expires: at + VALID }
    }

    fn proved(name: &str, minutes: u64) -> Kept {
        kept(name, ProbeOutcome::Proved("seen".into()), minutes)
    }

    fn read(rule: &str, kept: &[Kept], single_zone: bool) -> (State, Option<String>) {
        let installation = Installation { single_zone: single_zone.then(|| "RISK-7".into()) };
        let evidence = Evidence { probes: REGISTRY, kept };
        let (state, proof) = state_of(&rule.parse().unwrap(), &evidence, &installation, NOW);
        (state, proof.map(|proof| format!("{} {}", proof.probe, proof.detail)))
    }

    #[test]
    fn the_worst_answer_decides() {
        let failed = || kept("two", ProbeOutcome::Failed("open".into()), 1);
        let partial = || kept("two", ProbeOutcome::Partial("half".into()), 1);
        let stuck = || kept("two", ProbeOutcome::CouldNotRun("no target".into()), 1);
        let aa2 = "acces-web:AA2";
        for (kept, state, why) in [
            (vec![], State::Gap, None),
            (vec![proved("one", 1)], State::Gap, None),
            (vec![proved("stranger", 1)], State::Gap, None),
            (vec![proved("one", 1), proved("two", 2)], State::Proved, Some("two seen")),
            (vec![proved("two", 2), proved("one", 1)], State::Proved, Some("two seen")),
            (vec![proved("one", 1), partial()], State::Partial, Some("two half")),
            (vec![proved("one", 1), failed()], State::Gap, Some("two failed: open")),
            (vec![proved("one", 1), stuck()], State::Gap, Some("two could not run: no target")),
            (vec![proved("one", 30), proved("two", 1)], State::Gap, Some("one no recent proof; last: seen")),
            (vec![proved("one", 29), proved("two", 29)], State::Proved, Some("one seen")),
            (vec![failed()], State::Gap, Some("two failed: open")),
        ] {
            assert_eq!(read(aa2, &kept, false), (state, why.map(str::to_owned)), "{kept:?}");
        }
    }

    #[test]
    fn a_rule_without_probe_is_a_gap_and_texts_are_not_mixed() {
        let all = [proved("one", 1), proved("two", 1)];
        assert_eq!(read("clausier:O-1.1", &all, false), (State::Gap, None));
        assert_eq!(read("clausier:AA2", &all, false), (State::Gap, None));
        assert_eq!(read("segur:GP3", &all, false).0, State::Proved);
    }

    #[test]
    fn one_zone_for_all_is_never_more_than_partial() {
        let all = [proved("one", 1), proved("two", 1)];
        assert_eq!(read("acces-web:GP3", &all, false).0, State::Proved);
        assert_eq!(read("acces-web:GP3", &all, true).0, State::Partial);
        assert_eq!(read("acces-web:GP3", &[], true).0, State::Gap, "an accepted risk proves nothing");
        assert_eq!(read("acces-web:AA2", &all, true).0, State::Proved, "only the partitioning rules");
        assert_eq!(read("segur:GP3", &all, true).0, State::Proved, "of that text");
        let failed = [kept("one", ProbeOutcome::Failed("open".into()), 1)];
        assert_eq!(read("acces-web:GP3", &failed, true).0, State::Gap);
    }

    #[test]
    fn each_state_has_its_word_icon_and_mark() {
        let all = State::ALL.iter();
        assert_eq!(all.clone().map(|state| state.word(Lang::Fr)).collect::<BTreeSet<_>>().len(), 6);
        assert_eq!(all.clone().map(|state| state.word(Lang::En)).collect::<BTreeSet<_>>().len(), 6);
        assert_eq!(all.clone().map(|state| state.icon()).collect::<BTreeSet<_>>().len(), 6);
        assert_eq!(all.map(|state| state.mark()).collect::<BTreeSet<_>>().len(), 6);
    }
}
