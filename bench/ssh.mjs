#!/usr/bin/env node
// What the relay costs, with OpenSSH's own client and server on this machine, release build:
//   - an upload through the door against the same upload without it, in one interleaved run;
//   - the time to connect and run `true`, likewise;
//   - resident memory a session, terminals at rest;
//   - from a cut asked at the desk to the end of each session (the demonstration, with its journal and database).
// Uploads and memory are of the relay alone (the example `passage`: protocol, counting, digests; a house that grants all), cuts of
// the whole program, connections of both. Client, server and door share this machine's processors.
//
//   node bench/ssh.mjs [ROUNDS] [MEGABYTES]        (default: 6 rounds of 512 MB)
import { execFileSync, spawn } from "node:child_process";
import { chmodSync, closeSync, existsSync, openSync, readFileSync, truncateSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { cpuSeconds, median, report, spread, useReleaseBuild } from "./lib.mjs";

const UPLOAD_RATIO_AIM = 0.45;
const CONNECT_MORE_MS_AIM = 20;
const SESSION_MEGABYTES_AIM = 0.6;
const CUT_MS_AIM = 500;
const SESSIONS = 50;
const CONNECTIONS = 40;
const CUT_SESSIONS = 25;
const CUT_ROUNDS = 2;

useReleaseBuild(["-p", "relays", "--example", "passage"]);
const { Demo, temporaryFolder } = await import("../e2e/lib/demo.mjs");
const { Technician } = await import("../e2e/lib/ssh.mjs");
const { Sshd } = await import("../e2e/lib/sshd.mjs");
const { Api, approved, registered } = await import("../e2e/lib/api.mjs");

const rounds = Number(process.argv[2] ?? 6);
const megabytes = Number(process.argv[3] ?? 512);
const folder = temporaryFolder("bench-ssh");
const at = (name) => join(folder, name);
const children = [];
process.on("exit", () => children.forEach((child) => child.kill("SIGKILL")));

execFileSync("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-C", "", "-f", at("technician")]);
const machine = new Sshd();
machine.admit(readFileSync(at("technician.pub")));
await machine.start();

/** The relay alone, before that server. */
async function relay() {
  const program = join(dirname(process.env.POTERNE_BIN), "examples/passage");
  if (!existsSync(program)) throw new Error(`${program} is not there: unset POTERNE_BIN, and it is built`);
  const words = [at("technician.pub"), "127.0.0.1", machine.port, machine.hostKey, machine.login, machine.loginKeyFile];
  const child = spawn(program, words.map(String), { stdio: ["pipe", "pipe", "inherit"] });
  children.push(child);
  const line = await new Promise((done) => createInterface({ input: child.stdout }).once("line", done));
  return { ...JSON.parse(line), pid: child.pid };
}

const door = await relay();
const ways = [
  { name: "direct", port: machine.port, user: machine.login, key: at("technician") },
  { name: "through the relay", port: door.port, user: "bench%machine", key: at("technician") },
];

function flags(way, more = []) {
  const settings = {
    UserKnownHostsFile: at("known"),
    GlobalKnownHostsFile: "/dev/null",
    StrictHostKeyChecking: "accept-new",
    IdentitiesOnly: "yes",
    IdentityAgent: "none",
    BatchMode: "yes",
    LogLevel: "ERROR",
    // The same on both ways.
    KexAlgorithms: "curve25519-sha256",
  };
  const words = Object.entries(settings).flatMap(([name, value]) => ["-o", `${name}=${value}`]);
  return ["-F", "none", "-i", way.key, "-p", String(way.port), ...words, ...more, `${way.user}@127.0.0.1`];
}

function run(way, command, stdin = "ignore", more = []) {
  const began = performance.now();
  const child = spawn("ssh", [...flags(way, more), ...command], { stdio: [stdin, "ignore", "inherit"] });
  return new Promise((done, failed) => {
    child.on("exit", (code) => {
      if (code === 0) done((performance.now() - began) / 1000);
      else failed(new Error(`${way.name}: ssh ended with ${code}`));
    });
  });
}

function memoryMegabytes(pid, which) {
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  return Number(new RegExp(`^${which}:\\s+(\\d+) kB`, "m").exec(status)[1]) / 1024;
}

// Memory first: before an upload has grown the heap.
await run(ways[1], ["true"]);
const before = memoryMegabytes(door.pid, "VmRSS");
const terminals = [];
for (let number = 0; number < SESSIONS; number++) {
  const child = spawn("ssh", [...flags(ways[1], ["-tt"]), "echo ready; sleep 120"], { stdio: ["pipe", "pipe", "ignore"] });
  children.push(child);
  await new Promise((done) => child.stdout.once("data", done));
  terminals.push(child);
}
await sleep(500);
const session = (memoryMegabytes(door.pid, "VmRSS") - before) / SESSIONS;
terminals.forEach((child) => child.kill("SIGKILL"));
await sleep(1000);
console.log(`memory: ${before.toFixed(1)} MB with one session gone, ${SESSIONS} terminals at rest`);
report("memory a session", session, "MB", SESSION_MEGABYTES_AIM);

// Uploads.
writeFileSync(at("bytes"), "");
truncateSync(at("bytes"), megabytes * 1_000_000);
const speeds = ways.map(() => []);
const costs = [];
for (let round = 0; round < rounds; round++) {
  for (const [number, way] of ways.entries()) {
    const cpu = cpuSeconds(door.pid);
    const input = openSync(at("bytes"), "r");
    const seconds = await run(way, ["cat > /dev/null"], input);
    closeSync(input);
    speeds[number].push(megabytes / seconds);
    if (number === 1) costs.push(((cpuSeconds(door.pid) - cpu) * 1000) / megabytes);
  }
  console.error(`round ${round + 1}: ${speeds.map((all) => `${all.at(-1).toFixed(0)} MB/s`).join(", ")}`);
}
for (const [number, way] of ways.entries()) {
  console.log(`upload, ${way.name}: ${median(speeds[number]).toFixed(0)} MB/s (${spread(speeds[number])})`);
}
const ratio = median(speeds[1]) / median(speeds[0]);
const missed = ratio < UPLOAD_RATIO_AIM ? "  (missed)" : "";
console.log(`upload through the door: ${ratio.toFixed(2)} of direct, aim at least ${UPLOAD_RATIO_AIM}${missed}`);
console.log(`  the door's own cost: ${median(costs).toFixed(2)} CPU s a GB; peak ${memoryMegabytes(door.pid, "VmHWM").toFixed(0)} MB`);

// Connections: direct, through the relay alone, and through the whole program (policies, signatures, lease, traces).
const demo = await Demo.start();
chmodSync(demo.ready.ssh_key, 0o600);
const erwan = () =>
  new Technician({ account: demo.person("erwan.tanguy"), key: demo.ready.ssh_key, relay: demo.ready.ssh });
await registered(demo, "banc", machine);
await approved(demo, { equipment: "banc" });
const opened = await erwan().run("banc", "true");
if (opened.code !== 0) throw new Error(opened.stderr);
const [, port] = demo.ready.ssh.split(":");
ways.push({ name: "through the whole program", port, user: "erwan.tanguy%banc", key: demo.ready.ssh_key });
const times = ways.map(() => []);
for (let number = 0; number < CONNECTIONS; number++) {
  for (const [which, way] of ways.entries()) times[which].push(1000 * (await run(way, ["true"])));
}
for (const [which, way] of ways.entries()) {
  console.log(`connect and run true, ${way.name}: ${median(times[which]).toFixed(0)} ms (${spread(times[which])})`);
}
report("connect, more than direct", median(times[2]) - median(times[0]), "ms", CONNECT_MORE_MS_AIM);
children.splice(0).forEach((child) => child.kill("SIGKILL"));

// Cuts: the whole program.
const late = [];
for (let round = 0; round < CUT_ROUNDS; round++) {
  const intervention = await approved(demo, { untilMinutes: 30 });
  const technician = erwan();
  const target = demo.ready.targets[0].name;
  const first = await technician.run(target, "true");
  if (first.code !== 0) throw new Error(first.stderr);
  technician.opened = true;
  const shells = [];
  for (let number = 0; number < CUT_SESSIONS; number++) {
    const child = await technician.shell(target);
    await new Promise((done) => child.stdout.once("data", done));
    shells.push(child);
  }
  const began = performance.now();
  const ended = shells.map((child) => new Promise((done) => child.on("exit", () => done(performance.now() - began))));
  await new Api(demo, "desk", "beneficiary").must("POST", `/interventions/${intervention}/cut`, { reason: "mesure" });
  late.push(...(await Promise.all(ended)));
}
late.sort((a, b) => a - b);
console.log(`cut to disconnection, ${late.length} sessions, ${CUT_SESSIONS} at once: median ${median(late).toFixed(0)} ms`);
report("cut to disconnection, p99", late[Math.ceil(late.length * 0.99) - 1], "ms", CUT_MS_AIM);
await demo.stop();
await machine.stop();
