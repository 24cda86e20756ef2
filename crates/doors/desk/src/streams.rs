//! Answers that go on for long: a session's screen, a recording. What is asked for by a session or a token goes no further
//! than it: both are asked about again before each piece, and every second while there is none.

use axum::body::{Body, Bytes};
use futures_util::{
    Stream, StreamExt as _,
    stream::{self, BoxStream},
};
use std::{io, sync::Arc, time::Duration};
use tokio::{
    sync::mpsc::{self, Receiver, Sender},
    time::{sleep, timeout},
};

/// A revoked session is noticed after this at most.
const ASKED_EVERY: Duration = Duration::from_secs(1);
/// Whoever does not take a piece within this is given up: the place is somebody else's.
const STALLED: Duration = Duration::from_secs(30);

/// Whether whoever asked may still be answered.
pub(crate) type Stands = Arc<dyn Fn() -> bool + Send + Sync>;

/// How an answer stops that stops before its end.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Broken {
    /// The transfer breaks: what was received never looks whole.
    Transfer,
    /// With these words: its reader asks again, and is decided about again.
    Words(&'static str),
}

/// The end comes as `None`; without it the answer is broken off.
type Piece = Option<io::Result<Bytes>>;

/// What `source` gives, as long as `stands` says so. `place` is given back as soon as nothing more will be sent.
pub(crate) fn body<P: Send + 'static>(
    source: impl Stream<Item = io::Result<Bytes>> + Send + 'static,
    stands: Stands,
    place: P,
    broken: Broken,
) -> Body {
    let (sender, receiver) = mpsc::channel(1);
    let (pump, asked) = (source.boxed(), Arc::clone(&stands));
    tokio::spawn(async move {
        send_all(pump, &asked, &sender).await;
        drop(place);
    });
    Body::from_stream(pieces(receiver, stands, broken))
}

async fn send_all(mut source: BoxStream<'static, io::Result<Bytes>>, stands: &Stands, sender: &Sender<Piece>) {
    loop {
        let piece = tokio::select! {
            biased;
            () = over(stands) => return,
            () = sender.closed() => return,
            piece = source.next() => piece,
        };
        let is_last = !matches!(piece, Some(Ok(_)));
        let sent = tokio::select! {
            biased;
            () = over(stands) => return,
            sent = timeout(STALLED, sender.send(piece)) => sent,
        };
        if is_last || !matches!(sent, Ok(Ok(()))) {
            return;
        }
    }
}

/// Returns once it stands no more.
async fn over(stands: &Stands) {
    while stands() {
        sleep(ASKED_EVERY).await;
    }
}

fn pieces(
    receiver: Receiver<Piece>,
    stands: Stands,
    broken: Broken,
) -> impl Stream<Item = io::Result<Bytes>> + Send + 'static {
    stream::unfold(Some((receiver, stands)), move |state| async move {
        let (mut receiver, stands) = state?;
        // What waits here was read while it stood.
        match receiver.recv().await.filter(|_| stands()) {
            Some(Some(Ok(piece))) => Some((Ok(piece), Some((receiver, stands)))),
            Some(Some(Err(error))) => Some((Err(error), None)),
            Some(None) => None,
            None => match broken {
                Broken::Words(words) => Some((Ok(Bytes::from_static(words.as_bytes())), None)),
                Broken::Transfer => Some((Err(io::Error::other("broken off before its end")), None)),
            },
        }
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use std::sync::atomic::{AtomicBool, Ordering};
    use tokio::{sync::Semaphore, time::Instant};

    struct Session(Arc<AtomicBool>);

    impl Session {
        fn begun() -> Self {
            Self(Arc::new(AtomicBool::new(true)))
        }

        fn stands(&self) -> Stands {
            let lives = Arc::clone(&self.0);
            Arc::new(move || lives.load(Ordering::SeqCst))
        }

        fn end(&self) {
            self.0.store(false, Ordering::SeqCst);
        }
    }

    /// So many pieces, then nothing for ever, or the end.
    fn source(many: usize, ends: bool) -> impl Stream<Item = io::Result<Bytes>> + Send + 'static {
        let pieces = stream::iter((0..many).map(|n| Ok(Bytes::from(format!("{n};")))));
        let rest = if ends { stream::empty().left_stream() } else { stream::pending().right_stream() };
        pieces.chain(rest)
    }

    async fn next(body: &mut axum::body::BodyDataStream) -> Option<Result<String, ()>> {
        let piece = body.next().await?;
        Some(piece.map(|bytes| String::from_utf8(bytes.to_vec()).unwrap()).map_err(|_| ()))
    }

    #[tokio::test(start_paused = true)]
    async fn what_stands_is_answered_whole() {
        let session = Session::begun();
        let mut body = body(source(5, true), session.stands(), (), Broken::Transfer).into_data_stream();
        for n in 0..5 {
            assert_eq!(next(&mut body).await, Some(Ok(format!("{n};"))));
        }
        assert_eq!(next(&mut body).await, None);
    }

    #[tokio::test(start_paused = true)]
    async fn a_session_that_ends_takes_its_answers_along_within_a_second() {
        for (broken, last) in [(Broken::Words("again"), Ok("again".to_owned())), (Broken::Transfer, Err(()))] {
            let session = Session::begun();
            let mut body = body(source(1, false), session.stands(), (), broken).into_data_stream();
            assert_eq!(next(&mut body).await, Some(Ok("0;".to_owned())));
            // Nothing comes any more, and nothing has to come for it to be noticed.
            assert!(timeout(Duration::from_secs(60), next(&mut body)).await.is_err(), "it stands, and waits");
            session.end();
            let began = Instant::now();
            assert_eq!(next(&mut body).await, Some(last));
            assert!(began.elapsed() <= ASKED_EVERY, "{:?}", began.elapsed());
            assert_eq!(next(&mut body).await, None);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn not_one_piece_follows_the_end_of_a_session() {
        let session = Session::begun();
        let mut body = body(source(1000, true), session.stands(), (), Broken::Transfer).into_data_stream();
        for n in 0..3 {
            assert_eq!(next(&mut body).await, Some(Ok(format!("{n};"))));
        }
        // The next one waits to be taken.
        tokio::task::yield_now().await;
        session.end();
        assert_eq!(next(&mut body).await, Some(Err(())));
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_does_not_read_holds_no_place() {
        let places = Arc::new(Semaphore::new(1));
        let place = Arc::clone(&places).try_acquire_owned().unwrap();
        let session = Session::begun();
        let mut body = body(source(1000, true), session.stands(), place, Broken::Transfer).into_data_stream();
        assert_eq!(next(&mut body).await, Some(Ok("0;".to_owned())));
        sleep(STALLED / 2).await;
        assert_eq!(places.available_permits(), 0, "a slow reader reads on");
        assert_eq!(next(&mut body).await, Some(Ok("1;".to_owned())));
        sleep(STALLED + Duration::from_secs(1)).await;
        assert_eq!(places.available_permits(), 1);
        // One piece was on its way; half a recording never looks whole.
        assert_eq!(next(&mut body).await, Some(Ok("2;".to_owned())));
        assert_eq!(next(&mut body).await, Some(Err(())));
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_leaves_gives_the_place_back_at_once() {
        let places = Arc::new(Semaphore::new(1));
        let place = Arc::clone(&places).try_acquire_owned().unwrap();
        let session = Session::begun();
        let body = body(source(0, false), session.stands(), place, Broken::Transfer);
        sleep(Duration::from_millis(10)).await;
        assert_eq!(places.available_permits(), 0);
        drop(body);
        sleep(Duration::from_millis(10)).await;
        assert_eq!(places.available_permits(), 1);
    }
}
