// An outside professional: his patients and nobody else's; he sees what is held from the patient, marked as such.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { DESKTOP, openBrowser, PHONE, Visitor } from "../lib/browser.mjs";
import { CAMILLE, HELENE, THOMAS } from "../lib/cast.mjs";
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
  ["fr", DESKTOP],
  ["en", PHONE],
]) {
  test(`a professional finds a patient by name and opens a result, in ${language}`, async () => {
    const visitor = await Visitor.open(browser, demo, { language, viewport });
    const { page } = visitor;
    await visitor.signIn(demo.person(HELENE));
    await page
      .getByRole("heading", { name: visitor.says("portal.home.patients_title") })
      .first()
      .waitFor();
    const records = page.locator('main a[href*="/records/"]');
    assert.equal(await records.count(), 5, "five patients; the sixth has changed physician");
    await visitor.assertFits();
    await page.getByLabel(visitor.says("portal.home.patients_filter")).fill("durand");
    await visitor.button("portal.home.patients_search").click();
    await page.waitForURL(/\?q=durand/);
    assert.equal(await records.count(), 1);
    await records.first().click();
    await page.waitForURL(/\/records\//);
    await page.getByText(visitor.says("state.held")).first().waitFor();
    await visitor.assertFits();
    await visitor.laboratoryResult().click();
    await page.getByRole("table").first().waitFor();
    visitor.assertQuiet();
    await visitor.close();
  });
}

test("what is held is the professional's only: absent for the patient, in the list and by its address", async () => {
  const patient = new Client(demo);
  await patient.signIn(demo.person(CAMILLE));
  const [own] = recordsOf(patient, await patient.home());
  const professional = new Client(demo);
  await professional.signIn(demo.person(HELENE));
  const [theirs, mine] = await Promise.all([professional.get(own), patient.get(own)]);
  assert.equal(theirs.status, 200, "Camille is her patient");
  const objects = (client, page) => [...resultsOf(client, page), ...documentsOf(client, page)];
  const seen = new Set(objects(patient, mine));
  const held = objects(professional, theirs).filter((path) => !seen.has(path));
  assert.ok(held.length >= 2, `a result and a document are held, the professional sees ${held.length} more objects`);
  for (const path of held) {
    assert.equal((await professional.get(path)).status, 200, path);
    assert.equal((await patient.get(path)).status, 404, path);
    if (path.includes("/documents/")) {
      assert.equal((await professional.get(`${path}/content`)).status, 200);
      assert.equal((await patient.get(`${path}/content`)).status, 404);
    }
  }
  patient.close();
  professional.close();
});

test("a professional without patients is told so", async () => {
  const visitor = await Visitor.open(browser, demo, { language: "fr" });
  await visitor.signIn(demo.person(THOMAS));
  await visitor.page.getByText(visitor.says("portal.home.patients_empty")).waitFor();
  visitor.assertQuiet();
  await visitor.close();
});
