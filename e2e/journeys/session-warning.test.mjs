// A session comes to its end under its holder's eyes: two minutes before, the page offers to stay; whoever stays goes on where he
// was, whoever does not finds the page cleared of what it showed. The browser's clock is moved, the door's is not.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { DESKTOP, PHONE, Visitor, openBrowser } from "../lib/browser.mjs";
import { CAMILLE } from "../lib/cast.mjs";
import { Demo } from "../lib/demo.mjs";

const WARNING_SECONDS = 120;

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

/** Somebody on the page of her record, whose clock can be moved. */
async function reading(options = {}) {
  const visitor = await Visitor.open(browser, demo, options);
  await visitor.page.addInitScript(() => {
    const now = Date.now;
    let later = 0;
    Date.now = () => now() + later;
    window.later = (seconds) => (later += seconds * 1000);
  });
  await visitor.signIn(demo.person(CAMILLE));
  await visitor.page.locator('a[href*="/records/"]').first().click();
  await visitor.page.getByRole("heading", { level: 1 }).waitFor();
  const seconds = Number(await visitor.page.locator("body").getAttribute("data-session-seconds"));
  assert.ok(seconds > 2 * WARNING_SECONDS, `${seconds} s are left`);
  return { visitor, page: visitor.page, seconds, dialog: visitor.page.locator("#session-warning") };
}

/** So many seconds pass for this page. */
const later = (page, seconds) => page.evaluate((more) => window.later(more), seconds);

const kept = (answer) => answer.url().endsWith("/session/keep");

test("two minutes before the end the page offers to stay, and whoever stays goes on", async () => {
  const { visitor, page, seconds, dialog } = await reading({ viewport: PHONE });
  await later(page, seconds - WARNING_SECONDS - 10);
  await page.waitForTimeout(1500);
  assert.equal(await dialog.isVisible(), false, "not before");
  await later(page, 15);
  await dialog.waitFor();
  assert.match(await dialog.innerText(), visitor.says("layout.warning_may_stay"));
  await visitor.assertAccessible();
  const where = page.url();
  const [answer] = await Promise.all([page.waitForResponse(kept), visitor.button("layout.warning_stay").click()]);
  assert.equal(answer.status(), 200, "the door prolongs the session");
  await dialog.waitFor({ state: "hidden" });
  assert.equal(page.url(), where, "she is where she was");
  // Again at the new end; the keyboard's Escape stays too.
  const { seconds_left: left } = await answer.json();
  await later(page, left - WARNING_SECONDS + 5);
  await dialog.waitFor();
  const [again] = await Promise.all([page.waitForResponse(kept), page.keyboard.press("Escape")]);
  assert.equal(again.status(), 200);
  await dialog.waitFor({ state: "hidden" });
  assert.equal((await visitor.go("/session")).status(), 200, "signed in all the while");
  await visitor.close();
});

test("at the end the page is cleared of what it showed", async () => {
  const { visitor, page, seconds, dialog } = await reading({ viewport: DESKTOP });
  const shown = await page.locator("main").innerText();
  await later(page, seconds - 60);
  await dialog.waitFor();
  await later(page, 61);
  await page.getByRole("heading", { level: 1, name: visitor.says("layout.ended_title") }).waitFor();
  const left = await page.locator("body").innerText();
  for (const line of shown.split("\n").filter((one) => one.trim().length > 20)) {
    assert.ok(!left.includes(line), `the page still shows: ${line}`);
  }
  await visitor.assertAccessible();
  await visitor.close();
});

test("a door that does not answer is said, and nothing is lost", async () => {
  const { visitor, page, seconds, dialog } = await reading();
  await later(page, seconds - 100);
  await dialog.waitFor();
  await page.route("**/session/keep", (route) => route.abort());
  await visitor.button("layout.warning_stay").click();
  await page.getByText(visitor.says("layout.warning_failed")).waitFor();
  await page.unroute("**/session/keep");
  await visitor.button("layout.warning_stay").click();
  await dialog.waitFor({ state: "hidden" });
  await page.close();
});
