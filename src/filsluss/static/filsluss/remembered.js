// Names and addresses that somebody has asked this device to remember; nothing else is ever kept.

const KEY = "filsluss-remembered";
const FIELDS = ["sender_name", "sender_email", "approver_email"];
const RECIPIENTS = 8;

/** What is remembered: {fields: {name: text}, recipients: [address]}; null if nothing is. */
function remembered() {
  try {
    const kept = JSON.parse(localStorage.getItem(KEY));
    return kept?.fields instanceof Object && Array.isArray(kept.recipients) ? kept : null;
  } catch {
    return null;
  }
}

function isPossible() {
  try {
    localStorage.setItem(`${KEY}-try`, "");
    localStorage.removeItem(`${KEY}-try`);
    return true;
  } catch {
    return false;
  }
}

function keep(form) {
  const earlier = remembered();
  const typed = (name) => form.elements[name]?.value.trim() ?? earlier?.fields[name] ?? "";
  const fields = Object.fromEntries(FIELDS.map((name) => [name, typed(name)]));
  if (!fields.approver_email) fields.approver_email = earlier?.fields.approver_email ?? "";
  const recipient = form.elements.recipient_email.value.trim();
  const others = (earlier?.recipients ?? []).filter((address) => address !== recipient);
  const recipients = [recipient, ...others].filter(Boolean).slice(0, RECIPIENTS);
  localStorage.setItem(KEY, JSON.stringify({ fields, recipients }));
}

function fill(form, kept) {
  for (const name of FIELDS) {
    const field = form.elements[name];
    if (field && !field.value) field.value = String(kept.fields[name] ?? "");
  }
  const options = kept.recipients.map((address) => new Option("", String(address)));
  document.getElementById("recipients").replaceChildren(...options);
}

export function remember(form) {
  if (!isPossible()) return;
  const [choice, box, button] = ["remember-choice", "remember", "forget"].map((id) => document.getElementById(id));
  const kept = remembered();
  choice.hidden = false;
  button.hidden = !kept;
  box.checked = Boolean(kept);
  if (kept) fill(form, kept);
  form.addEventListener("submit", (event) => {
    const sends = !event.submitter?.name;
    if (sends && box.checked) keep(form);
    else if (sends) localStorage.removeItem(KEY);
  });
  button.addEventListener("click", () => {
    localStorage.removeItem(KEY);
    document.getElementById("recipients").replaceChildren();
    box.checked = false;
    button.hidden = true;
    const said = document.getElementById("forgotten");
    said.textContent = said.dataset.words;
    said.classList.remove("hidden");
    box.focus();
  });
}
