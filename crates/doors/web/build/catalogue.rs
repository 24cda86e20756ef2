//! Reads the two language files and writes one typed method per sentence. Pure: text in, Rust or mistakes out.
//!
//! `build.rs` runs it; `tests/catalogue.rs` tests it. A sentence is a string with `{name}` placeholders, or a table
//! of exactly `one` and `other`, chosen by a count. Nested tables join their keys with `_`. Translators type plain
//! spaces and straight apostrophes: the typography of each language is set here, once.

use std::{collections::BTreeMap, fmt, fmt::Write};
use toml_edit::{Document, Item, TableLike};

/// One thing to mend in a language file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mistake {
    /// The file, relative to the project.
    pub file: String,
    /// The key, as the method is named; empty when the whole file is at fault.
    pub key: String,
    /// What is wrong, and what to do.
    pub what: String,
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Mistake { file, key, what } = self;
        if key.is_empty() { write!(f, "{file}: {what}") } else { write!(f, "{file}: {key}: {what}") }
    }
}

/// A sentence cut at its placeholders.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Piece {
    /// Words.
    Words(String),
    /// A value's place.
    Value(String),
}

/// What a key says in one language.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Entry {
    /// One sentence.
    Plain(Vec<Piece>),
    /// Two, chosen by `count`.
    Plural {
        /// For one (and zero in French).
        one: Vec<Piece>,
        /// For the rest.
        other: Vec<Piece>,
    },
}

impl Entry {
    /// The placeholders, in the order they are met.
    fn values(&self) -> Vec<&str> {
        let mut found = Vec::new();
        let pieces: Vec<&Piece> = match self {
            Entry::Plain(pieces) => pieces.iter().collect(),
            Entry::Plural { one, other } => other.iter().chain(one).collect(),
        };
        for piece in pieces {
            if let Piece::Value(name) = piece
                && !found.contains(&name.as_str())
            {
                found.push(name.as_str());
            }
        }
        found
    }

    fn is_plural(&self) -> bool {
        matches!(self, Entry::Plural { .. })
    }

    /// All the words, for the documentation of the method.
    fn sentence(&self) -> String {
        let pieces = match self {
            Entry::Plain(pieces) | Entry::Plural { other: pieces, .. } => pieces,
        };
        pieces.iter().fold(String::new(), |text, piece| match piece {
            Piece::Words(words) => text + words,
            Piece::Value(name) => text + "`" + name + "`",
        })
    }
}

/// The language of a file; each has its typography.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Typography {
    /// Narrow no-break spaces inside guillemets and before `: ; ? !`.
    French,
    /// None of these.
    English,
}

/// One language file.
#[derive(Debug)]
pub struct Catalogue {
    file: String,
    entries: BTreeMap<String, Entry>,
}

/// Reads one file; mistakes are collected, not thrown at the first.
pub fn read(file: &str, source: &str, typography: Typography, mistakes: &mut Vec<Mistake>) -> Catalogue {
    let mut catalogue = Catalogue { file: file.to_owned(), entries: BTreeMap::new() };
    match Document::parse(source) {
        Ok(document) => walk(&mut catalogue, "", document.as_table(), typography, mistakes),
        Err(error) => mistakes.push(Mistake {
            file: file.to_owned(),
            key: String::new(),
            what: format!("not valid TOML: {}", error.to_string().trim()),
        }),
    }
    catalogue
}

fn walk(catalogue: &mut Catalogue, prefix: &str, table: &dyn TableLike, set: Typography, mistakes: &mut Vec<Mistake>) {
    for (name, item) in table.iter() {
        let key = if prefix.is_empty() { name.to_owned() } else { format!("{prefix}_{name}") };
        let mut wrong = |what: String| {
            mistakes.push(Mistake { file: catalogue.file.clone(), key: key.clone(), what });
        };
        if !is_name(name) {
            wrong("not a key; use lower-case letters, digits and _, and begin with a letter".to_owned());
            continue;
        }
        let entry = match item {
            Item::Value(value) if value.is_str() => sentence(value.as_str().unwrap_or_default(), set).map(Entry::Plain),
            _ => match item.as_table_like() {
                Some(inner) if inner.contains_key("one") || inner.contains_key("other") => plural(inner, set),
                Some(inner) => {
                    walk(catalogue, &key, inner, set, mistakes);
                    continue;
                }
                None => Err("neither a sentence nor a table; write it between quotes".to_owned()),
            },
        };
        match entry {
            Ok(entry) if !catalogue.entries.contains_key(&key) => {
                catalogue.entries.insert(key, entry);
            }
            Ok(_) => wrong("names the same method as another key; rename one of them".to_owned()),
            Err(what) => wrong(what),
        }
    }
}

fn plural(table: &dyn TableLike, set: Typography) -> Result<Entry, String> {
    let form = |name: &str| match table.get(name).and_then(Item::as_str) {
        Some(text) => sentence(text, set),
        None => Err(format!("a plural without `{name}`; give both `one` and `other`")),
    };
    if table.len() != 2 {
        return Err("a plural has `one` and `other` and nothing else; remove the rest".to_owned());
    }
    Ok(Entry::Plural { one: form("one")?, other: form("other")? })
}

fn is_name(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_lowercase())
        && text.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
}

/// Cuts a sentence at its placeholders and sets its typography.
pub fn sentence(text: &str, set: Typography) -> Result<Vec<Piece>, String> {
    if text.trim() != text || text.is_empty() {
        return Err("empty, or with a space at an end; write the sentence, trimmed".to_owned());
    }
    if text.contains("...") || text.contains('\n') {
        return Err("holds three dots or a line break; use … or two sentences".to_owned());
    }
    let mut pieces = Vec::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('{') {
        let Some((name, after)) = after.split_once('}') else {
            return Err("a `{` without its `}`; close the placeholder".to_owned());
        };
        if !is_name(name) {
            return Err(format!("`{{{name}}}` is not a placeholder; use {{lower_case_name}}"));
        }
        push_words(&mut pieces, before)?;
        pieces.push(Piece::Value(name.to_owned()));
        rest = after;
    }
    push_words(&mut pieces, rest)?;
    for piece in &mut pieces {
        if let Piece::Words(words) = piece {
            *words = typeset(words, set);
        }
    }
    Ok(pieces)
}

fn push_words(pieces: &mut Vec<Piece>, words: &str) -> Result<(), String> {
    if words.contains('}') {
        return Err("a `}` without its `{`; open the placeholder or remove it".to_owned());
    }
    if !words.is_empty() {
        pieces.push(Piece::Words(words.to_owned()));
    }
    Ok(())
}

/// Apostrophes in both languages; in French, the spaces that keep a sign with its word.
pub fn typeset(words: &str, set: Typography) -> String {
    let words = words.replace('\'', "’");
    match set {
        Typography::English => words,
        Typography::French => [":", ";", "?", "!", "»"]
            .iter()
            .fold(words, |text, sign| text.replace(&format!(" {sign}"), &format!("\u{202f}{sign}")))
            .replace("« ", "«\u{202f}"),
    }
}

/// What one language has and the other has not, and placeholders that differ.
pub fn compare(first: &Catalogue, second: &Catalogue) -> Vec<Mistake> {
    let mut mistakes = Vec::new();
    for (here, there) in [(first, second), (second, first)] {
        for key in here.entries.keys().filter(|key| !there.entries.contains_key(*key)) {
            let what = format!("missing, but {} has it; translate it here or remove it there", here.file);
            mistakes.push(Mistake { file: there.file.clone(), key: key.clone(), what });
        }
    }
    for (key, entry) in &first.entries {
        let Some(other) = second.entries.get(key) else { continue };
        let (mut ours, mut theirs) = (entry.values(), other.values());
        ours.sort_unstable();
        theirs.sort_unstable();
        // A plural's `count` may go unsaid in either language.
        if entry.is_plural() {
            ours.retain(|name| *name != "count");
            theirs.retain(|name| *name != "count");
        }
        let mut wrong = |what: String| {
            mistakes.push(Mistake { file: second.file.clone(), key: key.clone(), what });
        };
        if entry.is_plural() != other.is_plural() {
            wrong(format!("a plural in one file only; give it the same form as in {}", first.file));
        } else if ours != theirs {
            wrong(format!("placeholders {theirs:?} differ from {ours:?} in {}; use the same", first.file));
        }
    }
    mistakes
}

/// The `impl Text` of all sentences. Call it only when there is no mistake.
pub fn generate(french: &Catalogue, english: &Catalogue) -> String {
    let mut rust = String::from("impl Text {\n");
    for (key, fr) in &french.entries {
        let Some(en) = english.entries.get(key) else { continue };
        method(&mut rust, key, fr, en);
    }
    rust.push_str("}\n");
    rust
}

fn method(rust: &mut String, key: &str, fr: &Entry, en: &Entry) {
    let mut values = fr.values();
    for value in en.values() {
        if !values.contains(&value) {
            values.push(value);
        }
    }
    let mut signature = String::from("self");
    if fr.is_plural() {
        values.retain(|name| *name != "count");
        signature.push_str(", count: u64");
    }
    for value in &values {
        // Writing to a String cannot fail.
        let _ = write!(signature, ", {value}: impl std::fmt::Display");
    }
    let is_static = !fr.is_plural() && values.is_empty();
    let result = if is_static { "&'static str" } else { "String" };
    let _ = write!(
        rust,
        "    /// {}\n    pub fn {key}({signature}) -> {result} {{\n        match self.0 {{\n            \
         Lang::Fr => {},\n            Lang::En => {},\n        }}\n    }}\n",
        fr.sentence(),
        body(fr, is_static, "count < 2"),
        body(en, is_static, "count == 1"),
    );
}

fn body(entry: &Entry, is_static: bool, is_one: &str) -> String {
    let format = |pieces: &[Piece]| {
        let text = pieces.iter().fold(String::new(), |text, piece| match piece {
            Piece::Words(words) => text + words,
            Piece::Value(name) => text + "{" + name + "}",
        });
        if is_static { format!("{text:?}") } else { format!("format!({text:?})") }
    };
    match entry {
        Entry::Plain(pieces) => format(pieces),
        Entry::Plural { one, other } => format!("if {is_one} {{ {} }} else {{ {} }}", format(one), format(other)),
    }
}
