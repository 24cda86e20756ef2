// A technician at the keyboard: OpenSSH's own clients through the relay, answering the second factor as a person would.
import { spawn } from "node:child_process";
import { chmodSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { temporaryFolder } from "./demo.mjs";
import { nextCode } from "./totp.mjs";

const SECONDS_MAX = 60;

/** Waits until a client that was started has shown something. */
export async function shows(child, text) {
  for (let tries = 0; tries < 400; tries += 1) {
    if (child.seen.includes(text)) return;
    await sleep(25);
  }
  throw new Error(`not shown within ten seconds: ${text}\n${child.seen}`);
}

/** A technician with a key and an authenticator, in front of one relay. */
export class Technician {
  /** `account`: of the ready line; `key`: the private key's file; `relay`: host:port. */
  constructor({ account, key, relay }) {
    this.account = account;
    this.key = key;
    [this.host, this.port] = relay.split(":");
    /** How long a client may run. */
    this.secondsMax = SECONDS_MAX;
    this.folder = temporaryFolder("ssh");
    this.knownHosts = join(this.folder, "known_hosts");
    this.askpass = join(this.folder, "askpass");
    writeFileSync(this.askpass, '#!/bin/sh\nprintf "%s\\n" "$POTERNE_CODE"\n');
    chmodSync(this.askpass, 0o700);
  }

  options() {
    const settings = {
      UserKnownHostsFile: this.knownHosts,
      GlobalKnownHostsFile: "/dev/null",
      StrictHostKeyChecking: "accept-new",
      IdentitiesOnly: "yes",
      IdentityAgent: "none",
      NumberOfPasswordPrompts: "1",
      PreferredAuthentications: "publickey,keyboard-interactive",
      LogLevel: "INFO",
    };
    const flags = Object.entries(settings).flatMap(([name, value]) => ["-o", `${name}=${value}`]);
    return ["-F", "none", "-i", this.key, ...flags];
  }

  /** The login text for a target. */
  at(target, separator = "%") {
    return `${this.account.login}${separator}${target}`;
  }

  /** Starts one of OpenSSH's clients. `code`: what to answer to the second factor (default: a fresh one). */
  async start(program, flags, { code } = {}) {
    // Once a code has opened the key for an intervention, it stays open for a while: no other is asked for. Whoever
    // expects a refusal afterwards sets `opened` back, or a wrong code is all that is refused.
    const answer = code ?? (this.opened ? "000000" : await nextCode(this.account.totp_secret));
    const child = spawn(program, flags, {
      env: {
        ...process.env,
        SSH_ASKPASS: this.askpass,
        SSH_ASKPASS_REQUIRE: "force",
        SSH_AUTH_SOCK: "",
        POTERNE_CODE: answer,
      },
      stdio: ["pipe", "pipe", "pipe"],
    });
    const limit = setTimeout(() => child.kill("SIGKILL"), this.secondsMax * 1000);
    child.ended = new Promise((done) => {
      const out = [];
      const err = [];
      child.stdout.on("data", (chunk) => out.push(chunk));
      child.stderr.on("data", (chunk) => err.push(chunk));
      child.on("error", (error) => done({ code: null, stdout: Buffer.alloc(0), stderr: String(error) }));
      child.on("close", (code, signal) => {
        clearTimeout(limit);
        done({ code, signal, stdout: Buffer.concat(out), stderr: Buffer.concat(err).toString() });
      });
    });
    // The other side may be gone before all is written.
    child.stdin.on("error", () => {});
    child.seen = "";
    child.stdout.on("data", (chunk) => (child.seen += chunk));
    return child;
  }

  /** `ssh target command…`, with something on its input; resolves at its end. */
  async run(target, command, { input = "", code, flags = [], login } = {}) {
    const where = ["-p", this.port, ...flags, `${login ?? this.at(target)}@${this.host}`];
    const child = await this.start("ssh", [...this.options(), ...where, ...[command].flat()], { code });
    child.stdin.end(input);
    return child.ended;
  }

  /** An interactive session (a terminal is asked for); resolves once started. */
  shell(target, { code, flags = [] } = {}) {
    return this.start("ssh", [...this.options(), "-tt", "-p", this.port, ...flags, `${this.at(target)}@${this.host}`], { code });
  }

  /** `scp` of a file to the target. */
  async put(target, from, to, { code, legacy = false } = {}) {
    const flags = [...this.options(), ...(legacy ? ["-O"] : []), "-P", this.port, from];
    const child = await this.start("scp", [...flags, `${this.at(target)}@${this.host}:${to}`], { code });
    child.stdin.end();
    return child.ended;
  }

  /** `scp` of a file from the target. */
  async get(target, from, to, { code } = {}) {
    const flags = [...this.options(), "-P", this.port, `${this.at(target)}@${this.host}:${from}`, to];
    const child = await this.start("scp", flags, { code });
    child.stdin.end();
    return child.ended;
  }

  /** `sftp` with a batch of commands. */
  async sftp(target, batch, { code } = {}) {
    const flags = [...this.options(), "-P", this.port, "-o", "BatchMode=no", "-b", "-", `${this.at(target)}@${this.host}`];
    const child = await this.start("sftp", flags, { code });
    child.stdin.end(batch);
    return child.ended;
  }
}
