// Chromium as a visitor has it: it verifies the door's certificate against the demonstration's authority, and every
// complaint it makes (console, content security policy, third-party requests) is kept to be asserted on.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { chromium } from "playwright-core";
import { temporaryFolder } from "./demo.mjs";
import { nextCode } from "./totp.mjs";
import { pattern } from "./words.mjs";

const EXECUTABLE = process.env.POTERNE_CHROMIUM ?? "/usr/bin/chromium";
// No sandbox only because tests may run as root; the rest keeps the browser from calling home.
const FLAGS = [
  ...(process.getuid() === 0 ? ["--no-sandbox"] : []),
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];
const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

export const PHONE = { width: 390, height: 844 };
export const DESKTOP = { width: 1280, height: 900 };

/**
 * A browser that trusts the demonstration's authority and, with it, nothing more than it is. `here`: names that lead to
 * this computer, as a hospital's own name server would have it.
 */
export async function openBrowser(demo, { here = [] } = {}) {
  const home = temporaryFolder("home");
  const store = join(home, ".pki/nssdb");
  mkdirSync(store, { recursive: true });
  execFileSync("certutil", ["-d", `sql:${store}`, "-N", "--empty-password"]);
  execFileSync("certutil", ["-d", `sql:${store}`, "-A", "-t", "C,,", "-n", "demonstration", "-i", demo.ready.ca]);
  const env = {
    ...process.env,
    HOME: home,
    XDG_CONFIG_HOME: join(home, ".config"),
    XDG_CACHE_HOME: join(home, ".cache"),
  };
  const names = here.map((name) => `MAP ${name} 127.0.0.1`);
  const args = names.length > 0 ? [...FLAGS, `--host-resolver-rules=${names.join(",")}`] : FLAGS;
  return chromium.launch({ executablePath: EXECUTABLE, args, env });
}

/** A visitor of one door: a context of its own, and what the browser complained of. */
export class Visitor {
  static async open(
    browser,
    demo,
    { door = "portal", language = "fr", viewport = DESKTOP, javaScript = true, dark = false, state } = {},
  ) {
    const visitor = new Visitor();
    visitor.demo = demo;
    visitor.origin = demo.ready[door];
    visitor.language = language;
    visitor.context = await browser.newContext({
      baseURL: visitor.origin,
      viewport,
      locale: language === "fr" ? "fr-FR" : "en-GB",
      timezoneId: "Europe/Paris",
      javaScriptEnabled: javaScript,
      colorScheme: dark ? "dark" : "light",
      ignoreHTTPSErrors: false,
      storageState: state,
    });
    visitor.context.setDefaultTimeout(10_000);
    visitor.complaints = [];
    visitor.context.on("page", (page) => visitor.#listen(page));
    visitor.page = await visitor.context.newPage();
    return visitor;
  }

  #listen(page) {
    const complain = (text) => this.complaints.push(`${page.url()}: ${text}`);
    page.on("console", (message) => {
      // The browser logs the status of a page that is meant to be an error.
      const expected = /^Failed to load resource: .* status of (401|403|404|409|422|429|503)/.test(message.text());
      // Features that the door closes for browsers that have them; this one has not, on this system.
      const closed = /Permissions-Policy header: Unrecognized feature: '(bluetooth|web-share)'/.test(message.text());
      // The door takes passkeys on elliptic curves only, and means to.
      const curves = message.text().startsWith("publicKey.pubKeyCredParams is missing at least one");
      const counts = ["error", "warning"].includes(message.type());
      if (counts && !expected && !closed && !curves) complain(`${message.type()}: ${message.text()}`);
    });
    page.on("pageerror", (error) => complain(`exception: ${error.message}`));
    page.on("request", (request) => {
      // The browser's own PDF reader is made of pages of its own schemes.
      const url = new URL(request.url());
      const outside = /^(https?|wss?):$/.test(url.protocol) && url.origin !== this.origin;
      if (outside) complain(`a request left the door: ${url.origin}`);
    });
  }

  /** What the page says under a key of the language files. */
  says(key) {
    return pattern(this.language, key);
  }

  /** Goes to a path of the door, below the language. */
  go(path) {
    return this.page.goto(`/${this.language}${path}`);
  }

  button(key) {
    return this.page.getByRole("button", { name: this.says(key) });
  }

  link(key) {
    return this.page.getByRole("link", { name: this.says(key) });
  }

  /** The page's title of the first level says this. */
  async assertHeading(key) {
    await this.page.getByRole("heading", { level: 1, name: this.says(key) }).waitFor();
  }

  /** The sign-in form filled and sent: login and password. */
  async givePassword({ login, password }) {
    await this.page.getByLabel(this.says("entrance.welcome.login")).fill(login);
    await this.page.getByLabel(this.says("entrance.welcome.password")).fill(password);
    await this.button("entrance.welcome.sign_in").click();
  }

  /** The field of the second step. The step is the answer to the first form: it has no address of its own. */
  codeField() {
    return this.page.getByLabel(this.says("entrance.code.label"));
  }

  /** The second step, with a code as given. */
  async sendCode(code) {
    await this.codeField().fill(code);
    await this.button("entrance.code.submit").click();
  }

  /** The second step: a code of the authenticator. */
  async giveCode({ totp_secret }) {
    await this.codeField().waitFor();
    await this.sendCode(await nextCode(totp_secret));
    await this.page.waitForURL((url) => !url.pathname.includes("/session"));
  }

  async signIn(account) {
    await this.go("/");
    await this.givePassword(account);
    await this.giveCode(account);
  }

  /** The link to the first laboratory result on a record's page: results of other kinds may have no values to show. */
  laboratoryResult() {
    const row = this.page.getByRole("row").filter({ hasText: this.says("portal.record.kind_laboratory") });
    return row.locator('a[href*="/results/"]').first();
  }

  /** Clicks, and returns the answer to the first request whose address matches, in this tab or another. */
  async answerTo(address, click) {
    const [response] = await Promise.all([
      this.context.waitForEvent("response", (one) => address.test(new URL(one.url()).pathname)),
      click(),
    ]);
    return response;
  }

  /** The session's cookies, as a header. */
  async cookieHeader() {
    const cookies = await this.context.cookies();
    return cookies.map(({ name, value }) => `${name}=${value}`).join("; ");
  }

  /** Everything an accessibility checker finds on the page as it stands; must be nothing. */
  async assertAccessible() {
    await this.page.evaluate(AXE);
    const found = await this.page.evaluate(async () => {
      const { violations } = await globalThis.axe.run(document, { resultTypes: ["violations"] });
      return violations.map(({ id, help, nodes }) => ({ id, help, where: nodes.slice(0, 4).map((n) => n.html) }));
    });
    assert.deepEqual(found, [], `${this.page.url()} (${this.language}) is not accessible`);
    await this.assertFits();
  }

  /** No sideways scrolling at this width. */
  async assertFits() {
    const [content, width] = await this.page.evaluate(() => [
      document.documentElement.scrollWidth,
      document.documentElement.clientWidth,
    ]);
    assert.ok(content <= width, `${this.page.url()} is ${content} px wide in a window of ${width} px`);
  }

  /** The browser complained of nothing since the visit began. */
  assertQuiet() {
    assert.deepEqual(this.complaints, []);
  }

  async close() {
    await this.context.close();
  }
}
