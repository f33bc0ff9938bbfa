// The page's messages in the reader's language, from a <template>; sizes, shares, speeds and times as text in it.

const NBSP = "\u00a0";
const UNITS = ["kB", "MB", "GB", "TB"];
const language = document.documentElement.lang || "sv";
const messages = new Map();

export function loadMessages(template) {
  for (const element of template.content.querySelectorAll("[data-message]")) {
    for (const part of element.querySelectorAll("[translate=no]")) part.textContent = named(part.textContent);
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

/** A name or an address as a message takes it: between marks (UAX #9, isolates), by which `showWords` finds it. */
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

function formatNumber(number, decimals = 0) {
  return number.toLocaleString(language, { maximumFractionDigits: decimals });
}

/** The number rounded to three significant digits, and how many of them are decimals. */
function threeDigits(number) {
  const decimals = number >= 100 ? 0 : number >= 10 ? 1 : 2;
  return [Number(number.toFixed(decimals)), decimals];
}

/** The Swedish word has no plural. */
export const formatBytes = (bytes) =>
  formatNumber(bytes) + NBSP + (language === "sv" || bytes === 1 ? "byte" : "bytes");

/** In steps of 1024, as Windows shows sizes: 1,24 GB. */
export function formatSize(bytes) {
  if (bytes < 1024) return formatBytes(bytes);
  let power = 1;
  while (power < UNITS.length && threeDigits(bytes / 1024 ** power)[0] >= 1024) power += 1;
  return formatNumber(...threeDigits(bytes / 1024 ** power)) + NBSP + UNITS[power - 1];
}

export const formatSpeed = (bytesPerSecond) => t("speed", { size: formatSize(Math.round(bytesPerSecond)) });

/** Rounded down: 100 only when nothing is missing. */
export function percent(part, total) {
  return part >= total ? 100 : Math.floor((100 * part) / total);
}

export const formatPercent = (part, total) =>
  (percent(part, total) / 100).toLocaleString(language, { style: "percent" });

/** Of an upload in progress: at most 99 %, because only the server's answer makes it complete. */
export const formatProgress = (sent, size) => formatPercent(Math.min(sent, size * 0.99), size || 1);

/** Rounded so that it changes seldom: to minutes below an hour, to ten minutes above. */
export function formatTimeLeft(seconds) {
  if (seconds < 55) return t("left_soon");
  const minutes = Math.round(seconds / 60);
  if (minutes < 60) return minutes === 1 ? t("left_minute") : t("left_minutes", { n: minutes });
  return formatHours(Math.round(minutes / 10));
}

function formatHours(tensOfMinutes) {
  const h = Math.floor(tensOfMinutes / 6);
  const n = (tensOfMinutes % 6) * 10;
  const key = h === 1 ? "left_hour" : "left_hours";
  return n ? t(`${key}_minutes`, { h, n }) : t(key, { h });
}
