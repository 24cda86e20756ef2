//! An authority's answer, taken apart (RFC 3161 §2.4.2, RFC 5652 §5): DER only, read by the crate `der`. Nothing is verified here,
//! and what will be hashed or verified is kept as the bytes it came as.

use super::{RESPONSE_BYTES_MAX, StampError};
use der::{
    AnyRef, Decode, Reader, SliceReader, Tag, TagNumber,
    asn1::{BitStringRef, GeneralizedTime, IntRef, ObjectIdentifier, OctetStringRef},
};

const SIGNED_DATA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.7.2");
const TST_INFO: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.16.1.4");
const CONTENT_TYPE: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.3");
const MESSAGE_DIGEST: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.4");
const SIGNING_CERTIFICATE_V2: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.16.2.47");
const KEY_ID: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.14");
const KEY_USE: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.15");
const EXTENDED_USE: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.37");
/// Certificates that an answer may bear.
const CERTIFICATES_MAX: usize = 16;
/// What an authority says of a refusal is cut to this.
const SAID_CHARS_MAX: usize = 200;

type Read<T> = Result<T, der::Error>;

/// The token of an answer that grants one.
#[derive(Debug)]
pub(super) struct Token<'a> {
    /// The signed content, as it is hashed.
    pub content: &'a [u8],
    pub info: Info<'a>,
    /// Whole certificates, as they came.
    pub certificates: Vec<&'a [u8]>,
    pub signer: SignerInfo<'a>,
}

/// TSTInfo: what the authority says.
#[derive(Debug)]
pub(super) struct Info<'a> {
    pub policy: ObjectIdentifier,
    /// OID of the hash, and the hash.
    pub imprint: (ObjectIdentifier, &'a [u8]),
    /// Seconds since 1970; a fraction is dropped.
    pub seconds: u64,
    pub nonce: Option<&'a [u8]>,
}

#[derive(Debug)]
pub(super) struct SignerInfo<'a> {
    pub sid: Sid<'a>,
    pub digest: ObjectIdentifier,
    /// The signed attributes' content, without tag and length.
    pub attributes: &'a [u8],
    /// The signature's algorithm, without tag and length.
    pub algorithm: &'a [u8],
    pub signature: &'a [u8],
    /// Of the attributes: the digest of the content, and the hash of the signer's certificate with its algorithm.
    pub content_digest: &'a [u8],
    pub certificate_hash: (Option<ObjectIdentifier>, &'a [u8]),
}

/// How the signer names its certificate.
#[derive(Debug)]
pub(super) enum Sid<'a> {
    /// Issuer (a whole Name) and serial number.
    Issued(&'a [u8], &'a [u8]),
    /// Subject key identifier.
    Key(&'a [u8]),
}

impl<'a> Token<'a> {
    /// Reads an answer whole; one that refuses is an error.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, StampError> {
        if bytes.len() as u64 > RESPONSE_BYTES_MAX {
            return Err(StampError::Malformed(format!("it is longer than {RESPONSE_BYTES_MAX} bytes")));
        }
        let malformed = |error: der::Error| StampError::Malformed(error.to_string());
        let answer: AnyRef<'a> = AnyRef::from_der(bytes).map_err(malformed)?;
        let (status, said, token) = answer.sequence(response).map_err(malformed)?;
        // 0 is granted, 1 granted with changes, which are looked for below like anything else.
        if status > 1 {
            return Err(StampError::Refused { status, said });
        }
        let token = token.ok_or_else(|| StampError::Malformed("it grants a stamp and bears none".to_owned()))?;
        Self::of(token).map_err(malformed)
    }

    fn of(token: AnyRef<'a>) -> Read<Self> {
        let (kind, signed) = token.sequence(|reader| {
            let kind = ObjectIdentifier::decode(reader)?;
            Ok::<_, der::Error>((kind, explicit(reader, 0)?))
        })?;
        expect(kind == SIGNED_DATA)?;
        signed.sequence(|reader| {
            u8::decode(reader)?;
            sets(AnyRef::decode(reader)?)?;
            let content = AnyRef::decode(reader)?.sequence(|reader| {
                expect(ObjectIdentifier::decode(reader)? == TST_INFO)?;
                explicit(reader, 0)?.decode_as::<&OctetStringRef>()
            })?;
            let certificates = optional(reader, context(0))?;
            optional(reader, context(1))?;
            let signers = sets(AnyRef::decode(reader)?)?;
            let content = content.as_bytes();
            Ok(Self {
                content,
                info: AnyRef::from_der(content)?.sequence(Info::read)?,
                certificates: whole(certificates.map_or(&[][..], AnyRef::value))?,
                signer: one(&signers)?.sequence(SignerInfo::read)?,
            })
        })
    }
}

type Answer<'a> = (u64, String, Option<AnyRef<'a>>);

fn response<'a>(reader: &mut SliceReader<'a>) -> Read<Answer<'a>> {
    let (status, said) = AnyRef::decode(reader)?.sequence(|reader| {
        let status = u64::decode(reader)?;
        let texts = optional(reader, Tag::Sequence)?;
        optional(reader, Tag::BitString)?;
        Ok::<_, der::Error>((status, texts.map(words).unwrap_or_default()))
    })?;
    let token = if reader.is_finished() { None } else { Some(AnyRef::decode(reader)?) };
    Ok((status, said, token))
}

/// The authority's words, as far as they are plain.
fn words(texts: AnyRef<'_>) -> String {
    let parts = all(texts.value()).unwrap_or_default();
    let said =
        parts.into_iter().filter_map(|part| std::str::from_utf8(part.value()).ok()).collect::<Vec<_>>().join(" ");
    said.chars().map(|c| if c.is_control() { ' ' } else { c }).take(SAID_CHARS_MAX).collect()
}

impl<'a> Info<'a> {
    fn read(reader: &mut SliceReader<'a>) -> Read<Self> {
        expect(u8::decode(reader)? == 1)?;
        let policy = ObjectIdentifier::decode(reader)?;
        let imprint = AnyRef::decode(reader)?.sequence(|reader| {
            let hash = algorithm(AnyRef::decode(reader)?)?;
            Ok::<_, der::Error>((hash, <&OctetStringRef>::decode(reader)?.as_bytes()))
        })?;
        IntRef::decode(reader)?;
        let seconds = moment(AnyRef::decode(reader)?)?;
        optional(reader, Tag::Sequence)?;
        optional(reader, Tag::Boolean)?;
        let nonce = optional(reader, Tag::Integer)?.map(AnyRef::value);
        optional(reader, context(0))?;
        // What extensions would say, nobody asked for.
        expect(optional(reader, context(1))?.is_none())?;
        Ok(Self { policy, imprint, seconds, nonce })
    }
}

impl<'a> SignerInfo<'a> {
    fn read(reader: &mut SliceReader<'a>) -> Read<Self> {
        u8::decode(reader)?;
        let named = AnyRef::decode(reader)?;
        let sid = if named.header().tag() == Tag::Sequence {
            named.sequence(|reader| {
                let issuer = reader.tlv_bytes()?;
                Ok::<_, der::Error>(Sid::Issued(issuer, IntRef::decode(reader)?.as_bytes()))
            })?
        } else {
            expect(named.header().tag() == Tag::ContextSpecific { constructed: false, number: TagNumber(0) })?;
            Sid::Key(named.value())
        };
        let digest = algorithm(AnyRef::decode(reader)?)?;
        let attributes = optional(reader, context(0))?.ok_or_else(wrong)?.value();
        let signed_by = AnyRef::decode(reader)?;
        algorithm(signed_by)?;
        let signature = <&OctetStringRef>::decode(reader)?.as_bytes();
        optional(reader, context(1))?;
        let found = all(attributes)?;
        let kind = attribute(&found, CONTENT_TYPE)?.decode_as::<ObjectIdentifier>()?;
        expect(kind == TST_INFO)?;
        Ok(Self {
            sid,
            digest,
            attributes,
            algorithm: signed_by.value(),
            signature,
            content_digest: attribute(&found, MESSAGE_DIGEST)?.decode_as::<&OctetStringRef>()?.as_bytes(),
            certificate_hash: signing_certificate(attribute(&found, SIGNING_CERTIFICATE_V2)?)?,
        })
    }
}

/// What webpki does not say of a certificate: its names, as whole values, and what it is for.
#[derive(Debug, Default)]
pub(super) struct Certificate<'a> {
    pub issuer: &'a [u8],
    pub serial: &'a [u8],
    /// Subject key identifier.
    pub key: Option<&'a [u8]>,
    /// Extended uses, and whether they are critical.
    pub uses: Option<(bool, Vec<ObjectIdentifier>)>,
    /// The bits of its key's use, the first one highest.
    pub key_uses: Option<u8>,
}

impl<'a> Certificate<'a> {
    /// Reads RFC 5280's TBSCertificate.
    pub fn parse(bytes: &'a [u8]) -> Read<Self> {
        let body = AnyRef::from_der(bytes)?.sequence(|reader| {
            let body = AnyRef::decode(reader)?;
            AnyRef::decode(reader)?;
            AnyRef::decode(reader)?;
            Ok::<_, der::Error>(body)
        })?;
        body.sequence(|reader| {
            explicit(reader, 0)?;
            let serial = IntRef::decode(reader)?.as_bytes();
            AnyRef::decode(reader)?;
            let mut found = Self { issuer: reader.tlv_bytes()?, serial, ..Self::default() };
            // Validity, subject and key are webpki's.
            for _ in 0..3 {
                AnyRef::decode(reader)?;
            }
            let unique = |number| Tag::ContextSpecific { constructed: false, number: TagNumber(number) };
            optional(reader, unique(1))?;
            optional(reader, unique(2))?;
            for extension in all(explicit(reader, 3)?.value())? {
                found.learn(extension)?;
            }
            Ok(found)
        })
    }

    fn learn(&mut self, extension: AnyRef<'a>) -> Read<()> {
        let (kind, critical, value) = extension.sequence(|reader| {
            let kind = ObjectIdentifier::decode(reader)?;
            let critical = optional(reader, Tag::Boolean)?.map(|flag| flag.decode_as::<bool>()).transpose()?;
            Ok::<_, der::Error>((kind, critical == Some(true), <&OctetStringRef>::decode(reader)?.as_bytes()))
        })?;
        let twice = match kind {
            KEY_ID => self.key.replace(<&OctetStringRef>::from_der(value)?.as_bytes()).is_some(),
            KEY_USE => {
                let bits = BitStringRef::from_der(value)?;
                self.key_uses.replace(bits.raw_bytes().first().copied().unwrap_or(0)).is_some()
            }
            EXTENDED_USE => {
                let listed = AnyRef::from_der(value)?;
                expect(listed.header().tag() == Tag::Sequence)?;
                let uses = all(listed.value())?.into_iter().map(AnyRef::decode_as).collect::<Read<Vec<_>>>()?;
                self.uses.replace((critical, uses)).is_some()
            }
            _ => false,
        };
        expect(!twice)
    }
}

/// The one value of the one attribute of this type.
fn attribute<'a>(attributes: &[AnyRef<'a>], wanted: ObjectIdentifier) -> Read<AnyRef<'a>> {
    let mut values = Vec::new();
    for attribute in attributes {
        let (kind, set) = attribute.sequence(|reader| {
            Ok::<_, der::Error>((ObjectIdentifier::decode(reader)?, sets(AnyRef::decode(reader)?)?))
        })?;
        if kind == wanted {
            values.push(one(&set)?);
        }
    }
    one(&values)
}

/// SigningCertificateV2 (RFC 5816): the first certificate named is the signer's. SHA-256 where no algorithm is said.
fn signing_certificate(value: AnyRef<'_>) -> Read<(Option<ObjectIdentifier>, &[u8])> {
    value.sequence(|reader| {
        let listed = all(AnyRef::decode(reader)?.value())?;
        optional(reader, Tag::Sequence)?;
        listed.first().ok_or_else(wrong)?.sequence(|reader| {
            let hash = optional(reader, Tag::Sequence)?.map(algorithm).transpose()?;
            let digest = <&OctetStringRef>::decode(reader)?.as_bytes();
            optional(reader, Tag::Sequence)?;
            Ok((hash, digest))
        })
    })
}

/// GeneralizedTime as RFC 3161 has it: UTC, with seconds and perhaps a fraction.
fn moment(value: AnyRef<'_>) -> Read<u64> {
    expect(value.header().tag() == Tag::GeneralizedTime)?;
    let text = value.value().strip_suffix(b"Z").ok_or_else(wrong)?;
    let (whole, fraction) = text.split_at_checked(14).ok_or_else(wrong)?;
    let digits = |rest: &[u8]| (1..=9).contains(&rest.len()) && rest.iter().all(u8::is_ascii_digit);
    expect(fraction.is_empty() || fraction.strip_prefix(b".").is_some_and(digits))?;
    let whole = [whole, b"Z"].concat();
    let time: GeneralizedTime = AnyRef::new(Tag::GeneralizedTime, &whole)?.decode_as()?;
    Ok(time.to_unix_duration().as_secs())
}

/// The algorithm's name of an AlgorithmIdentifier.
fn algorithm(value: AnyRef<'_>) -> Read<ObjectIdentifier> {
    value.sequence(|reader| {
        let name = ObjectIdentifier::decode(reader)?;
        if !reader.is_finished() {
            AnyRef::decode(reader)?;
        }
        Ok(name)
    })
}

fn context(number: u32) -> Tag {
    Tag::ContextSpecific { constructed: true, number: TagNumber(number) }
}

/// The value under an explicit tag.
fn explicit<'a>(reader: &mut SliceReader<'a>, number: u32) -> Read<AnyRef<'a>> {
    one(&all(optional(reader, context(number))?.ok_or_else(wrong)?.value())?)
}

/// The next value if it has this tag.
fn optional<'a>(reader: &mut SliceReader<'a>, tag: Tag) -> Read<Option<AnyRef<'a>>> {
    if reader.is_finished() || Tag::peek(reader)? != tag {
        return Ok(None);
    }
    AnyRef::decode(reader).map(Some)
}

/// The members of a SET OF.
fn sets(value: AnyRef<'_>) -> Read<Vec<AnyRef<'_>>> {
    expect(value.header().tag() == Tag::Set)?;
    all(value.value())
}

fn all(bytes: &[u8]) -> Read<Vec<AnyRef<'_>>> {
    let mut reader = SliceReader::new(bytes)?;
    let mut found = Vec::new();
    while !reader.is_finished() {
        found.push(AnyRef::decode(&mut reader)?);
    }
    Ok(found)
}

/// Values with their tags and lengths, as many as there may be certificates.
fn whole(bytes: &[u8]) -> Read<Vec<&[u8]>> {
    let mut reader = SliceReader::new(bytes)?;
    let mut found = Vec::new();
    while !reader.is_finished() {
        expect(found.len() < CERTIFICATES_MAX)?;
        found.push(reader.tlv_bytes()?);
    }
    Ok(found)
}

fn one<'a>(values: &[AnyRef<'a>]) -> Read<AnyRef<'a>> {
    match values {
        [one] => Ok(*one),
        _ => Err(wrong()),
    }
}

fn expect(held: bool) -> Read<()> {
    if held { Ok(()) } else { Err(wrong()) }
}

fn wrong() -> der::Error {
    der::ErrorKind::Failed.into()
}
