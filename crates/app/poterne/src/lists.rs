//! Revocation lists end, and are renewed by whoever fetches them (an hourly task of the machine, most often): what stands in
//! their files is taken over while the node runs.

use crate::config::{LISTS_BYTES_MAX, Trusted};
use std::{
    fs::File,
    io::Read as _,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, SystemTime},
};
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;
use trust::Trust;

/// How soon a list that was renewed counts.
const LOOKS_EVERY: Duration = Duration::from_secs(60);

/// The lists of one server.
pub struct Lists {
    path: PathBuf,
    trust: Arc<Trust>,
    /// What was last looked at: moment of its writing, length.
    seen: Option<(SystemTime, u64)>,
}

impl Lists {
    /// Of whom the configuration names lists for.
    pub fn of<'a>(trusted: impl IntoIterator<Item = &'a Trusted>) -> Vec<Self> {
        let lists = |one: &Trusted| {
            let path = one.lists.clone()?;
            Some(Self { path, trust: Arc::clone(&one.trust), seen: None })
        };
        trusted.into_iter().filter_map(lists).collect()
    }

    /// Takes over what stands in the file, if it was written since.
    fn look(&mut self) {
        let path = self.path.display();
        let written = match written(&self.path) {
            Ok(written) => written,
            Err(error) => {
                tracing::warn!(%path, %error, "revocation lists cannot be read; those read before serve until their end");
                return;
            }
        };
        if self.seen == Some(written) {
            return;
        }
        let renewed = match read(&self.path) {
            Ok(pem) => self.trust.renew(&pem).map_err(|error| error.to_string()),
            Err(error) => Err(error.to_string()),
        };
        match renewed {
            Ok(()) => {
                // What could not be used is tried again, even where a right on it, not its text, is what is mended.
                self.seen = Some(written);
                tracing::info!(%path, "revocation lists read");
            }
            Err(error) => {
                tracing::warn!(%path, %error, "revocation lists cannot be used; those read before serve until their end");
            }
        }
    }
}

/// Looks at the files each minute until the node stops.
pub async fn follow(mut lists: Vec<Lists>, stop: CancellationToken) {
    if lists.is_empty() {
        return;
    }
    let mut ticks = interval(LOOKS_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            _ = ticks.tick() => {}
        }
        let looked = tokio::task::spawn_blocking(move || {
            lists.iter_mut().for_each(Lists::look);
            lists
        });
        match looked.await {
            Ok(after) => lists = after,
            Err(error) => {
                tracing::error!(%error, "revocation lists are not looked at any more until the node is started again");
                return;
            }
        }
    }
}

fn written(path: &Path) -> std::io::Result<(SystemTime, u64)> {
    let metadata = path.metadata()?;
    Ok((metadata.modified()?, metadata.len()))
}

fn read(path: &Path) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(LISTS_BYTES_MAX + 1).read_to_end(&mut bytes)?;
    match u64::try_from(bytes.len()) {
        Ok(length) if length <= LISTS_BYTES_MAX => Ok(bytes),
        _ => Err(std::io::Error::other(format!("longer than {} MiB", LISTS_BYTES_MAX / (1024 * 1024)))),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use demo::Authority;
    use rustls::{
        client::danger::ServerCertVerifier as _,
        pki_types::{CertificateDer, ServerName, UnixTime, pem::PemObject as _},
    };
    use store::SystemClock;
    use types::Clock as _;

    #[test]
    fn a_list_that_is_written_anew_counts_and_a_bad_or_absent_one_changes_nothing() {
        let (here, other) = (Authority::new(SystemClock.now()).unwrap(), Authority::new(SystemClock.now()).unwrap());
        let issued = here.issue_server(&["sis.example"]).unwrap();
        let leaf = CertificateDer::from_pem_slice(issued.chain_pem.as_bytes()).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lists.pem");
        let write = |text: String| std::fs::write(&path, text).unwrap();
        // Another authority's: nothing covers what this one signed.
        let (ca, others) = (here.ca_pem(), other.list_pem().unwrap());
        write(others.clone());
        let trust = Trust::new(web::serve::provider(), ca.as_bytes(), Some(others.as_bytes())).unwrap();
        let trust = Arc::new(trust);
        let name = ServerName::try_from("sis.example").unwrap();
        let believed = || trust.verify_server_cert(&leaf, &[], &name, &[], UnixTime::now()).is_ok();
        let trusted = Trusted { trust: Arc::clone(&trust), ca_pem: ca.into_bytes(), lists: Some(path.clone()) };
        let without = Trusted { lists: None, ..trusted.clone() };
        let mut lists = Lists::of([&without, &trusted]);
        assert_eq!(lists.len(), 1);
        let mut looks = || lists.iter_mut().for_each(Lists::look);
        looks();
        assert!(!believed());
        write(format!("{}\n{others}", here.list_pem().unwrap()));
        looks();
        assert!(believed(), "both lists, now");
        write("ce n’est pas une liste".to_owned());
        looks();
        assert!(believed(), "the last ones serve until their end");
        std::fs::remove_file(&path).unwrap();
        looks();
        assert!(believed());
        write(others);
        looks();
        assert!(!believed(), "it is there again");
    }

    #[tokio::test]
    async fn a_kept_connection_is_not_used_beyond_a_renewal() {
        let (here, other) = (Authority::new(SystemClock.now()).unwrap(), Authority::new(SystemClock.now()).unwrap());
        let hospital = demo::Hospital::generate(1, jiff::civil::date(2026, 11, 21));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("https://localhost:{}/fhir", listener.local_addr().unwrap().port());
        let server = here.issue_server(&["localhost"]).unwrap();
        let sis = demo::Sis::new(&hospital, &server, &here.ca_pem(), demo::SisFaults::new()).unwrap();
        let stop = CancellationToken::new();
        let served = tokio::spawn(sis.serve(listener, stop.clone()));
        let lists = [&here, &other].map(|authority| authority.list_pem().unwrap());
        let trust = Trust::new(web::serve::provider(), here.ca_pem().as_bytes(), Some(lists[0].as_bytes())).unwrap();
        let (trust, shown) = (Arc::new(trust), here.issue_client("porte").unwrap());
        let asked = care::Sis::new(care::SisConfig {
            url,
            trust: Arc::clone(&trust),
            certificate_pem: shown.chain_pem.into_bytes(),
            key_pem: types::Secret::new(shown.key_pem.expose().clone().into_bytes()),
            wait: Duration::from_secs(5),
        })
        .unwrap();
        for _ in 0..2 {
            asked.reach().await.unwrap();
        }
        // Nothing covers its certificate any more; its connection is still open.
        trust.renew(lists[1].as_bytes()).unwrap();
        let refused = asked.reach().await.unwrap_err().to_string();
        assert!(refused.contains("certificate") || refused.contains("revocation"), "{refused}");
        trust.renew(lists[0].as_bytes()).unwrap();
        asked.reach().await.unwrap();
        stop.cancel();
        served.await.unwrap().unwrap();
    }
}
