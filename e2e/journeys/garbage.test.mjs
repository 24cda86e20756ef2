// Garbage on every port: bounded in cost, no panic, and the door goes on serving. Each attack is bounded in count,
// size and time; all go to this machine only.
// Runs alone: whoever is slow is let go after so many seconds.
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { after, before, test } from "node:test";
import { connect } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { connect as connectTls } from "node:tls";
import { CAMILLE } from "../lib/cast.mjs";
import { Client } from "../lib/client.mjs";
import { Demo } from "../lib/demo.mjs";
import { record } from "../lib/pages.mjs";

const GROWTH_MEGABYTES_MAX = 96;
const SLOW_SECONDS_MAX = 45;

let demo;
let patient;
before(async () => {
  demo = await Demo.start();
  patient = new Client(demo);
  await patient.signIn(demo.person(CAMILLE));
});
after(async () => {
  patient?.close();
  await demo?.stop();
});

/** Every port of the ready line, by name. */
function ports() {
  const found = [];
  for (const name of ["portal", "suppliers", "desk", "metrics"]) {
    if (demo.ready[name])
      found.push({ name, port: Number(new URL(demo.ready[name]).port), tls: demo.ready[name].startsWith("https") });
  }
  if (demo.ready.ssh) found.push({ name: "ssh", port: Number(demo.ready.ssh.split(":").at(-1)), tls: false });
  return found;
}

/** Sends bytes on a connection of its own; resolves with what came back when the peer closes or the time is up. */
function throwAt({ port, tls }, bytes, { seconds = 2, half = false } = {}) {
  return new Promise((done) => {
    const chunks = [];
    const socket = tls
      ? connectTls({ port, host: "localhost", servername: "localhost", ca: demo.ca, ALPNProtocols: ["http/1.1"] })
      : connect(port, "127.0.0.1");
    const finish = () => {
      socket.destroy();
      done(Buffer.concat(chunks).toString("latin1"));
    };
    socket.setTimeout(seconds * 1000, finish);
    const limit = setTimeout(finish, seconds * 2000);
    socket.on(tls ? "secureConnect" : "connect", () => {
      socket.write(bytes);
      if (half) socket.end();
    });
    socket.on("data", (chunk) => chunks.push(chunk));
    socket.on("error", () => {});
    socket.on("close", () => {
      clearTimeout(limit);
      finish();
    });
  });
}

async function inBatches(count, size, make) {
  for (let from = 0; from < count; from += size) {
    await Promise.all(Array.from({ length: Math.min(size, count - from) }, (_, i) => make(from + i)));
  }
}

/** The door serves, kept its sessions, did not panic and did not grow beyond measure. */
async function stillWell(before) {
  assert.ok(demo.alive, `the demonstration died:\n${demo.stderr.slice(-3000)}`);
  assert.doesNotMatch(demo.stderr, /panicked at|overflow/);
  const stranger = new Client(demo);
  assert.equal((await stranger.get("/fr/")).status, 200);
  stranger.close();
  const home = await patient.home();
  assert.equal((await patient.get(record(patient, home))).status, 200, "the patient's session lives");
  const now = demo.residentMegabytes();
  console.log(`# ${before.toFixed(0)} MB before, ${now.toFixed(0)} MB after`);
  assert.ok(now - before < GROWTH_MEGABYTES_MAX, `grew from ${before} to ${now} MB`);
}

test("random bytes on every port", async () => {
  const before = demo.residentMegabytes();
  for (const port of ports()) {
    await inBatches(120, 30, (i) =>
      throwAt({ ...port, tls: false }, randomBytes(1 + ((i * 977) % 16384)), { seconds: 0.5, half: i % 2 === 0 }),
    );
  }
  await stillWell(before);
});

test("broken TLS on every TLS port", async () => {
  const before = demo.residentMegabytes();
  const record = (type, body, version = 0x0301) => {
    const head = Buffer.from([type, version >> 8, version & 255, 0, 0]);
    head.writeUInt16BE(body.length & 0xffff, 3);
    return Buffer.concat([head, body]);
  };
  const shapes = [
    record(22, Buffer.from([1, 0, 0, 4, 3, 3, 0, 0])), // a hello cut short
    record(22, Buffer.concat([Buffer.from([1, 0xff, 0xff, 0xff]), randomBytes(1000)])), // a hello of 16 MB, announced
    record(22, randomBytes(16000)),
    record(23, randomBytes(300)), // data before any handshake
    record(21, Buffer.from([2, 80])),
    record(99, randomBytes(50)),
    record(22, Buffer.alloc(0)),
    Buffer.from("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"),
    Buffer.from("SSH-2.0-x\r\n"),
    Buffer.from([0x80, 0x2e, 1, 0, 2]), // SSLv2
  ];
  for (const port of ports().filter((one) => one.tls)) {
    await inBatches(shapes.length * 6, 20, (i) =>
      throwAt({ ...port, tls: false }, shapes[i % shapes.length], { seconds: 0.5 }),
    );
  }
  await stillWell(before);
});

test("impossible requests on every port", async () => {
  const before = demo.residentMegabytes();
  const host = "Host: localhost\r\n";
  const requests = [
    `GET /fr/ HTTP/1.1\r\n${host}X: ${"a".repeat(1024 * 1024)}\r\n\r\n`,
    `GET /fr/ HTTP/1.1\r\n${host}${Array.from({ length: 20000 }, (_, i) => `X-${i}: y\r\n`).join("")}\r\n`,
    `GET /${"a".repeat(256 * 1024)} HTTP/1.1\r\n${host}\r\n`,
    `GET /fr/%00%ff%fe/..%2f..%2fetc/passwd HTTP/1.1\r\n${host}\r\n`,
    `GET /fr/../../../../etc/passwd HTTP/1.1\r\n${host}\r\n`,
    `GET http://elsewhere.invalid/ HTTP/1.1\r\nHost: elsewhere.invalid\r\n\r\n`,
    `CONNECT elsewhere.invalid:443 HTTP/1.1\r\n${host}\r\n`,
    `TRACE / HTTP/1.1\r\n${host}\r\n`,
    `WHAT /fr/ HTTP/1.1\r\n${host}\r\n`,
    `GET /fr/ HTTP/9.9\r\n${host}\r\n`,
    `GET /fr/ HTTP/1.1\r\n\r\n`,
    `GET /fr/ HTTP/1.1\r\n${host}${host}\r\n`,
    `GET /fr/ HTTP/1.1\r\n${host}Cookie: ${"x=y; ".repeat(3000)}\r\n\r\n`,
    `GET /fr/home HTTP/1.1\r\n${host}Cookie: __Host-poterne-portal=${"A".repeat(5000)}\r\n\r\n`,
    `GET /fr/home HTTP/1.1\r\n${host}Cookie: __Host-poterne-portal=a; __Host-poterne-portal=b\r\n\r\n`,
    `POST /fr/session HTTP/1.1\r\n${host}Content-Length: 99999999999999999999\r\n\r\n`,
    `POST /fr/session HTTP/1.1\r\n${host}Content-Length: -1\r\n\r\nx`,
    `POST /fr/session HTTP/1.1\r\n${host}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
    `POST /fr/session HTTP/1.1\r\n${host}Transfer-Encoding: chunked\r\n\r\nFFFFFFFFFFFFFFFF\r\nx`,
    `POST /fr/session HTTP/1.1\r\n${host}Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 4194304\r\n\r\n${"a".repeat(4194304)}`,
    `POST /fr/session HTTP/1.1\r\n${host}Content-Type: multipart/form-data; boundary=${"b".repeat(5000)}\r\nContent-Length: 3\r\n\r\n---`,
    "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\xff\xff\xff\xff\xff\xff",
    "\r\n".repeat(100000),
  ];
  for (const port of ports()) {
    await inBatches(requests.length * 2, 12, async (i) => {
      const text = requests[i % requests.length];
      const answer = await throwAt(port, Buffer.from(text, "latin1"), { seconds: 1 });
      assert.doesNotMatch(answer, /^HTTP\/1\.1 500|root:x:0|panicked/, `${port.name}: ${text.slice(0, 80)}`);
      if (port.tls) assert.ok(!/^HTTP\/1\.1 2/.test(answer) || i % requests.length !== 0, "a header of 1 MB was taken");
    });
  }
  await stillWell(before);
});

test("whoever is slow is let go, and holds nobody else", async () => {
  const before = demo.residentMegabytes();
  for (const port of ports()) {
    const began = Date.now();
    const held = [];
    for (let i = 0; i < 48; i++) {
      const socket =
        port.tls && i % 2 === 0
          ? connectTls({
              port: port.port,
              host: "localhost",
              servername: "localhost",
              ca: demo.ca,
              ALPNProtocols: ["http/1.1"],
            })
          : connect(port.port, "127.0.0.1");
      socket.on("error", () => {});
      held.push(new Promise((done) => socket.on("close", done)));
      // One byte now and then: of a handshake for the plain ones, of a request's header for the others.
      const text = Buffer.from(`GET /fr/ HTTP/1.1\r\nHost: localhost\r\nX-Slow: ${"z".repeat(200)}`);
      let at = 0;
      const timer = setInterval(
        () => (at < text.length && !socket.destroyed ? socket.write(text.subarray(at, ++at)) : 0),
        500,
      );
      socket.on("close", () => clearInterval(timer));
      timer.unref();
      setTimeout(() => socket.destroy(), (SLOW_SECONDS_MAX + 5) * 1000).unref();
    }
    await sleep(1000);
    const stranger = new Client(demo);
    const { status, ms } = await stranger.get("/fr/");
    stranger.close();
    assert.equal(status, 200);
    assert.ok(ms < 2000, `a page took ${ms} ms beside slow clients on ${port.name}`);
    await Promise.all(held);
    const seconds = (Date.now() - began) / 1000;
    console.log(`# ${port.name}: 48 slow clients let go within ${seconds.toFixed(0)} s`);
    assert.ok(seconds < SLOW_SECONDS_MAX, `slow clients were held for ${seconds} s on ${port.name}`);
  }
  await stillWell(before);
});
