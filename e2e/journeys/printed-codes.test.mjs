// A patient without a telephone for codes: one person at the desk prints a sheet, another confirms it; at home, on a narrow
// screen and without a script, its codes open his record, each once and in their order; lost, it opens nothing any more.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { openBrowser, PHONE, Visitor } from "../lib/browser.mjs";
import { MAUD, PASCAL, YANN } from "../lib/cast.mjs";
import { Demo } from "../lib/demo.mjs";
import { textOfPdf } from "../lib/pdf.mjs";
import { nextCode } from "../lib/totp.mjs";

const ANEW = "Onze 4 goélands sur le quai";

let demo;
let browser;
let maud;
let pascal;
let yann;
let person;
let codes;
let others;
before(async () => {
  demo = await Demo.start();
  browser = await openBrowser(demo);
  person = { ...demo.person(YANN) };
  maud = await Visitor.open(browser, demo, { door: "desk" });
  await maud.signIn(demo.person(MAUD));
  pascal = await Visitor.open(browser, demo, { door: "desk" });
  await pascal.signIn(demo.person(PASCAL));
  yann = await Visitor.open(browser, demo, { viewport: PHONE, javaScript: false });
});
after(async () => {
  await browser?.close();
  await demo?.stop();
});

/** What a part of the page says, without its layout. */
const words = async (visitor) => (await visitor.page.getByRole("main").innerText()).replace(/\s+/g, " ");

/** The page of the patient's account. */
async function sheetOf(visitor) {
  await visitor.go(`/accounts?q=${YANN}`);
  await visitor.page.locator("table").getByRole("link").first().click();
  await visitor.page.locator("#codes-title, #sheet-title").first().waitFor();
}

/** The paper that the page is, as it comes out of a printer: one page, with all codes and no button. */
async function printed(visitor) {
  await sheetOf(visitor);
  await visitor.page.locator("summary", { hasText: visitor.says("desk.accounts.codes.draw") }).click();
  assert.equal(await visitor.page.locator("details[open] input[name=proof]").count(), 2, "face to face, or not at all");
  await visitor.page.locator("details[open] input[name=proof][value=in_person]").check();
  await visitor.page.locator("details[open]").getByRole("button").click();
  await visitor.assertHeading("desk.accounts.codes.paper_title");
  await visitor.assertAccessible();
  const drawn = (await visitor.page.locator(".code-sheet code").allInnerTexts()).map((code) => code.trim());
  assert.equal(new Set(drawn).size, 30);
  for (const code of drawn) assert.match(code, /^\d{4}\s\d{4}$/);
  const paper = textOfPdf(await visitor.page.pdf({ preferCSSPageSize: true, printBackground: true }));
  assert.equal(paper.split("\f").filter((page) => page.trim()).length, 1, "one sheet of paper");
  const flat = paper.replace(/\s+/g, " ");
  for (const said of [...drawn, demo.ready.portal ?? ""]) assert.ok(flat.includes(said.replace(/\s+/g, " ")), said);
  assert.ok(!flat.includes(YANN), "whoever finds it is not told what to type first");
  await visitor.page.emulateMedia({ media: "print" });
  const text = await words(visitor);
  assert.ok(!visitor.says("desk.accounts.codes.paper_once").test(text), "what is for the screen is not printed");
  await visitor.page.emulateMedia({ media: null });
  return drawn;
}

/** Both steps, with a code as given. */
async function tries(visitor, code) {
  await visitor.go("/");
  await visitor.givePassword(person);
  await visitor.codeField().waitFor();
  await visitor.assertFits();
  await visitor.sendCode(code);
}

async function comesIn(visitor, code) {
  await tries(visitor, code);
  await visitor.page.waitForURL((url) => !url.pathname.includes("/session"));
}

async function isRefused(visitor, code) {
  await tries(visitor, code);
  await visitor.page.getByText(visitor.says("entrance.problem.credentials")).waitFor();
  // A failure is followed by a wait.
  await visitor.page.waitForTimeout(4200);
}

async function signsOut(visitor) {
  await visitor.go("/session");
  await visitor.button("layout.sign_out").first().click();
}

test("one person prints a sheet for somebody who is there, and another confirms it", async () => {
  codes = await printed(maud);
  await maud.link("desk.accounts.drawn.done").click();
  assert.match(await words(maud), maud.says("desk.accounts.codes.waits_own"));
  assert.ok(!(await maud.page.content()).includes(codes[0]), "not a second time");
  assert.equal(await maud.button("desk.accounts.codes.confirm").count(), 0, "not by the one who printed it");
  await maud.assertAccessible();
  // Until then the application serves.
  await comesIn(yann, await nextCode(person.totp_secret));
  await sheetOf(pascal);
  await pascal.assertAccessible();
  await pascal.button("desk.accounts.codes.confirm").click();
  await pascal.page.getByText(pascal.says("desk.accounts.codes.serves")).waitFor();
  await pascal.assertAccessible();
  assert.equal((await yann.go("/session")).status(), 401, "what the application opened is closed");
});

test("at home each code opens his record once, in their order", async () => {
  assert.match(await (await yann.go("/"), words(yann)), yann.says("entrance.welcome.then_code"));
  await yann.givePassword(person);
  await yann.codeField().waitFor();
  assert.match(await words(yann), yann.says("entrance.sheet.code_lead"));
  await yann.sendCode(codes[0]);
  await yann.page.waitForURL((url) => !url.pathname.includes("/session"));
  await yann.assertHeading("portal.home.hello");
  await yann.go("/session");
  assert.match(await words(yann), /29 codes.*numéro 2\b/);
  await yann.assertFits();
  await signsOut(yann);
  await isRefused(yann, codes[0]);
  await isRefused(yann, codes[29]);
  // One was crossed out for nothing, and this one is typed without its space.
  await comesIn(yann, codes[2].replace(/\s/g, ""));
  await signsOut(yann);
  await isRefused(yann, codes[1]);
  await isRefused(yann, await nextCode(person.totp_secret));
});

test("another sheet and a link, which waits a day unless he says that it was he: its page asks for a code of it, and for the second person's", async () => {
  await comesIn(yann, codes[3]);
  others = await printed(maud);
  await maud.link("desk.accounts.drawn.done").click();
  await maud.page.locator("section[aria-labelledby=draw-title] summary").click();
  await maud.page.locator("section[aria-labelledby=draw-title] input[value=in_person]").check();
  await maud.page.locator("section[aria-labelledby=draw-title] form button").click();
  const link = (await maud.page.locator("code.secret").innerText()).trim();
  await sheetOf(pascal);
  assert.match(await words(pascal), pascal.says("desk.accounts.codes.waits_link"));
  assert.equal(await pascal.button("desk.accounts.codes.confirm").count(), 0, "with the link, not apart");
  await pascal.button("desk.accounts.link.confirm").click();
  const told = (await pascal.page.locator("code.secret").innerText()).trim();

  const anew = await Visitor.open(browser, demo, { viewport: PHONE });
  await anew.page.goto(link);
  await anew.assertHeading("entrance.link.early_title");
  await anew.assertAccessible();
  await anew.assertFits();
  await yann.go("/session");
  await yann.page.getByText(yann.says("entrance.account.link_title")).waitFor();
  await yann.assertFits();
  await yann.button("entrance.account.link_allow").click();
  await yann.page.getByText(yann.says("entrance.account.changed_link_allowed")).waitFor();
  assert.equal(await yann.button("entrance.account.link_allow").count(), 0, "it serves");
  await anew.page.goto(link);
  await anew.page.getByText(anew.says("entrance.sheet.link_what")).waitFor();
  assert.equal(await anew.page.locator("svg.square").count(), 0, "no application is asked for");
  await anew.assertAccessible();
  const choose = async (second, code) => {
    await anew.page.getByLabel(anew.says("entrance.link.second")).fill(second);
    await anew.page.getByLabel(anew.says("entrance.means.password_new")).fill(ANEW);
    await anew.page.getByLabel(anew.says("entrance.sheet.link_code")).fill(code);
    await anew.button("entrance.link.submit").click();
  };
  await choose("aaaaa-aaaaa", others[0]);
  assert.match(await words(anew), anew.says("entrance.link.problem_second"), "who printed and drew has not heard it");
  await choose(told, codes[4]);
  assert.match(await words(anew), anew.says("entrance.sheet.link_problem"));
  await anew.assertAccessible();
  await anew.page.waitForTimeout(4200);
  await choose(told, others[0]);
  await anew.assertHeading("entrance.link.done_title");
  person.password = ANEW;
  assert.equal((await yann.go("/session")).status(), 401, "what the former sheet opened is closed");
  await comesIn(anew, others[1]);
  await anew.assertHeading("portal.home.hello");
  await signsOut(anew);
  anew.assertQuiet();
});

test("lost, it opens nothing any more, and what was open is closed", async () => {
  await comesIn(yann, others[2]);
  await sheetOf(pascal);
  assert.match(await words(pascal), /27 codes/);
  await pascal.button("desk.accounts.codes.withdraw").click();
  await pascal.page.getByText(pascal.says("desk.accounts.codes.gone")).waitFor();
  await pascal.assertAccessible();
  assert.equal((await yann.go("/session")).status(), 401);
  await isRefused(yann, others[3]);
  for (const visitor of [maud, pascal, yann]) visitor.assertQuiet();
});
