// Schemathesis reads an OpenAPI document: it draws requests from it, good and bad, and holds each answer against it.
import { spawn } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { temporaryFolder } from "./demo.mjs";

/** Where `./test` installs what `e2e/requirements.txt` pins. */
export const PROGRAM =
  process.env.POTERNE_SCHEMATHESIS ?? resolve(import.meta.dirname, "../../target/schemathesis/bin/schemathesis");

/** What is drawn is the same each time; `POTERNE_SEED` draws something else. */
export const SEED = Number(process.env.POTERNE_SEED ?? 2026);
const OUTPUT_CHARS_KEPT = 40_000;

/** Every run has its own in it. */
let folders;

/** All that it knows to check, but one: what a schema allows may still be refused for its meaning (a window past). */
const CHECKS_LEFT_OUT = "positive_data_acceptance";

/** The operations of a document: { id, method, template, operation }. */
export function operationsOf(document) {
  return Object.entries(document.paths).flatMap(([template, item]) =>
    Object.entries(item).map(([method, operation]) => ({
      id: operation.operationId,
      method: method.toUpperCase(),
      template,
      operation,
    })),
  );
}

/**
 * A copy of a document with things that exist: `examples` by operation, { path: [ids], query: { name: value },
 * body: [bodies] }.
 * An identifier is then one of those, or none at all; nothing that the document says of answers changes.
 */
export function withExamples(document, examples) {
  const copy = structuredClone(document);
  for (const { id, operation } of operationsOf(copy)) {
    const { path, query = {}, body } = examples[id] ?? {};
    for (const parameter of operation.parameters ?? []) {
      const values = parameter.in === "path" ? path : parameter.name in query && [query[parameter.name]];
      if (values) parameter.examples = named(values);
      if (path && parameter.in === "path") parameter.schema = { ...parameter.schema, enum: path };
    }
    if (body) operation.requestBody.content["application/json"].examples = named(body);
  }
  return copy;
}

const named = (values) => Object.fromEntries(values.map((value, at) => [`e${at}`, { value }]));

/**
 * Runs it over a document: { code, output, answers: [{ method, path, status, filledList }], seconds }.
 * `flags`: more of its own; `seconds`: when it is ended, unfinished.
 */
export async function schemathesis({ document, origin, ca, token, flags = [], seconds = 60 }) {
  if (!existsSync(PROGRAM)) throw new Error(`${PROGRAM} is not there: ./test installs it; or set POTERNE_SCHEMATHESIS`);
  folders ??= temporaryFolder("schemathesis");
  const folder = mkdtempSync(join(folders, "run-"));
  const reports = join(folder, "reports");
  mkdirSync(reports);
  writeFileSync(join(folder, "openapi.json"), JSON.stringify(document));
  // The token is in the environment: a command line can be read by everybody.
  writeFileSync(join(folder, "schemathesis.toml"), '[auth.openapi.token]\nbearer = "${POTERNE_TOKEN}"\n');
  const command = ["--no-color", "run", "openapi.json", "--url", origin, "--tls-verify", ca, "--seed", String(SEED)];
  const checks = ["--checks", "all", "--exclude-checks", CHECKS_LEFT_OUT, "--continue-on-failure"];
  const kept = ["--report", "har", "--report-dir", reports, "--generation-database", "none", "--request-timeout", "20"];
  const began = performance.now();
  const child = spawn(PROGRAM, [...command, ...checks, ...kept, ...flags], {
    cwd: folder,
    env: { ...process.env, POTERNE_TOKEN: token, PYTHONDONTWRITEBYTECODE: "1" },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const limit = setTimeout(() => child.kill("SIGKILL"), seconds * 1000);
  let output = "";
  const keep = (chunk) => (output = (output + chunk).slice(-OUTPUT_CHARS_KEPT));
  child.stdout.on("data", keep);
  child.stderr.on("data", keep);
  const code = await new Promise((done, failed) => {
    child.on("error", failed);
    child.on("close", (status, signal) => done(status ?? signal));
  });
  clearTimeout(limit);
  return { code, output, answers: answersIn(reports), seconds: (performance.now() - began) / 1000 };
}

function answersIn(reports) {
  const file = readdirSync(reports).find((name) => name.startsWith("har-"));
  if (!file) return [];
  const { log } = JSON.parse(readFileSync(join(reports, file), "utf8"));
  return log.entries.map(({ request, response }) => ({
    method: request.method,
    path: new URL(request.url).pathname,
    status: response.status,
    filledList: hasRows(response.content),
  }));
}

/** Whether it is a list with something in it: an empty one agrees with any description of its rows. */
function hasRows({ text = "", encoding }) {
  const whole = encoding === "base64" ? Buffer.from(text, "base64").toString("utf8") : text;
  return /^\{"rows":\[\{/.test(whole);
}

/** What operations were answered: { statuses: { operation: Set }, filled: Set of those whose list had something }. */
export function seenBy(document, answers) {
  const pattern = (template) => new RegExp(`^${template.replace(/\{[^}]+\}/g, "[^/]+")}$`);
  const all = operationsOf(document).map((one) => ({ ...one, pattern: pattern(one.template), statuses: new Set() }));
  // A path that is written out goes before one that a parameter completes.
  all.sort((a, b) => a.template.includes("{") - b.template.includes("{"));
  const filled = new Set();
  for (const { method, path, status, filledList } of answers) {
    const one = all.find((each) => each.method === method && each.pattern.test(path));
    one?.statuses.add(status);
    if (one && filledList) filled.add(one.id);
  }
  return { statuses: Object.fromEntries(all.map(({ id, statuses }) => [id, statuses])), filled };
}
