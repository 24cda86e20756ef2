// Why somebody may or may not: from an account's page to what it may do, on what that depends, and the policy that says so.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { openBrowser, PHONE, Visitor } from "../lib/browser.mjs";
import { MAUD, ODILE, PASCAL } from "../lib/cast.mjs";
import { Demo } from "../lib/demo.mjs";

let demo;
let browser;
let maud;
before(async () => {
  demo = await Demo.start();
  browser = await openBrowser(demo);
  maud = await Visitor.open(browser, demo, { door: "desk" });
  await maud.signIn(demo.person(MAUD));
});
after(async () => {
  await browser?.close();
  await demo?.stop();
});

/** The row of an act, by the word that the policies use. */
const row = (visitor, act) =>
  visitor.page.getByRole("row").filter({ has: visitor.page.locator(".comment", { hasText: new RegExp(`^${act}$`) }) });
const text = async (locator) => (await locator.innerText()).replace(/\s+/g, " ");

let rights;
test("an administrator reads what a technician may do, and on what it depends", async () => {
  await maud.go("/accounts?q=karim");
  await maud.page.getByRole("main").getByRole("link", { name: /karim/i }).click();
  await maud.link("desk.rights.link").click();
  await maud.assertHeading("desk.rights.title");
  rights = new URL(maud.page.url()).pathname.replace(/^\/fr/, "");
  const enters = await text(row(maud, "open_relay"));
  assert.match(enters, maud.says("desk.rights.door.relays"));
  assert.match(enters, maud.says("desk.rights.condition.technician"));
  assert.match(enters, maud.says("desk.rights.condition.own_supplier"));
  assert.ok(!enters.includes("resource."), enters);
  const adds = await text(row(maud, "add_means"));
  assert.match(adds, maud.says("desk.rights.fresh"));
  // What he may not do is told with who may.
  const traces = await text(row(maud, "search_traces"));
  assert.match(traces, maud.says("role.trace_controller"));
  await maud.assertAccessible();
  maud.assertQuiet();
});

test("a policy's name leads to its text, unfolded", async () => {
  await row(maud, "open_relay").getByRole("link", { name: "technicians-reach-the-equipment" }).click();
  await maud.assertHeading("desk.policies.title");
  const policy = maud.page.locator("#technicians-reach-the-equipment pre");
  await policy.waitFor({ state: "visible" });
  assert.ok((await policy.innerText()).startsWith("permit"));
  await maud.page.getByText(maud.says("desk.policies.own_none")).waitFor();
  await maud.assertAccessible();
});

test("on a telephone nothing is lost, in English too", async () => {
  const visitor = await Visitor.open(browser, demo, { door: "desk", language: "en", viewport: PHONE });
  await visitor.signIn(demo.person(PASCAL));
  for (const path of [rights, "/policies"]) {
    await visitor.go(path);
    await visitor.assertFits();
    await visitor.assertAccessible();
  }
  visitor.assertQuiet();
  await visitor.close();
});

test("whoever sees rules but no accounts reads the policies, and nobody's rights", async () => {
  const visitor = await Visitor.open(browser, demo, { door: "desk" });
  await visitor.signIn(demo.person(ODILE));
  await visitor.go("/rules");
  await visitor.link("desk.rights.policies").click();
  await visitor.assertHeading("desk.policies.title");
  assert.equal((await visitor.page.goto(`${visitor.origin}/fr${rights}`)).status(), 404);
  await visitor.close();
});
