//! Reads a TOML text key by key, and notes every mistake with its place instead of stopping at the first.

use super::mistake::Mistake;
use std::{cell::RefCell, ops::Range};
use toml_edit::{Item, TableLike, Value};

/// What is wrong with one value.
pub(crate) struct Wrong {
    pub what: String,
    pub remedy: String,
}

impl std::fmt::Display for Wrong {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}; {}", self.what, self.remedy)
    }
}

impl Wrong {
    pub fn new(what: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { what: what.into(), remedy: remedy.into() }
    }
}

/// A file being read, and the mistakes found so far.
pub(super) struct Book {
    file: String,
    text: String,
    mistakes: RefCell<Vec<Mistake>>,
}

impl Book {
    pub fn new(file: String, text: String) -> Self {
        Self { file, text, mistakes: RefCell::default() }
    }

    pub fn text(&self) -> &str {
        &self.text
    }

    pub fn note(&self, at: Option<Range<usize>>, key: &str, wrong: Wrong) {
        let (line, column) = self.place(at.map_or(0, |range| range.start));
        let Wrong { what, remedy } = wrong;
        let mistake = Mistake { file: self.file.clone(), line, column, key: key.to_owned(), what, remedy };
        self.mistakes.borrow_mut().push(mistake);
    }

    pub fn into_mistakes(self) -> Vec<Mistake> {
        self.mistakes.into_inner()
    }

    fn place(&self, offset: usize) -> (usize, usize) {
        let before = self.text.get(..offset).unwrap_or(&self.text);
        let line = before.bytes().filter(|byte| *byte == b'\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
        (line, column)
    }
}

/// One section, or the file itself. It remembers which keys it was asked for: the others are mistakes.
pub(super) struct Section<'b> {
    book: &'b Book,
    name: String,
    table: Option<&'b dyn TableLike>,
    at: Option<Range<usize>>,
    asked: RefCell<Vec<&'static str>>,
}

impl<'b> Section<'b> {
    /// SHA-256 of the whole file.
    pub fn text_digest(&self) -> [u8; 32] {
        let mut digest = [0; 32];
        let hash = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, self.book.text().as_bytes());
        digest.copy_from_slice(hash.as_ref());
        digest
    }

    pub fn root(book: &'b Book, table: &'b dyn TableLike) -> Self {
        Self { book, name: String::new(), table: Some(table), at: None, asked: RefCell::default() }
    }

    fn key(&self, key: &str) -> String {
        if self.name.is_empty() { key.to_owned() } else { format!("{}.{key}", self.name) }
    }

    fn item(&self, key: &'static str) -> Option<&'b Item> {
        self.asked.borrow_mut().push(key);
        self.table?.get(key)
    }

    /// Whether the section is in the file at all.
    pub fn is_there(&self) -> bool {
        self.table.is_some()
    }

    /// The section `[key]`. One that is missing gives no value and, unless `needed`, no mistake.
    pub fn section(&self, key: &'static str, needed: bool) -> Section<'b> {
        let item = self.item(key);
        let table = item.and_then(Item::as_table_like);
        match item {
            None if needed => {
                let remedy = format!("add it; `poterne init` writes an example of [{key}]");
                self.book.note(None, key, Wrong::new(format!("the section [{key}] is missing"), remedy));
            }
            Some(item) if table.is_none() => {
                let what = format!("{} where a section is expected", kind(item));
                self.book.note(item.span(), key, Wrong::new(what, format!("write [{key}] on a line of its own")));
            }
            _ => {}
        }
        let at = self.table.and_then(|table| table.key(key)).and_then(|key| key.span());
        let at = item.and_then(Item::span).or(at);
        Section { book: self.book, name: self.key(key), table, at, asked: RefCell::default() }
    }

    /// The repeated sections `[[key]]`, of which one at least is needed.
    pub fn sections(&self, key: &'static str) -> Vec<Section<'b>> {
        if !self.table.is_some_and(|table| table.contains_key(key)) {
            let remedy = format!("add one; `poterne init` writes an example of [[{key}]]");
            self.book.note(None, key, Wrong::new(format!("there is no [[{key}]] section"), remedy));
        }
        self.sections_if_any(key)
    }

    /// The repeated sections `[[key]]`, possibly none.
    pub fn sections_if_any(&self, key: &'static str) -> Vec<Section<'b>> {
        let Some(item) = self.item(key) else { return Vec::new() };
        let name = self.key(key);
        let Some(tables) = item.as_array_of_tables() else {
            let remedy = format!("write [[{name}]], with two brackets, once for each");
            self.book.note(
                item.span(),
                &name,
                Wrong::new("this section may be repeated and is not so written", remedy),
            );
            return Vec::new();
        };
        let section = |(place, table): (usize, &'b toml_edit::Table)| Section {
            book: self.book,
            name: format!("{name}[{}]", place + 1),
            table: Some(table),
            at: table.span(),
            asked: RefCell::default(),
        };
        tables.iter().enumerate().map(section).collect()
    }

    /// Whether a key is there, whatever its value.
    pub fn has(&self, key: &str) -> bool {
        self.table.is_some_and(|table| table.contains_key(key))
    }

    /// The value of a key that may be left out.
    pub fn optional<T>(&self, key: &'static str, parse: impl FnOnce(&Value) -> Result<T, Wrong>) -> Option<T> {
        let item = self.item(key)?;
        let Some(value) = item.as_value() else {
            let what = format!("{} where a value is expected", kind(item));
            self.book.note(item.span(), &self.key(key), Wrong::new(what, format!("write {key} = …")));
            return None;
        };
        parse(value).map_err(|wrong| self.book.note(value.span(), &self.key(key), wrong)).ok()
    }

    /// The value of a key that must be there; `example` shows how.
    pub fn required<T>(
        &self,
        key: &'static str,
        example: &str,
        parse: impl FnOnce(&Value) -> Result<T, Wrong>,
    ) -> Option<T> {
        self.needs(key, example);
        self.optional(key, parse)
    }

    /// Notes that a key must be there, where it is not.
    pub fn needs(&self, key: &str, example: &str) {
        // In a missing section every key is missing: that was said once.
        if self.table.is_some_and(|table| !table.contains_key(key)) {
            let remedy = format!("add {key} = {example} under [{}]", self.name);
            self.book.note(self.at.clone(), &self.key(key), Wrong::new("missing", remedy));
        }
    }

    /// Notes what is wrong with the value of a key, seen together with others.
    pub fn wrong(&self, key: &str, what: impl Into<String>, remedy: impl Into<String>) {
        let at = self.table.and_then(|table| table.get(key)).and_then(Item::span);
        self.book.note(at.or(self.at.clone()), &self.key(key), Wrong::new(what, remedy));
    }

    /// Notes what is wrong with the section as a whole.
    pub fn wrong_section(&self, what: impl Into<String>, remedy: impl Into<String>) {
        self.book.note(self.at.clone(), &self.name, Wrong::new(what, remedy));
    }

    /// Notes the keys nobody asked for. To be called last.
    pub fn finish(&self) {
        let Some(table) = self.table else { return };
        let asked = self.asked.borrow();
        for (key, item) in table.iter().filter(|(key, _)| !asked.contains(key)) {
            let what = if self.name.is_empty() && item.as_value().is_some() {
                "a key outside any section"
            } else if self.name.is_empty() {
                "there is no such section"
            } else {
                "there is no such key in this section"
            };
            let remedy = match nearest(key, asked.iter().copied()) {
                Some(near) => format!("did you mean {near}?"),
                None => format!("remove it, or use one of: {}", asked.join(", ")),
            };
            let at = table.key(key).and_then(|key| key.span()).or_else(|| item.span());
            self.book.note(at, &self.key(&printable(key)), Wrong::new(what, remedy));
        }
    }
}

fn kind(item: &Item) -> &'static str {
    match item {
        Item::None => "nothing",
        Item::Value(value) => value_kind(value),
        Item::Table(_) => "a section",
        Item::ArrayOfTables(_) => "a repeated section",
    }
}

fn value_kind(value: &Value) -> &'static str {
    match value {
        Value::String(_) => "a text",
        Value::Integer(_) => "a whole number",
        Value::Float(_) => "a number with a fraction",
        Value::Boolean(_) => "true or false",
        Value::Datetime(_) => "a date",
        Value::Array(_) => "a list",
        Value::InlineTable(_) => "a table",
    }
}

/// A text of 1 to `chars_max` characters, without control characters.
pub(super) fn text(value: &Value, chars_max: usize) -> Result<String, Wrong> {
    let text = value.as_str().ok_or_else(|| {
        Wrong::new(format!("{} where a text is expected", value_kind(value)), "write it between double quotes")
    })?;
    if text.trim().is_empty() {
        return Err(Wrong::new("the text is empty", "write it, or remove the key if it may be left out"));
    }
    if text.chars().count() > chars_max {
        return Err(Wrong::new("the text is too long", format!("write at most {chars_max} characters")));
    }
    if text.chars().any(char::is_control) {
        return Err(Wrong::new("the text holds a line break or a control character", "write it on one line"));
    }
    Ok(text.to_owned())
}

/// A whole number within a range, both ends included.
pub(super) fn number(value: &Value, min: u64, max: u64) -> Result<u64, Wrong> {
    let number = value.as_integer().ok_or_else(|| {
        let remedy = format!("write a number from {min} to {max}, without quotes");
        Wrong::new(format!("{} where a whole number is expected", value_kind(value)), remedy)
    })?;
    u64::try_from(number)
        .ok()
        .filter(|number| (min..=max).contains(number))
        .ok_or_else(|| Wrong::new(format!("{number} is out of range"), format!("write a number from {min} to {max}")))
}

/// One word of a list.
pub(super) fn word<T: Copy>(value: &Value, words: &[(&'static str, T)]) -> Result<T, Wrong> {
    let given = text(value, 100)?;
    if let Some((_, found)) = words.iter().find(|(word, _)| *word == given) {
        return Ok(*found);
    }
    let all: Vec<_> = words.iter().map(|(word, _)| *word).collect();
    let remedy = match nearest(&given, all.iter().copied()) {
        Some(near) => format!("did you mean \"{near}\"?"),
        None => format!("write one of: {}", all.join(", ")),
    };
    Err(Wrong::new(format!("\"{given}\" is not known here"), remedy))
}

/// Texts of a list.
pub(super) fn texts(value: &Value, count_max: usize) -> Result<Vec<String>, Wrong> {
    let list = value.as_array().ok_or_else(|| {
        Wrong::new(format!("{} where a list is expected", value_kind(value)), "write it as [\"one\", \"two\"]")
    })?;
    if list.is_empty() || list.len() > count_max {
        return Err(Wrong::new("the list is empty or too long", format!("write 1 to {count_max} texts")));
    }
    list.iter().map(|value| text(value, 100)).collect()
}

fn printable(text: &str) -> String {
    text.chars().take(60).map(|c| if c.is_control() { '?' } else { c }).collect()
}

/// The known name that a misspelt one was likely meant to be.
pub(super) fn nearest<'n>(given: &str, known: impl Iterator<Item = &'n str>) -> Option<&'n str> {
    let given = given.to_lowercase().replace('-', "_");
    if given.chars().count() > 60 {
        return None;
    }
    let scored = known.map(|name| (distance(&given, name), name));
    let (distance, name) = scored.min_by_key(|(distance, _)| *distance)?;
    (distance <= 1 + name.len() / 4).then_some(name)
}

/// Levenshtein's distance.
fn distance(left: &str, right: &str) -> usize {
    let right: Vec<char> = right.chars().collect();
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (line, letter) in left.chars().enumerate() {
        let mut diagonal = line;
        let mut previous = line + 1;
        let mut next = vec![previous];
        for (other, above) in right.iter().zip(row.iter().skip(1)) {
            let cost = diagonal + usize::from(*other != letter);
            previous = cost.min(previous + 1).min(above + 1);
            diagonal = *above;
            next.push(previous);
        }
        row = next;
    }
    row.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn misspelt_names_are_recognized() {
        let known = ["listen", "origin", "certificate_file", "key_file", "idle_seconds"];
        for (given, expected) in [
            ("listn", Some("listen")),
            ("Listen", Some("listen")),
            ("certificate-file", Some("certificate_file")),
            ("certificat_file", Some("certificate_file")),
            ("idle_second", Some("idle_seconds")),
            ("colour", None),
            ("", None),
            ("é", None),
        ] {
            assert_eq!(nearest(given, known.into_iter()), expected, "{given}");
        }
        assert_eq!(distance("kitten", "sitting"), 3);
    }
}
