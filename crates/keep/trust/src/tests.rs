#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

use super::*;
use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, CertifiedIssuer, DnType, IsCa, KeyIdMethod,
    KeyPair, KeyUsagePurpose, RevokedCertParams, SerialNumber, date_time_ymd,
};
use rustls::{CertificateError, pki_types::PrivateKeyDer};
use std::{
    io::{Read as _, Write as _},
    time::Duration,
};

/// 2026-11-01.
const NOW: u64 = 1_793_491_200;
const DAY: u64 = 86_400;
type Authority = CertifiedIssuer<'static, KeyPair>;

fn authority(name: &str) -> CertificateParams {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    (params.not_before, params.not_after) = (date_time_ymd(2026, 1, 1), date_time_ymd(2036, 1, 1));
    params
}

fn root(name: &str) -> Authority {
    CertifiedIssuer::self_signed(authority(name), KeyPair::generate().unwrap()).unwrap()
}

fn leaf(by: &Authority, serial: u64) -> (CertificateDer<'static>, PrivateKeyDer<'static>) {
    let mut params = CertificateParams::new(vec!["sis.example".to_owned()]).unwrap();
    params.serial_number = Some(SerialNumber::from(serial));
    params.use_authority_key_identifier_extension = true;
    (params.not_before, params.not_after) = (date_time_ymd(2026, 6, 1), date_time_ymd(2027, 6, 1));
    let key = KeyPair::generate().unwrap();
    let certificate = params.signed_by(&key, by).unwrap();
    (certificate.der().clone(), PrivateKeyDer::try_from(key.serialize_der()).unwrap())
}

/// A list of 2026-10-15, to be renewed on this day of November.
fn list(by: &Authority, revoked: &[u64], until: u8) -> Vec<u8> {
    let gone = |serial: &u64| RevokedCertParams {
        serial_number: SerialNumber::from(*serial),
        revocation_time: date_time_ymd(2026, 10, 1),
        reason_code: None,
        invalidity_date: None,
    };
    let params = CertificateRevocationListParams {
        this_update: date_time_ymd(2026, 10, 15),
        next_update: date_time_ymd(2026, 11, until),
        crl_number: SerialNumber::from(1_u64),
        issuing_distribution_point: None,
        revoked_certs: revoked.iter().map(gone).collect(),
        key_identifier_method: KeyIdMethod::Sha256,
    };
    params.signed_by(by).unwrap().pem().unwrap().into_bytes()
}

fn trust(by: &Authority, lists: Option<&[u8]>) -> Result<Trust, BadTrust> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    Trust::new(provider, by.pem().as_bytes(), lists)
}

fn asked(trust: &Trust, chain: &[&CertificateDer<'_>], name: &'static str, at: u64) -> Result<(), CertificateError> {
    let at = UnixTime::since_unix_epoch(Duration::from_secs(at));
    let rest: Vec<_> = chain.iter().skip(1).map(|one| (*one).clone()).collect();
    let answer = trust.verify_server_cert(chain[0], &rest, &ServerName::try_from(name).unwrap(), &[], at);
    match answer {
        Ok(_) => Ok(()),
        Err(Error::InvalidCertificate(why)) => Err(why),
        Err(Error::InvalidCertRevocationList(_)) => Err(CertificateError::BadSignature),
        Err(other) => panic!("{other}"),
    }
}

#[test]
fn chain_name_and_end_are_verified_without_lists() {
    let (here, other) = (root("here"), root("other"));
    let (good, _) = leaf(&here, 7);
    let (strange, _) = leaf(&other, 7);
    let trust = trust(&here, None).unwrap();
    assert!(!trust.revokes());
    assert_eq!(asked(&trust, &[&good], "sis.example", NOW), Ok(()));
    assert_eq!(asked(&trust, &[&strange], "sis.example", NOW), Err(CertificateError::UnknownIssuer));
    let elsewhere = asked(&trust, &[&good], "elsewhere.example", NOW);
    assert!(matches!(elsewhere, Err(CertificateError::NotValidForNameContext { .. })), "{elsewhere:?}");
    let later = asked(&trust, &[&good], "sis.example", NOW + 400 * DAY);
    assert!(matches!(later, Err(CertificateError::ExpiredContext { .. })), "{later:?}");
}

#[test]
fn what_is_on_a_list_is_refused_and_what_no_list_covers_too() {
    let (here, other) = (root("here"), root("other"));
    let ((good, _), (gone, _)) = (leaf(&here, 7), leaf(&here, 8));
    let with = |lists: Vec<u8>| trust(&here, Some(&lists)).unwrap();
    let one = with(list(&here, &[8], 20));
    assert!(one.revokes());
    assert_eq!(asked(&one, &[&good], "sis.example", NOW), Ok(()));
    assert_eq!(asked(&one, &[&gone], "sis.example", NOW), Err(CertificateError::Revoked));
    let past = asked(&one, &[&good], "sis.example", NOW + 25 * DAY);
    assert!(
        matches!(past, Err(CertificateError::ExpiredRevocationListContext { .. })),
        "a list past its end: {past:?}"
    );
    let others = asked(&with(list(&other, &[], 20)), &[&good], "sis.example", NOW);
    assert_eq!(others, Err(CertificateError::UnknownRevocationStatus), "another authority's list says nothing");
    // In the authority's name, signed by another: nobody's word.
    let forged = asked(&with(list(&root("here"), &[], 20)), &[&good], "sis.example", NOW);
    assert_eq!(forged, Err(CertificateError::BadSignature));
}

#[test]
fn each_certificate_of_a_chain_is_held_against_a_list() {
    let here = root("here");
    let key = KeyPair::generate().unwrap();
    let mut params = authority("between");
    params.serial_number = Some(SerialNumber::from(5_u64));
    params.use_authority_key_identifier_extension = true;
    let certificate = params.signed_by(&key, &here).unwrap();
    let between_der = certificate.der().clone();
    let between = CertifiedIssuer::signed_by(params, key, &here).unwrap();
    let (good, _) = leaf(&between, 7);
    let chain = [&good, &between_der];
    let both = |revoked: &[u64]| [list(&here, revoked, 20), list(&between, &[], 20)].concat();
    let of = |lists: &[u8]| asked(&trust(&here, Some(lists)).unwrap(), &chain, "sis.example", NOW);
    assert_eq!(of(&both(&[])), Ok(()));
    assert_eq!(of(&both(&[5])), Err(CertificateError::Revoked), "the authority between was revoked");
    assert_eq!(of(&list(&between, &[], 20)), Err(CertificateError::UnknownRevocationStatus), "nobody speaks of it");
}

#[test]
fn lists_are_renewed_while_the_node_runs_and_bad_ones_change_nothing() {
    let here = root("here");
    let (good, _) = leaf(&here, 7);
    let trust = trust(&here, Some(&list(&here, &[], 20))).unwrap();
    assert_eq!(asked(&trust, &[&good], "sis.example", NOW), Ok(()));
    for (bad, why) in [
        (Vec::new(), BadTrust::NoList),
        (here.pem().into_bytes(), BadTrust::NoList),
        (b"-----BEGIN X509 CRL-----\nAAAA\n-----END X509 CRL-----\n".to_vec(), BadTrust::List),
        (list(&here, &[], 20).repeat(LISTS_MAX + 1), BadTrust::TooManyLists),
    ] {
        assert_eq!(trust.renew(&bad), Err(why));
        assert_eq!(asked(&trust, &[&good], "sis.example", NOW), Ok(()));
    }
    trust.renew(&list(&here, &[7], 20)).unwrap();
    assert_eq!(asked(&trust, &[&good], "sis.example", NOW), Err(CertificateError::Revoked));
}

#[test]
fn what_cannot_be_used_is_told() {
    let here = root("here");
    let provider = || Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    assert_eq!(Trust::new(provider(), b"", None).unwrap_err(), BadTrust::NoAuthority);
    let broken = b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    assert_eq!(Trust::new(provider(), broken, None).unwrap_err(), BadTrust::Authority);
    assert_eq!(trust(&here, Some(b"")).unwrap_err(), BadTrust::NoList);
}

/// A real handshake: the verifier is the one that rustls asks.
#[test]
fn a_revoked_server_is_not_spoken_to() {
    let here = root("here");
    let (certificate, key) = leaf(&here, 7);
    let mut server =
        rustls::ServerConfig::builder_with_provider(Arc::new(rustls::crypto::aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate], key)
            .unwrap();
    server.time_provider = Arc::new(Then);
    let server = Arc::new(server);
    let trust = Arc::new(trust(&here, Some(&list(&here, &[], 20))).unwrap());
    let mut client = trust.client(None).unwrap();
    client.time_provider = Arc::new(Then);
    let client = Arc::new(client);
    let shakes = || {
        let name = ServerName::try_from("sis.example").unwrap();
        let mut asks = rustls::ClientConnection::new(Arc::clone(&client), name).unwrap();
        let mut answers = rustls::ServerConnection::new(Arc::clone(&server)).unwrap();
        let mut bytes = Vec::new();
        for _ in 0..4 {
            asks.write_tls(&mut bytes).unwrap();
            let _ = answers.read_tls(&mut bytes.as_slice()).map(|_| answers.process_new_packets());
            bytes.clear();
            answers.write_tls(&mut bytes).unwrap();
            asks.read_tls(&mut bytes.as_slice()).unwrap();
            asks.process_new_packets()?;
            bytes.clear();
        }
        asks.writer().write_all(b"x").unwrap();
        asks.write_tls(&mut bytes).unwrap();
        answers.read_tls(&mut bytes.as_slice()).unwrap();
        answers.process_new_packets()?;
        let mut one = [0];
        answers.reader().read_exact(&mut one).unwrap();
        Ok::<_, Error>(one)
    };
    assert_eq!(shakes(), Ok(*b"x"));
    trust.renew(&list(&here, &[7], 20)).unwrap();
    assert_eq!(shakes(), Err(Error::InvalidCertificate(CertificateError::Revoked)));
}

/// The tests' clock.
#[derive(Debug)]
struct Then;

impl rustls::time_provider::TimeProvider for Then {
    fn current_time(&self) -> Option<UnixTime> {
        Some(UnixTime::since_unix_epoch(Duration::from_secs(NOW)))
    }
}
