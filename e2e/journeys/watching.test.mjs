// What goes on for long ends with the session that asked for it: a screen watched, a recording on its way, by cookie and by
// token. Whoever signs out, or is signed out, sees nothing more, whichever page is still open.
// Runs alone: a cut has a second.
import assert from "node:assert/strict";
import { Agent, request } from "node:https";
import { after, before, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { Api, approved } from "../lib/api.mjs";
import { ERWAN, NADIA } from "../lib/cast.mjs";
import { Client } from "../lib/client.mjs";
import { Demo } from "../lib/demo.mjs";
import { Technician } from "../lib/ssh.mjs";

const TARGET = "scanner-1";
/** A revocation is noticed within a second; the rest is for a slow machine. */
const OVER_MS_MAX = 3000;

let demo;
let agent;
let erwan;
let relay;
let shell;
let typing;
before(async () => {
  demo = await Demo.start();
  agent = new Agent({ ca: demo.ca });
  await approved(demo);
  erwan = new Technician({ account: demo.person(ERWAN), key: demo.ready.ssh_key, relay: demo.ready.ssh });
  shell = await erwan.shell(TARGET);
  await new Promise((shown) => shell.stdout.once("data", shown));
  let n = 0;
  typing = setInterval(() => shell.stdin.write(`echo mesure ${(n += 1)}\r`), 200);
  relay = await sessionUnderWay();
});
after(async () => {
  clearInterval(typing);
  shell?.kill();
  agent?.destroy();
  await demo?.stop();
});

async function sessionUnderWay() {
  const desk = new Api(demo, "desk", "beneficiary");
  for (let tries = 0; tries < 100; tries += 1) {
    const { rows } = await desk.must("GET", "/sessions?live=true");
    if (rows.length > 0) return rows[0].id;
    await sleep(100);
  }
  throw new Error("no session is under way");
}

async function signedIn() {
  const client = new Client(demo, { door: "desk" });
  await client.signIn(demo.person(NADIA));
  return client;
}

const cookieOf = (client) => [...client.cookies].map(([name, value]) => `${name}=${value}`).join("; ");

/** An answer that is read as it comes: what came of it and when, and how it ended. */
function opened(path, headers) {
  const stream = { text: "", bytes: 0, last: 0, status: 0 };
  return new Promise((begun, failed) => {
    const sent = request(new URL(path, demo.ready.desk), { agent, headers }, (answer) => {
      stream.status = answer.statusCode;
      stream.answer = answer;
      stream.over = new Promise((done) => {
        answer.on("error", () => {});
        answer.on("close", () => done({ at: performance.now(), whole: answer.complete }));
      });
      answer.on("data", (chunk) => {
        stream.text += chunk;
        stream.bytes += chunk.length;
        if (String(chunk).includes("data: ")) stream.last = performance.now();
      });
      begun(stream);
    });
    sent.on("error", failed);
    sent.end();
  });
}

async function until(holds, what) {
  for (let tries = 0; tries < 200; tries += 1) {
    if (holds()) return;
    await sleep(50);
  }
  assert.fail(`not within ten seconds: ${what}`);
}

async function overSoon(stream, since) {
  const patience = new AbortController();
  const late = sleep(20_000, "late", { signal: patience.signal }).catch(() => undefined);
  const over = await Promise.race([stream.over, late]);
  patience.abort();
  assert.notEqual(over, "late", "it goes on twenty seconds after its session ended");
  assert.ok(over.at - since < OVER_MS_MAX, `over after ${Math.round(over.at - since)} ms`);
  return over;
}

test("whoever signs out watches no longer, whatever is typed meanwhile", async () => {
  const client = await signedIn();
  const old = new Map(client.cookies);
  const live = await opened(`/fr/sessions/${relay}/live`, { cookie: cookieOf(client) });
  assert.equal(live.status, 200);
  await until(() => live.text.includes("mesure"), "the screen is shown");

  const page = await client.get("/fr/session");
  const left = await client.submit(page, "/session/end");
  const since = performance.now();
  assert.equal(left.status, 200);
  await overSoon(live, since);
  assert.ok(live.last - since < 1000, `a picture ${Math.round(live.last - since)} ms after the session ended`);
  client.cookies = old;
  const again = await client.get(`/fr/sessions/${relay}/live`);
  assert.equal(again.status, 401, "asked again, it is refused");
  client.close();
});

test("while one session ends, another goes on watching", async () => {
  const [one, other] = [await signedIn(), await signedIn()];
  const streams = [];
  for (const client of [one, other]) {
    streams.push(await opened(`/fr/sessions/${relay}/live`, { cookie: cookieOf(client) }));
  }
  await until(() => streams.every(({ last }) => last > 0), "both see the screen");
  await one.submit(await one.get("/fr/session"), "/session/end");
  const since = performance.now();
  await overSoon(streams[0], since);
  await until(() => streams[1].last > since + OVER_MS_MAX, "the other sees what is typed since");
  streams[1].answer.destroy();
  one.close();
  other.close();
});

/** More than waits on the way while nobody reads: the door's buffers and both ends of the connection. */
const MUCH = Array.from({ length: 20_000 }, (_, n) => `${n} ${"ventilateur ".repeat(80)}\n`).join("");

/** A recording of so much: its session and channel. */
let made;
const recordingOfMuch = () => (made ??= recordMuch());

async function recordMuch() {
  const desk = new Api(demo, "desk", "beneficiary");
  const known = new Set((await desk.must("GET", "/sessions")).rows.map(({ id }) => id));
  erwan.opened = true;
  const sent = await erwan.run(TARGET, "cat > grand.txt", { input: MUCH });
  assert.equal(sent.code, 0, sent.stderr);
  const shown = await erwan.run(TARGET, "cat grand.txt", { flags: ["-tt"] });
  assert.ok(shown.stdout.length >= MUCH.length, `${shown.stdout.length} bytes were shown: ${shown.stderr}`);
  for (let tries = 0; tries < 100; tries += 1) {
    const { rows } = await desk.must("GET", "/sessions");
    for (const { id, channels } of rows.filter(({ id, closed }) => closed && !known.has(id))) {
      const channel = channels.find(({ recording }) => recording);
      if (channel) return { id, number: channel.number };
    }
    await sleep(100);
  }
  throw new Error("the recording is not listed");
}

test("who reads recordings slowly takes two places, not those of others", async () => {
  const { id, number } = await recordingOfMuch();
  const read = async (role) => {
    const headers = { authorization: `Bearer ${demo.ready.tokens[role]}` };
    const stream = await opened(`/api/v1/sessions/${id}/recording?channel=${number}`, headers);
    stream.answer.pause();
    return stream;
  };
  const slow = [await read("beneficiary"), await read("beneficiary")];
  const more = await read("beneficiary");
  const other = await read("on_call");
  assert.deepEqual([...slow, more, other].map(({ status }) => status), [200, 200, 503, 200]);
  for (const { answer } of [...slow, more, other]) answer.destroy();
  // Their places are free at once.
  let again;
  for (let tries = 0; tries < 50 && again?.status !== 200; tries += 1) {
    await sleep(100);
    again = await read("beneficiary");
    again.answer.destroy();
  }
  assert.equal(again.status, 200);
});

test("a recording on its way stops with the session or the token that asked for it, and does not look whole", async () => {
  const { id, number } = await recordingOfMuch();
  const client = await signedIn();
  const issued = await client.submit(await client.get("/fr/means"), "/means/tokens", { label: "essai", scope: "sessions:read" });
  const token = /<code class="secret"[^>]*>([^<]+)</.exec(issued.text)?.[1];
  assert.ok(token, issued.text.slice(0, 1000));
  const byCookie = { path: `/fr/sessions/${id}/channels/${number}/file`, headers: { cookie: cookieOf(client) } };
  const byToken = { path: `/api/v1/sessions/${id}/recording?channel=${number}`, headers: { authorization: `Bearer ${token}` } };

  const whole = await opened(byToken.path, byToken.headers);
  assert.equal((await whole.over).whole, true);
  assert.ok(whole.bytes > MUCH.length, `${whole.bytes} bytes`);

  const ends = [
    [byToken, () => revoked(client)],
    [byCookie, async () => client.submit(await client.get("/fr/session"), "/session/end")],
  ];
  for (const [{ path, headers }, end] of ends) {
    const stream = await opened(path, headers);
    assert.equal(stream.status, 200, path);
    stream.answer.pause();
    await sleep(500);
    assert.ok([200, 303].includes((await end()).status), path);
    const since = performance.now();
    stream.answer.resume();
    const over = await overSoon(stream, since);
    assert.ok(!over.whole && stream.bytes < whole.bytes, `${path}: ${stream.bytes} bytes of ${whole.bytes}`);
    assert.equal((await opened(path, headers)).status, 401, path);
  }
  client.close();
});

async function revoked(client) {
  const page = await client.get("/fr/means");
  const forms = [...page.text.matchAll(/action="([^"]*\/means\/tokens\/[^"]+\/revoke)"[\s\S]*?<\/form>/g)];
  const own = forms.find(([whole]) => whole.includes("essai"));
  assert.ok(own, "the token is listed");
  return client.submit(page, own[1]);
}
