// The application form: only what concerns its writer is shown, addresses are looked at, links fill it in.

import { isAddress, isInside, meantAddress } from "./did-you-mean.js";
import { remember } from "./remembered.js";

const form = document.getElementById("form");
const inside = form.dataset.inside.split(" ").filter(Boolean);
const providers = form.dataset.providers.split(" ");
const addresses = [...form.querySelectorAll("input[type=email]")];
const [sender, recipient, approver] = ["sender_email", "recipient_email", "approver_email"].map(
  (name) => form.elements[name],
);
// Who is signed in is inside, and their form has neither their own address nor an approver's.

/** Shows the fields for who sends from inside, or from outside to outside; one with an error stays. */
function showWhatConcerns() {
  const isInsider = !sender || isInside(sender.value, inside);
  const toInside = isInside(recipient.value, inside);
  const shown = {
    inside: isInsider,
    outside: !isInsider && !toInside,
    "outside-sender": !isInsider,
    "outside-recipient": !toInside,
  };
  for (const part of form.querySelectorAll("[data-for]")) {
    part.hidden = !shown[part.dataset.for] && !part.matches(".wrong, :has(.wrong)");
  }
}

/** The recipient's language is the sender's until another is chosen for them. */
function followLanguage(event) {
  const { name, value } = event.target;
  if (name === "recipient_language") form.dataset.languageChosen = "1";
  if (name === "language" && !form.dataset.languageChosen) form.elements.recipient_language.value = value;
}

function suggest(field) {
  const line = document.getElementById(`${field.id}-meant`);
  const meant = meantAddress(field.value, inside, providers);
  line.querySelector("strong").textContent = meant;
  line.hidden = !meant;
}

function takeSuggestion(event) {
  const button = event.target.closest("button[name=use]");
  if (!button) return;
  event.preventDefault();
  const field = form.elements[button.value];
  field.value = meantAddress(field.value, inside, providers);
  field.focus();
  suggest(field);
  showWhatConcerns();
}

/** Of a link such as /#to=a@b.se&why=Drawings&approver=c@d.se: a server never sees what follows the #. */
function fillFromLink() {
  const given = new URLSearchParams(location.hash.slice(1));
  const [to, why, who] = ["to", "why", "approver"].map((name) => given.get(name)?.trim() ?? "");
  if (isAddress(to)) recipient.value = to;
  if (why) form.elements.purpose.value = why.slice(0, 500);
  if (approver && isAddress(who)) {
    approver.value = who;
    form.elements.recipient_outside.checked = true;
  }
  if (to || why || who) {
    history.replaceState(null, "", location.pathname + location.search);
    showWhatConcerns();
  }
}

for (const field of addresses) {
  field.addEventListener("change", () => suggest(field));
  field.addEventListener("input", showWhatConcerns);
}
form.addEventListener("click", takeSuggestion);
form.addEventListener("change", followLanguage);
addEventListener("hashchange", fillFromLink);
remember(form);
fillFromLink();
showWhatConcerns();
addEventListener("pageshow", showWhatConcerns);
