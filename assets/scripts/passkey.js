// Signs and enrols with passkeys. The forms hold what is to be signed; what the passkey answers goes back in their own
// fields, and the form is sent as any other. All words come from the page.

const bytes = (text) => {
  const plain = atob(text.replaceAll("-", "+").replaceAll("_", "/"));
  return Uint8Array.from(plain, (letter) => letter.charCodeAt(0));
};
const text = (buffer) => {
  const letters = Array.from(new Uint8Array(buffer), (byte) => String.fromCharCode(byte)).join("");
  return btoa(letters).replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");
};
const known = (list) => (list ? list.split(",") : []).map((id) => ({ type: "public-key", id: bytes(id) }));

const ceremonies = {
  async get(form) {
    const { challenge, credentials, rp } = form.dataset;
    const publicKey = {
      challenge: bytes(challenge),
      allowCredentials: known(credentials),
      userVerification: "required",
      timeout: 240000,
    };
    if (rp) publicKey.rpId = rp;
    const { rawId, response } = await navigator.credentials.get({ publicKey });
    return {
      credential: text(rawId),
      client_data_json: text(response.clientDataJSON),
      authenticator_data: text(response.authenticatorData),
      signature: text(response.signature),
    };
  },
  async create(form) {
    const { challenge, credentials, rp, user, userName, resident } = form.dataset;
    const name = userName || form.elements.namedItem("login")?.value || "poterne";
    const publicKey = {
      challenge: bytes(challenge),
      rp: { id: rp, name: document.title.split(" · ").pop() },
      user: { id: bytes(user), name, displayName: name },
      pubKeyCredParams: [-7, -8].map((alg) => ({ type: "public-key", alg })),
      excludeCredentials: known(credentials),
      authenticatorSelection: { userVerification: "required", residentKey: resident ?? "preferred" },
      attestation: "none",
      timeout: 240000,
    };
    const { response } = await navigator.credentials.create({ publicKey });
    return {
      client_data_json: text(response.clientDataJSON),
      attestation_object: text(response.attestationObject),
    };
  },
};

for (const form of document.querySelectorAll("form[data-passkey]")) {
  const told = (name) => form.querySelector(`[data-when="${name}"]`);
  if (!window.PublicKeyCredential) {
    told("unsupported")?.removeAttribute("hidden");
    continue;
  }
  // What is there for passkeys alone is shown where they are.
  form.hidden = false;
  let busy = false;
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (busy) return;
    busy = true;
    told("failed").hidden = true;
    try {
      const answer = await ceremonies[form.dataset.passkey](form);
      for (const [name, value] of Object.entries(answer)) form.elements.namedItem(name).value = value;
      // Past our own listener.
      form.submit();
    } catch {
      told("failed").hidden = false;
      busy = false;
    }
  });
}
