//! What a directory answers.

use super::{
    ber::{BOOLEAN, ENUMERATED, INTEGER, Malformed, OCTETS, Reader, SEQUENCE, SET},
    request::PAGED_RESULTS,
};

/// Characters kept of what a server says about an outcome.
const SAID_CHARS_MAX: usize = 200;

/// How an operation ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// One of [`super::code`], or another.
    pub code: u32,
    /// What the server says of it, cut short.
    pub said: String,
}

/// An entry found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its name.
    pub dn: String,
    /// What was asked of it.
    pub attributes: Vec<(String, Vec<Vec<u8>>)>,
}

impl Entry {
    /// An attribute's values, whatever case its name is written in.
    pub fn values(&self, name: &str) -> &[Vec<u8>] {
        let found = self.attributes.iter().find(|(found, _)| found.eq_ignore_ascii_case(name));
        found.map(|(_, values)| values.as_slice()).unwrap_or_default()
    }

    /// An attribute's first value, if it is a text.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.values(name).first().and_then(|value| std::str::from_utf8(value).ok())
    }
}

/// One message of a directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// How signing in ended.
    Bound(Outcome),
    /// An entry.
    Entry(Entry),
    /// Others should be asked for a part of what was looked for. Who they are is not even read.
    Reference,
    /// The end of a search, with what asks for its next page: empty after the last.
    Done(Outcome, Vec<u8>),
    /// How another operation ended.
    Extended(Outcome),
    /// The server speaks of itself: it is about to close.
    Goodbye,
}

/// Reads one whole message: to what request it answers, and what. Nothing may follow it.
pub fn answer(bytes: &[u8]) -> Result<(u32, Answer), Malformed> {
    let mut outer = Reader::new(bytes);
    let mut message = Reader::new(outer.expect(SEQUENCE)?);
    if !outer.is_over() {
        return Err(Malformed);
    }
    let id = message.number(INTEGER)?;
    let (tag, content) = message.element()?;
    if id == 0 {
        return Ok((id, Answer::Goodbye));
    }
    let answer = match tag {
        0x61 => Answer::Bound(outcome(content)?),
        0x64 => Answer::Entry(entry(content)?),
        0x65 => Answer::Done(outcome(content)?, cookie(message)?),
        0x73 => Answer::Reference,
        0x78 => Answer::Extended(outcome(content)?),
        _ => return Err(Malformed),
    };
    Ok((id, answer))
}

fn outcome(content: &[u8]) -> Result<Outcome, Malformed> {
    let mut reader = Reader::new(content);
    let code = reader.number(ENUMERATED)?;
    reader.expect(OCTETS)?;
    let said = String::from_utf8_lossy(reader.expect(OCTETS)?);
    let said = said.chars().filter(|c| !c.is_control()).take(SAID_CHARS_MAX).collect();
    Ok(Outcome { code, said })
}

fn entry(content: &[u8]) -> Result<Entry, Malformed> {
    let mut reader = Reader::new(content);
    let dn = reader.text()?.to_owned();
    let mut list = Reader::new(reader.expect(SEQUENCE)?);
    let mut attributes = Vec::new();
    while !list.is_over() {
        let mut attribute = Reader::new(list.expect(SEQUENCE)?);
        let name = attribute.text()?.to_owned();
        let mut set = Reader::new(attribute.expect(SET)?);
        let mut values = Vec::new();
        while !set.is_over() {
            values.push(set.expect(OCTETS)?.to_vec());
        }
        attributes.push((name, values));
    }
    Ok(Entry { dn, attributes })
}

/// What asks for the next page, among the controls after the end of a search.
fn cookie(mut message: Reader<'_>) -> Result<Vec<u8>, Malformed> {
    if message.is_over() {
        return Ok(Vec::new());
    }
    let mut controls = Reader::new(message.expect(0xa0)?);
    while !controls.is_over() {
        let mut control = Reader::new(controls.expect(SEQUENCE)?);
        let is_paged = control.expect(OCTETS)? == PAGED_RESULTS;
        while !control.is_over() {
            match control.element()? {
                (OCTETS, value) if is_paged => {
                    let mut value = Reader::new(Reader::new(value).expect(SEQUENCE)?);
                    value.number(INTEGER)?;
                    return Ok(value.expect(OCTETS)?.to_vec());
                }
                (BOOLEAN | OCTETS, _) => {}
                _ => return Err(Malformed),
            }
        }
    }
    Ok(Vec::new())
}
