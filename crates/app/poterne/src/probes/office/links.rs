//! A link that gives means is drawn by chance, serves as it was drawn, and only the last one does (acces-web AA6).

use super::staff::{Administrator, INVITED, Sheet, present};
use crate::probes::{Fault, Seen};
use data_encoding::BASE64URL_NOPAD;
use types::Secret;

/// Links drawn in a turn.
const DRAWN: usize = 6;
/// What may not be guessed: 128 bits.
const BYTES_MIN: usize = 16;
/// So many bytes in a row do not come twice by chance.
const RUN_BYTES: usize = 5;
/// Of a fair coin, so many times the usual deviation from one half are not seen.
const DEVIATIONS_MAX: f64 = 6.0;

/// Draws links for the person on call, and tries those that should not serve.
pub async fn look(admin: &Administrator) -> Seen {
    let sheet = admin.managed(INVITED).await?;
    let mut secrets = Vec::new();
    for _ in 0..DRAWN {
        secrets.push(admin.draw(&sheet).await?);
    }
    let bytes: Option<Vec<Vec<u8>>> =
        secrets.iter().map(|secret| BASE64URL_NOPAD.decode(secret.expose().as_bytes()).ok()).collect();
    let bits = by_chance(&bytes.ok_or_else(|| Fault::broken("a link ends with what is no drawn number"))?)?;
    let (Some(first), Some(last)) = (secrets.first(), secrets.last()) else {
        return Err(Fault::unreachable("no link was drawn"));
    };
    if !serves(admin, last.expose()).await? {
        return Err(Fault::broken("a link that was just drawn does not serve"));
    }
    let tries = [
        ("a link before the last one", first.expose().clone()),
        ("an altered link", altered(last, 7)),
        ("an altered link", altered(last, 30)),
    ];
    for (what, secret) in tries {
        if serves(admin, &secret).await? {
            return Err(Fault::broken(format!("{what} serves")));
        }
    }
    withdraw(admin, &sheet).await?;
    if serves(admin, last.expose()).await? {
        return Err(Fault::broken("a link that was withdrawn serves"));
    }
    Ok(format!("{DRAWN} links of {bits} bits share nothing; one that is altered, replaced or withdrawn leads nowhere"))
}

/// Bits of each, where nothing but chance tells them apart. A number that counts, a moment, a name or letters that stand for
/// fewer bits would show; a number that is calculated from a secret would not.
fn by_chance(links: &[Vec<u8>]) -> Result<usize, Fault> {
    let length = links.iter().map(Vec::len).min().unwrap_or(0);
    if length < BYTES_MIN {
        return Err(Fault::broken(format!("a link holds {} bits", length * 8)));
    }
    for (at, one) in links.iter().enumerate() {
        for other in links.iter().skip(at + 1) {
            let runs = |bytes: &[u8]| bytes.windows(RUN_BYTES).map(<[u8]>::to_vec).collect::<Vec<_>>();
            let others = runs(other);
            if runs(one).iter().any(|run| others.contains(run)) {
                return Err(Fault::broken("two links have a part in common"));
            }
        }
    }
    for place in 0..length {
        let mut seen = links.iter().filter_map(|link| link.get(place));
        let first = seen.next();
        if seen.all(|byte| Some(byte) == first) {
            return Err(Fault::broken("all links have the same byte in the same place"));
        }
    }
    // Each of a byte's eight bits, over all bytes: letters and digits have some that are always the same.
    let bytes: Vec<u8> = links.iter().filter_map(|link| link.get(..length)).flatten().copied().collect();
    let count = f64::from(u32::try_from(bytes.len()).unwrap_or(u32::MAX));
    for bit in 0..8 {
        let ones: u32 = bytes.iter().map(|byte| u32::from(byte >> bit & 1)).sum();
        if (f64::from(ones) - count / 2.0).abs() > DEVIATIONS_MAX * count.sqrt() / 2.0 {
            return Err(Fault::broken("the bits of links are not drawn evenly"));
        }
    }
    Ok(length * 8)
}

/// The same with another sign at that place.
fn altered(secret: &Secret<String>, place: usize) -> String {
    let turned = |sign| if sign == 'A' { 'B' } else { 'A' };
    secret.expose().chars().enumerate().map(|(at, sign)| if at == place { turned(sign) } else { sign }).collect()
}

/// Whether its page lets somebody choose his means.
async fn serves(admin: &Administrator, secret: &str) -> Result<bool, Fault> {
    let page = admin.visits.browser.get(&format!("/fr/link/{secret}"), None).await.map_err(Fault::unreachable)?;
    match page.status {
        200 if page.form("code").is_some() => Ok(true),
        404 => Ok(false),
        status => Err(Fault::unreachable(format!("a link is answered {status}"))),
    }
}

async fn withdraw(admin: &Administrator, sheet: &Sheet) -> Result<(), Fault> {
    let page = present(admin.get(&sheet.path).await?)?;
    let form = page.form("link").filter(|form| form.action == format!("{}/link/withdraw", sheet.path));
    let form = form.ok_or_else(|| Fault::broken("no page offers to withdraw a link"))?;
    match admin.submit(&form, &[]).await?.status {
        303 => Ok(()),
        status => Err(Fault::broken(format!("a link is not withdrawn ({status})"))),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]
    use super::*;

    fn links(of: impl Fn(u8, u8) -> u8) -> Vec<Vec<u8>> {
        (0..6).map(|link| (0..32).map(|place| of(link, place)).collect()).collect()
    }

    /// A mixing of two bytes that looks drawn.
    fn mixed(link: u8, place: u8) -> u8 {
        let mixed = (u32::from(link) * 32 + u32::from(place) + 1).wrapping_mul(0x9e37_79b1);
        ((mixed ^ (mixed >> 15)).wrapping_mul(0x85eb_ca6b) >> 24) as u8
    }

    #[test]
    fn what_is_not_chance_shows() {
        assert_eq!(by_chance(&links(mixed)), Ok(256));
        let told = |links: &[Vec<u8>]| by_chance(links).unwrap_err();
        let short: Vec<Vec<u8>> = links(mixed).into_iter().map(|link| link[..15].to_vec()).collect();
        assert_eq!(told(&short), Fault::broken("a link holds 120 bits"));
        // A counter behind a name; a moment before chance; the same part at another place.
        assert_eq!(
            told(&links(|link, place| if place == 31 { link } else { place })),
            Fault::broken("two links have a part in common")
        );
        let moment = |link, place| if place < 4 { 90 + place } else { mixed(link, place) };
        assert_eq!(told(&links(moment)), Fault::broken("all links have the same byte in the same place"));
        let mut moved = links(mixed);
        let part = moved[1][3..9].to_vec();
        moved[4][20..26].copy_from_slice(&part);
        assert_eq!(told(&moved), Fault::broken("two links have a part in common"));
        // Digits in the place of bytes.
        let digits = |link, place| b'0' + mixed(link, place) % 10;
        assert_eq!(told(&links(digits)), Fault::broken("the bits of links are not drawn evenly"));
    }
}
