//! What runs now, and what those who watch it see.

use interventions::{FrameJson, LiveFeed, LiveSession, LiveSessions};
use pipe::Traffic;
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::sync::{Notify, mpsc};
use types::{Clock, RelayId};
use wire::{Frame, Screen};

/// Pictures a watcher may lag behind by.
const FRAMES_MAX: usize = 8;
/// Between two pictures.
const EVERY: Duration = Duration::from_millis(80);
/// When a watcher who lagged is given a whole picture again.
const AGAIN: Duration = Duration::from_millis(400);

/// The sessions of this node.
pub(crate) struct Registry {
    sessions: Mutex<HashMap<RelayId, Arc<Live>>>,
    clock: Arc<dyn Clock>,
    watchers_max: usize,
}

impl Registry {
    pub(crate) fn new(clock: Arc<dyn Clock>, watchers_max: usize) -> Self {
        Self { sessions: Mutex::default(), clock, watchers_max }
    }

    fn sessions(&self) -> MutexGuard<'_, HashMap<RelayId, Arc<Live>>> {
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A session begins.
    pub(crate) fn begin(self: &Arc<Self>, relay: RelayId) -> Begun {
        let live = Arc::new(Live::default());
        self.sessions().insert(relay, live.clone());
        Begun { registry: self.clone(), relay, live }
    }
}

/// The silence of this node's sessions, for the probe that does not wait for it. It can only end one sooner.
#[derive(Clone)]
pub struct Silence {
    registry: Arc<Registry>,
    limit: Duration,
}

impl Silence {
    pub(crate) fn new(registry: Arc<Registry>, limit: Duration) -> Self {
        Self { registry, limit }
    }

    /// How long a session may be without traffic.
    pub fn limit(&self) -> Duration {
        self.limit
    }

    /// Makes a session's silence older by this much, until something passes again.
    pub fn deepen(&self, relay: RelayId, by: Duration) {
        if let Some(live) = self.registry.sessions().get(&relay) {
            live.traffic.age(by);
        }
    }
}

/// A session that others can see for as long as this lives.
pub(crate) struct Begun {
    registry: Arc<Registry>,
    relay: RelayId,
    pub(crate) live: Arc<Live>,
}

impl Drop for Begun {
    fn drop(&mut self) {
        self.registry.sessions().remove(&self.relay);
        self.live.end();
    }
}

impl LiveSessions for Registry {
    fn live(&self) -> Vec<LiveSession> {
        let now = self.clock.now();
        let sessions = self.sessions();
        let shown = sessions.iter().map(|(relay, live)| LiveSession {
            relay: *relay,
            active: now - live.traffic.idle(),
            bytes_in: live.traffic.bytes_in(),
            bytes_out: live.traffic.bytes_out(),
            watchers: live.watchers(),
            terminal: !live.stage().screens.is_empty(),
        });
        shown.collect()
    }

    fn watch(&self, relay: RelayId) -> Option<LiveFeed> {
        let live = self.sessions().get(&relay).cloned()?;
        live.watch(self.watchers_max).map(|frames| LiveFeed { frames })
    }
}

/// One session, as seen from beside.
#[derive(Default)]
pub(crate) struct Live {
    pub(crate) traffic: Traffic,
    stage: Mutex<Stage>,
    changed: Notify,
}

/// What is shown: the terminal opened last.
#[derive(Default)]
struct Stage {
    /// By channel; the last is in front.
    screens: Vec<(u32, Screen)>,
    watchers: Vec<Watcher>,
    ended: bool,
}

struct Watcher {
    frames: mpsc::Sender<FrameJson>,
    /// What he sees does not follow from what he saw: he needs a whole picture.
    lost: bool,
}

impl Live {
    fn stage(&self) -> MutexGuard<'_, Stage> {
        self.stage.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn open_terminal(&self, channel: u32, size: (u16, u16)) {
        let mut stage = self.stage();
        stage.screens.push((channel, Screen::new(size.0, size.1)));
        stage.all_lost();
        drop(stage);
        self.changed.notify_one();
    }

    pub(crate) fn close_terminal(&self, channel: u32) {
        let mut stage = self.stage();
        stage.screens.retain(|(number, _)| *number != channel);
        stage.all_lost();
        drop(stage);
        self.changed.notify_one();
    }

    pub(crate) fn output(&self, channel: u32, bytes: &[u8]) {
        self.on_screen(channel, |screen| screen.feed(bytes));
    }

    pub(crate) fn resize(&self, channel: u32, size: (u16, u16)) {
        self.on_screen(channel, |screen| screen.resize(size.0, size.1));
    }

    fn on_screen(&self, channel: u32, change: impl FnOnce(&mut Screen)) {
        let mut stage = self.stage();
        let Some((_, screen)) = stage.screens.iter_mut().find(|(number, _)| *number == channel) else { return };
        change(screen);
        let watched = !stage.watchers.is_empty();
        drop(stage);
        if watched {
            self.changed.notify_one();
        }
    }

    /// How many watch.
    pub(crate) fn watchers(&self) -> u32 {
        let mut stage = self.stage();
        stage.watchers.retain(|watcher| !watcher.frames.is_closed());
        u32::try_from(stage.watchers.len()).unwrap_or(u32::MAX)
    }

    fn watch(&self, watchers_max: usize) -> Option<mpsc::Receiver<FrameJson>> {
        let (frames, receiver) = mpsc::channel(FRAMES_MAX);
        let mut stage = self.stage();
        stage.watchers.retain(|watcher| !watcher.frames.is_closed());
        if stage.ended || stage.watchers.len() >= watchers_max {
            return None;
        }
        stage.watchers.push(Watcher { frames, lost: true });
        drop(stage);
        self.changed.notify_one();
        Some(receiver)
    }

    fn end(&self) {
        let mut stage = self.stage();
        stage.ended = true;
        stage.show();
        stage.watchers.clear();
        stage.screens.clear();
    }

    /// Draws pictures for those who watch, for as long as it is polled.
    pub(crate) async fn draw(&self) {
        loop {
            self.changed.notified().await;
            loop {
                let someone_lost = self.stage().show();
                tokio::time::sleep(if someone_lost { AGAIN } else { EVERY }).await;
                if !someone_lost {
                    break;
                }
            }
        }
    }
}

impl Stage {
    fn all_lost(&mut self) {
        self.watchers.iter_mut().for_each(|watcher| watcher.lost = true);
    }

    /// Gives everybody a picture; says whether somebody could not take it.
    fn show(&mut self) -> bool {
        self.watchers.retain(|watcher| !watcher.frames.is_closed());
        let Some((_, screen)) = self.screens.last_mut() else { return false };
        if self.watchers.is_empty() {
            return false;
        }
        let change = screen.diff();
        // After the change, and from the same moment: both lead to the same picture.
        let whole = self.watchers.iter().any(|watcher| watcher.lost).then(|| json(&screen.key_frame()));
        let change = change.as_ref().map(json);
        for watcher in &mut self.watchers {
            let frame = if watcher.lost { &whole } else { &change };
            let Some(frame) = frame else { continue };
            watcher.lost = watcher.frames.try_send(frame.clone()).is_err();
        }
        self.watchers.iter().any(|watcher| watcher.lost)
    }
}

fn json(frame: &Frame) -> FrameJson {
    serde_json::to_string(frame).unwrap_or_default().into()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use types::Time;

    struct Noon;
    impl Clock for Noon {
        fn now(&self) -> Time {
            Time::from_micros(43_200_000_000)
        }
    }

    fn begun() -> (Arc<Registry>, Begun, RelayId) {
        let registry = Arc::new(Registry::new(Arc::new(Noon), 2));
        let relay = RelayId::from_bytes([7; 16]);
        let begun = registry.begin(relay);
        (registry, begun, relay)
    }

    #[tokio::test(start_paused = true)]
    async fn a_watcher_sees_what_is_there_then_what_changes() {
        let (registry, begun, relay) = begun();
        assert!(!registry.live().first().unwrap().terminal);
        let live = begun.live.clone();
        live.open_terminal(1, (20, 2));
        live.output(1, b"bonjour");
        let mut feed = registry.watch(relay).unwrap().frames;
        let drawing = tokio::spawn({
            let live = live.clone();
            async move { live.draw().await }
        });
        let first = feed.recv().await.unwrap();
        assert!(first.contains(r#""key":true"#) && first.contains("bonjour"), "{first}");
        live.output(1, b" toi");
        let second = feed.recv().await.unwrap();
        assert!(second.contains(r#""key":false"#) && second.contains("bonjour toi"), "{second}");
        let seen = registry.live();
        assert_eq!(seen.iter().map(|one| (one.watchers, one.terminal)).collect::<Vec<_>>(), [(1, true)]);
        drop(begun);
        assert_eq!(feed.recv().await, None, "the session is over");
        assert!(registry.live().is_empty() && registry.watch(relay).is_none());
        drawing.abort();
    }

    #[tokio::test(start_paused = true)]
    async fn a_slow_watcher_loses_pictures_not_the_session() {
        let (registry, begun, relay) = begun();
        let live = begun.live.clone();
        live.open_terminal(1, (20, 2));
        let mut feed = registry.watch(relay).unwrap().frames;
        let drawing = tokio::spawn({
            let live = live.clone();
            async move { live.draw().await }
        });
        for number in 0..100 {
            live.output(1, format!("\r{number}").as_bytes());
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        let mut kept = Vec::new();
        while let Ok(frame) = feed.try_recv() {
            kept.push(frame);
        }
        assert_eq!(kept.len(), FRAMES_MAX);
        let next = feed.recv().await.unwrap();
        assert!(next.contains(r#""key":true"#) && next.contains("99"), "whole again: {next}");
        drawing.abort();
    }

    #[tokio::test(start_paused = true)]
    async fn watchers_are_bounded_and_leave_their_place() {
        let (registry, _begun, relay) = begun();
        let first = registry.watch(relay).unwrap();
        let _second = registry.watch(relay).unwrap();
        assert!(registry.watch(relay).is_none());
        drop(first);
        assert!(registry.watch(relay).is_some());
        assert!(registry.watch(RelayId::from_bytes([8; 16])).is_none());
    }
}
