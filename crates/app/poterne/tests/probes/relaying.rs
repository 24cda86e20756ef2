//! The probes of the relays, before relays that keep what they watch, and before such as do not.

use crate::{
    gate::{self, Flaw, IDLE},
    probes::relay::{RelayProbe, What, silence::SilenceProbe},
};
use dossier::{Probe as _, ProbeOutcome, probe_named};

async fn relayed(what: What, flaw: Flaw) -> ProbeOutcome {
    let open = gate::open(flaw).await;
    let name = if what == What::Traces { "relay-traces" } else { "relay-cut" };
    let outcome = RelayProbe::new(probe_named(name).unwrap(), what, Some(open.works.clone())).run().await;
    assert_eq!(open.gate.staged(), 0, "{flaw:?}: something stays set up");
    outcome
}

async fn idle(flaw: Flaw) -> ProbeOutcome {
    let open = gate::open(flaw).await;
    let works = Some((open.works.clone(), open.silence.clone()));
    let outcome = SilenceProbe::new(probe_named("relay-idle").unwrap(), works).run().await;
    assert_eq!(open.gate.staged(), 0, "{flaw:?}: something stays set up");
    outcome
}

fn failed(outcome: &ProbeOutcome, what: &str) {
    assert!(matches!(outcome, ProbeOutcome::Failed(told) if told.contains(what)), "{what}: {outcome}");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_session_serves_both_probes_once_each() {
    let open = gate::open(Flaw::None).await;
    let probe = |what, name| RelayProbe::new(probe_named(name).unwrap(), what, Some(open.works.clone()));
    let (traces, cut) = (probe(What::Traces, "relay-traces"), probe(What::Cut, "relay-cut"));
    let outcome = traces.run().await;
    assert!(matches!(&outcome, ProbeOutcome::Proved(told) if told.contains("digests")), "{outcome}");
    let outcome = cut.run().await;
    assert!(matches!(&outcome, ProbeOutcome::Proved(told) if told.contains("ms")), "{outcome}");
    assert_eq!(open.gate.sessions(), 1);
    // What was found is not shown twice: another round is another session.
    let outcome = cut.run().await;
    assert!(matches!(outcome, ProbeOutcome::Proved(_)), "{outcome}");
    assert_eq!((open.gate.sessions(), open.gate.staged()), (2, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_cut_probe_turns_on_sessions_that_go_on() {
    failed(&relayed(What::Cut, Flaw::NeverCut).await, "goes on");
    failed(&relayed(What::Cut, Flaw::CutLate).await, "goes on for 1");
    let outcome = relayed(What::Cut, Flaw::CutForIdleness).await;
    assert!(matches!(&outcome, ProbeOutcome::Partial(told) if told.contains("not told")), "{outcome}");
    for (flaw, why) in [(Flaw::NoDesk, "no desk"), (Flaw::NoCodeIsRight, "cannot sign in")] {
        let outcome = relayed(What::Cut, flaw).await;
        assert!(matches!(&outcome, ProbeOutcome::CouldNotRun(told) if told.contains(why)), "{flaw:?}: {outcome}");
    }
    failed(&relayed(What::Cut, Flaw::KeyAlone).await, "without a code");
    let nowhere = RelayProbe::new(probe_named("relay-cut").unwrap(), What::Cut, None).run().await;
    assert!(matches!(nowhere, ProbeOutcome::CouldNotRun(_)), "{nowhere}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_traces_probe_turns_on_what_the_traces_lack() {
    for (flaw, what) in [
        (Flaw::NoOpening, "its opening"),
        (Flaw::NoOutcome, "whether the session was opened"),
        (Flaw::OpeningOfNobody, "opening does not say who"),
        (Flaw::OpeningFromNowhere, "from where"),
        (Flaw::NoCommand, "a command leaves no trace"),
        (Flaw::CommandOfNobody, "command does not say who"),
        (Flaw::NoDigest, "(out)"),
        (Flaw::NoCommandText, "(text)"),
        (Flaw::NoEnd, "the end of a session"),
        (Flaw::NoRecording, "no recording"),
        (Flaw::RecordingOfNothing, "does not show"),
    ] {
        failed(&relayed(What::Traces, flaw).await, what);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_silence_probe_turns_on_sessions_that_stay() {
    let outcome = idle(Flaw::None).await;
    let minutes = format!("{} min, not waited for", IDLE.as_secs() / 60);
    assert!(matches!(&outcome, ProbeOutcome::Proved(told) if told.contains(&minutes)), "{outcome}");
    failed(&idle(Flaw::NeverIdle).await, "goes on");
    failed(&idle(Flaw::IdleAtOnce).await, "ends before");
    failed(&idle(Flaw::SlowLimit).await, "two hours");
    let nowhere = SilenceProbe::new(probe_named("relay-idle").unwrap(), None).run().await;
    assert!(matches!(nowhere, ProbeOutcome::CouldNotRun(_)), "{nowhere}");
}
