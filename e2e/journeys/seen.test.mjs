// A patient sees who saw his record, and his asking is traced; nobody else is told.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { Api } from "../lib/api.mjs";
import { DESKTOP, openBrowser, PHONE, Visitor } from "../lib/browser.mjs";
import { CAMILLE, HELENE, YANN } from "../lib/cast.mjs";
import { Demo, verifyJournal } from "../lib/demo.mjs";

let demo;
let browser;
before(async () => {
  demo = await Demo.start();
  browser = await openBrowser(demo);
});
after(async () => {
  await browser?.close();
  await demo?.stop();
});

async function enter(login, how = {}) {
  const visitor = await Visitor.open(browser, demo, how);
  await visitor.signIn(demo.person(login));
  return visitor;
}

const rows = (visitor, table) => visitor.page.locator(`table[aria-labelledby="${table}"] tbody tr`);
let record;

test("at first, nobody but herself", async () => {
  const camille = await enter(CAMILLE, { language: "fr", viewport: PHONE });
  await camille.page.locator('main a[href*="/records/"]').first().click();
  await camille.page.getByRole("heading", { level: 1 }).waitFor();
  record = /records\/([a-z0-9]{26})/.exec(camille.page.url())[1];
  await camille.link("portal.seen.link").click();
  await camille.assertHeading("portal.seen.page");
  assert.equal(await rows(camille, "people-title").count(), 0);
  assert.equal(await rows(camille, "all-title").count(), 0);
  await camille.page.locator('a[href$="/seen?own=1"]').click();
  await rows(camille, "all-title").first().waitFor();
  await camille.assertFits();
  await camille.assertAccessible();
  camille.assertQuiet();
  await camille.close();
});

test("her physician read it: she sees who, what and when, on a telephone and at a desk", async () => {
  const helene = await enter(HELENE);
  await helene.go(`/records/${record}`);
  await helene.page.locator('main a[href*="/results/"]').first().click();
  await helene.page.getByRole("table").first().waitFor();
  await helene.close();
  // Her own answer of a moment ago is shown again for half a minute.
  await new Promise((resolve) => setTimeout(resolve, 31_000));
  for (const [language, viewport, what] of [
    ["fr", PHONE, ["Un résultat", "Vos listes de résultats et de documents"]],
    ["en", DESKTOP, ["A result", "Your lists of results and documents"]],
  ]) {
    const camille = await enter(CAMILLE, { language, viewport });
    await camille.go(`/records/${record}/seen`);
    const people = await rows(camille, "people-title").allInnerTexts();
    assert.equal(people.length, 1, people.join("\n"));
    assert.match(people[0], /Dr Hélène Castaing/);
    const all = await rows(camille, "all-title").allInnerTexts();
    assert.equal(all.length, 2, all.join("\n"));
    for (const word of what) assert.ok(all.some((row) => row.includes(word)), `${word}: ${all}`);
    assert.equal(await camille.page.locator(".notice.wait").count(), 0, "nothing is missing");
    await camille.assertFits();
    await camille.assertAccessible();
    if (process.env.SHOTS) await camille.page.screenshot({ path: `${process.env.SHOTS}/seen-${language}.png`, fullPage: true });
    camille.assertQuiet();
    await camille.close();
  }
});

test("nobody else is told, and who asked is in the traces", async () => {
  for (const login of [HELENE, YANN]) {
    const other = await enter(login);
    const answer = await other.go(`/records/${record}/seen`);
    assert.equal(answer.status(), 404, login);
    await other.close();
  }
  const traces = new Api(demo, "desk", "trace_controller");
  const of = async (type) => (await traces.must("GET", `/traces?type=${type}&patient=${record}&limit=100`)).rows;
  const asked = await of("record.sightings_asked");
  const given = await of("record.sightings_given");
  const read = await of("record.sightings_read");
  assert.ok(read.length >= 4 && asked.length >= 2 && asked.length < read.length, `${asked.length}, ${read.length}`);
  assert.equal(given.length, asked.length);
  assert.equal(new Set([...asked, ...read].map((trace) => trace.author)).size, 1);
  assert.ok(asked.every((trace) => trace.address && trace.outcome === "done"));
  assert.ok(given.every((trace) => trace.author === "system.node"));
  await demo.stop();
  const verified = await verifyJournal(demo.folder);
  assert.equal(verified.code, 0, verified.stdout);
});
