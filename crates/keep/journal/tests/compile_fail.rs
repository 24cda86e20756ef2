//! No proof can be forged, copied or skipped: each program of `compile_fail/` must be refused by the compiler, for the
//! reason that its first line names (`// E0451: what the message must hold`).
//!
//! The programs are given to rustc with the very libraries that this test was built with. `control.rs` must compile: it
//! shows that the others fail for their own reason and not for a missing library.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
    time::SystemTime,
};

type Libraries = BTreeMap<&'static str, PathBuf>;

/// The built variants of a crate, newest first.
fn variants(deps: &Path, name: &str) -> Vec<PathBuf> {
    let begin = format!("lib{name}-");
    let mut found: Vec<(SystemTime, PathBuf)> = fs::read_dir(deps)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| {
            let file = path.file_name().unwrap().to_string_lossy().into_owned();
            file.starts_with(&begin) && file.ends_with(".rlib")
        })
        .map(|path| (fs::metadata(&path).unwrap().modified().unwrap(), path))
        .collect();
    found.sort();
    found.into_iter().rev().map(|(_, path)| path).collect()
}

fn compile(deps: &Path, libraries: &Libraries, program: &Path) -> Output {
    let out = std::env::temp_dir().join(format!("poterne-compile-fail-{}", std::process::id()));
    let mut rustc = Command::new(std::env::var("RUSTC").unwrap_or_else(|_| "rustc".into()));
    rustc.args(["--edition", "2024", "--crate-type", "bin", "--crate-name", "program", "--emit", "metadata", "-o"]);
    rustc.arg(out).arg("-L").arg(format!("dependency={}", deps.display()));
    for (name, path) in libraries {
        rustc.arg("--extern").arg(format!("{name}={}", path.display()));
    }
    rustc.arg(program).output().expect("rustc runs")
}

/// The variants that go together: those with which a small program that joins them compiles.
fn libraries(deps: &Path, programs: &Path) -> Libraries {
    let mut chosen = Libraries::new();
    let steps = [
        ("journal", "journal.rs"),
        ("policy", "policy.rs"),
        ("identity", "identity.rs"),
        ("types", "types.rs"),
        ("store", "store.rs"),
    ];
    for (name, joint) in steps {
        let found = variants(deps, name).into_iter().find(|path| {
            let mut tried = chosen.clone();
            tried.insert(name, path.clone());
            compile(deps, &tried, &programs.join("joints").join(joint)).status.success()
        });
        chosen.insert(name, found.unwrap_or_else(|| panic!("no built variant of {name} goes with the others")));
    }
    chosen
}

#[test]
fn no_proof_can_be_forged_copied_or_skipped() {
    let programs = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/compile_fail");
    let exe = std::env::current_exe().unwrap();
    let deps = exe.parent().unwrap();
    let libraries = libraries(deps, &programs);

    let control = compile(deps, &libraries, &programs.join("control.rs"));
    assert!(control.status.success(), "the control compiles: {}", String::from_utf8_lossy(&control.stderr));

    let mut cases = 0;
    let mut wrong = Vec::new();
    for entry in fs::read_dir(&programs).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() || path.ends_with("control.rs") {
            continue;
        }
        let text = fs::read_to_string(&path).unwrap();
        let expected =
            text.lines().next().and_then(|line| line.strip_prefix("// ")).expect("a first line that says why");
        let (code, why) = expected.split_once(": ").expect("a code and a message");
        let output = compile(deps, &libraries, &path);
        let said = String::from_utf8_lossy(&output.stderr);
        let errors = said.lines().filter(|line| line.starts_with("error[")).count();
        let rightly = !output.status.success() && said.contains(&format!("error[{code}]")) && said.contains(why);
        if !rightly || errors != 1 {
            wrong.push(format!("{} should fail with {expected}, and for that reason only:\n{said}", path.display()));
        }
        cases += 1;
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
    assert!(cases >= 15, "{cases} programs");
}
