// A clean stop: within ten seconds, whatever is under way; what was asked before is answered.
// Runs alone: a stop has so many seconds.
import assert from "node:assert/strict";
import { test } from "node:test";
import { connect } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { connect as connectTls } from "node:tls";
import { CAMILLE } from "../lib/cast.mjs";
import { Client } from "../lib/client.mjs";
import { Demo, verifyJournal } from "../lib/demo.mjs";
import { record } from "../lib/pages.mjs";
import { hospitalWithSis } from "../lib/hospital.mjs";

test("SIGTERM stops an idle door at once, with code 0", async () => {
  const demo = await Demo.start();
  const seconds = await demo.stop();
  console.log(`# stopped in ${seconds.toFixed(2)} s`);
  assert.ok(seconds < 3, `an idle door took ${seconds} s`);
});

test("SIGINT does the same", async () => {
  const demo = await Demo.start();
  demo.child.kill("SIGINT");
  const how = await Promise.race([demo.exited, sleep(10_000, "too late", { ref: false })]);
  assert.deepEqual(how, { code: 0, signal: null });
});

test("a request in flight is answered, slow and idle clients hold nothing, the journal is whole", async (context) => {
  const { demo, wire, end } = await hospitalWithSis();
  context.after(end);
  const client = new Client(demo);
  await client.signIn(demo.person(CAMILLE));
  const path = record(client, await client.home());
  assert.equal((await client.get(path)).status, 200);

  const port = Number(new URL(demo.portal).port);
  const idle = connectTls({ port, host: "localhost", servername: "localhost", ca: demo.ca });
  const mute = connect(port, "127.0.0.1");
  const half = connectTls({
    port,
    host: "localhost",
    servername: "localhost",
    ca: demo.ca,
    ALPNProtocols: ["http/1.1"],
  });
  half.on("secureConnect", () =>
    half.write("POST /fr/session HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\nlog"),
  );
  for (const socket of [idle, mute, half]) socket.on("error", () => {});

  wire.set("stalled");
  const inFlight = client.get(path);
  await sleep(500);
  const stopping = demo.stop();
  const answer = await inFlight;
  assert.ok([200, 502, 503, 504].includes(answer.status), `the request in flight got ${answer.status}`);
  assert.match(answer.text, /<h1/);
  const seconds = await stopping;
  console.log(`# stopped in ${seconds.toFixed(2)} s with a request, an idle, a mute and a half client`);
  for (const socket of [idle, mute, half]) socket.destroy();
  client.close();

  const report = await verifyJournal(demo.folder);
  assert.equal(report.ok, true, JSON.stringify(report));
});
