// Two minutes before the session ends, offers to stay; at its end, clears the page. Without this script the door still
// refuses at the end: only the warning and the clearing are missing. All words come from the page.

const WARNING_SECONDS = 120;
const HERE_SECONDS = 60;
const { sessionSeconds, sessionSecondsMax, keepAlive, here, csrf, sessionOver } = document.body.dataset;
// Other tabs of this door share the session: what one learns of its end, it tells.
const tabs = "BroadcastChannel" in window ? new BroadcastChannel("poterne-session") : null;

if (sessionSeconds !== undefined) watch();
else if (sessionOver !== undefined) tabs?.postMessage({ over: true });

function watch() {
  // Counted from when the page was asked for, not from when it arrived: early by a little, never late.
  const asked = performance.timeOrigin;
  const endMax = asked + Number(sessionSecondsMax) * 1000;
  let end = asked + Number(sessionSeconds) * 1000;
  let dismissed = false;

  const dialog = document.getElementById("session-warning");
  const show = (name, visible) => dialog.querySelector(`[data-when="${name}"]`).toggleAttribute("hidden", !visible);
  const button = (name) => dialog.querySelector(`[data-act="${name}"]`);

  button("stay").addEventListener("click", stay);
  button("understood").addEventListener("click", dismiss);
  // Escape answers like the main button when staying is possible.
  dialog.addEventListener("cancel", (event) => {
    event.preventDefault();
    if (mayStay()) stay();
    else dismiss();
  });
  tabs?.addEventListener("message", ({ data }) => {
    if (data.over) clear();
    else if (data.end > end) end = data.end;
  });
  tabs?.postMessage({ end });

  const timer = setInterval(tick, 1000);
  // Where one session at a time is kept, the door must know that somebody is still there.
  const there = here === undefined ? undefined : setInterval(sayHere, HERE_SECONDS * 1000);
  // A page brought back from the browser's memory, or a computer from sleep, must not show what it showed.
  window.addEventListener("pageshow", tick);
  document.addEventListener("visibilitychange", tick);
  tick();

  async function sayHere() {
    const answer = await fetch(here, { method: "POST", body: new URLSearchParams({ csrf }), redirect: "error" }).catch(() => undefined);
    if (answer?.status === 401) clear();
  }

  function mayStay() {
    return endMax - end > 1000;
  }

  function tick() {
    const seconds = (end - Date.now()) / 1000;
    if (seconds <= 0) clear();
    else if (seconds > WARNING_SECONDS) dialog.close();
    else if (!dialog.open && !dismissed) warn();
  }

  function warn() {
    show("may-stay", mayStay());
    show("must-end", !mayStay());
    show("failed", false);
    button("stay").hidden = !mayStay();
    button("understood").hidden = mayStay();
    dialog.showModal();
  }

  function dismiss() {
    dismissed = true;
    dialog.close();
  }

  async function stay() {
    try {
      const answer = await fetch(keepAlive, {
        method: "POST",
        body: new URLSearchParams({ csrf }),
        headers: { accept: "application/json" },
        redirect: "error",
      });
      if (answer.status === 401 || answer.status === 403) return clear();
      if (!answer.ok) throw new Error(answer.status);
      const { seconds_left: left } = await answer.json();
      end = Math.min(Date.now() + left * 1000, endMax);
      tabs?.postMessage({ end });
      dialog.close();
      tick();
    } catch {
      show("failed", true);
    }
  }

  function clear() {
    clearInterval(timer);
    clearInterval(there);
    const ended = document.getElementById("session-ended");
    if (!ended) return;
    document.title = ended.dataset.title;
    const page = ended.content.cloneNode(true);
    dialog.close();
    document.body.replaceChildren(page);
    document.querySelector("main").focus();
  }
}
