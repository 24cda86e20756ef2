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

/** The whole journey, with what each page must say; `pdfSays`: and the patient's PDF, if known. */
async function journey(visitor, account, { pdfSays } = {}) {
  const { page } = visitor;
  await visitor.go("/");
  await visitor.assertHeading("portal.welcome.title");
  await visitor.givePassword(account);
  await visitor.assertHeading("portal.code.title");
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
  await visitor.assertHeading("portal.session.title");
  await visitor.assertFits();
  await visitor.button("layout.sign_out").first().click();
  await visitor.assertHeading("portal.signed_out.title");
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
    await visitor.page.getByText(visitor.says("portal.last_sign_in.label")).first().waitFor();
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
    const client = new Client(hospital.demo);
    await client.signIn(hospital.demo.person(MARCEL));
    const home = await client.home();
    const path = record(client, home);
    const page = await client.get(path);
    assert.equal(page.status, 200);
    const open = client.links(page, /\/(results|documents)\/[^/]+$/);
    assert.ok(open.length >= 4, `${open.length} objects`);
    const held = open.filter((href) => /-(report|document)-1$/.test(href));
    assert.deepEqual(held, [], "a held object is listed");
    for (const href of open.filter((one) => /-(report|document)-0$/.test(one))) {
      assert.equal((await client.get(href)).status, 200);
      assert.equal((await client.get(href.replace(/-0$/, "-1"))).status, 404, "a held object opens by its address");
    }
    client.close();
  });
});
