// The SIS written elsewhere (../fhir-server), and a wire to it that can be cut, stalled or slowed.
import { spawn } from "node:child_process";
import { connect, createServer } from "node:net";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { makeCertificates } from "./certificates.mjs";

const SERVER = join(import.meta.dirname, "../fhir-server/server.mjs");

/** A running FHIR engine with mutual TLS. */
export class Sis {
  static async start({ bundle } = {}) {
    const sis = new Sis();
    sis.files = makeCertificates();
    const { ca, serverCert, serverKey } = sis.files;
    const flags = ["--cert", serverCert, "--key", serverKey, "--ca", ca, ...(bundle ? ["--bundle", bundle] : [])];
    sis.child = spawn(process.execPath, ["--experimental-websocket", "--no-warnings", SERVER, ...flags], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    process.on("exit", () => sis.child.kill("SIGKILL"));
    const line = await new Promise((done, failed) => {
      createInterface({ input: sis.child.stdout }).once("line", done);
      sis.child.once("exit", (code) => failed(new Error(`the FHIR server ended with ${code}`)));
    });
    sis.url = JSON.parse(line).url;
    return sis;
  }

  /** The flags of `poterne demo` that point at it, through a wire if one is given. */
  flags(wire) {
    const { ca, clientCert, clientKey } = this.files;
    const url = wire ? this.url.replace(/:\d+/, `:${wire.port}`) : this.url;
    return ["--sis", url, "--sis-ca", ca, "--sis-cert", clientCert, "--sis-key", clientKey];
  }

  async stop() {
    this.child.removeAllListeners("exit");
    if (this.child.exitCode !== null) return;
    const ended = new Promise((done) => this.child.once("exit", done));
    this.child.kill("SIGTERM");
    await Promise.race([ended, sleep(3000, undefined, { ref: false })]);
    this.child.kill("SIGKILL");
  }
}

/**
 * A TCP wire to the SIS on a port of its own; TLS passes through it untouched. `mode`:
 * "open"; "down" (connections are refused by a reset, those there are cut); "stalled" (accepted, nothing ever answers).
 */
export class Wire {
  static async to(target) {
    const wire = new Wire();
    wire.target = Number(new URL(target).port);
    wire.mode = "open";
    wire.pairs = new Set();
    wire.server = createServer((socket) => wire.#accept(socket));
    await new Promise((done) => wire.server.listen(0, "127.0.0.1", done));
    wire.port = wire.server.address().port;
    return wire;
  }

  /** Changes what happens, also to the connections there are. */
  set(mode) {
    this.mode = mode;
    for (const [near, far] of this.pairs) {
      if (mode === "down") {
        near.resetAndDestroy();
        far?.destroy();
      } else if (mode === "stalled") {
        near.pause();
        far?.pause();
      } else {
        near.resume();
        far?.resume();
        // A connection taken in while stalled has no other end: the client tries again.
        if (!far) near.destroy();
      }
    }
  }

  #accept(near) {
    near.on("error", () => near.destroy());
    if (this.mode === "down") return near.resetAndDestroy();
    const pair = [near, undefined];
    this.pairs.add(pair);
    near.on("close", () => {
      this.pairs.delete(pair);
      pair[1]?.destroy();
    });
    if (this.mode === "stalled") return near.pause();
    const far = connect(this.target, "127.0.0.1");
    pair[1] = far;
    far.on("error", () => near.destroy());
    far.on("close", () => near.destroy());
    // Not `pipe`: it would resume by itself what `set` paused.
    near.on("data", (chunk) => far.write(chunk));
    far.on("data", (chunk) => near.write(chunk));
  }

  close() {
    for (const [near, far] of this.pairs) {
      near.destroy();
      far?.destroy();
    }
    this.server.close();
  }
}
