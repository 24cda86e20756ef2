// The second door with something on every page: an intervention in each state, a session that lives and one that is over.
import { Api, approved, asked } from "./api.mjs";
import { ERWAN } from "./cast.mjs";
import { Technician, shows } from "./ssh.mjs";

const LIVE_SECONDS_MAX = 900;

/** What stands on it: identifiers, the live terminal, and `end` to let its technician go. */
export class Stage {
  static async set(demo) {
    const stage = new Stage();
    stage.desk = new Api(demo, "desk", "beneficiary");
    stage.erwan = new Technician({ account: demo.person(ERWAN), key: demo.ready.ssh_key, relay: demo.ready.ssh });
    stage.erwan.secondsMax = LIVE_SECONDS_MAX;
    await stage.#ended(demo);
    await stage.#ahead(demo);
    await stage.#live(demo);
    return stage;
  }

  #act(id, act, body = {}) {
    return this.desk.must("POST", `/interventions/${id}/${act}`, body);
  }

  /** What is over: closed with a terminal to see again, cut, refused, withdrawn. */
  async #ended(demo) {
    this.closed = await approved(demo, { ticket: "BIO-2026-301" });
    const shell = await this.erwan.shell("scanner-1");
    shell.stdin.write("etat\rjournal\rexit\r");
    const { code, stderr } = await shell.ended;
    if (code !== 0) throw new Error(`the stage's session ended with ${code}: ${stderr}`);
    await this.#act(this.closed, "close");
    this.over = (await this.desk.must("GET", "/sessions")).rows[0].id;
    this.cut = await approved(demo);
    await this.#act(this.cut, "cut", { reason: "Intervention non prévue au planning" });
    this.refused = await asked(demo);
    await this.#act(this.refused, "refuse", { reason: "Le scanner sert cet après-midi" });
    this.withdrawn = await asked(demo);
    await new Api(demo, "suppliers", "technician").must("POST", `/interventions/${this.withdrawn}/withdraw`, {});
  }

  /** What is to come, and what is not to be interrupted. */
  async #ahead(demo) {
    const purpose = "Mise à jour du logiciel d'acquisition, version 4.2, à la demande du service d'imagerie";
    this.waiting = await asked(demo, { purpose, sources: ["192.0.2.0/24", "2001:db8:aaaa:bbbb::/64"] });
    this.planned = await approved(demo, { fromMinutes: 600, untilMinutes: 720 });
    this.held = await approved(demo, { ticket: "BIO-2026-302" });
    await this.#act(this.held, "open");
    const until = (minutes) => ({ until: new Date(Date.now() + minutes * 60_000).toISOString() });
    await this.#act(this.held, "extend", until(90));
    await this.#act(this.held, "hold", until(60));
  }

  /** A terminal that lives. */
  async #live(demo) {
    this.open = await approved(demo, { equipment: "automate-pharmacie" });
    this.erwan.opened = false;
    this.shell = await this.erwan.shell("automate-pharmacie");
    this.shell.stdin.write("etat\r");
    await shows(this.shell, "console de maintenance");
    const [newest] = (await this.desk.must("GET", "/sessions")).rows;
    this.live = newest?.live ? newest.id : undefined;
    if (!this.live) throw new Error("no session lives on the stage");
  }

  async end() {
    this.shell.stdin.end("exit\r");
    await this.shell.ended;
  }
}
