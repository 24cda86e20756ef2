//! Dates and times as people read them, in French legal time (Europe/Paris) and both languages.

use crate::i18n::Text;
use jiff::{
    Timestamp, ToSpan as _, Zoned,
    civil::{Date, DateTime, Weekday},
    tz::TimeZone,
};
use std::{fmt, sync::LazyLock};
use types::{Lang, Time};

static PARIS: LazyLock<TimeZone> =
    // The zone data is compiled in; were it absent, universal time is still true.
    LazyLock::new(|| TimeZone::get("Europe/Paris").unwrap_or(TimeZone::UTC));

/// No-break space: keeps a date's parts on one line.
const NB: char = '\u{a0}';

const MONTHS_FR: [&str; 12] = [
    "janvier",
    "février",
    "mars",
    "avril",
    "mai",
    "juin",
    "juillet",
    "août",
    "septembre",
    "octobre",
    "novembre",
    "décembre",
];
const MONTHS_EN: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
const MONTHS_SHORT_FR: [&str; 12] =
    ["janv.", "févr.", "mars", "avr.", "mai", "juin", "juil.", "août", "sept.", "oct.", "nov.", "déc."];
const MONTHS_SHORT_EN: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// A date as the hospital gave it: to the second, or only to the day, month or year.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Dated {
    /// A moment.
    Moment(Time),
    /// `2026-11-21`, `2026-11` or `2026`; anything else is shown as it stands.
    Day(String),
}

impl Dated {
    /// A FHIR date or instant; what is neither is kept as it stands.
    pub fn read(text: &str) -> Self {
        match text.parse::<Timestamp>() {
            Ok(moment) => Dated::Moment(Time::from_micros(moment.as_microsecond())),
            Err(_) => Dated::Day(text.to_owned()),
        }
    }

    /// `21 novembre 2026`: the day alone, to be read in a list.
    pub fn day(&self, lang: Lang) -> String {
        match self {
            Dated::Moment(time) => date_long(paris(*time).date(), lang),
            Dated::Day(text) => day(text, lang),
        }
    }

    /// All that is known of it, the hour included.
    pub fn full(&self, lang: Lang) -> String {
        match self {
            Dated::Moment(time) => full(*time, lang),
            Dated::Day(text) => day(text, lang),
        }
    }

    /// For `datetime="…"`; empty when the hospital's text is not a date.
    pub fn machine(&self) -> String {
        match self {
            Dated::Moment(time) => machine(*time),
            Dated::Day(text) if Partial::parse(text).is_some() => text.clone(),
            Dated::Day(_) => String::new(),
        }
    }
}

/// `samedi 21 novembre 2026 à 14 h 05`, `Saturday 21 November 2026 at 14:05`.
pub fn full(time: Time, lang: Lang) -> String {
    let at = paris(time);
    let weekday = weekday(at.weekday(), lang);
    let (date, clock) = (date_long(at.date(), lang), clock(time, lang));
    match lang {
        Lang::Fr => format!("{weekday} {date} à {clock}"),
        Lang::En => format!("{weekday} {date} at {clock}"),
    }
}

/// `21 nov. 2026`, `21 Nov 2026`.
pub fn short(time: Time, lang: Lang) -> String {
    let date = paris(time).date();
    let months = if lang == Lang::Fr { &MONTHS_SHORT_FR } else { &MONTHS_SHORT_EN };
    format!("{}{NB}{}{NB}{}", date.day(), month(months, date.month()), date.year())
}

/// `21 nov. 2026`, the day in universal time.
pub fn universal_day(time: Time, lang: Lang) -> String {
    let date = timestamp(time).to_zoned(TimeZone::UTC).date();
    let months = if lang == Lang::Fr { &MONTHS_SHORT_FR } else { &MONTHS_SHORT_EN };
    format!("{}{NB}{}{NB}{}", date.day(), month(months, date.month()), date.year())
}

/// `novembre 2026`, `November 2026`, in universal time.
pub fn universal_month(time: Time, lang: Lang) -> String {
    let date = timestamp(time).to_zoned(TimeZone::UTC).date();
    let months = if lang == Lang::Fr { &MONTHS_FR } else { &MONTHS_EN };
    format!("{}{NB}{}", month(months, date.month()), date.year())
}

/// `14 h 05`, `14:05`.
pub fn clock(time: Time, lang: Lang) -> String {
    let at = paris(time);
    match lang {
        Lang::Fr => format!("{}{NB}h{NB}{:02}", at.hour(), at.minute()),
        Lang::En => format!("{:02}:{:02}", at.hour(), at.minute()),
    }
}

/// `21 nov. 2026 à 14 h 05 min 07 s`, `21 Nov 2026 at 14:05:07`.
pub fn to_the_second(time: Time, lang: Lang) -> String {
    let (at, day) = (paris(time), short(time, lang));
    match lang {
        Lang::Fr => format!("{day} à {}{NB}h{NB}{:02}{NB}min{NB}{:02}{NB}s", at.hour(), at.minute(), at.second()),
        Lang::En => format!("{day} at {:02}:{:02}:{:02}", at.hour(), at.minute(), at.second()),
    }
}

/// `2026-11-21T13:05:07.123456Z`: all that is known of a moment, in universal time.
pub fn exact(time: Time) -> String {
    timestamp(time).strftime("%Y-%m-%dT%H:%M:%S%.6fZ").to_string()
}

/// When the legal day of a moment began, or that of some days before.
pub fn day_begins(time: Time, days_before: u16) -> Time {
    let date = paris(time).date();
    began(date.checked_sub(i64::from(days_before).days()).unwrap_or(date))
}

/// When the legal month of a moment began, or that of some months before.
pub fn month_begins(time: Time, months_before: u16) -> Time {
    let date = paris(time).date().first_of_month();
    began(date.checked_sub(i64::from(months_before).months()).unwrap_or(date))
}

fn began(date: Date) -> Time {
    let begins = date.to_zoned(PARIS.clone()).map(|zoned| zoned.timestamp().as_microsecond());
    Time::from_micros(begins.unwrap_or(i64::MIN))
}

/// `2026-11-21T14:05`, in legal time: the value of a field of type `datetime-local`.
pub fn local(time: Time) -> String {
    paris(time).strftime("%Y-%m-%dT%H:%M").to_string()
}

/// Reads what such a field sends, in legal time; seconds are dropped. An hour that a change of clocks repeats is its
/// first; one that it skips is moved past the gap.
pub fn read_local(text: &str) -> Option<Time> {
    let legal = |byte: u8| byte.is_ascii_digit() || b"-:T.".contains(&byte);
    if !(16..=26).contains(&text.len()) || !text.bytes().all(legal) || text.as_bytes().get(10) != Some(&b'T') {
        return None;
    }
    let civil: DateTime = text.get(..16)?.parse().ok()?;
    let zoned = civil.to_zoned(PARIS.clone()).ok()?;
    Some(Time::from_micros(zoned.timestamp().as_microsecond()))
}

/// `il y a 5 minutes`, `hier à 14 h 05`, and past a week the date. What lies ahead of `now` reads as just past:
/// clocks differ by a little.
pub fn ago(time: Time, now: Time, lang: Lang) -> String {
    let text = Text::new(lang);
    let seconds = now.since(time).as_secs();
    let days = paris(time).date().until(paris(now).date()).map_or(0, |span| span.get_days());
    match (seconds, days) {
        (0..60, _) => text.when_now().to_owned(),
        (60..3_600, _) => text.when_minutes(seconds / 60),
        (3_600..86_400, _) => text.when_hours(seconds / 3_600),
        (_, 1) => text.when_yesterday(clock(time, lang)),
        (_, 2..7) => text.when_days(u64::from(days.unsigned_abs())),
        _ => text.when_on(short(time, lang)),
    }
}

/// A civil date written `2026-11-21`, `2026-11` or `2026`, in words. Any other text is returned as it is: better the
/// hospital's own words than none.
pub fn day(text: &str, lang: Lang) -> String {
    let months = if lang == Lang::Fr { &MONTHS_FR } else { &MONTHS_EN };
    match Partial::parse(text) {
        Some(Partial::Day(date)) => date_long(date, lang),
        Some(Partial::Month(year, number)) => format!("{}{NB}{year}", month(months, number)),
        Some(Partial::Year(year)) => year.to_string(),
        None => text.to_owned(),
    }
}

/// `2026-11-21T13:05:00Z`, for `datetime="…"`.
pub fn machine(time: Time) -> String {
    timestamp(Time::from_micros(time.seconds().saturating_mul(1_000_000))).to_string()
}

/// A `<time>` element: the words given, the exact time for machines and on demand.
#[derive(Debug, Clone)]
pub struct TimeTag {
    words: String,
    title: Option<String>,
    machine: String,
}

impl TimeTag {
    /// The full date.
    pub fn full(time: Time, lang: Lang) -> Self {
        Self { words: full(time, lang), title: None, machine: machine(time) }
    }

    /// How long ago, with the full date as title.
    pub fn ago(time: Time, now: Time, lang: Lang) -> Self {
        Self { words: ago(time, now, lang), title: Some(full(time, lang)), machine: machine(time) }
    }

    /// To the second, with the exact moment in universal time as title.
    pub fn exact(time: Time, lang: Lang) -> Self {
        let exact = exact(time);
        Self { words: to_the_second(time, lang), title: Some(exact.clone()), machine: exact }
    }

    /// The hospital's date, in words to the day; the title adds the hour when it is known.
    pub fn dated(date: &Dated, lang: Lang) -> Self {
        let title = matches!(date, Dated::Moment(_)).then(|| date.full(lang));
        Self { words: date.day(lang), title, machine: date.machine() }
    }

    /// The hospital's date with its hour.
    pub fn dated_full(date: &Dated, lang: Lang) -> Self {
        Self { words: date.full(lang), title: None, machine: date.machine() }
    }
}

impl fmt::Display for TimeTag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The words may be the hospital's own: all is escaped.
        let safe = |text: &str| askama::filters::escape(text.to_owned(), askama::filters::Html).map(|t| t.to_string());
        let words = safe(&self.words).map_err(|_| fmt::Error)?;
        if self.machine.is_empty() {
            return f.write_str(&words);
        }
        write!(f, "<time datetime=\"{}\"", safe(&self.machine).map_err(|_| fmt::Error)?)?;
        if let Some(title) = &self.title {
            write!(f, " title=\"{}\"", safe(title).map_err(|_| fmt::Error)?)?;
        }
        write!(f, ">{words}</time>")
    }
}

// Display escapes what it writes.
impl askama::filters::HtmlSafe for TimeTag {}

fn timestamp(time: Time) -> Timestamp {
    let bound = if time.micros() < 0 { Timestamp::MIN } else { Timestamp::MAX };
    Timestamp::from_microsecond(time.micros()).unwrap_or(bound)
}

fn paris(time: Time) -> Zoned {
    timestamp(time).to_zoned(PARIS.clone())
}

fn date_long(date: Date, lang: Lang) -> String {
    let months = if lang == Lang::Fr { &MONTHS_FR } else { &MONTHS_EN };
    let first = if lang == Lang::Fr && date.day() == 1 { "er" } else { "" };
    format!("{}{first}{NB}{}{NB}{}", date.day(), month(months, date.month()), date.year())
}

fn month(names: &[&'static str; 12], number: i8) -> &'static str {
    usize::try_from(number - 1).ok().and_then(|index| names.get(index)).copied().unwrap_or_default()
}

fn weekday(day: Weekday, lang: Lang) -> &'static str {
    let (fr, en) = match day {
        Weekday::Monday => ("lundi", "Monday"),
        Weekday::Tuesday => ("mardi", "Tuesday"),
        Weekday::Wednesday => ("mercredi", "Wednesday"),
        Weekday::Thursday => ("jeudi", "Thursday"),
        Weekday::Friday => ("vendredi", "Friday"),
        Weekday::Saturday => ("samedi", "Saturday"),
        Weekday::Sunday => ("dimanche", "Sunday"),
    };
    if lang == Lang::Fr { fr } else { en }
}

/// A civil date as precise as it was given (FHIR `date`).
enum Partial {
    Year(i16),
    Month(i16, i8),
    Day(Date),
}

impl Partial {
    fn parse(text: &str) -> Option<Self> {
        if text.len() > 10 || !text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-') {
            return None;
        }
        let mut parts = text.split('-');
        let year = parts.next().filter(|year| year.len() == 4)?.parse().ok()?;
        let two = |part: &str| (part.len() == 2).then(|| part.parse::<i8>().ok()).flatten();
        match (parts.next(), parts.next(), parts.next()) {
            (None, ..) => Some(Self::Year(year)),
            (Some(month), None, _) => two(month).filter(|m| (1..=12).contains(m)).map(|m| Self::Month(year, m)),
            (Some(month), Some(day), None) => Date::new(year, two(month)?, two(day)?).ok().map(Self::Day),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
    use super::*;
    use std::time::Duration;

    fn at(text: &str) -> Time {
        Time::from_micros(text.parse::<Timestamp>().unwrap().as_microsecond())
    }

    fn plain(text: impl ToString) -> String {
        text.to_string().replace(NB, " ")
    }

    #[test]
    fn full_dates_follow_legal_time() {
        for (moment, fr, en) in [
            ("2026-11-21T13:05:00Z", "samedi 21 novembre 2026 à 14 h 05", "Saturday 21 November 2026 at 14:05"),
            ("2026-07-31T22:00:59Z", "samedi 1er août 2026 à 0 h 00", "Saturday 1 August 2026 at 00:00"),
            ("2026-03-29T00:59:59Z", "dimanche 29 mars 2026 à 1 h 59", "Sunday 29 March 2026 at 01:59"),
            ("2026-03-29T01:00:00Z", "dimanche 29 mars 2026 à 3 h 00", "Sunday 29 March 2026 at 03:00"),
        ] {
            assert_eq!(plain(full(at(moment), Lang::Fr)), fr);
            assert_eq!(plain(full(at(moment), Lang::En)), en);
        }
        assert_eq!(plain(short(at("2026-11-21T13:05:00Z"), Lang::Fr)), "21 nov. 2026");
    }

    #[test]
    fn fields_speak_legal_time() {
        for (field, moment) in [
            ("2026-11-21T14:05", "2026-11-21T13:05:00Z"),
            ("2026-07-31T23:59", "2026-07-31T21:59:00Z"),
            ("2026-10-25T02:30", "2026-10-25T00:30:00Z"),
        ] {
            assert_eq!(read_local(field), Some(at(moment)), "{field}");
            assert_eq!(local(at(moment)), field);
        }
        assert_eq!(read_local("2026-11-21T14:05:59.5"), Some(at("2026-11-21T13:05:00Z")));
        assert_eq!(read_local("2026-03-29T02:30"), Some(at("2026-03-29T01:30:00Z")), "an hour that does not exist");
        let bad = ["", "2026-11-21", "2026-11-21 14:05", "2026-13-21T14:05", "2026-11-21T14:05Z", "2026-11-21T1é:05"];
        for text in bad {
            assert_eq!(read_local(text), None, "{text}");
        }
    }

    #[test]
    fn days_and_months_begin_in_legal_time() {
        let now = at("2026-03-29T12:00:00Z");
        for (begins, moment) in [
            (day_begins(now, 0), "2026-03-28T23:00:00Z"),
            (day_begins(now, 6), "2026-03-22T23:00:00Z"),
            (day_begins(at("2026-03-28T22:59:59Z"), 0), "2026-03-27T23:00:00Z"),
            (month_begins(now, 0), "2026-02-28T23:00:00Z"),
            (month_begins(now, 1), "2026-01-31T23:00:00Z"),
            (month_begins(at("2026-11-21T12:00:00Z"), 1), "2026-09-30T22:00:00Z"),
        ] {
            assert_eq!(begins, at(moment));
        }
        assert!(day_begins(Time::from_micros(i64::MIN), 9) <= month_begins(Time::from_micros(i64::MAX), 9));
    }

    #[test]
    fn universal_days_are_not_legal_ones() {
        let late = at("2026-10-31T23:30:00Z");
        assert_eq!(plain(universal_day(late, Lang::Fr)), "31 oct. 2026");
        assert_eq!(plain(universal_month(late, Lang::Fr)), "octobre 2026");
        assert_eq!(plain(short(late, Lang::En)), "1 Nov 2026");
    }

    #[test]
    fn an_exact_moment_says_all_that_is_known() {
        let tag = TimeTag::exact(at("2026-11-21T13:05:07.000123Z"), Lang::Fr);
        let exact = "2026-11-21T13:05:07.000123Z";
        let words = "21 nov. 2026 à 14 h 05 min 07 s";
        assert_eq!(plain(tag), format!("<time datetime=\"{exact}\" title=\"{exact}\">{words}</time>"));
        assert_eq!(plain(to_the_second(at(exact), Lang::En)), "21 Nov 2026 at 14:05:07");
    }

    #[test]
    fn the_near_past_is_told_by_distance() {
        let now = at("2026-11-21T13:05:00Z");
        for (seconds, fr, en) in [
            (0, "à l’instant", "just now"),
            (59, "à l’instant", "just now"),
            (60, "il y a une minute", "a minute ago"),
            (305, "il y a 5 minutes", "5 minutes ago"),
            (3_600, "il y a une heure", "an hour ago"),
            (86_399, "il y a 23 heures", "23 hours ago"),
            (90_000, "hier à 13 h 05", "yesterday at 13:05"),
            (3 * 86_400, "il y a 3 jours", "3 days ago"),
            (8 * 86_400, "le 13 nov. 2026", "on 13 Nov 2026"),
        ] {
            let then = now - Duration::from_secs(seconds);
            assert_eq!(plain(ago(then, now, Lang::Fr)), fr);
            assert_eq!(plain(ago(then, now, Lang::En)), en);
        }
        assert_eq!(ago(now + Duration::from_secs(9), now, Lang::Fr), "à l’instant");
    }

    #[test]
    fn civil_dates_keep_their_precision() {
        for (text, fr, en) in [
            ("1957-03-01", "1er mars 1957", "1 March 1957"),
            ("1957-03", "mars 1957", "March 1957"),
            ("1957", "1957", "1957"),
            ("1957-13", "1957-13", "1957-13"),
            ("1957-02-30", "1957-02-30", "1957-02-30"),
            ("vers 1957", "vers 1957", "vers 1957"),
            ("", "", ""),
        ] {
            assert_eq!(plain(day(text, Lang::Fr)), fr);
            assert_eq!(plain(day(text, Lang::En)), en);
        }
    }

    #[test]
    fn no_moment_is_too_far() {
        for micros in [i64::MIN, i64::MAX, 0] {
            assert!(!full(Time::from_micros(micros), Lang::Fr).is_empty());
            assert!(!machine(Time::from_micros(micros)).is_empty());
        }
    }

    #[test]
    fn the_element_gives_the_exact_time_and_escapes() {
        let (then, now) = (at("2026-11-21T13:00:00.9Z"), at("2026-11-21T13:05:00Z"));
        assert_eq!(
            plain(TimeTag::ago(then, now, Lang::En)),
            "<time datetime=\"2026-11-21T13:00:00Z\" title=\"Saturday 21 November 2026 at 14:00\">4 minutes ago</time>"
        );
        let hostile = Dated::Day("<b>\"".to_owned());
        assert!(!TimeTag::dated(&hostile, Lang::Fr).to_string().contains('<'));
    }
}
