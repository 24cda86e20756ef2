//! Sessions: the list, one of them, its screen live, the replay of its terminals, the cut.

use crate::{
    handlers::{
        Asking, Member, Named, Posted, acted, failed,
        interventions::{Reason, asks_first, cutting, is_held},
        or_default,
    },
    pages::{Replay, ReplayView, SessionPage, SessionView, SessionsList, SessionsView},
    recordings::Download,
    streams::{self, Broken},
};
use axum::{
    body::{Body, Bytes},
    http::{HeaderValue, header},
    response::{IntoResponse, Response},
};
use entrance::shown;
use futures_util::stream;
use interventions::{Filter, InterventionError, LiveFeed, RelaySession};
use policy::{Denied, Lacking, MatterAct};
use serde::Deserialize;
use std::{io, time::Duration};
use tokio::time::{Instant, timeout, timeout_at};
use types::RelayId;
use web::layout::ErrorKind;

/// A live view is asked for again after this: what its reader may see is decided anew.
const WATCH_SECONDS: u64 = 120;
/// Something goes over the line at least this often, so that nobody in between takes it for dead.
const PULSE: Duration = Duration::from_secs(15);
/// The browser asks again at once, and is decided about again.
const AGAIN: &str = "retry: 500\n\n";

#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct Asked {
    live: Option<String>,
    cursor: Option<String>,
}

pub(crate) async fn list(member: Member, asked: Asking<Asked>) -> Response {
    let asked = or_default(asked);
    let live = asked.live.as_deref() == Some("true");
    let filter = Filter { live, cursor: asked.cursor, ..Filter::default() };
    match member.visit.state.interventions().sessions(&member.who.authenticated, &filter).await {
        Ok(page) => {
            let is_further = filter.cursor.is_some();
            let view = SessionsView { rows: page.rows, live, next: page.next, is_further };
            shown(member.visit.lang, &SessionsList::new(member.chrome(), view))
        }
        Err(error) => failed(&member, error).await,
    }
}

pub(crate) async fn one(member: Member, named: Named) -> Response {
    match view(&member, named.id(RelayId::from_bytes)).await {
        Ok((view, lacking)) => shown(member.visit.lang, &SessionPage::new(member.chrome_lacking(lacking), view)),
        Err(error) => failed(&member, error).await,
    }
}

/// With what the reader lacks to look at the session, if that is all.
async fn view(member: &Member, relay: RelayId) -> Result<(SessionView, Option<Lacking>), InterventionError> {
    let (service, who) = (member.visit.state.interventions(), &member.who.authenticated);
    let one = service.session(who, relay).await?;
    let of = service.get(who, one.intervention).await?;
    let watches = service.allows(who, relay, MatterAct::Watch).await?;
    let replays = service.allows(who, relay, MatterAct::Replay).await?;
    let lacking = [watches, replays].into_iter().filter_map(Result::err).find_map(Denied::lacking);
    let view = SessionView {
        cuts: service.may(who, relay, MatterAct::Cut).await?,
        watches: watches.is_ok(),
        replays: replays.is_ok(),
        held: one.held || one.live && is_held(&of, member.visit.state.now()),
        one,
    };
    Ok((view, lacking))
}

/// One press; a question first under "do not interrupt" only. A row that cannot be read never stands before a cut.
pub(crate) async fn cut(named: Named, Posted { member, form }: Posted<Reason>) -> Response {
    let relay = named.id(RelayId::from_bytes);
    let path = format!("/sessions/{relay}");
    let (service, who) = (member.visit.state.interventions(), &member.who.authenticated);
    if form.sure.is_none()
        && let Ok(session) = service.session(who, relay).await
        && let Ok(of) = service.get(who, session.intervention).await
        && asks_first(&member, &of)
    {
        return cutting(&member, &of, &path);
    }
    let done = service.cut_session(who, relay, &form.reason).await;
    acted(&member, &path, done).await
}

/// The pictures of a live session, as they come.
pub(crate) async fn live(member: Member, named: Named) -> Response {
    let relay = named.id(RelayId::from_bytes);
    let Some(place) = member.visit.state.watcher_place() else { return member.error(ErrorKind::Busy) };
    let (service, who) = (member.visit.state.interventions(), &member.who.authenticated);
    match service.watch(who, relay).await {
        Ok(feed) => events(streams::body(pictures(feed), standing(&member), place, Broken::Words(AGAIN))),
        Err(InterventionError::NotFound) => match allowed(&member, relay, MatterAct::Watch).await {
            // It runs, and has no screen yet; or it ended a moment ago.
            Ok(one) => nothing_yet(&one),
            Err(error) => failed(&member, error).await,
        },
        Err(error) => failed(&member, error).await,
    }
}

fn events(body: Body) -> Response {
    ([(header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream"))], body).into_response()
}

fn nothing_yet(one: &RelaySession) -> Response {
    events(Body::from(if one.live { "retry: 3000\nevent: none\ndata:\n\n" } else { "event: end\ndata:\n\n" }))
}

pub(crate) fn standing(member: &Member) -> streams::Stands {
    member.visit.state.standing(&member.who.authenticated, member.who.absolute_until)
}

fn pictures(feed: LiveFeed) -> impl stream::Stream<Item = io::Result<Bytes>> + Send + 'static {
    let until = Instant::now() + Duration::from_secs(WATCH_SECONDS);
    stream::unfold(Some(feed), move |state| async move {
        let mut feed = state?;
        // A screen that never rests is asked for again like any other.
        if Instant::now() >= until {
            return Some((Ok(Bytes::from_static(AGAIN.as_bytes())), None));
        }
        let (text, state) = match timeout_at(until, timeout(PULSE, feed.frames.recv())).await {
            // Each picture is one line: JSON writes line ends as escapes.
            Ok(Ok(Some(frame))) => (format!("data: {frame}\n\n"), Some(feed)),
            Ok(Ok(None)) => ("event: end\ndata:\n\n".to_owned(), None),
            Ok(Err(_)) => (":\n\n".to_owned(), Some(feed)),
            Err(_) => (AGAIN.to_owned(), None),
        };
        Some((Ok(Bytes::from(text)), state))
    })
}

/// The session, for whom this may be done with it; for anybody else it is absent.
async fn allowed(member: &Member, relay: RelayId, act: MatterAct) -> Result<RelaySession, InterventionError> {
    let (service, who) = (member.visit.state.interventions(), &member.who.authenticated);
    match service.allows(who, relay, act).await? {
        Ok(()) => service.session(who, relay).await,
        Err(denied) => Err(denied.lacking().map_or(InterventionError::NotFound, InterventionError::Lacking)),
    }
}

pub(crate) async fn replay(member: Member, named: Named) -> Response {
    let relay = named.id(RelayId::from_bytes);
    match allowed(&member, relay, MatterAct::Replay).await {
        Ok(one) => match one.channels.iter().find(|channel| channel.number == named.number() && channel.recording) {
            Some(channel) => {
                let view = ReplayView { channel: channel.number, one: one.clone() };
                shown(member.visit.lang, &Replay::new(member.chrome(), view))
            }
            None => member.turned_away("recording").await,
        },
        Err(error) => failed(&member, error).await,
    }
}

pub(crate) async fn frames(member: Member, named: Named) -> Response {
    recorded(member, named, |download, _, _| download.pictures()).await
}

pub(crate) async fn file(member: Member, named: Named) -> Response {
    recorded(member, named, Download::file).await
}

async fn recorded(member: Member, named: Named, answer: fn(Download, RelayId, u32) -> Response) -> Response {
    let (relay, channel) = (named.id(RelayId::from_bytes), named.number());
    let Some(place) = member.visit.state.reader_place(member.who.account) else { return member.error(ErrorKind::Busy) };
    let service = member.visit.state.interventions();
    match service.recording(&member.who.authenticated, relay, channel).await {
        Ok(reader) => answer(Download { reader, stands: standing(&member), place }, relay, channel),
        Err(error) => failed(&member, error).await,
    }
}
