// Every page of the portal, as an accessibility checker sees it: French and English, light and dark, telephone and desk.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { DESKTOP, openBrowser, PHONE, Visitor } from "../lib/browser.mjs";
import { CAMILLE, HELENE, INES, MARCEL, SOPHIE } from "../lib/cast.mjs";
import { Demo } from "../lib/demo.mjs";

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

/** The addresses inside the portal that the page's main part leads to, one of each kind. */
async function kindsOfLinks(visitor) {
  const hrefs = await visitor.page
    .locator("main a[href]")
    .evaluateAll((links) => links.map((a) => a.getAttribute("href")));
  const kinds = new Map();
  for (const href of hrefs) {
    const url = new URL(href, visitor.page.url());
    if (url.origin !== demo.portal || url.pathname.endsWith("/content")) continue;
    const kind = url.pathname.replace(/(records|results|documents)\/[^/]+/g, "$1/…") + [...url.searchParams.keys()];
    if (!kinds.has(kind)) kinds.set(kind, url.pathname + url.search);
  }
  return kinds;
}

/** Visits one page of each kind within reach of the home page. */
async function everyPage(visitor, visit) {
  const { page } = visitor;
  const seen = new Map([["home", `/${visitor.language}/`]]);
  const queue = [...seen.values(), `/${visitor.language}/session`, `/${visitor.language}/nothing-here`];
  let visited = 0;
  while (queue.length > 0 && visited < 25) {
    await page.goto(queue.shift());
    visited += 1;
    await visit();
    for (const [kind, path] of await kindsOfLinks(visitor)) {
      if (seen.has(kind)) continue;
      seen.set(kind, path);
      queue.push(path);
    }
  }
  return visited;
}

for (const [login, language, viewport, dark] of [
  [CAMILLE, "fr", PHONE, false],
  [CAMILLE, "en", DESKTOP, true],
  [MARCEL, "fr", DESKTOP, false],
  [INES, "en", PHONE, true],
  [SOPHIE, "fr", PHONE, true],
  [HELENE, "en", DESKTOP, false],
]) {
  const how = `${language}, ${dark ? "dark" : "light"}, ${viewport.width} px`;
  test(`${login}: ${how}`, async () => {
    const visitor = await Visitor.open(browser, demo, { language, viewport, dark });
    const { page } = visitor;
    const account = demo.person(login);
    await visitor.go("/");
    await visitor.assertAccessible();
    await visitor.givePassword(account);
    await visitor.codeField().waitFor();
    await visitor.assertAccessible();
    await visitor.giveCode(account);
    const visited = await everyPage(visitor, async () => {
      await visitor.assertAccessible();
      assert.equal(await page.locator("html").getAttribute("lang"), language);
      assert.equal(await page.getByRole("heading", { level: 1 }).count(), 1, `one title on ${page.url()}`);
      assert.equal(await page.getByRole("main").count(), 1);
      assert.ok((await page.title()).length > 0);
    });
    await visitor.go("/session");
    await visitor.button("layout.sign_out").first().click();
    await visitor.assertHeading("entrance.signed_out.title");
    await visitor.assertAccessible();
    console.log(`# ${visited + 3} pages`);
    visitor.assertQuiet();
    await visitor.close();
  });
}

test("at twice the text size nothing is lost sideways", async () => {
  const visitor = await Visitor.open(browser, demo, { language: "fr", viewport: { width: 320, height: 640 } });
  await visitor.signIn(demo.person(MARCEL));
  await everyPage(visitor, () => visitor.assertFits());
  visitor.assertQuiet();
  await visitor.close();
});
