// A program that holds a token: JSON over HTTPS, with the door's certificate verified.
import { Agent, request } from "node:https";

const PATIENCE_MS = 20_000;

/** The API of one door for one role of the demonstration. */
export class Api {
  /** `door`: portal, suppliers or desk; `role`: whose token of the ready line. */
  constructor(demo, door, role) {
    this.origin = demo.ready[door];
    this.token = demo.ready.tokens[role];
    this.agent = new Agent({ ca: demo.ca, keepAlive: true });
  }

  /** { status, headers, body (parsed, or text) }. */
  ask(method, path, body, { token = this.token } = {}) {
    const sent = body === undefined ? undefined : JSON.stringify(body);
    const headers = { accept: "application/json" };
    if (token) headers.authorization = `Bearer ${token}`;
    if (sent !== undefined) {
      headers["content-type"] = "application/json";
      headers["content-length"] = Buffer.byteLength(sent);
    }
    return new Promise((done, failed) => {
      const asking = request(new URL(`/api/v1${path}`, this.origin), { method, agent: this.agent, headers }, (answer) => {
        const chunks = [];
        answer.on("data", (chunk) => chunks.push(chunk));
        answer.on("error", failed);
        answer.on("end", () => {
          const text = Buffer.concat(chunks).toString("utf8");
          const isJson = (answer.headers["content-type"] ?? "").includes("json");
          done({ status: answer.statusCode, headers: answer.headers, body: isJson && text ? JSON.parse(text) : text });
        });
      });
      asking.setTimeout(PATIENCE_MS, () => asking.destroy(new Error(`${method} ${path}: no answer`)));
      asking.on("error", failed);
      asking.end(sent);
    });
  }

  /** The same, and anything but success is an error. */
  async must(method, path, body) {
    const answer = await this.ask(method, path, body);
    if (answer.status >= 300) {
      throw new Error(`${method} ${path}: ${answer.status} ${JSON.stringify(answer.body).slice(0, 600)}`);
    }
    return answer.body;
  }
}

/** An intervention asked for by the technician, from `fromMinutes` to `untilMinutes` after now; gives its id. */
export async function asked(demo, { equipment = "scanner-1", fromMinutes = 0, untilMinutes = 60, ...more } = {}) {
  const at = (minutes) => new Date(Date.now() + minutes * 60_000).toISOString();
  const body = {
    equipment,
    activity: "maintenance",
    purpose: "Remplacement du ventilateur 2",
    ticket: "BIO-2026-118",
    from: at(fromMinutes),
    until: at(untilMinutes),
    ...more,
  };
  const made = await new Api(demo, "suppliers", "technician").must("POST", "/interventions", body);
  return made.id;
}

/** The same, approved by the beneficiary. */
export async function approved(demo, options) {
  const id = await asked(demo, options);
  await new Api(demo, "desk", "beneficiary").must("POST", `/interventions/${id}/approve`, {});
  return id;
}

/** Registers a machine (lib/sshd.mjs) as an equipment, as an administrator does. */
export async function registered(demo, name, machine) {
  const administrator = new Api(demo, "desk", "administrator");
  const known = (await administrator.must("GET", "/targets")).rows.find((one) => one.name === "scanner-1");
  const target = {
    name,
    location: "Salle technique 2",
    host: "127.0.0.1",
    port: machine.port,
    host_key: machine.hostKey,
    account: machine.login,
    beneficiaries: known.beneficiaries,
    quorum: 1,
  };
  const { id } = await administrator.must("POST", "/targets/terms", { target });
  return administrator.must("POST", "/targets", { id, target, private_key: machine.loginKey });
}
