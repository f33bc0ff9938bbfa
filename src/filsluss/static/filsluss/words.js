// Words and figures: the sentences that the page gave us, and the sizes, shares, speeds and times put into them.

const NBSP = "\u00a0";
const UNITS = ["kB", "MB", "GB", "TB"];
const language = document.documentElement.lang || "sv";
const sentences = new Map();

export function learn(template) {
  for (const place of template.content.querySelectorAll("[data-word]")) {
    sentences.set(place.dataset.word, place.textContent.trim());
  }
  return sentences.size > 0;
}

export const knows = (key) => sentences.has(key);

export function say(key, figures = {}) {
  const sentence = sentences.get(key) ?? key;
  return sentence.replace(/\{(\w+)\}/g, (whole, name) => figures[name] ?? whole);
}

function number(amount, decimals = 0) {
  return amount.toLocaleString(language, { maximumFractionDigits: decimals });
}

function threeFigures(amount) {
  const decimals = amount >= 100 ? 0 : amount >= 10 ? 1 : 2;
  return [Number(amount.toFixed(decimals)), decimals];
}

/** The unit has no plural in Swedish. */
export const exactText = (bytes) => number(bytes) + NBSP + (language === "sv" || bytes === 1 ? "byte" : "bytes");

/** As file managers on Windows show it, 1024 to the step: 1,24 GB. */
export function sizeText(bytes) {
  if (bytes < 1024) return exactText(bytes);
  let power = 1;
  while (power < UNITS.length && threeFigures(bytes / 1024 ** power)[0] >= 1024) power += 1;
  return number(...threeFigures(bytes / 1024 ** power)) + NBSP + UNITS[power - 1];
}

/** Whole percent; 100 only when nothing is missing. */
export function percent(part, whole) {
  return part >= whole ? 100 : Math.floor((100 * part) / whole);
}

export const percentText = (part, whole) => percent(part, whole) + NBSP + "%";

/** Of what is under way: never 100 % before the server has said that all of it is there. */
export const shareText = (sent, size) => percentText(Math.min(sent, size * 0.99), size || 1);

/** Rounded, so that it need not change often: minutes under an hour, tens of minutes above. */
export function timeLeftText(seconds) {
  if (seconds < 55) return say("left_soon");
  const minutes = Math.round(seconds / 60);
  if (minutes < 60) return minutes === 1 ? say("left_minute") : say("left_minutes", { n: minutes });
  return hoursText(Math.round(minutes / 10));
}

function hoursText(tens) {
  const h = Math.floor(tens / 6);
  const n = (tens % 6) * 10;
  const many = h === 1 ? "left_hour" : "left_hours";
  return n ? say(`${many}_minutes`, { h, n }) : say(many, { h });
}

const HALF_LIFE = 10;
const FIRST_ESTIMATE = 3;
const STEADY = 5;
const STALL = 15;

const seconds = () => performance.now() / 1000;

export class Meter {
  constructor() {
    this.restart(0);
  }

  restart(bytes) {
    this.began = this.at = this.moved = this.toldAt = seconds();
    this.bytes = bytes;
    this.average = 0;
    this.told = null;
  }

  /** Takes in how many bytes have gone by now. */
  read(bytes) {
    const now = seconds();
    const passed = now - this.at;
    if (bytes !== this.bytes) this.moved = now;
    if (passed < 0.2) return;
    const weight = 1 - 2 ** (-passed / HALF_LIFE);
    this.average += weight * (Math.max(0, bytes - this.bytes) / passed - this.average);
    this.at = now;
    this.bytes = bytes;
  }

  /** Bytes a second; a young average is still too near to nought, and is lifted to what it stands for. */
  get speed() {
    return this.average / (1 - 2 ** (-Math.max(this.age, 0.2) / HALF_LIFE));
  }

  get age() {
    return this.at - this.began;
  }

  get isStalled() {
    return seconds() - this.moved > STALL;
  }

  /** Seconds left, or null while nobody can know; a new answer at most every five seconds. */
  left(rest) {
    if (this.age < FIRST_ESTIMATE || this.speed < 1) return null;
    if (this.told === null || seconds() - this.toldAt >= STEADY) {
      this.told = rest / this.speed;
      this.toldAt = seconds();
    }
    return this.told;
  }
}
