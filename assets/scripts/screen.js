// Draws a terminal's screen from pictures that the door made of it: lines of text with colors. Live, they come one by one;
// a replay is fetched whole and moved about in. Text goes into text nodes only, colors through the style's own
// properties: nothing that a terminal showed can become markup. All words come from the page.

const screen = document.querySelector("[data-screen]");
const status = document.querySelector("[data-screen-status]");
const say = (what) => { status.textContent = status.dataset[what] ?? ""; };

// The sixteen colors, and the cube and grays of the 256, on the screen's own dark ground.
const BASE = ["#14191f", "#e5716a", "#7cc58c", "#e0b25e", "#7fb2e5", "#c99be0", "#74c7c7", "#d5d2cb",
  "#8a939c", "#f2a9a3", "#a5dcb0", "#f2cf8d", "#a9cdf2", "#dfbdf0", "#a3e0e0", "#ffffff"];
const STEPS = [0, 95, 135, 175, 215, 255];
const color = (value) => {
  if (Array.isArray(value)) return `rgb(${value.map(Number).join(" ")})`;
  if (value < 16) return BASE[value];
  if (value >= 232) return `rgb(${Array(3).fill(8 + (value - 232) * 10).join(" ")})`;
  const cube = value - 16;
  return `rgb(${[cube / 36, (cube / 6) % 6, cube % 6].map((at) => STEPS[Math.floor(at)]).join(" ")})`;
};

const LOOKS = { b: ["fontWeight", "700"], d: ["opacity", "0.75"], i: ["fontStyle", "italic"], u: ["textDecoration", "underline"] };

function drawn({ text, fg, bg, look = "" }) {
  const span = document.createElement("span");
  span.textContent = text;
  let [front, back] = [fg, bg].map((value) => (value === undefined ? null : color(value)));
  if (look.includes("r")) [front, back] = [back ?? "#14191f", front ?? "#e9e6df"];
  if (front) span.style.color = front;
  if (back) span.style.backgroundColor = back;
  for (const letter of look) if (LOOKS[letter]) span.style[LOOKS[letter][0]] = LOOKS[letter][1];
  return span;
}

let rows = [];
let shownCursor = null;

function draw(frame) {
  if (frame.key || rows.length !== frame.rows) {
    rows = Array.from({ length: frame.rows }, () => {
      const row = document.createElement("div");
      row.className = "screen-row";
      return row;
    });
    screen.replaceChildren(...rows);
  }
  screen.style.setProperty("--cols", frame.cols);
  for (const { row, spans } of frame.lines) rows[row]?.replaceChildren(...spans.map(drawn));
  shownCursor?.remove();
  shownCursor = null;
  if (frame.cursor && rows[frame.cursor.row]) {
    shownCursor = document.createElement("span");
    shownCursor.className = "screen-cursor";
    shownCursor.style.left = `${frame.cursor.col}ch`;
    rows[frame.cursor.row].append(shownCursor);
  }
}

if (screen?.dataset.screen === "live") live();
else if (screen) replay();

function live() {
  say("connecting");
  const source = new EventSource(screen.dataset.source);
  source.addEventListener("message", ({ data }) => {
    draw(JSON.parse(data));
    say("connected");
  });
  source.addEventListener("error", () => {
    say("lost");
    // An answer that is no stream is final for the browser; the page itself says what became of the session.
    if (source.readyState === EventSource.CLOSED) setTimeout(() => location.reload(), 3000);
  });
  source.addEventListener("none", () => say("none"));
  source.addEventListener("end", () => {
    source.close();
    say("over");
    setTimeout(() => location.reload(), 1500);
  });
}

async function replay() {
  // More than this in one page would exhaust a phone; the file holds the rest.
  const LETTERS_MAX = 64 * 1024 * 1024;
  const IDLE_SECONDS = 1;
  const player = document.querySelector("[data-player]");
  const control = (name) => player.querySelector(`[data-act="${name}"]`);
  const [button, seek, speed, idle] = ["play", "seek", "speed", "idle"].map(control);
  const clock = player.querySelector("[data-clock]");
  const frames = [];
  let [end, cut, large] = [0, false, false];

  say("connecting");
  try {
    const answer = await fetch(screen.dataset.source, { redirect: "error" });
    if (!answer.ok) throw new Error(answer.status);
    const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
    let [rest, letters] = ["", 0];
    for (;;) {
      const { value, done } = await reader.read();
      if (done) break;
      letters += value.length;
      const lines = (rest + value).split("\n");
      rest = lines.pop();
      for (const line of lines) {
        const { t, frame, end: last, cut: broken } = JSON.parse(line);
        if (frame) frames.push({ t, frame });
        end = Math.max(end, t);
        if (last) cut = broken;
      }
      if (frames.length === 1) draw(frames[0].frame);
      if (letters > LETTERS_MAX) {
        large = true;
        await reader.cancel();
        break;
      }
    }
    say(large ? "large" : cut ? "cut" : "connected");
  } catch {
    say("lost");
  }
  if (frames.length === 0) return;

  let [at, next, playing, before] = [0, 0, false, 0];
  const minutes = (seconds) => `${Math.floor(seconds / 60)}:${String(Math.floor(seconds % 60)).padStart(2, "0")}`;
  seek.max = end;
  player.hidden = false;

  function tell() {
    seek.value = at;
    seek.setAttribute("aria-valuetext", minutes(at));
    clock.textContent = `${minutes(at)} / ${minutes(end)}`;
    button.textContent = playing ? button.dataset.pause : button.dataset.play;
  }

  function go(seconds) {
    at = Math.min(Math.max(seconds, 0), end);
    // From the last whole picture on.
    let first = frames.findLastIndex(({ t, frame }) => frame.key && t <= at);
    if (first < 0) first = 0;
    next = first;
    catchUp();
    tell();
  }

  function catchUp() {
    while (next < frames.length && frames[next].t <= at) draw(frames[next++].frame);
  }

  function tick(now) {
    if (!playing) return;
    at += ((now - before) / 1000) * Number(speed.value);
    before = now;
    if (idle.checked && frames[next] && frames[next].t - at > IDLE_SECONDS) at = frames[next].t - IDLE_SECONDS;
    if (at >= end) [at, playing] = [end, false];
    catchUp();
    tell();
    if (playing) requestAnimationFrame(tick);
  }

  function toggle() {
    playing = !playing;
    if (playing && at >= end) go(0);
    before = performance.now();
    tell();
    if (playing) requestAnimationFrame(tick);
  }

  button.addEventListener("click", toggle);
  seek.addEventListener("input", () => go(Number(seek.value)));
  screen.addEventListener("keydown", (event) => {
    const acts = {
      " ": toggle,
      ArrowLeft: () => go(at - 5),
      ArrowRight: () => go(at + 5),
      Home: () => go(0),
      End: () => go(end),
      "+": () => { speed.selectedIndex = Math.min(speed.selectedIndex + 1, speed.length - 1); },
      "-": () => { speed.selectedIndex = Math.max(speed.selectedIndex - 1, 0); },
    };
    if (!acts[event.key] || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    acts[event.key]();
  });
  go(0);
}
