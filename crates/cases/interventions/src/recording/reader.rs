//! Reading recordings: the desk's side.

use super::{FAMILY, RecorderFault, RecordingsConfig, file_of, place};
use std::{io::ErrorKind, sync::Arc};
use tokio::{fs, io::AsyncReadExt as _};
use types::RelayId;
use vault::{MonthKeys, stream::Opener};

/// A header at most: a name and a sealed key.
const HEADER_BYTES_MAX: usize = 1024;

/// The recordings of a node, to read. Clones are handles.
#[derive(Clone)]
pub struct RecordingsReader(Arc<(RecordingsConfig, MonthKeys)>);

impl RecordingsReader {
    /// With the keys that open them.
    pub fn new(config: RecordingsConfig, keys: MonthKeys) -> Self {
        Self(Arc::new((config, keys)))
    }

    /// Opens the recording of a session's channel, if there is one. One that still runs is read as far as it is written.
    pub async fn open(&self, relay: RelayId, channel: u32) -> Result<Option<RecordingReader>, RecorderFault> {
        let (config, keys) = &*self.0;
        let mut file = match fs::File::open(file_of(&config.session(relay), channel)).await {
            Ok(file) => file,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let mut first = [0; 4];
        file.read_exact(&mut first).await?;
        let length = Opener::header_length(first);
        if length > HEADER_BYTES_MAX {
            return Err(RecorderFault::Seal("the header is not one of a recording".into()));
        }
        let mut header = first.to_vec();
        header.resize(length, 0);
        file.read_exact(header.get_mut(4..).unwrap_or_default()).await?;
        let name = Opener::sealed_to(&header).filter(|name| name.starts_with(FAMILY));
        let name = name.ok_or_else(|| RecorderFault::Seal("it is not sealed as a recording".into()))?;
        let private = keys.private(name)?;
        let number = channel.to_be_bytes();
        let opener = Opener::begin_with(&private, place(&[relay.as_bytes(), &number]), &header)?;
        Ok(Some(RecordingReader { file, opener }))
    }
}

/// A recording being read, piece by piece.
pub struct RecordingReader {
    file: fs::File,
    opener: Opener,
}

impl RecordingReader {
    /// The next piece of the asciicast file; none at its end. What was changed does not open.
    pub async fn next(&mut self) -> Result<Option<Vec<u8>>, RecorderFault> {
        let mut sealed = vec![0; 64 * 1024];
        loop {
            let read = self.file.read(&mut sealed).await?;
            if read == 0 {
                return Ok(None);
            }
            let clear = self.opener.push(sealed.get(..read).unwrap_or_default())?;
            if !clear.is_empty() {
                return Ok(Some(clear));
            }
        }
    }

    /// Once at the end: whether the recording stops before its own end, because it still runs or the node stopped
    /// without warning.
    pub fn is_cut(&self) -> bool {
        !self.opener.is_whole()
    }
}
