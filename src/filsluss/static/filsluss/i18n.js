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
