// A relative with mandates: what each covers and no more; a mandate that is over opens nothing.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { DESKTOP, openBrowser, PHONE, Visitor } from "../lib/browser.mjs";
import { MARCEL, PAUL, SOPHIE } from "../lib/cast.mjs";
import { Client } from "../lib/client.mjs";
import { Demo } from "../lib/demo.mjs";
import { documentsOf, recordsOf, resultsOf } from "../lib/pages.mjs";

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

for (const [language, viewport] of [
  ["fr", PHONE],
  ["en", DESKTOP],
]) {
  test(`a relative opens the records she has mandates for, in ${language}`, async () => {
    const visitor = await Visitor.open(browser, demo, { language, viewport });
    const { page } = visitor;
    await visitor.signIn(demo.person(SOPHIE));
    await page.getByText(visitor.says("portal.home.represented_title")).first().waitFor();
    const opens = visitor.link("portal.home.represented_open");
    assert.equal(await opens.count(), 2);
    await visitor.assertFits();
    const covered = { results: 0, documents: 0, refused: 0 };
    for (let i = 0; i < 2; i++) {
      await visitor.go("/");
      await opens.nth(i).click();
      await page.waitForURL(/\/records\//);
      await visitor.assertFits();
      if ((await page.locator('main table a[href*="/results/"]').count()) > 0) covered.results += 1;
      if ((await page.locator('main table a[href*="/documents/"]').count()) > 0) covered.documents += 1;
      covered.refused += (await page.getByText(visitor.says("portal.record.not_mandated")).count()) > 0 ? 1 : 0;
    }
    assert.deepEqual(covered, { results: 2, documents: 1, refused: 1 });
    await visitor.laboratoryResult().click();
    await page.getByRole("table").first().waitFor();
    visitor.assertQuiet();
    await visitor.close();
  });
}

test("a mandate that is over opens nothing, even by the address", async () => {
  const patient = new Client(demo);
  await patient.signIn(demo.person(MARCEL));
  const [record] = recordsOf(patient, await patient.home());
  const page = await patient.get(record);
  const objects = [resultsOf(patient, page)[0], documentsOf(patient, page)[0]];
  const relative = new Client(demo);
  const home = await relative.signIn(demo.person(PAUL));
  assert.deepEqual(recordsOf(relative, home), []);
  for (const path of [record, ...objects]) assert.equal((await relative.get(path)).status, 404, path);
  patient.close();
  relative.close();
});

test("a mandate for results opens no document", async () => {
  const relative = new Client(demo);
  const home = await relative.signIn(demo.person(SOPHIE));
  const pages = await Promise.all(recordsOf(relative, home).map((path) => relative.get(path)));
  assert.equal(pages.length, 2);
  const partial = pages.find((page) => documentsOf(relative, page).length === 0);
  const whole = pages.find((page) => documentsOf(relative, page).length > 0);
  assert.ok(partial && whole);
  assert.ok(resultsOf(relative, partial).length > 0);
  const foreign = documentsOf(relative, whole)[0].split("/").at(-1);
  const own = resultsOf(relative, partial)[0].replace(/\/results\/.*/, "");
  assert.equal((await relative.get(`${own}/documents/${foreign}`)).status, 404);
  relative.close();
});
