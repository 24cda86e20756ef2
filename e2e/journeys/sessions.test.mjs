// One session at a time: an administrator decides so, a patient who signs in elsewhere is told why her first page is closed,
// somebody else's sign-in is disowned and rings at the desk, and a page that is left frees its place.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { openBrowser, PHONE, Visitor } from "../lib/browser.mjs";
import { CAMILLE, MAUD, PASCAL, YANN } from "../lib/cast.mjs";
import { Demo } from "../lib/demo.mjs";
import { nextCode } from "../lib/totp.mjs";

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

const words = async (visitor) => (await visitor.page.getByRole("main").innerText()).replace(/\s+/g, " ");

async function decide(mode, { idle = "10", longest = "120" } = {}) {
  await maud.go("/accounts/sessions");
  await maud.page.locator("#patients-idle").fill(idle);
  await maud.page.locator("#patients-longest").fill(longest);
  await maud.page.locator(`section[aria-labelledby=patients] input[value=${mode}]`).check();
  await maud.page.locator("section[aria-labelledby=patients] button:not(.second)").click();
}

/** The two steps of a sign-in, wherever they lead. */
async function triesToSignIn(visitor, account) {
  await visitor.go("/");
  await visitor.givePassword(account);
  await visitor.codeField().waitFor();
  await visitor.sendCode(await nextCode(account.totp_secret));
}

test("an administrator decides, and what cannot be is told where it was typed", async () => {
  await maud.go("/accounts");
  await maud.link("desk.session_rules.link").click();
  await maud.assertHeading("desk.session_rules.title");
  await maud.assertAccessible();
  // Without the browser's own check of numbers, as a program would send it.
  await maud.page.evaluate(() => document.querySelectorAll("form").forEach((form) => form.setAttribute("novalidate", "")));
  await maud.page.locator("#patients-idle").fill("121");
  await maud.page.locator("#patients-longest").fill("480");
  await maud.page.locator("section[aria-labelledby=patients] button:not(.second)").click();
  await maud.page.locator("#patients-wrong").waitFor();
  assert.equal(await maud.page.locator("#patients-idle").inputValue(), "121");
  assert.equal(await maud.page.locator("#patients-idle").getAttribute("aria-invalid"), "true");
  await maud.assertAccessible();
  await decide("newest");
  await maud.page.getByText(maud.says("desk.session_rules.done")).waitFor();
  assert.equal(await maud.page.locator("#patients-idle").inputValue(), "10");
  await maud.assertAccessible();
});

test("a second sign-in closes the first, whose page says why; whoever it was not says so", async () => {
  const home = await Visitor.open(browser, demo, { door: "portal" });
  await home.signIn(demo.person(CAMILLE));
  const seconds = Number(await home.page.locator("body").getAttribute("data-session-seconds"));
  assert.ok(seconds > 540 && seconds <= 600, `ten minutes unused, and not ${seconds} s`);
  const elsewhere = await Visitor.open(browser, demo, { door: "portal", viewport: PHONE });
  await elsewhere.signIn(demo.person(CAMILLE));
  await home.page.reload();
  await home.assertHeading("entrance.elsewhere.closed_title");
  assert.match(await words(home), /Chrome/, "on what");
  await home.assertAccessible();
  await home.button("entrance.elsewhere.not_me").click();
  await home.assertHeading("entrance.elsewhere.done_title");
  await home.assertAccessible();
  await elsewhere.go("/session");
  await elsewhere.assertHeading("error.session_expired.title");
  // Those in charge see whose account it is.
  const pascal = await Visitor.open(browser, demo, { door: "desk" });
  await pascal.signIn(demo.person(PASCAL));
  await pascal.page.getByText(pascal.says("desk.home.alarm_disowned")).waitFor();
  await pascal.assertAccessible();
  const account = await pascal.page.locator('a[href*="/accounts/"]').first().getAttribute("href");
  await pascal.page.goto(account);
  assert.match(await words(pascal), new RegExp(CAMILLE));
  // He reads what was decided, and decides nothing.
  await pascal.go("/accounts/sessions");
  assert.match(await words(pascal), /120/);
  assert.equal(await pascal.page.locator("main form").count(), 0);
  await pascal.assertAccessible();
  for (const visitor of [home, elsewhere, pascal]) {
    visitor.assertQuiet();
    await visitor.close();
  }
});

test("her own account shows her last sign-ins, and she may disown them from there", async () => {
  const camille = await Visitor.open(browser, demo, { door: "portal", viewport: PHONE });
  await camille.signIn(demo.person(CAMILLE));
  await camille.go("/session");
  await camille.assertAccessible();
  assert.ok((await words(camille)).includes("Vos dernières connexions"));
  await camille.button("entrance.account.recent_not_me").click();
  await camille.page.getByText(camille.says("entrance.account.changed_disowned")).waitFor();
  camille.assertQuiet();
  await camille.close();
});

test("where the first one counts, the second is told where, and comes in once the first has left", async () => {
  await decide("first");
  await maud.page.getByText(maud.says("desk.session_rules.done")).waitFor();
  const yann = demo.person(YANN);
  const first = await Visitor.open(browser, demo, { door: "portal" });
  await first.signIn(yann);
  assert.equal(await first.page.locator("body").getAttribute("data-here"), "/fr/session/here");
  // The page says by itself that it is there; here a minute is not waited for.
  const said = await first.page.evaluate(async () => {
    const { here, csrf } = document.body.dataset;
    return (await fetch(here, { method: "POST", body: new URLSearchParams({ csrf }) })).status;
  });
  assert.equal(said, 204);
  const second = await Visitor.open(browser, demo, { door: "portal", viewport: PHONE });
  await triesToSignIn(second, yann);
  await second.assertHeading("entrance.elsewhere.open_title");
  await second.assertAccessible();
  await first.page.locator("#sign-out").waitFor({ state: "attached" });
  await first.go("/session");
  await first.page.locator('main button[form="sign-out"]').click();
  await first.assertHeading("entrance.signed_out.title");
  await second.signIn(yann);
  await second.page.locator("#sign-out").waitFor({ state: "attached" });
  for (const visitor of [first, second]) {
    visitor.assertQuiet();
    await visitor.close();
  }
  await maud.go("/accounts/sessions");
  await maud.button("desk.session_rules.undo").click();
  await maud.page.getByText(maud.says("desk.session_rules.done")).waitFor();
  maud.assertQuiet();
});
