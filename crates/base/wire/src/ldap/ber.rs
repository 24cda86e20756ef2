//! The encoding beneath: tag, length, content, as far as LDAP restricts it (RFC 4511 §5.1): definite lengths, tags of a byte.

/// No message of a directory is longer: a group with all the members that are read fits.
pub const MESSAGE_BYTES_MAX: usize = 4 * 1024 * 1024;

pub(super) const BOOLEAN: u8 = 0x01;
pub(super) const INTEGER: u8 = 0x02;
pub(super) const OCTETS: u8 = 0x04;
pub(super) const ENUMERATED: u8 = 0x0a;
pub(super) const SEQUENCE: u8 = 0x30;
pub(super) const SET: u8 = 0x31;

/// Bytes that no directory should send.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("this is not an answer of LDAP, or it is too long")]
pub struct Malformed;

/// Where a message ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Framing {
    /// Not all of it is there.
    More,
    /// It is so many bytes long.
    Whole(usize),
}

/// Finds the end of the message that bytes begin with.
pub fn framing(bytes: &[u8]) -> Result<Framing, Malformed> {
    match bytes.first() {
        None => return Ok(Framing::More),
        Some(&SEQUENCE) => {}
        Some(_) => return Err(Malformed),
    }
    let Some((length, taken)) = length(bytes.get(1..).unwrap_or_default())? else { return Ok(Framing::More) };
    let whole = length.checked_add(taken + 1).filter(|whole| *whole <= MESSAGE_BYTES_MAX).ok_or(Malformed)?;
    Ok(if bytes.len() < whole { Framing::More } else { Framing::Whole(whole) })
}

/// A length, and how many bytes tell it. Nothing while they are not all there.
fn length(bytes: &[u8]) -> Result<Option<(usize, usize)>, Malformed> {
    let Some((&first, rest)) = bytes.split_first() else { return Ok(None) };
    if first < 0x80 {
        return Ok(Some((usize::from(first), 1)));
    }
    let count = usize::from(first & 0x7f);
    // 0x80 would be a length that is not told. Active Directory tells each in four bytes.
    if !(1..=4).contains(&count) {
        return Err(Malformed);
    }
    let Some(told) = rest.get(..count) else { return Ok(None) };
    let length = told.iter().fold(0_usize, |length, byte| (length << 8) | usize::from(*byte));
    if length > MESSAGE_BYTES_MAX { Err(Malformed) } else { Ok(Some((length, count + 1))) }
}

/// Reads one element after another.
pub(super) struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    pub fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    pub fn is_over(&self) -> bool {
        self.0.is_empty()
    }

    /// The next element's tag and content.
    pub fn element(&mut self) -> Result<(u8, &'a [u8]), Malformed> {
        let (&tag, rest) = self.0.split_first().ok_or(Malformed)?;
        // 0x1f begins a tag of several bytes, which LDAP has none of.
        if tag & 0x1f == 0x1f {
            return Err(Malformed);
        }
        let (length, taken) = length(rest)?.ok_or(Malformed)?;
        let rest = rest.get(taken..).ok_or(Malformed)?;
        let (content, rest) = rest.split_at_checked(length).ok_or(Malformed)?;
        self.0 = rest;
        Ok((tag, content))
    }

    /// The content of the next element, which has this tag.
    pub fn expect(&mut self, tag: u8) -> Result<&'a [u8], Malformed> {
        match self.element()? {
            (found, content) if found == tag => Ok(content),
            _ => Err(Malformed),
        }
    }

    /// A number that is not negative.
    pub fn number(&mut self, tag: u8) -> Result<u32, Malformed> {
        let content = self.expect(tag)?;
        let (&first, _) = content.split_first().ok_or(Malformed)?;
        if first & 0x80 != 0 || content.len() > 5 {
            return Err(Malformed);
        }
        let number = content.iter().fold(0_u64, |number, byte| (number << 8) | u64::from(*byte));
        u32::try_from(number).map_err(|_| Malformed)
    }

    /// A text. What is not UTF-8 is no text of LDAP's.
    pub fn text(&mut self) -> Result<&'a str, Malformed> {
        std::str::from_utf8(self.expect(OCTETS)?).map_err(|_| Malformed)
    }
}

/// An element.
pub(super) fn element(tag: u8, content: &[u8]) -> Vec<u8> {
    let mut bytes = vec![tag];
    let length = content.len();
    match u8::try_from(length) {
        Ok(short) if short < 0x80 => bytes.push(short),
        _ => {
            let told = length.to_be_bytes();
            let told: Vec<u8> = told.into_iter().skip_while(|byte| *byte == 0).collect();
            bytes.push(0x80 | u8::try_from(told.len()).unwrap_or(8));
            bytes.extend(told);
        }
    }
    bytes.extend_from_slice(content);
    bytes
}

/// An element made of others.
pub(super) fn group(tag: u8, parts: &[Vec<u8>]) -> Vec<u8> {
    element(tag, &parts.concat())
}

/// A number.
pub(super) fn number(tag: u8, number: u32) -> Vec<u8> {
    let mut told: Vec<u8> = number.to_be_bytes().into_iter().skip_while(|byte| *byte == 0).collect();
    // The first bit would say that it is negative.
    if told.first().is_none_or(|first| first & 0x80 != 0) {
        told.insert(0, 0);
    }
    element(tag, &told)
}
