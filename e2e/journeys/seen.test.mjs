// A patient sees who saw his record, and his asking is traced; nobody else is told.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { Api } from "../lib/api.mjs";
import { DESKTOP, openBrowser, PHONE, Visitor } from "../lib/browser.mjs";
import { CAMILLE, HELENE, INES, YANN } from "../lib/cast.mjs";
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

/** A patient's own record, opened from the first page. */
async function openRecord(patient) {
  await patient.page.locator('main a[href*="/records/"]').first().click();
  await patient.page.getByRole("heading", { level: 1 }).waitFor();
  return /records\/([a-z0-9]{26})/.exec(patient.page.url())[1];
}

test("whose record nobody else opened is told so", async () => {
  const ines = await enter(INES, { language: "fr", viewport: PHONE });
  await openRecord(ines);
  await ines.link("portal.seen.link").click();
  await ines.assertHeading("portal.seen.page");
  assert.equal(await rows(ines, "people-title").count(), 0);
  assert.equal(await rows(ines, "all-title").count(), 0);
  await ines.page.locator('a[href$="/seen?own=1"]').click();
  await rows(ines, "all-title").first().waitFor();
  await ines.assertFits();
  await ines.assertAccessible();
  ines.assertQuiet();
  await ines.close();
});

let record;

test("her physician read it: she sees who, what and when, on a telephone and at a desk", async () => {
  const phone = await enter(CAMILLE, { language: "fr", viewport: PHONE });
  const desk = await enter(CAMILLE, { language: "en", viewport: DESKTOP });
  record = await openRecord(phone);
  const helene = await enter(HELENE);
  await helene.go(`/records/${record}`);
  await helene.page.locator('main a[href*="/results/"]').first().click();
  await helene.page.getByRole("table").first().waitFor();
  await helene.close();
  for (const [camille, language, what] of [
    [phone, "fr", ["Un résultat", "Vos listes de résultats et de documents"]],
    [desk, "en", ["A result", "Your lists of results and documents"]],
  ]) {
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
  const of = async (type) => (await traces.must("GET", `/traces?type=${type}&limit=100`)).rows;
  const asked = await of("record.sightings_asked");
  const given = await of("record.sightings_given");
  const read = await of("record.sightings_read");
  assert.ok(read.length >= 4 && asked.length >= 2 && asked.length < read.length, `${asked.length}, ${read.length}`);
  assert.equal(given.length, asked.length);
  const hers = [...asked, ...read].filter((trace) => trace.patients.includes(record));
  assert.ok(hers.length >= 3 && hers.length < asked.length + read.length, `${hers.length}`);
  assert.equal(new Set(hers.map((trace) => trace.author)).size, 1);
  assert.ok(asked.every((trace) => trace.address && trace.outcome === "done"));
  assert.ok(given.every((trace) => trace.author === "system.node"));
  await demo.stop();
  const verified = await verifyJournal(demo.folder);
  assert.equal(verified.code, 0, verified.stdout);
});
