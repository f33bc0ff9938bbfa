// A passkey is made or used: the browser's answer goes into the form, which is sent as any other.

const ways = {
  create: [(options) => PublicKeyCredential.parseCreationOptionsFromJSON(options), (publicKey) => navigator.credentials.create({ publicKey })],
  get: [(options) => PublicKeyCredential.parseRequestOptionsFromJSON(options), (publicKey) => navigator.credentials.get({ publicKey })],
};

function prepare(form) {
  const [read, ask] = ways[form.dataset.passkey];
  const options = JSON.parse(document.getElementById(form.dataset.options).textContent);
  form.hidden = false;
  form.addEventListener("submit", async (event) => {
    if (form.elements.credential.value) return;
    event.preventDefault();
    try {
      form.elements.credential.value = JSON.stringify((await ask(read(options))).toJSON());
    } catch {
      form.elements.credential.value = "{}"; // the page says then what can be done
    }
    form.requestSubmit();
  });
}

if (globalThis.PublicKeyCredential?.parseRequestOptionsFromJSON) {
  for (const form of document.querySelectorAll("form[data-passkey]")) prepare(form);
}
