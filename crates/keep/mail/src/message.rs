//! A message: plain text to one person.

use crate::Address;
use lettre::{
    address::Envelope,
    message::{
        Mailbox, Message as Written,
        header::{ContentType, Header, HeaderName, HeaderValue, MIME_VERSION_1_0},
    },
};

/// Characters of a subject.
pub const SUBJECT_CHARS_MAX: usize = 200;
/// Bytes of a text.
pub const BODY_BYTES_MAX: usize = 16 * 1024;
/// Characters of what names a message.
const ID_CHARS_MAX: usize = 64;

/// A message: plain text to one person.
pub struct Message {
    to: Address,
    id: String,
    subject: String,
    body: String,
}

/// It cannot be written so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the message cannot be written: {0}")]
pub struct BadMessage(&'static str);

impl Message {
    /// `id` names it wherever it goes, and is the same each time that it is sent: letters and digits.
    pub fn new(to: Address, id: &str, subject: &str, body: &str) -> Result<Self, BadMessage> {
        let is_id = !id.is_empty() && id.len() <= ID_CHARS_MAX && id.bytes().all(|byte| byte.is_ascii_alphanumeric());
        if !is_id {
            return Err(BadMessage("it is not named by letters and digits"));
        }
        if subject.is_empty() || subject.chars().count() > SUBJECT_CHARS_MAX || subject.chars().any(char::is_control) {
            return Err(BadMessage("its subject is empty, too long, or more than a line"));
        }
        if body.len() > BODY_BYTES_MAX || body.chars().any(|c| c.is_control() && c != '\n') {
            return Err(BadMessage("its text is too long, or more than a text"));
        }
        Ok(Self { to, id: id.to_owned(), subject: subject.to_owned(), body: body.replace('\n', "\r\n") })
    }

    /// As it travels.
    pub(crate) fn written(&self, from: &Address) -> Result<(Envelope, Vec<u8>), BadMessage> {
        let of = |address: &Address| Mailbox::new(None, address.inner().clone());
        let message = Written::builder()
            .from(of(from))
            .to(of(&self.to))
            .subject(self.subject.clone())
            .date_now()
            .message_id(Some(format!("<{}@{}>", self.id, from.domain())))
            .header(Automatic)
            .header(MIME_VERSION_1_0)
            .header(ContentType::TEXT_PLAIN)
            .body(self.body.clone())
            .map_err(|_| BadMessage("it is refused by those who write messages"))?;
        Ok((message.envelope().clone(), message.formatted()))
    }
}

/// A program wrote it: no answering machine answers (RFC 3834).
#[derive(Clone)]
struct Automatic;

impl Header for Automatic {
    fn name() -> HeaderName {
        HeaderName::new_from_ascii_str("Auto-Submitted")
    }

    fn parse(_: &str) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        Ok(Self)
    }

    fn display(&self) -> HeaderValue {
        HeaderValue::new(Self::name(), "auto-generated".to_owned())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn to() -> Address {
        "camille.essai@hopital.example".parse().unwrap()
    }

    #[test]
    fn a_line_that_would_begin_another_header_is_refused() {
        for (id, subject, body) in [
            ("a1", "Un sujet\r\nBcc: autre@ailleurs.example", "Texte"),
            ("a1", "Un sujet\nBcc: autre@ailleurs.example", "Texte"),
            ("a1", "Un sujet\r", "Texte"),
            ("a1", "", "Texte"),
            ("a1", "Un sujet", "Texte\r\n.\r\nMAIL FROM:<autre@ailleurs.example>"),
            ("a1", "Un sujet", "Texte\0"),
            ("a1>\r\nBcc: autre@ailleurs.example", "Un sujet", "Texte"),
            ("", "Un sujet", "Texte"),
        ] {
            assert!(Message::new(to(), id, subject, body).is_err(), "{id:?} {subject:?} {body:?}");
        }
        assert!(Message::new(to(), "a1", &"é".repeat(SUBJECT_CHARS_MAX + 1), "Texte").is_err());
        assert!(Message::new(to(), "a1", "Un sujet", &"a".repeat(BODY_BYTES_MAX + 1)).is_err());
    }

    #[test]
    fn it_says_what_it_is_and_no_more() {
        let message = Message::new(to(), "a1", "Été", "Bonjour,\n.\nÀ bientôt\n").unwrap();
        let (envelope, bytes) = message.written(&"poterne@hopital.example".parse().unwrap()).unwrap();
        assert_eq!(envelope.to().len(), 1);
        let text = String::from_utf8(bytes).unwrap();
        let (head, _) = text.split_once("\r\n\r\n").unwrap();
        let mut names: Vec<_> = head.lines().filter_map(|line| Some(line.split_once(": ")?.0)).collect();
        names.sort_unstable();
        let expected = [
            "Auto-Submitted",
            "Content-Transfer-Encoding",
            "Content-Type",
            "Date",
            "From",
            "Message-ID",
            "MIME-Version",
            "Subject",
            "To",
        ];
        let mut expected = expected.to_vec();
        expected.sort_unstable();
        assert_eq!(names, expected, "{head}");
        assert!(head.contains("Message-ID: <a1@hopital.example>"), "{head}");
        assert!(head.contains("Content-Type: text/plain; charset=utf-8"), "{head}");
        assert!(head.contains("Auto-Submitted: auto-generated"), "{head}");
    }
}
