// An equipment: OpenSSH's own server, for this user and this run.
import { execFileSync, spawn } from "node:child_process";
import { appendFileSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createConnection } from "node:net";
import { userInfo } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { freePort, temporaryFolder } from "./demo.mjs";

/** One machine, on one port of loopback, that takes one key. */
export class Sshd {
  constructor() {
    this.folder = temporaryFolder("sshd");
    this.login = userInfo().username;
    this.#draw("host");
    this.#draw("login");
    writeFileSync(this.#at("authorized"), readFileSync(this.#at("login.pub")));
    process.on("exit", () => this.child?.kill("SIGKILL"));
  }

  #at(name) {
    return join(this.folder, name);
  }

  #draw(name) {
    rmSync(this.#at(name), { force: true });
    rmSync(this.#at(`${name}.pub`), { force: true });
    execFileSync("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-C", "", "-f", this.#at(name)]);
  }

  /** Its host key, as an equipment's sheet has it. */
  get hostKey() {
    return readFileSync(this.#at("host.pub"), "utf8").split(" ").slice(0, 2).join(" ").trim();
  }

  /** The private key that opens it. */
  get loginKey() {
    return readFileSync(this.loginKeyFile, "utf8");
  }

  /** Where it is. */
  get loginKeyFile() {
    return this.#at("login");
  }

  /** Lets another key in: one line of an `authorized_keys`. */
  admit(line) {
    appendFileSync(this.#at("authorized"), line);
  }

  /** Starts, on the same port each time. */
  async start() {
    this.port ??= await freePort();
    const lines = [
      `ListenAddress 127.0.0.1:${this.port}`,
      `HostKey ${this.#at("host")}`,
      `AuthorizedKeysFile ${this.#at("authorized")}`,
      "PidFile none",
      "StrictModes no",
      "UsePAM no",
      "PermitRootLogin yes",
      "PasswordAuthentication no",
      "KbdInteractiveAuthentication no",
      "MaxStartups 200",
      "MaxSessions 200",
      "Subsystem sftp internal-sftp",
    ];
    writeFileSync(this.#at("sshd_config"), `${lines.join("\n")}\n`);
    // OpenSSH's server, as root, wants this empty folder to exist.
    if (process.getuid() === 0) mkdirSync("/run/sshd", { recursive: true });
    this.child = spawn("/usr/sbin/sshd", ["-D", "-e", "-f", this.#at("sshd_config")], { stdio: "ignore" });
    this.ended = new Promise((done) => this.child.once("exit", done));
    for (let tries = 0; tries < 200; tries += 1) {
      if (await answers(this.port)) return this;
      await sleep(25);
    }
    throw new Error("sshd does not listen");
  }

  /** Stops listening; sessions under way go on, as with any sshd. */
  async stop() {
    this.child?.kill("SIGTERM");
    await this.ended;
    this.child = undefined;
  }

  /** The same machine, as somebody else would pretend to be it. */
  async startWithAnotherKey() {
    this.#draw("host");
    await this.start();
  }
}

function answers(port) {
  return new Promise((done) => {
    const socket = createConnection(port, "127.0.0.1");
    const settle = (open) => {
      socket.destroy();
      done(open);
    };
    socket.once("connect", () => settle(true)).once("error", () => settle(false));
  });
}
