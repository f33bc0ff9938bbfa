// Announcements to screen readers, through the page's polite and assertive live regions.

import { showWords } from "./i18n.js";

const MIN_INTERVAL = 10_000;

export class LiveRegions {
  constructor(polite, assertive) {
    Object.assign(this, { polite, assertive, announcedAt: -MIN_INTERVAL });
  }

  /** For progress: polite, and at most once in ten seconds: a newer text replaces one that still waits. */
  announce(text) {
    clearTimeout(this.timer);
    const delay = this.announcedAt + MIN_INTERVAL - performance.now();
    this.timer = setTimeout(() => this.announceNow(text), delay);
  }

  /** Polite and without delay: the response to something the user did, or the end of it. */
  announceNow(text, className = "hidden") {
    clearTimeout(this.timer);
    this.announcedAt = performance.now();
    this.onReplace?.();
    this.onReplace = null;
    this.polite.className = className;
    update(this.polite, text);
  }

  /** Announced now and seen as well, in one place; `onReplace()` is called when something else is announced there. */
  show(text, className, onReplace) {
    this.announceNow(text, className);
    this.onReplace = onReplace;
  }

  /** What `show` shows is true no longer. */
  conceal() {
    if (!this.onReplace) return;
    this.onReplace = null;
    this.polite.className = "hidden";
    this.polite.textContent = "";
  }

  alert(text) {
    update(this.assertive, text);
  }
}

/** Emptied first: otherwise the same text twice in a row is announced only once. */
function update(region, text) {
  region.textContent = "";
  requestAnimationFrame(() => {
    showWords(region, text);
  });
}
