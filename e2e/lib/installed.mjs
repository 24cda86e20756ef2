// A node as an operator installs it: `poterne init`, certificates, `poterne serve`. Nothing of a demonstration.
import { execFile, spawn } from "node:child_process";
import { chmodSync, copyFileSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { makeCertificates } from "./certificates.mjs";
import { BINARY, freePort, temporaryFolder } from "./demo.mjs";

const READY_SECONDS_MAX = 30;
const STOP_SECONDS_MAX = 12;
const run = promisify(execFile);

/** The desk of a hospital, under a name of its own. */
export class InstalledDesk {
  /** Writes it; `name` is the desk's host name. */
  static async init(name) {
    const desk = new InstalledDesk();
    const port = await freePort();
    desk.name = name;
    desk.origin = `https://${name}:${port}`;
    desk.folder = join(temporaryFolder("installed"), "node");
    const { stdout } = await run(BINARY, [
      "init",
      desk.folder,
      ...["--doors", "desk", "--establishment", "Hôpital d'essai", "--support", "01 99 00 00 00"],
      ...["--desk-origin", desk.origin, "--desk-listen", `127.0.0.1:${port}`],
    ]);
    desk.said = stdout;
    desk.link = /https:\S+\/enrol\/\S+/.exec(stdout)[0];
    desk.metrics = await freePort();
    const text = readFileSync(desk.config, "utf8");
    writeFileSync(desk.config, text.replace("127.0.0.1:9464", `127.0.0.1:${desk.metrics}`));

    const made = makeCertificates(name);
    desk.ready = { ca: made.ca, desk: desk.origin };
    copyFileSync(made.serverCert, desk.key("desk.crt"));
    copyFileSync(made.serverKey, desk.key("desk.key"));
    chmodSync(desk.key("desk.key"), 0o600);
    return desk;
  }

  get config() {
    return join(this.folder, "poterne.toml");
  }

  /** A file of its keys' folder. */
  key(name) {
    return join(this.folder, "keys", name);
  }

  /** A command of the program on this node: what it says. */
  async poterne(...words) {
    return (await run(BINARY, [...words, "--config", this.config])).stdout;
  }

  /** Starts it, and waits until it says that it is well. */
  async serve() {
    const child = spawn(BINARY, ["serve", "--config", this.config], { stdio: ["ignore", "ignore", "pipe"] });
    running.add(child);
    this.child = child;
    this.stderr = "";
    child.stderr.on("data", (chunk) => (this.stderr = (this.stderr + chunk).slice(-65_536)));
    this.exited = new Promise((done) => child.on("exit", done)).finally(() => running.delete(child));
    for (const end = Date.now() + READY_SECONDS_MAX * 1000; Date.now() < end && child.exitCode === null; ) {
      const answer = await fetch(`http://127.0.0.1:${this.metrics}/health`).catch(() => undefined);
      if (answer?.ok) return;
      await sleep(100);
    }
    throw new Error(`the node is not well\n${this.stderr}`);
  }

  /** Asks it to stop; throws if it does not in time. */
  async stop() {
    if (!this.child || this.child.exitCode !== null) return;
    this.child.kill("SIGTERM");
    const code = await Promise.race([this.exited, sleep(STOP_SECONDS_MAX * 1000, "late", { ref: false })]);
    if (code !== 0) throw new Error(`the node ended with ${code}\n${this.stderr}`);
  }
}

const running = new Set();
process.on("exit", () => {
  for (const child of running) child.kill("SIGKILL");
});
