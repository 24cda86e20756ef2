// A person without a browser: HTTPS that verifies the door's certificate, a cookie jar, and forms filled as they are served.
import { Agent, request } from "node:https";
import { nextCode } from "./totp.mjs";

const PATIENCE_MS = 20_000;

export class Client {
  constructor(demo, { language = "fr", keepAlive = true, door = "portal", from } = {}) {
    this.origin = demo.ready[door];
    this.language = language;
    this.cookies = new Map();
    this.agent = new Agent({ ca: demo.ca, keepAlive, maxSockets: keepAlive ? 1 : Infinity, localAddress: from });
  }

  /** One exchange: { status, headers, rawHeaders, body (Buffer), text, ms }. Redirects are not followed. */
  ask(method, path, { form, headers = {}, origin = true } = {}) {
    const url = new URL(path, this.origin);
    const body = form ? new URLSearchParams(form).toString() : undefined;
    const all = { "accept-language": this.language, ...headers };
    if (this.cookies.size > 0 && !("cookie" in all)) {
      all.cookie = [...this.cookies].map(([name, value]) => `${name}=${value}`).join("; ");
    }
    if (body !== undefined) {
      all["content-type"] = "application/x-www-form-urlencoded";
      all["content-length"] = Buffer.byteLength(body);
    }
    if (method !== "GET" && origin) Object.assign(all, { origin: this.origin, "sec-fetch-site": "same-origin" });
    const began = performance.now();
    return new Promise((done, failed) => {
      const sent = request(url, { method, agent: this.agent, headers: all }, (response) => {
        const chunks = [];
        response.on("data", (chunk) => chunks.push(chunk));
        response.on("error", failed);
        response.on("end", () => {
          this.#keepCookies(response.headers["set-cookie"] ?? []);
          const bytes = Buffer.concat(chunks);
          done({
            status: response.statusCode,
            headers: response.headers,
            rawHeaders: response.rawHeaders,
            body: bytes,
            text: bytes.toString("utf8"),
            ms: performance.now() - began,
          });
        });
      });
      sent.setTimeout(PATIENCE_MS, () => sent.destroy(new Error(`${method} ${path}: no answer in ${PATIENCE_MS} ms`)));
      sent.on("error", failed);
      sent.end(body);
    });
  }

  get(path, options) {
    return this.ask("GET", path, options);
  }

  /** Follows redirects with GET, as a browser does after a form. */
  async follow(answer, hops = 5) {
    let last = answer;
    while ([302, 303, 307].includes(last.status) && hops-- > 0) last = await this.get(last.headers.location);
    return last;
  }

  /** Fills the form whose action ends with `action` on the page and sends it. `values` go by field name or autocomplete. */
  submit(page, action, values = {}, options = {}) {
    const form = formsOf(page.text).find((one) => one.action.endsWith(action));
    if (!form) throw new Error(`no form to ${action} on the page (${page.status}):\n${page.text.slice(0, 600)}`);
    const fields = {};
    for (const field of form.fields) {
      const value = values[field.name] ?? values[field.autocomplete] ?? field.value;
      if (field.name) fields[field.name] = value;
    }
    return this.ask(form.method, form.action, { form: fields, ...options });
  }

  /** Password, then code. Returns the page that follows the sign-in. */
  async signIn(account) {
    const welcome = await this.get(`/${this.language}/`);
    const filled = { username: account.login, "current-password": account.password };
    const second = await this.follow(await this.submit(welcome, `/${this.language}/session`, filled));
    const code = await nextCode(account.totp_secret);
    const answer = await this.submit(second, `/${this.language}/session/code`, { "one-time-code": code });
    if (answer.status !== 303 || this.cookies.size === 0) {
      throw new Error(`sign-in of ${account.login} failed: ${answer.status}\n${answer.text.slice(0, 1500)}`);
    }
    return this.follow(answer);
  }

  /** The home page, or the sign-in page of somebody unknown. */
  async home() {
    return this.follow(await this.get(`/${this.language}/`));
  }

  async isSignedIn() {
    return isSignedIn(await this.home());
  }

  /** What the page of one's own account answers: it needs a session, and neither disk nor record. */
  async pageOfOwn() {
    return (await this.get(`/${this.language}/session`)).status;
  }

  /** The links of a page that match, in order, without repeats. */
  links(page, pattern) {
    const all = [...page.text.matchAll(/\shref="([^"]+)"/g)].map((match) => unescapeHtml(match[1]));
    return [...new Set(all.filter((href) => pattern.test(href)))];
  }

  close() {
    this.agent.destroy();
  }

  #keepCookies(lines) {
    for (const line of lines) {
      const [pair, ...attributes] = line.split(";");
      const [name, value] = [pair.slice(0, pair.indexOf("=")), pair.slice(pair.indexOf("=") + 1)];
      if (value === "" || attributes.some((text) => /^\s*max-age=0\s*$/i.test(text))) this.cookies.delete(name);
      else this.cookies.set(name, value);
    }
  }
}

function attribute(tag, name) {
  const found = new RegExp(`\\s${name}(?:="([^"]*)")?(?=[\\s/>])`, "i").exec(tag);
  return found ? unescapeHtml(found[1] ?? "") : undefined;
}

/** Only who is signed in can sign out. */
function isSignedIn({ status, text }) {
  return status === 200 && formsOf(text).some(({ action }) => action.endsWith("/session/end"));
}

export function formsOf(html) {
  return [...html.matchAll(/<form\b[^>]*>[\s\S]*?<\/form>/gi)].map(([whole]) => {
    const tag = /<form\b[^>]*>/i.exec(whole)[0];
    const fields = [...whole.matchAll(/<input\b[^>]*>/gi)].map(([input]) => ({
      name: attribute(input, "name"),
      type: attribute(input, "type") ?? "text",
      autocomplete: attribute(input, "autocomplete"),
      value: attribute(input, "value") ?? "",
    }));
    return {
      action: attribute(tag, "action") ?? "",
      method: (attribute(tag, "method") ?? "get").toUpperCase(),
      fields,
    };
  });
}

export function unescapeHtml(text) {
  const named = { amp: "&", lt: "<", gt: ">", quot: '"', apos: "'", nbsp: "\u00a0" };
  return text.replace(/&(?:#(\d+)|#x([0-9a-f]+)|([a-z]+));/gi, (whole, decimal, hex, name) => {
    if (decimal) return String.fromCodePoint(Number(decimal));
    if (hex) return String.fromCodePoint(Number.parseInt(hex, 16));
    return named[name] ?? whole;
  });
}
