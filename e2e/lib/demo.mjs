// Starts and stops `poterne demo`, as a person would: by its command line, its ready line and signals.
import { spawn, execFile } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";

const ROOT = resolve(import.meta.dirname, "../..");
const READY_SECONDS_MAX = 60;
const STOP_SECONDS_MAX = 10;
const STDERR_BYTES_KEPT = 256 * 1024;
const PORT_TRIES = 5;
const TAKEN = /port \d+ is taken; choose another with --https/;

/** The binary under test: POTERNE_BIN, else the debug build. */
export const BINARY =
  process.env.POTERNE_BIN ?? join(process.env.CARGO_TARGET_DIR ?? join(ROOT, "target"), "debug/poterne");

const run = promisify(execFile);

/** A folder that goes with the process. */
export function temporaryFolder(label) {
  const folder = mkdtempSync(join(tmpdir(), `poterne-e2e-${label}-`));
  process.on("exit", () => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** A port that was free a moment ago. */
export function freePort() {
  return new Promise((done, failed) => {
    const server = createServer();
    server.on("error", failed);
    server.listen(0, "127.0.0.1", () => {
      const { port } = server.address();
      server.close(() => done(port));
    });
  });
}

/** A running demonstration hospital. */
export class Demo {
  /**
   * Starts one and waits for its ready line.
   * `data`: its folder (default: a temporary one); `flags`: more of them; `wrap`: a command to run it under;
   * `root`: where its file system is seen from here.
   */
  static async start(options = {}) {
    for (let tries = 1; ; tries += 1) {
      try {
        return await Demo.#start(options);
      } catch (error) {
        // Between its being found free and its being asked for, somebody else's connection left by it.
        if (tries === PORT_TRIES || !TAKEN.test(error.message)) throw error;
      }
    }
  }

  static async #start({ data, flags = [], env = {}, wrap = [], root = "" }) {
    if (!existsSync(BINARY)) throw new Error(`${BINARY} is not there: build it, or set POTERNE_BIN`);
    const demo = new Demo();
    demo.folder = data ?? temporaryFolder("data");
    demo.root = root;
    const began = performance.now();
    const command = [...wrap, BINARY, "demo", "--data", demo.folder, "--https", String(await freePort()), ...flags];
    const child = spawn(command[0], command.slice(1), {
      env: { ...process.env, ...env },
      stdio: ["ignore", "pipe", "pipe"],
    });
    demo.child = child;
    demo.stderr = "";
    child.stderr.on("data", (chunk) => {
      demo.stderr = (demo.stderr + chunk).slice(-STDERR_BYTES_KEPT);
    });
    demo.exited = new Promise((done) => {
      child.on("error", (error) => done({ code: null, signal: null, error }));
      child.on("exit", (code, signal) => done({ code, signal }));
    });
    running.add(demo);
    demo.exited.then(() => running.delete(demo));

    const lines = createInterface({ input: child.stdout });
    const first = new Promise((done) => lines.once("line", done));
    const line = await Promise.race([
      first,
      demo.exited.then((how) => {
        throw new Error(`poterne demo ended before it was ready: ${JSON.stringify(how)}\n${demo.stderr}`);
      }),
      sleep(READY_SECONDS_MAX * 1000, undefined, { ref: false }),
    ]);
    if (line === undefined) {
      child.kill("SIGKILL");
      throw new Error(`poterne demo was not ready within ${READY_SECONDS_MAX} s\n${demo.stderr}`);
    }
    demo.readySeconds = (performance.now() - began) / 1000;
    demo.ready = JSON.parse(line);
    if (demo.ready.ready !== true) throw new Error(`not a ready line: ${line.slice(0, 200)}`);
    demo.ca = readFileSync(root + demo.ready.ca);
    return demo;
  }

  /** The portal's URL, without trailing slash. */
  get portal() {
    return this.ready.portal;
  }

  get pid() {
    return this.child.pid;
  }

  get alive() {
    return this.child.exitCode === null && this.child.signalCode === null;
  }

  /** The account of a person of the demonstration's cast. */
  person(login) {
    const found = this.ready.accounts.find((account) => account.login === login);
    if (!found) throw new Error(`nobody signs in as ${login}`);
    return found;
  }

  /** Asks it to stop; throws if it takes longer than it may, or ends badly. Returns the seconds it took. */
  async stop() {
    if (!this.alive) return 0;
    const began = performance.now();
    this.child.kill("SIGTERM");
    const how = await Promise.race([
      this.exited,
      sleep(STOP_SECONDS_MAX * 1000, undefined, { ref: false }).then(() => undefined),
    ]);
    const seconds = (performance.now() - began) / 1000;
    if (!how) {
      await this.kill9();
      throw new Error(`poterne demo did not stop within ${STOP_SECONDS_MAX} s\n${this.stderr.slice(-4000)}`);
    }
    if (how.code !== 0) throw new Error(`poterne demo ended with ${JSON.stringify(how)}\n${this.stderr.slice(-4000)}`);
    // Whatever the journey was. (That module starts demonstrations too.)
    const { assertTellsNothing } = await import("./secrets.mjs");
    assertTellsNothing(this, this.root + this.folder);
    return seconds;
  }

  /** Ends it without a word. */
  async kill9() {
    this.child.kill("SIGKILL");
    await this.exited;
  }

  /** Resident memory, in MB. */
  residentMegabytes() {
    const status = readFileSync(`/proc/${this.pid}/status`, "utf8");
    return Number(/^VmRSS:\s+(\d+) kB/m.exec(status)[1]) / 1024;
  }
}

const running = new Set();
process.on("exit", () => {
  for (const demo of running) demo.child.kill("SIGKILL");
});

/** `poterne journal verify` on a data folder: its report, whatever its exit code. */
export async function verifyJournal(data, ...flags) {
  const command = ["journal", "verify", "--data", data, "--format", "json", ...flags];
  try {
    const { stdout } = await run(BINARY, command);
    return { code: 0, ...JSON.parse(stdout) };
  } catch (error) {
    if (!error.stdout) throw error;
    return { code: error.code, ...JSON.parse(error.stdout) };
  }
}
