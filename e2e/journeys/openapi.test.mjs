// Both interfaces are what their descriptions say: Schemathesis reads them and asks, with the token of each role.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { Api } from "../lib/api.mjs";
import { Demo } from "../lib/demo.mjs";
import { ROLES, sessions } from "../lib/examples.mjs";
import { SEED, operationsOf, schemathesis, seenBy, withExamples } from "../lib/schemathesis.mjs";

/** Those who do what others do not: every edge of their schemas is tried too. */
const THOROUGH = ["beneficiary", "administrator", "technician"];
const SECONDS_MAX = 180;

let demo;
let known;
let spent = 0;
const documents = {};
const everDone = { desk: new Set(), suppliers: new Set() };

before(async () => {
  demo = await Demo.start();
  for (const door of Object.keys(ROLES)) {
    documents[door] = await new Api(demo, door, "none").must("GET", "/openapi.json");
  }
  known = await sessions(demo);
});
after(async () => {
  known?.end();
  await demo?.stop();
});

const flagsOf = (role) =>
  THOROUGH.includes(role)
    ? ["--phases", "examples,coverage,fuzzing,stateful", "--max-examples", "6"]
    : ["--phases", "examples,fuzzing", "--max-examples", "4"];

const asRole = (door, role, document, flags) =>
  schemathesis({ document, origin: demo.ready[door], ca: demo.ready.ca, token: demo.ready.tokens[role], flags });

/** What waits is taken back: a supplier may not have more than fifty requests waiting. */
async function sweep() {
  const api = new Api(demo, "suppliers", "supplier_manager");
  const { rows } = await api.must("GET", "/interventions?state=waiting");
  for (const { id } of rows) await api.must("POST", `/interventions/${id}/withdraw`);
}

const isList = (id) => /^(list|search)_/.test(id);
const succeeded = (statuses) => [...statuses].some((status) => status >= 200 && status < 300);

for (const [door, roles] of Object.entries(ROLES)) {
  for (const [role, make] of Object.entries(roles)) {
    test(`${door}, ${role}: every answer is as described, what may succeed does`, async (t) => {
      const examples = await make(demo, known);
      const run = await asRole(door, role, withExamples(documents[door], examples), flagsOf(role));
      spent += run.seconds;
      t.diagnostic(`${run.answers.length} answers in ${run.seconds.toFixed(1)} s, seed ${SEED}`);
      assert.equal(run.code, 0, `POTERNE_SEED=${SEED}\n${run.output}`);
      const { statuses, filled } = seenBy(documents[door], run.answers);
      for (const { id } of operationsOf(documents[door])) {
        const told = `${role}, ${id}: ${[...statuses[id]].join(", ")}`;
        assert.equal(succeeded(statuses[id]), id in examples, told);
        if (!(id in examples)) continue;
        assert.ok(statuses[id].has(401), `without a token: ${told}`);
        assert.ok(filled.has(id) || !isList(id), `nothing in the list: ${told}`);
        everDone[door].add(id);
      }
      await sweep();
    });
  }
}

test("every operation of both documents was done by somebody, within the time there is", () => {
  for (const [door, document] of Object.entries(documents)) {
    const left = operationsOf(document).filter(({ id }) => !everDone[door].has(id));
    assert.deepEqual(left, [], `nobody has done this at the ${door} door`);
  }
  assert.ok(spent < SECONDS_MAX, `${spent.toFixed(0)} s`);
});

/** What is said wrongly of a door that does right, and by which of its codes Schemathesis tells it. */
const LIES = {
  ST103: ["a refusal that is not described", ({ paths }) => delete paths["/api/v1/interventions"].get.responses["4XX"]],
  ST105: [
    "another media type",
    ({ paths }) => {
      const answer = paths["/api/v1/targets"].get.responses["200"];
      answer.content = { "text/csv": answer.content["application/json"] };
    },
  ],
  ST201: [
    "a bound that is not kept",
    ({ paths }) => {
      const { parameters } = paths["/api/v1/interventions"].get;
      parameters.find(({ name }) => name === "q").schema.maxLength = 9;
    },
  ],
  ST108: [
    "a field of another kind",
    ({ components }) => (components.schemas.InterventionBody.properties.version.type = "string"),
  ],
  ST204: ["a method that is there and is not said", ({ paths }) => delete paths["/api/v1/interventions"].post],
  ST401: [
    "a token that is not asked for",
    ({ paths }) => {
      const responses = structuredClone(paths["/api/v1/targets"].get.responses);
      responses["200"].content = { "application/json": { schema: { type: "object" } } };
      paths["/api/v1/openapi.json"] = { get: { operationId: "describe", responses } };
    },
  ],
};

test("a document that lies is found out, lie by lie", async () => {
  const document = withExamples(documents.suppliers, { list_interventions: { query: { state: "withdrawn" } } });
  const flags = ["--include-path-regex", "(interventions|targets|openapi.json)$", "--phases", "examples,coverage"];
  const truth = await asRole("suppliers", "technician", document, [...flags, "--include-method", "GET"]);
  assert.equal(truth.code, 0, truth.output);
  for (const [, tell] of Object.values(LIES).reverse()) tell(document);
  const lies = await asRole("suppliers", "technician", document, [...flags, "--include-method", "GET"]);
  assert.equal(lies.code, 1, lies.output);
  for (const [code, [what]] of Object.entries(LIES)) {
    assert.ok(lies.output.includes(`- ${code} `), `${what}\n${lies.output}`);
  }
});
