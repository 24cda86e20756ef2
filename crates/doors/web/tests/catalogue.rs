//! A translation that is missing, left over or different is caught when the pages are built.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

#[path = "../build/catalogue.rs"]
mod catalogue;

use catalogue::{Mistake, Typography, compare, generate, read, sentence, typeset};

/// Every mistake of two files, as the build would show them, or the Rust it would write.
fn check(fr: &str, en: &str) -> Result<String, Vec<String>> {
    let mut mistakes = Vec::new();
    let french = read("fr.toml", fr, Typography::French, &mut mistakes);
    let english = read("en.toml", en, Typography::English, &mut mistakes);
    mistakes.extend(compare(&french, &english));
    if mistakes.is_empty() {
        Ok(generate(&french, &english))
    } else {
        Err(mistakes.iter().map(Mistake::to_string).collect())
    }
}

#[track_caller]
fn refused(fr: &str, en: &str, expected: &[&str]) {
    let mistakes = check(fr, en).expect_err("a mistake");
    assert_eq!(mistakes.len(), expected.len(), "{mistakes:#?}");
    for (mistake, expected) in mistakes.iter().zip(expected) {
        assert!(mistake.starts_with(expected), "{mistake:?} should begin with {expected:?}");
    }
}

#[test]
fn a_missing_or_extra_key_names_its_file_and_a_remedy() {
    refused("a = 'x'\nb = 'y'", "a = 'x'", &["en.toml: b: missing, but fr.toml has it; translate it here"]);
    refused("a = 'x'", "a = 'x'\n[t]\nc = 'z'", &["fr.toml: t_c: missing, but en.toml has it"]);
}

#[test]
fn placeholders_and_forms_agree() {
    refused("a = '{n} de {m}'", "a = '{n}'", &["en.toml: a: placeholders [\"n\"] differ from [\"m\", \"n\"]"]);
    refused("a = 'x'", "a = {one = 'x', other = 'y'}", &["en.toml: a: a plural in one file only"]);
    assert!(check("a = '{n} de {m}'", "a = '{m} {n}'").is_ok(), "order is free");
    assert!(check("a = {one='un', other='{count}'}", "a = {one='{count} x', other='{count} y'}").is_ok());
}

#[test]
fn all_mistakes_of_a_file_come_at_once() {
    let bad = [
        "a = 3",
        "b = '{'",
        "c = '}'",
        "d = '{Bad}'",
        "e = ''",
        "f = 'x...'",
        "G = 'x'",
        "h = {one = 'x'}",
        "i = {one='x',other='y',z='z'}",
        "j_k = 'x'",
        "j = {k = 'y'}",
    ]
    .join("\n");
    let mut mistakes = Vec::new();
    read("fr.toml", &bad, Typography::French, &mut mistakes);
    let keys: Vec<&str> = mistakes.iter().map(|mistake| mistake.key.as_str()).collect();
    assert_eq!(keys, ["a", "b", "c", "d", "e", "f", "G", "h", "i", "j_k"]);
    mistakes.clear();
    read("fr.toml", "a = 'x'\na = 'y'", Typography::French, &mut mistakes);
    assert!(mistakes[0].to_string().starts_with("fr.toml: not valid TOML"), "{mistakes:?}");
}

#[test]
fn a_sentence_becomes_a_typed_method() {
    let rust = check(
        "[p]\nhello = 'Bonjour {name} !'\nbye = 'Fin'\nfiles = {one = '{count} pièce', other = '{count} pièces'}",
        "[p]\nhello = 'Hello {name}'\nbye = 'End'\nfiles = {one = '{count} file', other = '{count} files'}",
    )
    .unwrap();
    for expected in [
        "pub fn p_hello(self, name: impl std::fmt::Display) -> String",
        r#"Lang::Fr => format!("Bonjour {name}\u{202f}!")"#,
        "pub fn p_bye(self) -> &'static str",
        r#"Lang::En => "End""#,
        "pub fn p_files(self, count: u64) -> String",
        r#"Lang::Fr => if count < 2 { format!("{count} pièce") } else { format!("{count} pièces") }"#,
        r#"Lang::En => if count == 1 "#,
    ] {
        assert!(rust.contains(expected), "{expected} not in\n{rust}");
    }
}

#[test]
fn typography_is_set_for_the_translator() {
    for (typed, french, english) in [
        (
            "Quoi ? l'été : « oui » !",
            "Quoi\u{202f}? l’été\u{202f}: «\u{202f}oui\u{202f}»\u{202f}!",
            "Quoi ? l’été : « oui » !",
        ),
        ("12:30", "12:30", "12:30"),
    ] {
        assert_eq!(typeset(typed, Typography::French), french);
        assert_eq!(typeset(typed, Typography::English), english);
    }
    assert!(sentence("quote \" and back\\slash", Typography::English).is_ok());
}

#[test]
fn words_cannot_leave_their_literal() {
    let rust = check(r#"a = "\" + boom() + \"""#, r#"a = "\\\"{x}""#).unwrap_err();
    assert_eq!(rust.len(), 1);
    let rust = check(r#"a = "\" + {x} + \"""#, r#"a = "\\\"{x}""#).unwrap();
    assert!(rust.contains(r#"format!("\" + {x} + \"")"#) && rust.contains(r#"format!("\\\"{x}")"#), "{rust}");
}
