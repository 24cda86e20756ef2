// The night when nobody can sign in otherwise: two people sealed two envelopes, whoever is on call opens them on a telephone,
// cuts a session, and somebody else looks at it the next day.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { openBrowser, PHONE, Visitor } from "../lib/browser.mjs";
import { MAUD, PASCAL } from "../lib/cast.mjs";
import { Demo } from "../lib/demo.mjs";
import { textOfPdf } from "../lib/pdf.mjs";

const LOGIN = "secours-nuit";
const NAME = "Secours de nuit";
const WHY = "Garde technique à deux, annuaire muet, fuite au bloc";

let demo;
let browser;
let maud;
let pascal;
let codes;
before(async () => {
  demo = await Demo.start();
  browser = await openBrowser(demo);
  maud = await Visitor.open(browser, demo, { door: "desk" });
  await maud.signIn(demo.person(MAUD));
  pascal = await Visitor.open(browser, demo, { door: "desk" });
  await pascal.signIn(demo.person(PASCAL));
});
after(async () => {
  await browser?.close();
  await demo?.stop();
});

/** What a part of the page says, without its layout. */
const words = async (visitor) => (await visitor.page.getByRole("main").innerText()).replace(/\s+/g, " ");

/** The sheet that the page is, as it comes out of a printer: one page, with all that is needed and no button. */
async function printed(visitor) {
  const code = (await visitor.page.locator("code.secret").innerText()).trim();
  assert.match(code, /^([0-9a-z]{5}-){4}[0-9a-z]{5}$/);
  await visitor.assertAccessible();
  const sheet = textOfPdf(await visitor.page.pdf({ preferCSSPageSize: true, printBackground: true }));
  assert.equal(sheet.split("\f").filter((page) => page.trim()).length, 1, "one sheet each");
  assert.ok(sheet.includes(code) && sheet.includes(LOGIN));
  await visitor.page.emulateMedia({ media: "print" });
  const text = await words(visitor);
  for (const said of [code, LOGIN, `${visitor.origin}/fr/session/envelopes`]) assert.ok(text.includes(said), said);
  assert.match(text, visitor.says("desk.break_glass.sheet_then_spent"));
  assert.ok(!visitor.says("desk.break_glass.sheet_once").test(text), "what is for the screen is not printed");
  assert.equal(await visitor.page.getByRole("link", { name: visitor.says("desk.break_glass.sheet_done") }).count(), 0);
  await visitor.page.emulateMedia({ media: "screen" });
  return code;
}

test("an administrator draws the first envelope, and somebody else the second", async () => {
  await maud.go("/accounts");
  assert.match(await words(maud), maud.says("desk.break_glass.remark_nobody"));
  await maud.page.getByRole("main").getByRole("link", { name: maud.says("desk.break_glass.title") }).click();
  await maud.assertHeading("desk.break_glass.title");
  await maud.assertAccessible();
  await maud.page.locator("#name").fill(NAME);
  await maud.page.locator("#login").fill(LOGIN);
  await maud.page.locator("#role").selectOption("on_call");
  await maud.button("desk.break_glass.new_submit").click();
  const first = await printed(maud);
  await maud.link("desk.break_glass.sheet_done").click();
  assert.ok(!(await maud.page.content()).includes(first), "not a second time");
  assert.equal(await maud.button("desk.break_glass.confirm").count(), 0, "not by the one who drew the first");
  await maud.assertAccessible();

  await pascal.go("/accounts/break-glass");
  await pascal.assertAccessible();
  await pascal.button("desk.break_glass.confirm").click();
  codes = [first, await printed(pascal)];
  await maud.go("/accounts");
  assert.ok(!maud.says("desk.break_glass.remark_nobody").test(await words(maud)));
});

test("at night they open one session, on a telephone and without a script, which says what it is", async () => {
  const night = await Visitor.open(browser, demo, { door: "desk", viewport: PHONE, javaScript: false });
  await night.go("/");
  await night.link("entrance.envelopes.link").click();
  await night.assertHeading("entrance.envelopes.title");
  const give = async (code) => {
    await night.page.locator("#login").fill(LOGIN);
    await night.page.locator("#code").fill(code);
    await night.button("entrance.envelopes.next").click();
  };
  const slip = codes[0].slice(0, 8) + (codes[0][8] === "a" ? "b" : "a") + codes[0].slice(9);
  await give(slip);
  assert.match(await words(night), night.says("entrance.envelopes.slip_group"), "which group is told, and nothing is tried");
  await give(codes[0].toUpperCase().replaceAll("-", " "));
  await night.page.locator("#reason").fill(WHY);
  await night.page.locator("#code").fill(codes[0]);
  await night.button("entrance.envelopes.open").click();
  assert.match(await words(night), night.says("entrance.envelopes.slip_other"));
  assert.equal(await night.page.locator("#reason").inputValue(), WHY, "what was written is kept");
  await night.page.locator("#code").fill(codes[1]);
  await night.button("entrance.envelopes.open").click();
  await night.page.waitForURL((url) => !url.pathname.includes("/session"));
  for (const path of ["/", "/interventions", "/sessions", "/session"]) {
    await night.go(path);
    assert.match(await words(night), night.says("layout.break_glass"), path);
    await night.assertFits();
  }
  assert.equal(await night.page.locator("#password").count(), 0, "it has no means to change");
  assert.equal((await night.go("/means")).status(), 404);
  night.assertQuiet();
  await night.close();

  const again = await Visitor.open(browser, demo, { door: "desk" });
  await again.go("/session/envelopes");
  await again.assertAccessible();
  await again.page.locator("#login").fill(LOGIN);
  await again.page.locator("#code").fill(codes[0]);
  await again.button("entrance.envelopes.next").click();
  await again.assertAccessible();
  await again.page.locator("#code").fill(codes[1]);
  await again.page.locator("#reason").fill(WHY);
  await again.button("entrance.envelopes.open").click();
  assert.match(await words(again), again.says("entrance.envelopes.refused"), "they served once");
  await again.assertAccessible();
  again.assertQuiet();
  await again.close();
});

test("it rings at those who manage accounts until somebody else has looked", async () => {
  for (const visitor of [maud, pascal]) {
    await visitor.go("/");
    assert.match(await words(visitor), visitor.says("desk.break_glass.ringing"));
    await visitor.assertAccessible();
  }
  await pascal.link("desk.break_glass.ringing_see").click();
  await pascal.assertHeading("desk.break_glass.use_title");
  assert.ok((await words(pascal)).includes(WHY));
  await pascal.assertAccessible();
  await pascal.page.locator("#words").fill("Appelé la garde : vanne fermée, une session coupée, rien d'autre.");
  await pascal.button("desk.break_glass.review_submit").click();
  await pascal.assertHeading("desk.break_glass.title");
  await pascal.assertAccessible();
  for (const visitor of [maud, pascal]) {
    await visitor.go("/");
    assert.ok(!visitor.says("desk.break_glass.ringing").test(await words(visitor)));
    visitor.assertQuiet();
  }
});
