// Somebody arrives, works, is noticed, and leaves: an administrator opens an account, its holder chooses his means by the
// link that he was handed, changes them on his own page, uses a spare code, and is out at once when he is suspended.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { openBrowser, PHONE, Visitor } from "../lib/browser.mjs";
import { MAUD, PASCAL } from "../lib/cast.mjs";
import { Demo } from "../lib/demo.mjs";
import { nextCode } from "../lib/totp.mjs";

const BASILE = { name: "Basile Kermarec", login: "basile.kermarec" };
const FIRST = "Onze 4 goélands sur le quai";
const SECOND = "Deux vieux 7 chalands vides";

let demo;
let browser;
let maud;
let basile;
let link;
let codes;
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

/** What a part of the page says, without its layout. */
const words = async (visitor) => (await visitor.page.getByRole("main").innerText()).replace(/\s+/g, " ");

async function invite({ given, family, login, role }) {
  await maud.go("/accounts/new");
  await maud.page.locator("#given_name").fill(given);
  await maud.page.locator("#family_name").fill(family);
  await maud.page.locator("#login").fill(login);
  await maud.page.locator("#role").selectOption(role);
  await maud.page.locator("input[name=proof][value=in_person]").check();
  await maud.button("desk.accounts.form.submit").click();
}

/** The link's form filled: a password, and a code of the second factor that the page drew. */
async function choose(visitor, password, code) {
  const secret = await visitor.page.locator("input[name=totp_secret]").inputValue();
  await visitor.page.getByLabel(visitor.says("entrance.means.password_new")).fill(password);
  await visitor.page.getByLabel(visitor.says("entrance.means.second_code")).fill(code ?? (await nextCode(secret)));
  await visitor.button("entrance.link.submit").click();
  return secret;
}

test("an administrator opens an account, and is shown its link once", async () => {
  await maud.go("/accounts");
  await maud.assertHeading("desk.accounts.title");
  await invite({ given: "Basile", family: "Kermarec", login: BASILE.login, role: "on_call" });
  link = (await maud.page.locator("code.secret").innerText()).trim();
  assert.match(link, new RegExp(`^${demo.ready.desk}/fr/link/[A-Za-z0-9_-]{43}$`));
  await maud.assertAccessible();
  await maud.go(`/accounts?q=${BASILE.login}`);
  await maud.page.getByRole("link", { name: BASILE.name }).click();
  await maud.page.getByText(maud.says("desk.accounts.state_of.invited")).first().waitFor();
  assert.ok(!(await maud.page.content()).includes(link.split("/").pop()), "not a second time");
});

test("its holder chooses a password that is not soon guessed, and a second factor that is in his hands", async () => {
  basile = await Visitor.open(browser, demo, { door: "desk", viewport: PHONE });
  await basile.page.goto(link);
  await basile.page.getByRole("heading", { level: 1, name: BASILE.name }).waitFor();
  await basile.page.locator("svg.square").waitFor();
  await basile.assertAccessible();
  await choose(basile, "basile.kermarec2026");
  assert.match(await words(basile), basile.says("entrance.means.because_personal"));
  await choose(basile, FIRST, "000000");
  assert.match(await words(basile), basile.says("entrance.means.problem_code"));
  await basile.assertAccessible();
  BASILE.totp_secret = await choose(basile, FIRST);
  await basile.assertHeading("entrance.link.done_title");
  assert.equal((await basile.page.goto(link)).status(), 404, "it serves once");
  BASILE.password = FIRST;
  await basile.signIn(BASILE);
  await basile.page.getByText(BASILE.name).first().waitFor();
});

test("he draws spare codes, and one of them stands in for his telephone", async () => {
  await basile.go("/session");
  await basile.page.locator("summary", { hasText: basile.says("entrance.account.codes_submit") }).click();
  await basile.page.locator("#codes-current").fill(FIRST);
  await basile.button("entrance.account.codes_submit").click();
  await basile.assertHeading("entrance.account.codes_page");
  await basile.assertAccessible();
  codes = await basile.page.locator(".codes code").allInnerTexts();
  assert.equal(new Set(codes).size, 10);

  const elsewhere = await Visitor.open(browser, demo, { door: "desk" });
  await elsewhere.go("/");
  await elsewhere.givePassword(BASILE);
  await elsewhere.page.locator("summary", { hasText: elsewhere.says("entrance.code.spare") }).click();
  await elsewhere.page.getByLabel(elsewhere.says("entrance.code.spare_label")).fill(codes[0].toUpperCase());
  await elsewhere.page.locator("details.spare button").click();
  await elsewhere.page.waitForURL((url) => !url.pathname.includes("/session"));
  await basile.go("/session");
  assert.match(await words(basile), /Chrome, Linux/, "what is open elsewhere is named");

  // His password changed, what was open elsewhere is closed.
  await basile.page.locator("#current").fill(FIRST);
  await basile.page.locator("#password").fill(SECOND);
  await basile.button("entrance.account.password_submit").click();
  await basile.page.getByText(basile.says("entrance.account.changed_password")).waitFor();
  await basile.assertAccessible();
  assert.equal((await elsewhere.go("/session")).status(), 401);
  await elsewhere.close();
  BASILE.password = SECOND;
});

test("suspended, he is out at once, and does not come in again before he is reopened", async () => {
  const pascal = await Visitor.open(browser, demo, { door: "desk" });
  await pascal.signIn(demo.person(PASCAL));
  await pascal.go(`/accounts?q=${BASILE.login}`);
  await pascal.page.getByRole("link", { name: BASILE.name }).click();
  await pascal.page.locator('a[href$="/state/suspended"]').click();
  await pascal.assertAccessible();
  await pascal.page.locator("input[name=reason][value=suspicion]").check();
  await pascal.page.locator("main form button").click();
  await pascal.page.getByText(pascal.says("desk.accounts.state_of.suspended")).first().waitFor();
  assert.equal(await pascal.page.locator('a[href*="/state/"]').count(), 0, "giving back is the administrators'");
  assert.equal((await basile.go("/")).status(), 200);
  assert.equal((await basile.go("/session")).status(), 401, "his session is over");

  const tries = await Visitor.open(browser, demo, { door: "desk" });
  await tries.go("/");
  await tries.givePassword(BASILE);
  await tries.sendCode(await nextCode(BASILE.totp_secret));
  await tries.page.getByText(tries.says("entrance.problem.credentials")).waitFor();

  await maud.go(`/accounts?q=${BASILE.login}`);
  await maud.page.getByRole("link", { name: BASILE.name }).click();
  await maud.page.locator('a[href$="/state/active"]').click();
  await maud.page.locator("main form button").click();
  await maud.page.getByText(maud.says("desk.accounts.state_of.active")).first().waitFor();
  // A failure is followed by two seconds, wherever it came from.
  await tries.page.waitForTimeout(2100);
  await tries.go("/");
  await tries.givePassword(BASILE);
  await tries.giveCode(BASILE);
  await tries.page.getByText(BASILE.name).first().waitFor();
  await tries.close();
  for (const visitor of [maud, basile, pascal]) visitor.assertQuiet();
});
