// A right that gives rights: an administrator opens an account for another one and signs with her passkey; a security officer
// adds a passkey, has it confirmed, reads the same terms and signs them too. One of them alone gives nobody anything.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { Authenticator } from "../lib/authenticator.mjs";
import { openBrowser, PHONE, Visitor } from "../lib/browser.mjs";
import { MAUD, PASCAL } from "../lib/cast.mjs";
import { Demo } from "../lib/demo.mjs";
import { nextCode } from "../lib/totp.mjs";

const GAELLE = { name: "Gaëlle Prigent", login: "gaelle.prigent", password: "Quarante-4 loutres au bord du Scorff" };
const LABEL = "Téléphone de Pascal";

let demo;
let browser;
let maud;
let pascal;
let gaelle;
let device;
let link;
let told;
before(async () => {
  demo = await Demo.start();
  browser = await openBrowser(demo);
  maud = await Visitor.open(browser, demo, { door: "desk" });
  device = await Authenticator.on(maud.page);
  await device.holdDemonstrationsOf(demo, MAUD);
  await maud.signIn(demo.person(MAUD));
  pascal = await Visitor.open(browser, demo, { door: "desk", viewport: PHONE });
  await Authenticator.on(pascal.page);
  await pascal.signIn(demo.person(PASCAL));
});
after(async () => {
  await browser?.close();
  await demo?.stop();
});

/** What a part of the page says, without its layout. */
const words = async (visitor) => (await visitor.page.getByRole("main").innerText()).replace(/\s+/g, " ");

async function sheet(visitor, name) {
  await visitor.go(`/accounts?q=${GAELLE.login}`);
  await visitor.page.getByRole("link", { name }).click();
}

/** The link's form filled: a password, and a code of the second factor that the page drew. */
async function choose(visitor, password) {
  const secret = await visitor.page.locator("input[name=totp_secret]").inputValue();
  await visitor.page.getByLabel(visitor.says("entrance.means.password_new")).fill(password);
  await visitor.page.getByLabel(visitor.says("entrance.means.second_code")).fill(await nextCode(secret));
  await visitor.button("entrance.link.submit").click();
  return secret;
}

test("an administrator reads what she gives before she signs it, and signs from the keyboard", async () => {
  await maud.go("/accounts/new");
  await maud.page.locator("#given_name").fill("Gaëlle");
  await maud.page.locator("#family_name").fill("Prigent");
  await maud.page.locator("#login").fill(GAELLE.login);
  await maud.page.locator("#role").selectOption("administrator");
  await maud.page.locator("input[name=proof][value=in_person]").check();
  await maud.button("desk.accounts.form.submit").click();
  await maud.assertHeading("desk.accounts.sign.title");
  const terms = await words(maud);
  for (const part of [GAELLE.name, GAELLE.login, "Administrateur"]) {
    assert.ok(terms.includes(part), `${part} is told before anybody signs: ${terms}`);
  }
  await maud.assertAccessible();
  await maud.assertFits();
  // A finger that is not hers: nothing is signed, nothing is opened.
  await device.recognises(false);
  await maud.button("desk.intervention.sign").click();
  await maud.page.getByText(maud.says("desk.problem.passkey")).waitFor();
  await device.recognises(true);
  await maud.button("desk.intervention.sign").focus();
  await maud.page.keyboard.press("Enter");
  await maud.page.getByText(maud.says("desk.accounts.drawn.once")).waitFor();
  link = (await maud.page.locator("code.secret").innerText()).trim();
  assert.match(link, new RegExp(`^${demo.ready.desk}/fr/link/[A-Za-z0-9_-]{43}$`));
});

test("signed by her alone, it opens nothing, and she does not sign twice", async () => {
  gaelle = await Visitor.open(browser, demo, { door: "desk" });
  await gaelle.page.goto(link);
  await gaelle.assertHeading("entrance.link.waits_title");
  await gaelle.assertAccessible();
  await sheet(maud, GAELLE.name);
  assert.match(await words(maud), maud.says("desk.accounts.link.waits_signature"));
  assert.equal(await maud.button("desk.accounts.link.sign").count(), 0, "not by the one who drew it");
  assert.equal(await maud.button("desk.accounts.link.confirm").count(), 0);
  await maud.assertAccessible();
});

test("whoever has no passkey that counts is told what helps, step by step", async () => {
  await sheet(pascal, GAELLE.name);
  await pascal.button("desk.accounts.link.sign").click();
  await pascal.assertHeading("desk.accounts.sign.title");
  await pascal.page.getByText(pascal.says("desk.accounts.sign.lacks_any")).waitFor();
  assert.equal(await pascal.button("desk.intervention.sign").count(), 0);
  await pascal.assertAccessible();
  await pascal.assertFits();
  await pascal.page.getByRole("main").getByRole("link", { name: pascal.says("desk.intervention.no_passkey_link") }).click();
  await pascal.assertHeading("desk.means.title");
  await pascal.page.getByLabel(pascal.says("desk.means.label")).first().fill(LABEL);
  await pascal.button("desk.means.enrol").click();
  await pascal.page.getByRole("listitem").filter({ hasText: LABEL }).waitFor();

  await sheet(pascal, GAELLE.name);
  await pascal.button("desk.accounts.link.sign").click();
  await pascal.page.getByText(pascal.says("desk.accounts.sign.lacks_vouch")).waitFor();
  await pascal.assertFits();

  await maud.go("/passkeys");
  const waiting = maud.page.getByRole("listitem").filter({ hasText: LABEL });
  await waiting.getByRole("link", { name: maud.says("desk.passkeys.vouch") }).click();
  await maud.button("desk.intervention.sign").click();
  await maud.assertHeading("desk.passkeys.title");
});

test("another person reads the same terms, with who signed them, and signs: the code is shown once", async () => {
  await sheet(pascal, GAELLE.name);
  await pascal.button("desk.accounts.link.sign").click();
  await pascal.assertHeading("desk.accounts.sign.title");
  const terms = await words(pascal);
  for (const part of [GAELLE.name, GAELLE.login, "Maud Kervella"]) {
    assert.ok(terms.includes(part), `${part} is told before anybody signs`);
  }
  await pascal.assertAccessible();
  await pascal.assertFits();
  await pascal.button("desk.intervention.sign").click();
  await pascal.page.getByText(pascal.says("desk.accounts.confirmed.once")).waitFor();
  await pascal.assertAccessible();
  told = (await pascal.page.locator("code.secret").innerText()).trim();
  await pascal.page.getByRole("link", { name: pascal.says("desk.accounts.confirmed.done") }).click();
  await pascal.page.getByText(pascal.says("desk.accounts.link.asks_second")).waitFor();
});

test("the third administrator chooses her means, and her page says by whose signatures", async () => {
  await gaelle.page.goto(link);
  const second_code = () => gaelle.page.getByLabel(gaelle.says("entrance.link.second"));
  await second_code().fill("aaaaa-aaaaa");
  await choose(gaelle, GAELLE.password);
  assert.match(await words(gaelle), gaelle.says("entrance.link.problem_second"), "whoever drew it does not have the code");
  await gaelle.assertAccessible();
  await second_code().fill(told);
  await choose(gaelle, "cinq goelands gris au vieux quai de brume");
  assert.match(await words(gaelle), gaelle.says("entrance.means.problem_kinds"), "an administrator's is asked more of");
  await second_code().fill(told);
  GAELLE.totp_secret = await choose(gaelle, GAELLE.password);
  await gaelle.assertHeading("entrance.link.done_title");
  await gaelle.signIn(GAELLE);
  await sheet(maud, GAELLE.name);
  assert.match(await words(maud), maud.says("desk.accounts.right.signed"));
  await maud.assertAccessible();
  for (const visitor of [maud, pascal, gaelle]) visitor.assertQuiet();
});

test("a passkey that is taken away signed for nobody any more", async () => {
  await maud.go("/passkeys");
  const pascals = maud.page.getByRole("listitem").filter({ hasText: LABEL });
  await pascals.locator('a[href$="/revoke"]').click();
  await maud.page.locator("main form button.danger").click();
  await maud.assertHeading("desk.passkeys.title");
  await sheet(maud, GAELLE.name);
  assert.match(await words(maud), maud.says("desk.accounts.right.broken"));
});
