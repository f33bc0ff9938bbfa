// The page's messages in the reader's language, from the <template> that the server rendered.

const messages = new Map();

export function loadMessages(template) {
  for (const element of template.content.querySelectorAll("[data-message]")) {
    messages.set(element.dataset.message, element.textContent.trim());
  }
}

export const hasMessage = (key) => messages.has(key);

/** The message with its {placeholders} filled in; the key itself if there is no such message. */
export function t(key, params = {}) {
  const message = messages.get(key) ?? key;
  return message.replace(/\{(\w+)\}/g, (placeholder, name) => params[name] ?? placeholder);
}

const NAME = /\u2068([^\u2069]*)\u2069/;

/** The name of a file as a message takes it: between marks (UAX #9, isolates), by which `showWords` finds it. */
export const named = (name) => `\u2068${name.replace(/[\u2066-\u2069]/g, "")}\u2069`;

/** Shows a message; the names in it are marked, so that no translator of a browser touches them. */
export function showWords(element, message) {
  const parts = message.split(NAME); // every second one is a name
  if (element.textContent === parts.join("")) return;
  element.replaceChildren(...parts.map((part, n) => (n % 2 ? marked(part) : part)));
}

function marked(name) {
  const element = document.createElement("bdi");
  element.translate = false;
  element.textContent = name;
  return element;
}
