//! FHIR reads and searches over the hospital's resources, without a socket: parameters in, a bundle out.

use crate::sheets::paris;
use jiff::{Timestamp, ToSpan, civil::Date};
use serde_json::{Value, json};
use std::collections::BTreeMap;

const PARAMETERS_MAX: usize = 32;
const VALUES_MAX: usize = 300;
const COUNT_DEFAULT: usize = 50;
const COUNT_MAX: usize = 200;

/// Parameters as received, in order.
pub(crate) type Parameters = [(String, String)];

/// Why there is no answer. The texts are ours: a caller's text is not repeated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Problem {
    NotFound,
    Invalid(&'static str),
    NotSupported(&'static str),
}

/// Types that are read; those with `true` are searched too.
pub(crate) const TYPES: &[(&str, bool)] = &[
    ("Organization", true),
    ("Practitioner", true),
    ("Patient", true),
    ("DocumentReference", true),
    ("DiagnosticReport", true),
    ("Observation", true),
    ("Binary", false),
];

/// What a search parameter looks at.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Look {
    Id,
    /// Codings, identifiers or codes under a field.
    Token(&'static str),
    Security,
    Patient,
    Date(&'static str),
}

/// The search parameters of a type, beside `_id` and `_security`.
pub(crate) fn parameters(kind: &str) -> &'static [(&'static str, Look)] {
    match kind {
        "Patient" | "Practitioner" | "Organization" => &[("identifier", Look::Token("identifier"))],
        "DocumentReference" => &[
            ("patient", Look::Patient),
            ("subject", Look::Patient),
            ("security-label", Look::Token("securityLabel")),
            ("date", Look::Date("date")),
            ("type", Look::Token("type")),
            ("category", Look::Token("category")),
            ("status", Look::Token("status")),
        ],
        "DiagnosticReport" | "Observation" => &[
            ("patient", Look::Patient),
            ("subject", Look::Patient),
            ("date", Look::Date("effectiveDateTime")),
            ("code", Look::Token("code")),
            ("category", Look::Token("category")),
            ("status", Look::Token("status")),
        ],
        _ => &[],
    }
}

/// Every resource, by type, in a stable order.
pub(crate) struct Resources(BTreeMap<String, Vec<Value>>);

impl Resources {
    pub(crate) fn new(all: Vec<Value>) -> Self {
        let mut by_type: BTreeMap<String, Vec<Value>> = BTreeMap::new();
        for resource in all {
            by_type.entry(text(&resource, "resourceType").to_owned()).or_default().push(resource);
        }
        Self(by_type)
    }

    fn of(&self, kind: &str) -> &[Value] {
        self.0.get(kind).map_or(&[], Vec::as_slice)
    }

    /// One resource.
    pub(crate) fn read(&self, kind: &str, id: &str) -> Result<&Value, Problem> {
        self.of(kind).iter().find(|resource| text(resource, "id") == id).ok_or(Problem::NotFound)
    }

    /// A search; `strict` refuses parameters that are not known, `leak` adds a row that was not asked for.
    pub(crate) fn search(
        &self,
        base: &str,
        kind: &str,
        asked: &Parameters,
        strict: bool,
        leak: bool,
    ) -> Result<Value, Problem> {
        match TYPES.iter().find(|(name, _)| *name == kind) {
            None => return Err(Problem::NotFound),
            Some((_, false)) => return Err(Problem::NotSupported("this type is read, not searched")),
            Some((_, true)) => {}
        }
        let query = Query::parse(kind, asked, strict)?;
        let rows = self.of(kind).iter().filter(|row| query.filters.iter().all(|filter| filter.admits(row)));
        let mut rows: Vec<&Value> = rows.collect();
        query.sort(kind, &mut rows);
        let total = rows.len();
        let count = if query.count_only { 0 } else { query.count };
        let mut page: Vec<&Value> = rows.iter().skip(query.offset).take(count).copied().collect();
        let more = !query.count_only && count > 0 && query.offset.saturating_add(count) < total;
        let foreign = if leak && count > 0 { self.foreign(kind, &query, &rows) } else { None };
        page.extend(foreign);
        let mut entries: Vec<Value> = page.iter().map(|row| entry(base, row, "match")).collect();
        if query.include_results {
            let ids = page.iter().flat_map(|row| array(row, "result")).map(|it| text(it, "reference"));
            let included = ids.filter_map(|id| self.read("Observation", id.strip_prefix("Observation/")?).ok());
            entries.extend(included.map(|row| entry(base, row, "include")));
        }
        let mut links = vec![json!({ "relation": "self", "url": query.url(base, kind, query.offset) })];
        if more {
            links.push(json!({ "relation": "next", "url": query.url(base, kind, query.offset + count) }));
        }
        let mut bundle = json!({
            "resourceType": "Bundle", "type": "searchset", "link": links,
            "total": total + usize::from(foreign.is_some()),
        });
        if let (false, Some(fields)) = (entries.is_empty(), bundle.as_object_mut()) {
            fields.insert("entry".to_owned(), Value::Array(entries));
        }
        Ok(bundle)
    }

    /// A row of a patient who was not asked for.
    fn foreign(&self, kind: &str, query: &Query, rows: &[&Value]) -> Option<&Value> {
        let asked =
            |row: &Value| query.filters.iter().any(|filter| matches!(filter.look, Look::Patient) && filter.admits(row));
        let fresh = |row: &Value| !rows.iter().any(|known| text(known, "id") == text(row, "id"));
        self.of(kind).iter().find(|row| fresh(row) && !asked(row))
    }
}

struct Filter {
    look: Look,
    not: bool,
    values: Vec<String>,
}

impl Filter {
    fn admits(&self, row: &Value) -> bool {
        let found = match self.look {
            Look::Id => self.values.iter().any(|id| id == text(row, "id")),
            Look::Patient => {
                let whose = row.get("subject").map_or("", |subject| text(subject, "reference"));
                let id = whose.strip_prefix("Patient/").unwrap_or(whose);
                self.values.iter().any(|value| value.strip_prefix("Patient/").unwrap_or(value) == id)
            }
            Look::Token(field) => row.get(field).is_some_and(|value| self.token(value)),
            Look::Security => row.pointer("/meta/security").is_some_and(|value| self.token(value)),
            Look::Date(field) => {
                let moment: Option<Timestamp> = text(row, field).parse().ok();
                moment.is_some_and(|moment| self.values.iter().any(|value| holds(value, moment) == Some(true)))
            }
        };
        found != self.not
    }

    /// Whether a code, a coding, an identifier or a list of them matches one of `system|code`, `|code`, `system|`
    /// or `code`.
    fn token(&self, value: &Value) -> bool {
        match value {
            Value::Array(items) => items.iter().any(|item| self.token(item)),
            Value::String(code) => self.values.iter().any(|wanted| wanted == code),
            Value::Object(fields) => match fields.get("coding") {
                Some(codings) => self.token(codings),
                None => {
                    let code = if fields.contains_key("code") { text(value, "code") } else { text(value, "value") };
                    let system = text(value, "system");
                    self.values.iter().any(|wanted| match wanted.split_once('|') {
                        Some((wanted_system, wanted_code)) => {
                            wanted_system == system && (wanted_code.is_empty() || wanted_code == code)
                        }
                        None => wanted == code,
                    })
                }
            },
            _ => false,
        }
    }
}

struct Query {
    filters: Vec<Filter>,
    sort: Option<(Sort, bool)>,
    count: usize,
    offset: usize,
    count_only: bool,
    include_results: bool,
    /// What was understood, for the links.
    kept: Vec<(String, String)>,
}

#[derive(Clone, Copy)]
enum Sort {
    Date,
    Id,
}

impl Query {
    fn parse(kind: &str, asked: &Parameters, strict: bool) -> Result<Self, Problem> {
        if asked.len() > PARAMETERS_MAX {
            return Err(Problem::Invalid("too many parameters"));
        }
        let mut query = Query {
            filters: Vec::new(),
            sort: None,
            count: COUNT_DEFAULT,
            offset: 0,
            count_only: false,
            include_results: false,
            kept: Vec::new(),
        };
        for (name, value) in asked {
            if query.filter(kind, name, value)? || query.option(kind, name, value)? {
                if !matches!(name.as_str(), "_count" | "_offset") {
                    query.kept.push((name.clone(), value.clone()));
                }
            } else if strict {
                return Err(Problem::NotSupported("a parameter is not known"));
            }
        }
        Ok(query)
    }

    /// Whether the parameter is a filter.
    fn filter(&mut self, kind: &str, name: &str, value: &str) -> Result<bool, Problem> {
        let (name, modifier) = name.split_once(':').map_or((name, ""), |(name, modifier)| (name, modifier));
        let look = match name {
            "_id" => Look::Id,
            "_security" => Look::Security,
            _ => match parameters(kind).iter().find(|(known, _)| *known == name) {
                Some((_, look)) => *look,
                None => return Ok(false),
            },
        };
        let not = match (look, modifier) {
            (_, "") | (Look::Patient, "Patient") => false,
            (Look::Token(_) | Look::Security, "not") => true,
            // FHIR: a modifier that is not supported is refused, whatever the handling.
            _ => return Err(Problem::Invalid("a modifier is not supported")),
        };
        let values: Vec<String> = value.split(',').map(str::to_owned).collect();
        if values.len() > VALUES_MAX {
            return Err(Problem::Invalid("too many values"));
        }
        if matches!(look, Look::Date(_)) && values.iter().any(|value| holds(value, Timestamp::UNIX_EPOCH).is_none()) {
            return Err(Problem::Invalid("a date is malformed"));
        }
        self.filters.push(Filter { look, not, values });
        Ok(true)
    }

    /// Whether the parameter is a known way to present the result.
    fn option(&mut self, kind: &str, name: &str, value: &str) -> Result<bool, Problem> {
        let number = || value.parse::<usize>().map_err(|_| Problem::Invalid("a number is malformed"));
        match (name, value) {
            ("_count", _) => self.count = number()?.min(COUNT_MAX),
            ("_offset", _) => self.offset = number()?,
            ("_summary", "count") => self.count_only = true,
            ("_sort", "date") => self.sort = Some((Sort::Date, false)),
            ("_sort", "-date") => self.sort = Some((Sort::Date, true)),
            ("_sort", "_id") => self.sort = Some((Sort::Id, false)),
            ("_include", "DiagnosticReport:result") if kind == "DiagnosticReport" => self.include_results = true,
            ("_summary", "false") | ("_total", "none" | "estimate" | "accurate") | ("_format", _) => {}
            _ => return Ok(false),
        }
        Ok(true)
    }

    fn sort(&self, kind: &str, rows: &mut [&Value]) {
        let field = if kind == "DocumentReference" { "date" } else { "effectiveDateTime" };
        match self.sort {
            // Instants are all written in UTC with whole seconds: their texts sort as they do.
            Some((Sort::Date, false)) => rows.sort_by_key(|row| (text(row, field), text(row, "id"))),
            Some((Sort::Date, true)) => {
                rows.sort_by_key(|row| (std::cmp::Reverse(text(row, field)), text(row, "id")));
            }
            Some((Sort::Id, _)) => rows.sort_by_key(|row| text(row, "id")),
            None => {}
        }
    }

    fn url(&self, base: &str, kind: &str, offset: usize) -> String {
        let mut url = format!("{base}/{kind}?");
        for (name, value) in &self.kept {
            escape(name, &mut url);
            url.push('=');
            escape(value, &mut url);
            url.push('&');
        }
        url.push_str(&format!("_count={}&_offset={offset}", self.count));
        url
    }
}

/// Whether a moment satisfies `ge2026-01-05` and the like; `None` when the condition is malformed.
fn holds(condition: &str, moment: Timestamp) -> Option<bool> {
    let digits = condition.find(|c: char| c.is_ascii_digit())?;
    let (prefix, date) = condition.split_at_checked(digits)?;
    let (start, end) = span(date)?;
    Some(match prefix {
        "" | "eq" => start <= moment && moment < end,
        "ne" => moment < start || end <= moment,
        "ge" => start <= moment,
        "gt" | "sa" => end <= moment,
        "le" => moment < end,
        "lt" | "eb" => moment < start,
        _ => return None,
    })
}

/// From the first moment of a year, month, day or second to the first one past it; days are those of Paris.
fn span(date: &str) -> Option<(Timestamp, Timestamp)> {
    if date.contains('T') {
        let start: Timestamp = date.parse().ok()?;
        return Some((start, start.checked_add(1.second()).ok()?));
    }
    if date.len() > 10 || !date.chars().all(|c| c.is_ascii_digit() || c == '-') {
        return None;
    }
    let (first, past): (Date, Date) = match date.len() {
        4 => {
            let first: Date = format!("{date}-01-01").parse().ok()?;
            (first, first.checked_add(1.year()).ok()?)
        }
        7 => {
            let first: Date = format!("{date}-01").parse().ok()?;
            (first, first.checked_add(1.month()).ok()?)
        }
        10 => {
            let first: Date = date.parse().ok()?;
            (first, first.checked_add(1.day()).ok()?)
        }
        _ => return None,
    };
    let zone = paris();
    let midnight = |day: Date| day.to_zoned(zone.clone()).ok().map(|zoned| zoned.timestamp());
    Some((midnight(first)?, midnight(past)?))
}

fn entry(base: &str, row: &Value, mode: &str) -> Value {
    let url = format!("{base}/{}/{}", text(row, "resourceType"), text(row, "id"));
    json!({ "fullUrl": url, "resource": row, "search": { "mode": mode } })
}

/// A field's text, empty when it has none.
pub(crate) fn text<'a>(value: &'a Value, field: &str) -> &'a str {
    value.get(field).and_then(Value::as_str).unwrap_or_default()
}

fn array<'a>(value: &'a Value, field: &str) -> &'a [Value] {
    value.get(field).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

fn escape(text: &str, into: &mut String) {
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~' | b'/' | b':' | b',') {
            into.push(char::from(byte));
        } else {
            into.push_str(&format!("%{byte:02X}"));
        }
    }
}
