// Every page of the desk and of the suppliers' door, for each role and in each state: axe-core finds nothing, light and
// dark, telephone and desk, French and English; nothing is lost at 320 px; the keyboard comes everywhere.
import { after, before, test } from "node:test";
import { Authenticator } from "../lib/authenticator.mjs";
import { openBrowser, Visitor } from "../lib/browser.mjs";
import { ALINE, DENIS, ERWAN, KARIM, LISE, MAUD, NADIA, ODILE, PASCAL, VICTOR } from "../lib/cast.mjs";
import { Demo } from "../lib/demo.mjs";
import { assertForEverybody, everyPage } from "../lib/everypage.mjs";
import { Stage } from "../lib/stage.mjs";

const LANGUAGES = ["fr", "en"];

let demo;
let browser;
let stage;
before(async () => {
  demo = await Demo.start();
  browser = await openBrowser(demo);
  stage = await Stage.set(demo);
});
after(async () => {
  await stage?.end();
  await browser?.close();
  await demo?.stop();
});

const states = () => {
  const { waiting, planned, held, open, closed, cut, refused, withdrawn } = stage;
  return [waiting, planned, held, open, closed, cut, refused, withdrawn].map((id) => `/interventions/${id}`);
};
const followed = () => [...states(), `/interventions/${stage.waiting}?problem=conflict`, "/interventions?q=zzzz"];
const watched = () => ["/sessions?live=true", `/sessions/${stage.live}`, `/sessions/${stage.over}`];
const seenAgain = () => [`/sessions/${stage.over}/channels/1`];
const again = () => [`/interventions/new?like=${stage.closed}`, "/interventions?state=lapsed", "/means?done=key_added"];

const PEOPLE = [
  {
    door: "desk",
    login: NADIA,
    pages: () => {
      const [held, open] = [stage.held, stage.open].map((id) => `/interventions/${id}`);
      const signed = [`${held}/extend?minutes=30`, `${open}/extend?minutes=30`, `${open}/hold?minutes=60`];
      return [...followed(), ...signed, ...watched(), ...seenAgain(), "/means?problem=label"];
    },
  },
  { door: "desk", login: ALINE, pages: () => [`/interventions/${stage.held}`, ...watched()] },
  { door: "desk", login: PASCAL, pages: () => [...followed(), ...watched(), ...seenAgain(), "/rules?state=gap"] },
  { door: "desk", login: MAUD, pages: () => ["/equipment/change", "/passkeys?problem=signature", "/accounts?q=zzzz"] },
  {
    door: "desk",
    login: DENIS,
    pages: () => ["/traces?go=1", "/traces?go=1&q=zzzz", "/traces?go=1&ip=nulle-part", "/traces?go=1&type=relay.opened"],
  },
  { door: "desk", login: ODILE, pages: () => ["/rules?text=&state=partial"] },
  { door: "suppliers", login: ERWAN, pages: () => [...states(), ...again()] },
  { door: "suppliers", login: LISE, pages: () => [...states(), ...again()] },
  { door: "suppliers", login: KARIM, pages: () => ["/interventions/new", "/means", "/ssh"] },
  { door: "suppliers", login: VICTOR, pages: () => ["/interventions", "/means"] },
];

/** Somebody signed in, in a language; the second language takes the first one's session. */
function signedIn(login, door) {
  let state;
  return async (language) => {
    const visitor = await Visitor.open(browser, demo, { door, language, state });
    if (!state) {
      await visitor.signIn(demo.person(login));
      state = await visitor.context.storageState();
    }
    return visitor;
  };
}

for (const door of ["desk", "suppliers"]) {
  test(`${door}: before one is signed in`, async () => {
    for (const language of LANGUAGES) {
      const visitor = await Visitor.open(browser, demo, { door, language });
      await visitor.go("/");
      await assertForEverybody(visitor);
      await visitor.givePassword({ login: "personne", password: "rien-de-vrai" });
      await visitor.codeField().waitFor();
      await assertForEverybody(visitor);
      await visitor.sendCode("000000");
      await visitor.page.getByRole("alert").first().waitFor();
      await assertForEverybody(visitor);
      visitor.assertQuiet();
      await visitor.close();
    }
  });
}

for (const { login, door, pages } of PEOPLE) {
  test(`${door}: ${login}`, async () => {
    const visitorIn = signedIn(login, door);
    for (const language of LANGUAGES) {
      const visitor = await visitorIn(language);
      const visited = await everyPage(visitor, () => assertForEverybody(visitor), pages(), 60);
      console.log(`# ${visited} pages`);
      visitor.assertQuiet();
      await visitor.close();
    }
  });
}

test("desk: a passkey to confirm, an equipment to sign, a cut that is asked twice", async () => {
  const nadia = await Visitor.open(browser, demo, { door: "desk" });
  await Authenticator.on(nadia.page);
  await nadia.signIn(demo.person(NADIA));
  await nadia.go("/means");
  await nadia.page.locator("#label").fill("téléphone");
  await nadia.button("desk.means.enrol").click();
  await nadia.page.getByRole("listitem").filter({ hasText: "téléphone" }).waitFor();
  await assertForEverybody(nadia);
  await nadia.go(`/interventions/${stage.held}`);
  await nadia.button("desk.intervention.cut_now").click();
  await nadia.assertHeading("desk.intervention.cut_title");
  await assertForEverybody(nadia);
  nadia.assertQuiet();
  await nadia.close();

  const maud = await Visitor.open(browser, demo, { door: "desk" });
  await maud.signIn(demo.person(MAUD));
  await maud.go("/passkeys");
  await assertForEverybody(maud);
  for (const act of ["vouch", "revoke"]) {
    await maud.go("/passkeys");
    await maud.page.locator(`main a[href$="/${act}"]`).first().click();
    await maud.page.waitForURL((url) => url.pathname.endsWith(act));
    await assertForEverybody(maud);
  }
  await maud.go("/equipment");
  await maud.page.getByRole("link", { name: "scanner-1" }).click();
  await maud.link("desk.equipment.change").click();
  await assertForEverybody(maud);
  await maud.page.locator("#quorum").fill("2");
  await maud.button("desk.equipment.check").click();
  await maud.page.getByRole("heading", { level: 1 }).waitFor();
  await assertForEverybody(maud);
  maud.assertQuiet();
  await maud.close();
});

test("suppliers: what is told when something is wrong, and a token just issued", async () => {
  const lise = await Visitor.open(browser, demo, { door: "suppliers" });
  await lise.signIn(demo.person(LISE));
  // As a browser without checks of its own would send them.
  const sendAsIs = async (form) => {
    await form.evaluate((one) => one.setAttribute("novalidate", ""));
    await form.locator("button[type=submit]").click();
  };
  await lise.go("/interventions/new");
  await sendAsIs(lise.page.locator("main form"));
  await lise.page.getByText(lise.says("suppliers.request.wrong")).waitFor();
  await assertForEverybody(lise);
  await lise.go("/means");
  await sendAsIs(lise.page.locator('form[action$="/means/keys"]'));
  await lise.page.getByRole("alert").first().waitFor();
  await assertForEverybody(lise);
  await lise.go("/means");
  await lise.page.locator("summary").last().click();
  await lise.page.locator("#token-label").fill("suivi des demandes");
  await lise.page.locator("input[name=scopes]").first().check();
  await lise.page.locator('form[action$="/means/tokens"] button').click();
  await lise.page.getByText(lise.says("means.issued_once")).waitFor();
  await assertForEverybody(lise);
  lise.assertQuiet();
  await lise.close();
});
