// What a program would send to the interfaces, by role and operation: identifiers of things in the right state, bodies
// that can be done.
import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import { Api, approved, asked } from "./api.mjs";
import { DENIS, ERWAN } from "./cast.mjs";
import { Client } from "./client.mjs";
import { Technician, shows } from "./ssh.mjs";

const later = (minutes) => new Date(Date.now() + minutes * 60_000).toISOString().replace(/\.\d+/, "");
const WHY = [{ reason: "essai de l’interface" }, { reason: "E" }];
const WANTED = {
  equipment: "scanner-1",
  activity: "maintenance",
  purpose: "Essai de l’interface",
  from: later(5),
  until: later(65),
  rights: ["exec", "files_in"],
  sources: ["192.0.2.0/24"],
};

async function several(make, count = 2) {
  const made = [];
  while (made.length < count) made.push(await make());
  return made;
}

/** Two sessions in one intervention, with a terminal: { intervention, over, live, targets, end }. */
export async function sessions(demo) {
  const erwan = new Technician({ account: demo.person(ERWAN), key: demo.ready.ssh_key, relay: demo.ready.ssh });
  const intervention = await approved(demo);
  const watch = new Api(demo, "desk", "beneficiary");
  const begun = async (count) => {
    for (let tries = 0; tries < 100; tries += 1) {
      const { rows } = await watch.must("GET", `/sessions?intervention=${intervention}`);
      if (rows.length === count) return rows;
      await sleep(100);
    }
    throw new Error("the session is not in the list");
  };
  const first = await erwan.shell("scanner-1");
  first.stdin.write("etat\r");
  const [over] = await begun(1);
  await shows(first, "console de maintenance");
  first.stdin.write("exit\r");
  await first.ended;
  erwan.opened = true;
  const second = await erwan.shell("scanner-1");
  const live = (await begun(2)).find(({ id }) => id !== over.id);
  const targets = (await watch.must("GET", "/targets")).rows.map(({ id }) => id);
  return { intervention, over: over.id, live: live.id, targets, end: () => second.kill("SIGKILL") };
}

/** Interventions by what can be done with them. */
function matters(demo) {
  const open = async () => {
    const id = await approved(demo);
    await new Api(demo, "suppliers", "technician").must("POST", `/interventions/${id}/open`);
    return id;
  };
  const held = async () => {
    const id = await open();
    await new Api(demo, "desk", "beneficiary").must("POST", `/interventions/${id}/hold`, { until: later(30) });
    return id;
  };
  return { waiting: () => asked(demo), planned: () => approved(demo), open, held };
}

/** What whoever follows interventions reads. */
const LISTS = {
  list_interventions: { query: { state: "open" } },
  list_sessions: { query: { live: false } },
  list_suppliers: {},
  list_targets: {},
};
const read = ({ intervention, over, targets }) => ({
  get_intervention: { path: [intervention] },
  get_session: { path: [over] },
  get_target: { path: targets },
  get_recording: { path: [over], query: { channel: 1 } },
});

async function beneficiary(demo, known) {
  const { waiting, planned, open, held } = matters(demo);
  const half = { until: later(30) };
  return {
    ...LISTS,
    ...read(known),
    get_terms: { path: await several(waiting, 1), query: { act: "approve" } },
    approve_intervention: { path: await several(waiting), body: [{}] },
    refuse_intervention: { path: await several(waiting), body: WHY },
    extend_intervention: { path: await several(open), body: [{ until: later(90) }] },
    hold_intervention: { path: await several(open), body: [half] },
    release_intervention: { path: await several(held) },
    open_intervention: { path: await several(planned) },
    close_intervention: { path: await several(open) },
    ...(await cuts(demo, known)),
  };
}

/** What whoever sees accounts reads: the list, and the first of it. */
async function accounts(demo, role) {
  const { rows } = await new Api(demo, "desk", role).must("GET", "/accounts?role=beneficiary");
  return { list_accounts: { query: { role: "beneficiary" } }, get_account: { path: [rows[0].id] } };
}

async function administrator(demo, known) {
  const { rows } = await new Api(demo, "desk", "administrator").must("GET", "/targets");
  const { id, version, protocol, signed, ...target } = rows.find(({ name }) => name === "automate-pharmacie");
  const password = "essai-de-l-interface";
  const other = { ...target, name: "essai-1" };
  const fresh = await new Api(demo, "desk", "administrator").must("POST", "/targets/terms", { target: other });
  return {
    ...LISTS,
    ...(await accounts(demo, "administrator")),
    list_rules: {},
    get_intervention: { path: [known.intervention] },
    get_session: { path: [known.over] },
    get_target: { path: known.targets },
    get_target_terms: { body: [{ target: { ...target, name: "essai-2" } }, { id, target }] },
    register_target: { body: [{ id: fresh.id, target: other, password }, { id, target }] },
  };
}

/** A session that is over is cut again: its intervention is not opened again. */
const cuts = async (demo, { live }) => ({
  cut_intervention: { path: await several(matters(demo).open), body: WHY },
  cut_session: { path: [live], body: WHY },
});

async function watcher(demo, known) {
  return { ...LISTS, ...read(known), ...(await cuts(demo, known)) };
}

async function supplier(demo, known) {
  return {
    list_interventions: LISTS.list_interventions,
    list_targets: {},
    get_intervention: { path: [known.intervention] },
    get_target: { path: known.targets },
    request_intervention: { body: [WANTED] },
    withdraw_intervention: { path: await several(matters(demo).waiting) },
  };
}

async function technician(demo, known) {
  const { planned, open } = matters(demo);
  return {
    ...(await supplier(demo, known)),
    open_intervention: { path: await several(planned) },
    close_intervention: { path: await several(open) },
  };
}

/** A manager names technicians: he is none. */
async function manager(demo, known) {
  const all = await supplier(demo, known);
  const seen = await new Api(demo, "suppliers", "technician").must("GET", `/interventions/${known.intervention}`);
  const technicians = seen.technicians.map(({ account }) => account);
  return { ...all, request_intervention: { body: [{ ...WANTED, technicians }] } };
}

/** He keeps a search, as one does: on the page. */
async function savedSearch(demo) {
  const denis = new Client(demo, { door: "desk" });
  await denis.signIn(demo.person(DENIS));
  const page = await denis.get("/fr/traces?type=session.sign_in&go=1");
  const kept = await denis.submit(page, "/fr/traces/saved", { name: "Connexions" });
  assert.equal(kept.status, 303, kept.text.slice(0, 300));
  denis.close();
  const { rows } = await new Api(demo, "desk", "trace_controller").must("GET", "/traces/saved");
  return [rows[0].id];
}

/** By door and role: how the examples are made. All of them must succeed; what is not there must not. */
export const ROLES = {
  desk: {
    beneficiary,
    administrator,
    on_call: watcher,
    security_officer: async (demo, known) => ({
      ...(await watcher(demo, known)),
      ...(await accounts(demo, "security_officer")),
      list_rules: {},
    }),
    trace_controller: async (demo) => ({
      search_traces: { query: { limit: 20, type: "record", outcome: "shown" } },
      count_traces: { query: { type: "session.sign_in" } },
      export_traces: { query: { format: "jsonl" } },
      get_retention: {},
      list_saved_searches: {},
      run_saved_search: { path: await savedSearch(demo) },
    }),
    dpo: async () => ({ list_rules: {} }),
  },
  suppliers: { technician, supplier_manager: manager, auditor: async () => ({}) },
};
