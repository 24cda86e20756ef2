// Every page of the portal, as an accessibility checker sees it: French and English, light and dark, telephone and desk.
import { after, before, test } from "node:test";
import { DESKTOP, openBrowser, PHONE, Visitor } from "../lib/browser.mjs";
import { CAMILLE, HELENE, INES, MARCEL, SOPHIE } from "../lib/cast.mjs";
import { Demo } from "../lib/demo.mjs";
import { assertWellMade, everyPage } from "../lib/everypage.mjs";

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
    const account = demo.person(login);
    await visitor.go("/");
    await visitor.assertAccessible();
    await visitor.givePassword(account);
    await visitor.codeField().waitFor();
    await visitor.assertAccessible();
    await visitor.giveCode(account);
    const visited = await everyPage(visitor, async () => {
      await visitor.assertAccessible();
      await assertWellMade(visitor);
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
