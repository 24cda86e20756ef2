// A hospital's own policy opens documents to passkeys alone. A patient who came in by password and code is told so, adds her
// passkey on her phone, and comes back to the very page that she had asked for.
import assert from "node:assert/strict";
import { chmodSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { Authenticator } from "../lib/authenticator.mjs";
import { openBrowser, PHONE, Visitor } from "../lib/browser.mjs";
import { CAMILLE } from "../lib/cast.mjs";
import { Demo, temporaryFolder } from "../lib/demo.mjs";

const POLICY = `@id("documents-by-passkey")
@because("Décision du 3 mars.")
forbid (principal is Account, action == Action::"read_object", resource is Object)
when { resource.category == "document" && principal.assurance < 3 };
`;

let demo;
let browser;
let camille;
before(async () => {
  const folder = join(temporaryFolder("policies"), "own");
  mkdirSync(folder, { mode: 0o700 });
  writeFileSync(join(folder, "documents.cedar"), POLICY);
  chmodSync(join(folder, "documents.cedar"), 0o600);
  demo = await Demo.start({ flags: ["--policies", folder] });
  browser = await openBrowser(demo);
  camille = await Visitor.open(browser, demo, { door: "portal", viewport: PHONE });
  await Authenticator.on(camille.page);
});
after(async () => {
  await browser?.close();
  await demo?.stop();
});

const notice = () => camille.page.getByText(camille.says("layout.more_proof_title"));

test("a page that holds less says so, and where more is asked", async () => {
  await camille.signIn(demo.person(CAMILLE));
  await camille.link("portal.home.own_documents").click();
  await notice().waitFor();
  await camille.assertAccessible();
  await camille.assertFits();
  await camille.page.getByText(camille.says("portal.record.not_proved")).waitFor();
  await camille.link("layout.more_proof_go").click();
  await camille.assertHeading("entrance.again.none_title");
  await camille.assertAccessible();
  await camille.assertFits();
});

test("she adds a passkey, and it is asked for where it is needed", async () => {
  await camille.link("entrance.again.none_go").click();
  await camille.assertHeading("entrance.again.title");
  await camille.go("/session");
  await camille.page.getByLabel(camille.says("entrance.passkey.label"), { exact: true }).fill("Mon téléphone");
  await camille.button("entrance.passkey.add").click();
  await camille.page.getByText(camille.says("entrance.passkey.added")).waitFor();

  // The session that she has was opened by the password still.
  await camille.go("/");
  await camille.link("portal.home.own_documents").click();
  const asked = new URL(camille.page.url()).pathname;
  await camille.link("layout.more_proof_go").click();
  await camille.assertHeading("entrance.again.passkey_title");
  await camille.assertAccessible();
  await camille.assertFits();
  assert.equal(await camille.page.locator("main input[type=password]").count(), 0, "a password would not open it");
  await camille.button("entrance.passkey.sign_in").click();
  await camille.page.waitForURL((url) => url.pathname === asked);
  assert.equal(await notice().count(), 0);
});

test("documents open, and each page that asks for it is come back to", async () => {
  await camille.page.locator('main table a[href*="/documents/"]').first().click();
  await camille.link("portal.document.open").first().waitFor();
  const document = camille.page.url();
  await camille.go("/session");
  await camille.page.locator('main button[form="sign-out"]').click();
  await camille.go("/");
  await camille.signIn(demo.person(CAMILLE));
  await camille.page.goto(document);
  await camille.assertHeading("entrance.again.passkey_title");
  await camille.button("entrance.passkey.sign_in").click();
  await camille.page.waitForURL(document);
  await camille.link("portal.document.open").first().waitFor();
});
