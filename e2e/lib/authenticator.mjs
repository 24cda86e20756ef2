// A passkey's device in Chromium's place: the browser's own virtual authenticator, which signs with real keys.
import { createHash, createPrivateKey, createPublicKey } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";

const DEVICE = {
  protocol: "ctap2",
  transport: "internal",
  hasResidentKey: true,
  hasUserVerification: true,
  isUserVerified: true,
  automaticPresenceSimulation: true,
};

/** The device of one page: its owner is there, and recognised. */
export class Authenticator {
  static async on(page) {
    const device = new Authenticator();
    device.session = await page.context().newCDPSession(page);
    await device.session.send("WebAuthn.enable");
    const { authenticatorId } = await device.session.send("WebAuthn.addVirtualAuthenticator", { options: DEVICE });
    device.authenticatorId = authenticatorId;
    return device;
  }

  #send(method, more = {}) {
    return this.session.send(`WebAuthn.${method}`, { authenticatorId: this.authenticatorId, ...more });
  }

  /** The passkeys that it holds. */
  async credentials() {
    return (await this.#send("getCredentials")).credentials;
  }

  /** Whether it recognises its owner from now on: a finger that is not his gives `false`. */
  async recognises(isUserVerified) {
    await this.#send("setUserVerified", { isUserVerified });
  }

  /** Gives it the software passkey that the demonstration keeps for somebody. */
  async holdDemonstrationsOf(demo, login) {
    const pkcs8 = readFileSync(join(demo.folder, "demo", `${login}.passkey`));
    const key = createPublicKey(createPrivateKey({ key: pkcs8, format: "der", type: "pkcs8" }));
    const { x, y } = key.export({ format: "jwk" });
    const point = Buffer.concat([Buffer.from([4]), Buffer.from(x, "base64url"), Buffer.from(y, "base64url")]);
    const credentialId = createHash("sha256").update(point).digest().subarray(0, 16).toString("base64");
    const credential = {
      credentialId,
      isResidentCredential: false,
      rpId: "localhost",
      privateKey: pkcs8.toString("base64"),
      signCount: 0,
    };
    await this.#send("addCredential", { credential });
  }
}
