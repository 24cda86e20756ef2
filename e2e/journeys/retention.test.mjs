// Two trace controllers decide how long traces are kept: one asks, the other confirms, and both are found in the traces.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { Api } from "../lib/api.mjs";
import { openBrowser, Visitor } from "../lib/browser.mjs";
import { DENIS, SOLENN } from "../lib/cast.mjs";
import { Demo } from "../lib/demo.mjs";

const MONTH = new Date().toISOString().slice(0, 7);

let demo;
let browser;
let denis;
let solenn;
before(async () => {
  demo = await Demo.start();
  browser = await openBrowser(demo);
  [denis, solenn] = await Promise.all([DENIS, SOLENN].map(controller));
});
after(async () => {
  await browser?.close();
  await demo?.stop();
});

async function controller(login) {
  const visitor = await Visitor.open(browser, demo, { door: "desk" });
  await visitor.signIn(demo.person(login));
  await visitor.link("desk.nav.retention").first().waitFor();
  return visitor;
}

const main = (visitor) => visitor.page.getByRole("main").innerText();
/** What waits: one panel each. */
const waiting = (visitor) => visitor.page.locator(".panel").filter({ has: visitor.button("desk.retention.withdraw") });

/** Asks for a change, in the form of its kind. */
async function ask(visitor, what, fields, extra) {
  await visitor.go("/retention");
  const named = extra ? `input[name="extra"][value="${extra}"]` : `input[name="what"][value="${what}"]`;
  const form = visitor.page.locator("form").filter({ has: visitor.page.locator(named) });
  if (extra) await visitor.page.locator("details").filter({ has: form }).locator("summary").click();
  for (const [name, value] of Object.entries(fields)) {
    const field = form.locator(`[name="${name}"]`);
    if ((await field.evaluate((one) => one.localName)) === "select") await field.selectOption(value);
    else await field.fill(value);
  }
  await form.getByRole("button").click();
  await visitor.page.waitForLoadState();
}

/** What is found at last, within five seconds. */
async function until(look) {
  for (let tries = 0; tries < 50; tries += 1) {
    const found = await look();
    if (found) return found;
    await sleep(100);
  }
  return undefined;
}

async function confirm(visitor) {
  await visitor.go("/retention");
  await waiting(visitor).getByRole("button", { name: visitor.says("desk.retention.confirm") }).click();
  await visitor.page.waitForLoadState();
}

test("below a family's minimum nothing is asked for, and the page says why", async () => {
  await ask(denis, "retention", { family: "health", months: "119", reason: "place" });
  assert.match(await denis.page.getByRole("alert").innerText(), denis.says("desk.problem.floor"));
  assert.equal(await waiting(denis).count(), 0);
  await denis.assertAccessible();
});

test("whoever asks cannot confirm, even by a request of his own making", async () => {
  await ask(denis, "retention", { family: "access", months: "18", reason: "enquête interne" });
  assert.equal(await waiting(denis).count(), 1);
  const text = await waiting(denis).innerText();
  assert.match(text, denis.says("desk.retention.waits_other"));
  assert.match(text, /enquête interne/);
  assert.equal(await denis.button("desk.retention.confirm").count(), 0);
  await waiting(denis).locator("form").evaluate((form) => {
    form.action = form.action.replace(/withdraw$/, "confirm");
    form.requestSubmit();
  });
  await denis.page.waitForURL(/problem=/);
  assert.match(await denis.page.getByRole("alert").innerText(), denis.says("desk.problem.same_person"));
  assert.equal(await waiting(denis).count(), 1, "it still waits");
  await denis.assertAccessible();
});

test("another controller confirms: it is in force, and in the interface for programs", async () => {
  await solenn.go("/retention");
  assert.match(await waiting(solenn).innerText(), solenn.says("desk.retention.waits_you"));
  await solenn.assertAccessible();
  await confirm(solenn);
  assert.equal(await waiting(solenn).count(), 0);
  const row = solenn.page.getByRole("row").filter({ hasText: solenn.says("desk.retention.access") });
  assert.match(await row.innerText(), /18 mois/);
  const told = await new Api(demo, "desk", "trace_controller").must("GET", "/retention");
  assert.equal(told.families.find(({ family }) => family === "access").months, 18);
  assert.deepEqual([told.proposals, told.stray, told.whole], [[], 0, true]);
  assert.ok(told.months.some(({ month, standing }) => month === MONTH && standing === "kept"));
});

test("a hold is put by two and ended by two, a month later", async () => {
  await ask(solenn, "hold", { family: "", from: MONTH, to: MONTH, reason: "réquisition" });
  await confirm(denis);
  await denis.go("/retention");
  assert.match(await main(denis), /réquisition/);
  await ask(denis, "lift", { reason: "affaire close" });
  const told = async () => (await new Api(demo, "desk", "trace_controller").must("GET", "/retention")).holds;
  assert.equal((await told())[0].until, null, "one person ends nothing");
  await confirm(solenn);
  const [hold] = await told();
  assert.ok(Date.parse(hold.until) - Date.now() > 29 * 86_400_000, hold.until);
  await solenn.assertAccessible();
});

test("what is recorded beyond the minimum is decided by two, counts at once, and can be stopped", async () => {
  const desk = new Api(demo, "desk", "trace_controller");
  const recorded = async () => (await desk.must("GET", "/retention")).extras.filter((one) => one.recorded);
  assert.deepEqual(await recorded(), [], "nothing is, unless somebody decides");
  const decide = async (extra, by, other) => {
    await ask(by, "extra", { reason: "adresses partagées" }, extra);
    const last = await recorded();
    await confirm(other);
    assert.notDeepEqual(await recorded(), last, extra);
  };
  await decide("port", denis, solenn);
  await decide("requests", solenn, denis);
  await solenn.go("/retention");
  await solenn.page.getByText(solenn.says("desk.retention.extra_port")).click();
  await solenn.assertAccessible();

  await denis.go("/traces?go=1&type=access.request_made");
  const made = async () => (await desk.must("GET", "/traces?type=access.request_made&limit=100")).rows;
  const own = await until(async () => (await made()).find(({ target }) => target === "GET /fr/traces"));
  assert.ok(own?.port > 0, JSON.stringify(await made()));
  await denis.go(`/traces/${own.origin}/${own.index}`);
  assert.match(await main(denis), new RegExp(`${own.port}`), "the port stands on its page");

  await decide("requests", denis, solenn);
  await decide("port", solenn, denis);
  assert.deepEqual(await recorded(), []);
  // What was asked for just before may still be on its way to the disk.
  await sleep(500);
  const last = (await made()).length;
  await solenn.go("/retention");
  await sleep(500);
  assert.equal((await made()).length, last, "it has stopped");
});

test("what is taken back waits no more", async () => {
  await ask(solenn, "hold", { family: "health", from: MONTH, to: MONTH, reason: "erreur" });
  await waiting(solenn).getByRole("button", { name: solenn.says("desk.retention.withdraw") }).click();
  await solenn.page.waitForLoadState();
  await solenn.go("/retention");
  assert.equal(await waiting(solenn).count(), 0);
});

test("who asked and who confirmed stand in the traces", async () => {
  const desk = new Api(demo, "desk", "trace_controller");
  const found = async (type) => (await desk.must("GET", `/traces?type=${type}`)).rows;
  const [asked, confirmed, withdrawn] = await Promise.all(
    ["retention.asked", "retention.confirmed", "retention.withdrawn"].map(found),
  );
  assert.deepEqual([asked.length, confirmed.length, withdrawn.length], [8, 7, 1]);
  const [first, second] = [asked.at(-1), confirmed.at(-1)];
  assert.equal(first.detail, "enquête interne");
  assert.notEqual(first.author, second.author, "two people");
  assert.ok([first, second].every(({ role, address }) => role === "trace_controller" && address));
  await denis.go("/traces?go=1&type=retention");
  assert.equal(await denis.page.locator("table.traces tbody tr").count(), 16);
});

test("nobody else sees it or asks, and no program decides", async () => {
  for (const role of ["administrator", "security_officer", "dpo", "beneficiary"]) {
    const { status } = await new Api(demo, "desk", role).ask("GET", "/retention");
    assert.ok([403, 404].includes(status), `${role}: ${status}`);
  }
  const { status } = await new Api(demo, "desk", "trace_controller").ask("POST", "/retention", {});
  assert.equal(status, 405);
});

test("the browser complained of nothing", () => {
  denis.assertQuiet();
  solenn.assertQuiet();
});
