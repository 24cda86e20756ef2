//! One session, from signing in to its end. One task owns it: it selects over what may happen, and does nothing clever.

use crate::{
    asked::{Asked, asked},
    channel::{Arrival, Common, EXIT_FAILED, Near, carry},
    files::Pace,
    house::{Granted, House, SessionRecorder},
    live::Live,
    menu::{Chosen, Menu},
    rights::Start,
    serve::Door,
    target::{self, NoTarget},
    texts::{self, Sentence},
};
use interventions::{ChannelSummary, EndReason, Ending, LeaseView, Offer, RecorderFault};
use russh::{ChannelMsg, Disconnect, server};
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::Duration,
};
use tokio::{
    sync::{broadcast, mpsc, watch},
    task::JoinSet,
    time::{Instant, MissedTickBehavior, interval, timeout},
};
use tokio_util::sync::CancellationToken;

/// Channels that a summary keeps.
const SUMMARIES_MAX: usize = 1000;
/// Acts on files in all of them.
const FILES_MAX: usize = 500;
/// Sentences that wait for a channel which is busy.
const ANNOUNCED_MAX: usize = 8;
/// How often the time is looked at.
const TICK: Duration = Duration::from_secs(1);
/// How often an opened key is renewed while something passes.
const TOUCH_EVERY: Duration = Duration::from_secs(60);
/// Once one side has left by itself, what the channels have to say what remains.
const REST_MAX: Duration = Duration::from_secs(3);
/// Once the session is cut: for a last sentence, then for the client to leave by itself. Together well below a second.
const WORDS_MAX: Duration = Duration::from_millis(450);
const LEAVE_MAX: Duration = Duration::from_millis(150);
/// After that, for the recordings to be whole.
const FINISH_MAX: Duration = Duration::from_secs(5);
/// For the first channel, so that a refusal is read where the technician looks.
const FIRST_CHANNEL_MAX: Duration = Duration::from_secs(2);

/// Somebody who has signed in.
pub(crate) struct Session<H: House> {
    pub(crate) door: Arc<Door<H>>,
    pub(crate) seen: Arc<H::Seen>,
    pub(crate) login: String,
    pub(crate) target: Option<String>,
    pub(crate) near: server::Handle,
    pub(crate) arrivals: mpsc::Receiver<Arrival>,
    /// Cancelled when the technician's connection is gone.
    pub(crate) gone: CancellationToken,
    /// Ends the technician's connection.
    pub(crate) cut_near: CancellationToken,
}

/// A channel that came before the session.
type First = (Near, Asked);

/// Where somebody wants to go.
enum Destination {
    /// There; with the channel in which he chose it.
    Target(Option<First>, String),
    /// Nowhere, and he was told why.
    Told(Sentence),
    /// Nowhere: he opened no channel, or left.
    None,
}

/// The technician's connection, to say a last sentence on.
struct Line {
    near: server::Handle,
    gone: CancellationToken,
}

impl Line {
    async fn disconnect(&self, sentence: &Sentence) {
        if self.gone.is_cancelled() {
            return;
        }
        let said = self.near.disconnect(Disconnect::ByApplication, sentence.plain(), "fr".into());
        let _ = timeout(LEAVE_MAX, said).await;
        let _ = timeout(LEAVE_MAX, self.gone.cancelled()).await;
    }
}

/// How a session went.
type Outcome = (EndReason, String, Vec<ChannelSummary>);

impl<H: House> Session<H> {
    pub(crate) async fn run(mut self) {
        // However it ends, the connection does not outlive its session.
        let _cut_at_the_end = self.cut_near.clone().drop_guard();
        let choice_max = self.door.limits.choice_max;
        let chosen = tokio::select! {
            () = self.gone.clone().cancelled_owned() => Destination::None,
            () = self.door.stop.clone().cancelled_owned() => Destination::Told(texts::ended(EndReason::Node)),
            chosen = timeout(choice_max, self.destination()) => chosen.unwrap_or(Destination::None),
        };
        match chosen {
            Destination::Target(first, target) => match self.door.house.open_session(&self.seen, &target).await {
                Ok(granted) => self.work(granted, first).await,
                Err(why) => self.turn_away(first, &texts::refused(why)).await,
            },
            Destination::Told(sentence) => {
                // What was said on the channel is read before the connection ends.
                let _ = timeout(LEAVE_MAX, self.gone.cancelled()).await;
                self.line().disconnect(&sentence).await;
            }
            Destination::None => self.line().disconnect(&texts::no_channel()).await,
        }
    }

    fn line(&self) -> Line {
        Line { near: self.near.clone(), gone: self.gone.clone() }
    }

    /// Where he wants to go: as he named it, or as he chooses from the menu.
    async fn destination(&mut self) -> Destination {
        if let Some(target) = self.target.clone() {
            return Destination::Target(None, target);
        }
        let Some((near, asked)) = self.first().await else { return Destination::None };
        let offers = self.door.house.offers(&self.seen).await;
        if asked.terminal.is_none() || asked.start != Start::Shell {
            let names: Vec<_> = offers.iter().map(|offer| wire::visible(&offer.target, 64)).collect();
            let login = wire::visible(&self.login, 64);
            let sentence = texts::name_a_target(&login, &names);
            near.farewell(&sentence, asked.terminal.is_some(), EXIT_FAILED).await;
            return Destination::Told(sentence);
        }
        self.menu(near, asked, &offers).await.unwrap_or(Destination::None)
    }

    /// Nothing if he leaves the terminal itself.
    async fn menu(&self, mut near: Near, mut asked: Asked, offers: &[Offer]) -> Option<Destination> {
        let now = self.door.clock.now();
        let (mut menu, text) = Menu::new(offers, &self.login, |offer| offer.until.since(now).as_secs() / 60);
        near.write.data_bytes(text.into_bytes()).await.ok()?;
        if offers.is_empty() {
            let _ = near.write.exit_status(1).await;
            let _ = near.write.close().await;
            return Some(Destination::Told(texts::ended(EndReason::Technician)));
        }
        loop {
            let data = match near.next().await? {
                ChannelMsg::Data { data } => data,
                ChannelMsg::WindowChange { col_width, row_height, pix_width, pix_height } => {
                    if let Some(terminal) = &mut asked.terminal {
                        terminal.resize((col_width, row_height), (pix_width, pix_height));
                    }
                    continue;
                }
                _ => continue,
            };
            for (at, byte) in data.iter().enumerate() {
                let (shown, chosen) = menu.typed(*byte);
                near.write.data_bytes(shown.into_bytes()).await.ok()?;
                match chosen {
                    Chosen::Not => {}
                    Chosen::Leaves => {
                        let _ = near.write.exit_status(0).await;
                        let _ = near.write.close().await;
                        return Some(Destination::Told(texts::ended(EndReason::Technician)));
                    }
                    Chosen::Target(target) => {
                        self.open_key(&target).await;
                        // What he typed ahead is the machine's.
                        asked.typed = data.get(at + 1..).unwrap_or_default().to_vec();
                        return Some(Destination::Target(Some((near, asked)), target));
                    }
                }
            }
        }
    }

    /// A code was given before the target was known: it opens the key for that one too.
    async fn open_key(&self, target: &str) {
        let house = &self.door.house;
        let Some(intervention) = house.find(&self.seen, target).await else { return };
        if let Err(error) = house.open_key(&self.seen, intervention).await {
            tracing::debug!(%error, "a key stays closed");
        }
    }

    /// Says why not, where the technician looks, and ends.
    async fn turn_away(mut self, first: Option<First>, sentence: &Sentence) {
        let first = match first {
            Some(first) => Some(first),
            None => timeout(FIRST_CHANNEL_MAX, self.first()).await.ok().flatten(),
        };
        if let Some((near, asked)) = first {
            near.farewell(sentence, asked.terminal.is_some(), EXIT_FAILED).await;
            let _ = timeout(LEAVE_MAX, self.gone.cancelled()).await;
        }
        self.line().disconnect(sentence).await;
    }

    async fn first(&mut self) -> Option<First> {
        let mut near = Near::new(self.arrivals.recv().await?, self.near.clone());
        let asked = asked(&mut near).await?;
        Some((near, asked))
    }

    /// A session was granted: whatever happens from here, a panic of ours too, its end is written down.
    async fn work(self, granted: Granted<H::Recorder>, first: Option<First>) {
        let (relay, house, line) = (granted.relay, self.door.house.clone(), self.line());
        let begun = self.door.registry.begin(relay);
        let live = begun.live.clone();
        // Whatever becomes of the task, nothing stays connected to the machine.
        let cut_far = CancellationToken::new();
        let cut_at_the_end = cut_far.clone().drop_guard();
        let at_work = tokio::spawn(self.at_work(granted, first, begun.live.clone(), cut_far));
        let (reason, note, channels) = match at_work.await {
            Ok(outcome) => outcome,
            Err(error) => {
                tracing::error!(%relay, %error, "a session ended in a panic");
                line.disconnect(&texts::ended(EndReason::Fault)).await;
                (EndReason::Fault, error.to_string(), Vec::new())
            }
        };
        drop(cut_at_the_end);
        let (bytes_in, bytes_out) = (live.traffic.bytes_in(), live.traffic.bytes_out());
        drop(begun);
        house.close_session(relay, Ending { reason, note, bytes_in, bytes_out, channels }).await;
    }

    async fn at_work(
        mut self,
        granted: Granted<H::Recorder>,
        first: Option<First>,
        live: Arc<Live>,
        cut_far: CancellationToken,
    ) -> Outcome {
        let Granted { relay, intervention, hold, equipment, rights, secret, recorder } = granted;
        let house = self.door.house.clone();
        let mut view = hold.watch();
        let connected = tokio::select! {
            biased;
            reason = cut(&mut view) => Err(NoTarget { reason, detail: String::new() }),
            () = self.gone.cancelled() => Err(NoTarget { reason: EndReason::Technician, detail: String::new() }),
            connected = target::connect(&equipment, &secret, &self.door.limits, &cut_far) => connected,
        };
        drop(secret);
        let target = match connected {
            Ok(target) => target,
            Err(NoTarget { reason, detail }) => {
                if !detail.is_empty() {
                    tracing::warn!(%relay, %reason, detail, "an equipment could not be reached");
                    house.alarm(relay, &format!("{}: {detail}", equipment.name)).await;
                }
                self.turn_away(first, &texts::ended(reason)).await;
                return (reason, detail, Vec::new());
            }
        };
        let (ending, ended) = watch::channel(None);
        let held = AtomicBool::new(view.borrow().is_held(self.door.clock.now()));
        recorder.set_hold(held.load(Relaxed));
        let fault = recorder.fault();
        let announced = broadcast::Sender::new(ANNOUNCED_MAX);
        let pace = Pace::new(self.door.limits.files_in_all_max, self.door.limits.file_takes);
        let common = Common { house, relay, rights, recorder, target, live, pace, announced, ending: ended, held };
        let shown = *view.borrow_and_update();
        let owner = Owner {
            common: Arc::new(common),
            view,
            shown,
            fault,
            channels: JoinSet::new(),
            summaries: Vec::new(),
            stopping: false,
            touched: Instant::now(),
        };
        owner.run(&mut self, intervention, first, (&ending, &cut_far)).await
    }
}

async fn cut(view: &mut watch::Receiver<LeaseView>) -> EndReason {
    match view.wait_for(|view| view.cut.is_some()).await {
        Ok(view) => view.cut.unwrap_or(EndReason::Fault),
        // Nobody watches over the lease any more.
        Err(_) => EndReason::Node,
    }
}

/// A session at work.
struct Owner<H: House> {
    common: Arc<Common<H>>,
    view: watch::Receiver<LeaseView>,
    /// The lease as the technician was last told.
    shown: LeaseView,
    fault: watch::Receiver<Option<RecorderFault>>,
    channels: JoinSet<Option<ChannelSummary>>,
    summaries: Vec<ChannelSummary>,
    stopping: bool,
    touched: Instant,
}

impl<H: House> Owner<H> {
    async fn run(
        mut self,
        session: &mut Session<H>,
        intervention: types::InterventionId,
        first: Option<First>,
        (ending, cut_far): (&watch::Sender<Option<EndReason>>, &CancellationToken),
    ) -> Outcome {
        if let Some((near, asked)) = first {
            let common = self.common.clone();
            self.channels.spawn(async move { Some(carry(common, near, asked).await) });
        }
        let live = self.common.live.clone();
        let draw = live.draw();
        tokio::pin!(draw);
        let mut tick = interval(TICK);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let reason = loop {
            let over = tokio::select! {
                biased;
                changed = self.view.changed() => match changed {
                    Ok(()) => self.lease_changed(session).await,
                    Err(_) => Some(EndReason::Node),
                },
                Ok(()) = self.fault.changed() => self.recording_fault().await,
                () = session.door.stop.cancelled(), if !self.stopping => self.stop().await,
                () = session.door.drained.cancelled() => Some(EndReason::Node),
                () = self.common.target.lost.cancelled() => Some(EndReason::Equipment),
                Some(ended) = self.channels.join_next() => self.keep(ended),
                arrival = session.arrivals.recv() => match arrival {
                    Some(arrival) => {
                        self.arrive(arrival, session.near.clone());
                        None
                    }
                    None => Some(EndReason::Technician),
                },
                _ = tick.tick() => self.look(session, intervention).await,
                () = &mut draw => None,
            };
            if let Some(reason) = over {
                break reason;
            }
        };
        self.end(session, reason, ending, cut_far).await;
        self.summaries.sort_by_key(|one| one.number);
        (reason, String::new(), self.summaries)
    }

    fn arrive(&mut self, arrival: Arrival, handle: server::Handle) {
        let common = self.common.clone();
        self.channels.spawn(async move {
            let mut near = Near::new(arrival, handle);
            let mut ending = common.ending.clone();
            let asked = tokio::select! {
                asked = asked(&mut near) => asked?,
                _ = crate::channel::ended(&mut ending) => return None,
            };
            Some(carry(common, near, asked).await)
        });
    }

    /// Keeps a channel's summary; a fault of ours in it ends the session.
    fn keep(&mut self, ended: Result<Option<ChannelSummary>, tokio::task::JoinError>) -> Option<EndReason> {
        match ended {
            Ok(Some(mut summary)) if self.summaries.len() < SUMMARIES_MAX => {
                let kept: usize = self.summaries.iter().map(|one| one.files.len()).sum();
                let more = summary.files.split_off(FILES_MAX.saturating_sub(kept).min(summary.files.len()));
                summary.files_more = summary.files_more.saturating_add(more.len() as u64);
                self.summaries.push(summary);
            }
            Ok(_) => {}
            Err(error) if error.is_panic() => {
                tracing::error!(relay = %self.common.relay, %error, "a channel ended in a panic");
                return Some(EndReason::Fault);
            }
            Err(_) => {}
        }
        None
    }

    fn announce(&self, sentence: Sentence) {
        // Nobody may be there to hear it.
        let _ = self.common.announced.send(sentence);
    }

    async fn alarm(&self, text: &str) {
        tracing::warn!(relay = %self.common.relay, text, "an alarm during a session");
        self.common.house.alarm(self.common.relay, text).await;
    }

    async fn lease_changed(&mut self, session: &Session<H>) -> Option<EndReason> {
        let view = *self.view.borrow_and_update();
        let before = std::mem::replace(&mut self.shown, view);
        if view.cut.is_some() {
            return view.cut;
        }
        let now = session.door.clock.now();
        self.hold(view.is_held(now));
        match view.warning {
            Some(_) if view.warning > before.warning => self.announce(texts::warning(view.end().since(now))),
            None if before.warning.is_some() => self.announce(texts::extended()),
            _ => {}
        }
        if view.overrun && !before.overrun {
            self.alarm("the window is over; \"do not interrupt\" keeps the session").await;
        }
        if view.store_lost && !before.store_lost {
            self.alarm("the store is out of reach; \"do not interrupt\" keeps the session").await;
        }
        None
    }

    fn hold(&self, held: bool) {
        if self.common.held.swap(held, Relaxed) != held {
            self.common.recorder.set_hold(held);
        }
    }

    fn is_held(&self) -> bool {
        self.common.held.load(Relaxed)
    }

    async fn recording_fault(&mut self) -> Option<EndReason> {
        let fault = self.fault.borrow_and_update().clone()?;
        self.alarm(&fault.to_string()).await;
        self.over_for_recording()
    }

    /// Whether the state of the recording ends the session.
    fn over_for_recording(&self) -> Option<EndReason> {
        let over = match *self.fault.borrow() {
            None => false,
            // The reserve is full as well: only before somebody's eyes.
            Some(RecorderFault::ReserveFull) => !self.is_held() || self.common.live.watchers() == 0,
            Some(_) => !self.is_held(),
        };
        over.then_some(EndReason::Recording)
    }

    async fn stop(&mut self) -> Option<EndReason> {
        self.stopping = true;
        if !self.is_held() {
            return Some(EndReason::Node);
        }
        self.announce(texts::node_stops());
        self.alarm("the node is asked to stop; \"do not interrupt\" makes it wait").await;
        None
    }

    /// Once a second.
    async fn look(&mut self, session: &Session<H>, intervention: types::InterventionId) -> Option<EndReason> {
        self.hold(self.shown.is_held(session.door.clock.now()));
        if let Some(over) = self.over_for_recording() {
            self.alarm("the session can no longer be recorded, and is cut").await;
            return Some(over);
        }
        if self.stopping && !self.is_held() {
            return Some(EndReason::Node);
        }
        let idle = self.common.live.traffic.idle();
        if idle >= session.door.limits.idle_max && !self.is_held() {
            return Some(EndReason::Idle);
        }
        if idle < TOUCH_EVERY && self.touched.elapsed() >= TOUCH_EVERY {
            self.touched = Instant::now();
            session.door.house.touch(&session.seen, intervention);
        }
        None
    }

    async fn end(
        &mut self,
        session: &Session<H>,
        reason: EndReason,
        ending: &watch::Sender<Option<EndReason>>,
        cut_far: &CancellationToken,
    ) {
        if matches!(reason, EndReason::Technician | EndReason::Equipment) {
            // What was sent before is still delivered.
            let _ = timeout(REST_MAX, self.rest()).await;
        }
        let _ = ending.send(Some(reason));
        cut_far.cancel();
        let _ = timeout(WORDS_MAX, self.rest()).await;
        let _ = timeout(LEAVE_MAX, session.gone.cancelled()).await;
        session.line().disconnect(&texts::ended(reason)).await;
        session.cut_near.cancel();
        if timeout(FINISH_MAX, self.rest()).await.is_err() {
            tracing::error!(relay = %self.common.relay, "a channel does not end; it is dropped");
            self.channels.shutdown().await;
        }
    }

    async fn rest(&mut self) {
        while let Some(ended) = self.channels.join_next().await {
            self.keep(ended);
        }
    }
}
