// A patient reads his results and documents: French and English, telephone and desk, our SIS and one written elsewhere.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { DESKTOP, openBrowser, PHONE, Visitor } from "../lib/browser.mjs";
import { CAMILLE, INES, MARCEL, YANN } from "../lib/cast.mjs";
import { Client } from "../lib/client.mjs";
import { Demo } from "../lib/demo.mjs";
import { hospitalWithSis } from "../lib/hospital.mjs";
import { record } from "../lib/pages.mjs";
import { textOfPdf } from "../lib/pdf.mjs";

const RESULT = /\/records\/[^/]+\/results\/[^/]+$/;
const DOCUMENT = /\/records\/[^/]+\/documents\/[^/]+$/;
const CONTENT = /\/documents\/[^/]+\/content$/;

/** The rows of a list, as links. */
const linksTo = (visitor, kind) => visitor.page.locator(`main table a[href*="/${kind}/"]`);

/** Opens the PDF that the page offers, in the browser, then reads it without. */
async function readPdf(visitor) {
  const response = await visitor.answerTo(CONTENT, () => visitor.link("portal.document.open").first().click());
  assert.equal(response.status(), 200);
  const headers = await response.allHeaders();
  assert.match(headers["content-type"], /^application\/pdf/);
  assert.equal(headers["cache-control"], "no-store");
  const client = new Client(visitor.demo);
  const { body, status } = await client.get(new URL(response.url()).pathname, {
    headers: { cookie: await visitor.cookieHeader() },
  });
  client.close();
  assert.equal(status, 200);
  return textOfPdf(body);
}

/** The identifiers that a record lists, over all its pages. */
async function everyListed(client, path, kind) {
  const found = [];
  for (let number = 1; number <= 20; number++) {
    const page = await client.get(`${path}?kind=${kind.slice(0, -1)}&page=${number}`);
    assert.equal(page.status, 200);
    const links = client.links(page, new RegExp(`/${kind}/[^/]+$`));
    if (links.length === 0) break;
    found.push(...links.map((href) => href.split("/").at(-1)));
  }
  return found;
}

/** The whole journey, with what each page must say; `pdfSays`: and the patient's PDF, if known. */
async function journey(visitor, account, { pdfSays } = {}) {
  const { page } = visitor;
  await visitor.go("/");
  await visitor.assertHeading("portal.welcome.title");
  await visitor.givePassword(account);
  await visitor.assertHeading("entrance.code.title");
  await visitor.giveCode(account);
  await visitor.assertHeading("portal.home.hello");
  await visitor.assertFits();

  await visitor.link("portal.home.own_results").click();
  await linksTo(visitor, "results").first().waitFor();
  await visitor.assertFits();
  await visitor.laboratoryResult().click();
  await page.waitForURL(RESULT);
  await page.getByRole("table").first().waitFor();
  await visitor.assertFits();

  // The same page in the other language, and back.
  await visitor.link("layout.other_language").click();
  assert.equal(await page.locator("html").getAttribute("lang"), visitor.language === "fr" ? "en" : "fr");
  await page.goBack();

  await visitor.go("/");
  await visitor.link("portal.home.own_documents").click();
  await linksTo(visitor, "documents").first().waitFor();
  await visitor.assertFits();
  await linksTo(visitor, "documents").first().click();
  await page.waitForURL(DOCUMENT);
  const text = await readPdf(visitor);
  if (pdfSays) assert.match(text, pdfSays);

  await visitor.go("/session");
  await visitor.assertHeading("entrance.session.title");
  await visitor.assertFits();
  await visitor.button("layout.sign_out").first().click();
  await visitor.assertHeading("entrance.signed_out.title");
  visitor.assertQuiet();
}

describe("with the demonstration's own SIS", () => {
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

  for (const [language, viewport, size, login, pdfSays] of [
    ["fr", PHONE, "telephone", CAMILLE, /DURAND/i],
    ["fr", DESKTOP, "desk", MARCEL, /PRUVOST/i],
    ["en", PHONE, "telephone", YANN, /LE\s*GOFF/i],
    ["en", DESKTOP, "desk", CAMILLE, /DURAND/i],
  ]) {
    test(`${login} in ${language} on a ${size}`, async () => {
      const visitor = await Visitor.open(browser, demo, { language, viewport });
      try {
        await journey(visitor, demo.person(login), { pdfSays });
      } finally {
        await visitor.close();
      }
    });
  }

  test("an empty record says so and what to expect", async () => {
    for (const language of ["fr", "en"]) {
      const visitor = await Visitor.open(browser, demo, { language, viewport: PHONE });
      await visitor.signIn(demo.person(INES));
      await visitor.link("portal.home.own_results").click();
      await visitor.page.getByText(visitor.says("portal.record.results_empty")).first().waitFor();
      await visitor.go("/");
      await visitor.link("portal.home.own_documents").click();
      await visitor.page.getByText(visitor.says("portal.record.documents_empty")).first().waitFor();
      visitor.assertQuiet();
      await visitor.close();
    }
  });

  test("more than a hundred documents come in pages, each document once", async () => {
    const visitor = await Visitor.open(browser, demo, { language: "fr" });
    await visitor.signIn(demo.person(MARCEL));
    await visitor.link("portal.home.own_documents").click();
    const seen = new Set();
    let pages = 0;
    for (;;) {
      await linksTo(visitor, "documents").first().waitFor();
      pages += 1;
      for (const link of await linksTo(visitor, "documents").all()) {
        const path = new URL(await link.getAttribute("href"), demo.portal).pathname;
        if (DOCUMENT.test(path)) seen.add(path);
      }
      const older = visitor.link("portal.record.older");
      if ((await older.count()) === 0 || pages > 20) break;
      await older.first().click();
    }
    assert.ok(seen.size > 100, `${seen.size} documents on ${pages} pages`);
    assert.ok(pages > 1, "all on one page");
    visitor.assertQuiet();
    await visitor.close();
  });

  test("the last sign-in is shown", async () => {
    const visitor = await Visitor.open(browser, demo, { language: "fr" });
    await visitor.signIn(demo.person(CAMILLE));
    await visitor.page.getByText(visitor.says("entrance.last_sign_in.label")).first().waitFor();
    await visitor.close();
  });
});

describe("with a SIS written elsewhere", () => {
  let hospital;
  let browser;
  before(async () => {
    hospital = await hospitalWithSis();
    browser = await openBrowser(hospital.demo);
  });
  after(async () => {
    await browser?.close();
    await hospital?.end();
  });

  for (const [language, viewport, login] of [
    ["fr", DESKTOP, YANN],
    ["en", PHONE, CAMILLE],
  ]) {
    test(`${login} in ${language}`, async () => {
      const visitor = await Visitor.open(browser, hospital.demo, { language, viewport });
      try {
        await journey(visitor, hospital.demo.person(login));
      } finally {
        await visitor.close();
      }
    });
  }

  test("what is held stays closed there too", async () => {
    const { demo, resources } = hospital;
    const { ins } = demo.ready.patients.find(({ login }) => login === CAMILLE);
    const { id } = resources.find((one) => one.identifier?.some(({ value }) => value === ins));
    const own = resources.filter((one) => one.subject?.reference === `Patient/${id}`);
    const labels = (one) => [...(one.meta?.security ?? []), ...(one.securityLabel ?? []).flatMap((l) => l.coding)];
    const isHeld = (one) => labels(one).some(({ code }) => code === "INVISIBLE_PATIENT");

    const client = new Client(demo);
    await client.signIn(demo.person(CAMILLE));
    const path = record(client, await client.home());
    for (const [type, kind] of [
      ["DiagnosticReport", "results"],
      ["DocumentReference", "documents"],
    ]) {
      const [held, open] = [true, false].map((which) =>
        own.filter((one) => one.resourceType === type && isHeld(one) === which).map((one) => one.id),
      );
      assert.ok(held.length > 0 && open.length > 0, `${type}: ${held.length} held, ${open.length} open`);
      const listed = await everyListed(client, path, kind);
      assert.deepEqual(listed.sort(), open.sort(), `the list of ${kind} is what is open, and no more`);
      for (const one of open) assert.equal((await client.get(`${path}/${kind}/${one}`)).status, 200);
      for (const one of held) {
        for (const address of [`${path}/${kind}/${one}`, `${path}/${kind}/${one}/content`]) {
          assert.equal((await client.get(address)).status, 404, "a held object opens by its address");
        }
      }
    }
    client.close();
  });
});
