// From nothing to a first administrator: `init`, `serve`, the link that was printed opened in a browser, and what the
// passkey enrolled there can sign at once, and after the node has started again.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { Authenticator } from "../lib/authenticator.mjs";
import { openBrowser, PHONE, Visitor } from "../lib/browser.mjs";
import { temporaryFolder } from "../lib/demo.mjs";
import { InstalledDesk } from "../lib/installed.mjs";
import { nextCode } from "../lib/totp.mjs";

const DESK = "bureau.test";
const FIRST = { name: "Solange Carn", login: "solange.carn", password: "Vingt-7 herons gris au gué" };

let desk;
let browser;
let solange;
let device;
before(async () => {
  desk = await InstalledDesk.init(DESK);
  browser = await openBrowser(desk, { here: [DESK] });
});
after(async () => {
  await browser?.close();
  await desk?.stop();
});

/** The form filled with what she chooses; gives the secret that the page drew. */
async function fill({ login, password, code }) {
  const field = (key) => solange.page.getByLabel(solange.says(`desk.enrol.${key}`));
  const secret = (await solange.page.locator("code.secret").innerText()).replace(/\s/g, "");
  await field("name").fill(FIRST.name);
  await field("login").fill(login);
  await field("password").fill(password);
  await field("code").fill(code ?? (await nextCode(secret)));
  return secret;
}

const send = () => solange.button("desk.enrol.submit").click();

test("the program tells what to do next, and that nobody is enrolled yet", async () => {
  assert.ok(desk.said.includes("poterne serve --config"), desk.said);
  assert.ok(desk.link.startsWith(`${desk.origin}/fr/enrol/`));
  const told = await desk.poterne("check");
  assert.match(told, /no key is pinned yet/);
  await desk.serve();
});

test("another link opens nothing, and looks like any address that leads nowhere", async () => {
  solange = await Visitor.open(browser, desk, { door: "desk", viewport: PHONE });
  device = await Authenticator.on(solange.page);
  const [, token] = desk.link.split("/enrol/");
  const wrong = `${desk.link.slice(0, -token.length)}${token.split("").reverse().join("")}`;
  const answers = [];
  for (const address of [wrong, `${desk.origin}/fr/nothing-here`]) {
    const answer = await solange.page.goto(address);
    answers.push([answer.status(), await solange.page.getByRole("heading", { level: 1 }).innerText()]);
  }
  assert.equal(answers[0][0], 404);
  assert.deepEqual(answers[0], answers[1]);
});

test("a wrong code is told; what was typed stays, the password does not", async () => {
  await solange.page.goto(desk.link);
  await solange.assertHeading("desk.enrol.title");
  await solange.assertAccessible();
  await fill({ ...FIRST, code: "000000" });
  await send();
  await solange.page.getByText(solange.says("desk.enrol.code_wrong")).waitFor();
  assert.equal(await solange.page.locator("#login").inputValue(), FIRST.login);
  assert.equal(await solange.page.locator("#password").inputValue(), "");
  await solange.assertAccessible();
  assert.equal(existsSync(desk.key("pinned.json")), false, "nothing is pinned by a mistake");
});

test("she enrols: login, password, second factor and passkey in one page", async () => {
  FIRST.totp_secret = await fill(FIRST);
  await send();
  await solange.assertHeading("desk.enrol.done_title");
  await solange.assertAccessible();
  const credentials = await device.credentials();
  const [pinned] = JSON.parse(readFileSync(desk.key("pinned.json"), "utf8"));
  const asKept = (credential) => Buffer.from(credential.credentialId, "base64").toString("base64url");
  assert.ok(credentials.map(asKept).includes(pinned.credential), "the key pinned is that of her device");
  assert.equal(existsSync(desk.key("first-administrator.json")), false, "nothing is left of the link");
});

test("the link does not serve twice", async () => {
  const again = await solange.page.goto(desk.link);
  assert.equal(again.status(), 404);
  const other = await Visitor.open(browser, desk, { door: "desk" });
  assert.equal((await other.page.goto(desk.link)).status(), 404);
  await other.close();
  assert.doesNotMatch(await desk.poterne("check"), /no key is pinned yet/);
});

test("she signs in with what she chose, and her passkey signs for the installation", async () => {
  await solange.signIn(FIRST);
  await solange.page.getByText(FIRST.name).first().waitFor();
  await desk.poterne("account", "add", "--login", "marc.lebris", "--name", "Marc Le Bris", "--role", "beneficiary");
  await register("irm-2");
  await solange.assertAccessible();
});

test("after a new start the same holds", async () => {
  await desk.stop();
  await desk.serve();
  await solange.go("/equipment");
  await solange.page.getByText("irm-2").first().waitFor();
  assert.match(await solange.page.getByRole("main").innerText(), solange.says("desk.equipment.signed"));
  await register("irm-3");
  solange.assertQuiet();
});

/** An equipment put in its sheet and signed. */
async function register(name) {
  const { page } = solange;
  await solange.go("/equipment");
  await solange.link("desk.equipment.add").click();
  const key = join(temporaryFolder("machine"), "host");
  execFileSync("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-C", "", "-f", key]);
  const [kind, material] = readFileSync(`${key}.pub`, "utf8").split(" ");
  const values = { name, location: "Imagerie", host: "192.0.2.10", account: "maintenance" };
  values.host_key = `${kind} ${material.trim()}`;
  for (const [field, value] of Object.entries(values)) await page.locator(`#${field}`).fill(value);
  await page.getByLabel("Marc Le Bris").check();
  await solange.button("desk.equipment.check").click();
  await solange.assertHeading("desk.equipment.sign_title");
  await page.getByLabel(solange.says("desk.equipment.secret")).last().fill("un mot de passe de machine");
  await solange.button("desk.equipment.sign").click();
  await page.getByText(solange.says("desk.equipment.signed")).first().waitFor();
}
