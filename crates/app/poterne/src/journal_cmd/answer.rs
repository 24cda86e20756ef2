//! What `journal verify` answers, for a person and for a program.

use super::source::Stray;
use journal::{
    Compared, Report,
    log::{Bad, Keys, Renewal},
    stamp::JudgedStamp,
};
use serde_json::{Value, json};

pub(super) fn in_json(ok: bool, reports: &[Report], stray: Option<&Stray>) -> Value {
    let one = |report: &Report| {
        let verdict = &report.verdict;
        json!({
            "ok": report.ok(),
            "origin": verdict.origin,
            "entries": verdict.entries,
            "minimum": verdict.minimum.as_ref().map(|at| json!({ "size": at.size, "root": hex(&at.root), "stated_at": at.stated_at })),
            "root": verdict.root,
            "checkpoint": verdict.checkpoint.as_ref().map(|at| json!({ "size": at.size, "root": hex(&at.root) })),
            "vkey": verdict.vkey,
            "pinned": verdict.pinned,
            "renewed": renewals(report).map(renewal).collect::<Vec<_>>(),
            "intents_open": report.intents_open,
            "bad": bad(report),
            "checkpoints": report.checkpoints.iter().map(checkpoint).collect::<Vec<_>>(),
            "stamps": report.stamps.iter().map(stamp).collect::<Vec<_>>(),
        })
    };
    let mut all: Vec<Value> = reports.iter().map(one).collect();
    let stray = stray.map(|(name, what)| json!({ "file": name, "index": null, "what": what }));
    // One node, one journal: its answer is the answer. Several are listed besides.
    let mut first = all.first().cloned().unwrap_or_else(|| json!({}));
    if let Some(answer) = first.as_object_mut() {
        answer.insert("ok".into(), ok.into());
        if let Some(worst) = all.iter().find(|one| one.get("ok") == Some(&Value::Bool(false))) {
            answer.insert("bad".into(), worst.get("bad").cloned().unwrap_or(Value::Null));
        }
        if let Some(stray) = stray {
            answer.insert("bad".into(), stray);
        }
        if all.len() > 1 {
            answer.insert("origins".into(), Value::Array(std::mem::take(&mut all)));
        }
    }
    first
}

fn renewals(report: &Report) -> impl Iterator<Item = &Renewal> {
    report.verdict.keys.iter().flat_map(Keys::renewals)
}

fn renewal(one: &Renewal) -> Value {
    json!({ "size": one.size, "before": one.before.to_string(), "key": one.after.to_string() })
}

fn checkpoint(one: &Compared) -> Value {
    let by = |(witness, seconds): &(String, u64)| json!({ "witness": witness, "at": seconds });
    let cosigned_by: Vec<Value> = one.cosigned_by.iter().map(by).collect();
    json!({ "file": one.file, "size": one.size, "ok": one.ok, "gone": one.gone, "what": one.what, "cosigned_by": cosigned_by })
}

fn stamp(one: &JudgedStamp) -> Value {
    let JudgedStamp { file, seconds, vouched, what } = one;
    json!({ "file": file, "at": seconds, "ok": what.is_none(), "vouched": vouched, "what": what })
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

pub(super) fn in_fields(bad: &Bad) -> Value {
    json!({ "file": bad.file, "index": bad.index, "what": bad.what })
}

fn bad(report: &Report) -> Value {
    if let Some(bad) = &report.verdict.bad {
        return in_fields(bad);
    }
    if let Some(what) = report.database.first() {
        return json!({ "file": "database", "index": null, "what": what });
    }
    if let Some(one) = report.checkpoints.iter().find(|one| !one.ok) {
        return json!({ "file": one.file, "index": null, "what": one.what });
    }
    if let Some((file, what)) = report.stamps.iter().find_map(|one| Some((&one.file, one.what.as_ref()?))) {
        return json!({ "file": file, "index": null, "what": what });
    }
    match report.silent.first() {
        Some(what) => json!({ "file": "witness", "index": null, "what": what }),
        None => Value::Null,
    }
}

pub(super) fn in_words(ok: bool, reports: &[Report], stray: Option<&Stray>) -> String {
    let mut lines = Vec::new();
    for report in reports {
        let verdict = &report.verdict;
        match &verdict.bad {
            Some(bad) => lines.push(format!("BAD  {}: {bad}", verdict.origin)),
            None => lines.push(format!("ok   {}: {} entries, root {}", verdict.origin, verdict.entries, verdict.root)),
        }
        if let Some(minimum) = &verdict.minimum {
            lines.push(format!(
                "     begins at entry {}: what lay before went, as entry {} states",
                minimum.size, minimum.stated_at
            ));
        }
        lines.extend(renewals(report).map(|one| format!("     another key from entry {} on: {}", one.size, one.after)));
        lines.extend(report.database.iter().map(|what| format!("BAD  {what}")));
        for one in &report.checkpoints {
            lines.push(match (&one.what, one.size) {
                (Some(what), _) => format!("BAD  {}: {what}", one.file),
                (None, size) if one.gone => {
                    format!(
                        "     {}: {} entries, which went before the minimum: not compared",
                        one.file,
                        size.unwrap_or(0)
                    )
                }
                (None, size) => format!("ok   {}: {} entries{}", one.file, size.unwrap_or(0), cosigned(one)),
            });
        }
        lines.extend(report.stamps.iter().map(stamp_in_words));
        lines.extend(report.silent.iter().map(|what| format!("BAD  {what}")));
        if report.intents_open > 0 {
            lines.push(format!("     {} acts are under way or wait for the next start", report.intents_open));
        }
        if !verdict.pinned {
            lines.push(format!("     unpinned: verified with the folder's own key, {}", verdict.vkey));
        }
    }
    if let Some((name, what)) = stray {
        lines.push(format!("BAD  {name}: {what}"));
    }
    lines.push(if ok { "The journal is whole.".into() } else { "The journal is NOT whole.".into() });
    lines.join("\n")
}

fn stamp_in_words(one: &JudgedStamp) -> String {
    if let Some(what) = &one.what {
        return format!("BAD  {}: {what}", one.file);
    }
    let when = moment(one.seconds.unwrap_or(0));
    if one.vouched {
        format!("ok   {}: stamped at {when}", one.file)
    } else {
        format!("     {}: says that it was stamped at {when}; say whom you trust with --stamps-ca", one.file)
    }
}

fn moment(seconds: u64) -> jiff::Timestamp {
    let seconds = i64::try_from(seconds).ok();
    seconds.and_then(|seconds| jiff::Timestamp::from_second(seconds).ok()).unwrap_or_default()
}

/// Who cosigned a checkpoint, and when.
fn cosigned(one: &Compared) -> String {
    let by = |(witness, seconds): &(String, u64)| format!(", cosigned by {witness} at {}", moment(*seconds));
    one.cosigned_by.iter().map(by).collect()
}
