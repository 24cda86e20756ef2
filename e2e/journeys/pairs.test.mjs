// Absent and forbidden look alike: another patient's identifier and a made-up one get the same status, the same body,
// the same headers, in the same time, over 2,000 interleaved pairs of each kind.
// Runs alone: it compares answers by their time.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { CAMILLE, MARCEL } from "../lib/cast.mjs";
import { Client } from "../lib/client.mjs";
import { Demo } from "../lib/demo.mjs";
import { record, resultsOf } from "../lib/pages.mjs";

const PAIRS = 2000;
const WARM_UP = 100;
/** How far the two medians may be apart. */
const RATIO_MAX = 0.05;

let demo;
let mine;
let theirs;
before(async () => {
  demo = await Demo.start();
  const [first, second] = [new Client(demo), new Client(demo)];
  mine = await visit(first, demo.person(CAMILLE));
  theirs = await visit(second, demo.person(MARCEL));
  mine.client = first;
  second.close();
});
after(async () => {
  mine?.client.close();
  await demo?.stop();
});

async function visit(client, account) {
  await client.signIn(account);
  const home = await client.home();
  const path = record(client, home);
  const page = await client.get(path);
  return {
    record: path,
    patient: path.split("/").at(-1),
    results: resultsOf(client, page).map((p) => p.split("/").at(-1)),
  };
}

/** An identifier of the same shape and length as `real`, that nobody bears. */
function madeUp(real, seed) {
  let state = seed * 2654435761 + 97;
  const next = (size) => {
    state = (Math.imul(state, 1103515245) + 12345) >>> 0;
    return (state >>> 8) % size;
  };
  return real.replace(/[a-z0-9]/gi, (letter) => {
    if (/[0-9]/.test(letter)) return String(next(10));
    const drawn = String.fromCharCode(97 + next(6));
    return letter === letter.toUpperCase() ? drawn.toUpperCase() : drawn;
  });
}

/** The same in the alphabet of the door's own identifiers (base32), whose last letter has bits to spare: it stays. */
function madeUpToken(real, seed) {
  const drawn = madeUp(real, seed).replace(/[0189]/g, "q");
  return drawn.slice(0, -1) + real.slice(-1);
}

/** What an answer says, less its reference and what passes with time. */
function said(answer) {
  const body = answer.text
    .replaceAll(/<code>[0-9a-z]{4}-[0-9a-z]{4}-[0-9a-z]{2}<\/code>/g, "<code>REFERENCE</code>")
    .replaceAll(/(data-session-seconds(-max)?)="\d+"/g, '$1="N"')
    // The printed foot says when, to the minute; the day may change as well.
    .replaceAll(/(<p>Page affichée pour [^,<]+,)[^<]*/g, "$1 WHEN");
  const headers = [];
  for (let i = 0; i < answer.rawHeaders.length; i += 2) {
    const name = answer.rawHeaders[i].toLowerCase();
    const value = answer.rawHeaders[i + 1];
    // The body is compared by itself; its length may change with the moment that it shows.
    if (name === "content-length") assert.equal(Number(value), answer.body.length);
    else if (name !== "date") headers.push(`${name}: ${value}`);
  }
  return { status: answer.status, headers: headers.sort(), body };
}

const median = (values) => [...values].sort((a, b) => a - b)[values.length >> 1];

async function comparePairs(label, real, path, invent = madeUp) {
  const times = { real: [], madeUp: [] };
  let reference;
  for (let i = 0; i < PAIRS + WARM_UP; i++) {
    const ids = { real: real[i % real.length], madeUp: invent(real[i % real.length], i + 1) };
    assert.notEqual(ids.real, ids.madeUp);
    // Whoever goes first, changes at each pair: neither gains from the other's warmth.
    for (const kind of i % 2 === 0 ? ["real", "madeUp"] : ["madeUp", "real"]) {
      const answer = await mine.client.get(path(ids[kind]));
      const heard = said(answer);
      reference ??= heard;
      if (JSON.stringify(heard) !== JSON.stringify(reference))
        assert.deepEqual(heard, reference, `${label}, pair ${i}`);
      if (i >= WARM_UP) times[kind].push(answer.ms);
    }
  }
  assert.equal(reference.status, 404, label);
  const [a, b] = [median(times.real), median(times.madeUp)];
  console.log(
    `# ${label}: medians ${a.toFixed(3)} ms and ${b.toFixed(3)} ms, ${((a / b - 1) * 100).toFixed(2)} % apart`,
  );
  assert.ok(Math.abs(a / b - 1) <= RATIO_MAX, `${label}: ${a} ms for another patient's, ${b} ms for a made-up one`);
  return reference;
}

test("another patient's result reads like a made-up one", async () => {
  await comparePairs("results", theirs.results, (id) => `${mine.record}/results/${id}`);
});

test("another patient's record reads like a made-up one, well formed or not", async () => {
  const path = (id) => `/fr/records/${id}`;
  await comparePairs("records", [theirs.patient], path, madeUpToken);
  await comparePairs("records, malformed", [theirs.patient], path);
});

test("a result under another patient's record reads like one under a made-up record", async () => {
  const path = (id) => `/fr/records/${id}/results/${theirs.results[0]}`;
  await comparePairs("both", [theirs.patient], path, madeUpToken);
  await comparePairs("both, malformed", [theirs.patient], path);
});
