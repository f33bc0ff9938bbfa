// What the page shows and says of all uploads together, from the first file until everything is done.

import { SpeedMeter } from "./file-upload.js";
import { formatPercent, formatProgress, formatSize, formatTimeLeft, named, percent, showWords, t } from "./format.js";

const QUICK = 4; // seconds: of what is done that soon no shares are said
const pageTitle = document.title;

/** Emptied first: otherwise the same text twice in a row is announced only once. */
function announce(region, text) {
  region.textContent = "";
  requestAnimationFrame(() => {
    showWords(region, text);
  });
}

export class Scene {
  /**
   * Options: `byId`; `uploads()`: all that count; `queue`, whose `isMissing` (of what was chosen), `isLost` (of what
   * was received) and `isStopped` tell why the page must not say that everything is done.
   */
  constructor(options) {
    Object.assign(this, options, { milestone: 0, meter: new SpeedMeter() });
    this.root = this.byId("scene");
    if (this.stage !== "empty") this.arrange();
    else if (matchMedia("(min-width: 64rem)").matches) this.byId("work").after(this.byId("terms"));
  }

  get stage() {
    return this.root.dataset.stage;
  }

  /** For a screen reader, politely. */
  say(text) {
    announce(this.byId("upload-status"), text);
  }

  alert(text) {
    announce(this.byId("upload-alert"), text);
  }

  /** The list takes the chooser's place; the rule and the choices become one line below. */
  begin() {
    if (this.stage !== "empty") return;
    this.root.dataset.stage = "going";
    this.byId("terms").open = false;
    this.byId("how").open = true;
    this.arrange();
    const rows = this.byId("rows");
    if (rows.getBoundingClientRect().top < 0) rows.scrollIntoView();
  }

  /** The order that is seen is also that of the Tab key; whatever has the focus keeps it. */
  arrange() {
    const { byId } = this;
    const { activeElement } = document;
    byId("work").prepend(byId("rows"));
    byId("work").after(byId("terms"));
    if (activeElement !== document.body) activeElement.focus({ preventScroll: true });
    byId("choose").textContent = byId("choose").dataset.more;
  }

  get totals() {
    const uploads = this.uploads().filter(({ state }) => state !== "cancelled");
    const count = (test) => uploads.filter(test).length;
    const counted = uploads.filter(({ state }) => state !== "failed" && state !== "asking");
    const sum = (property) => counted.reduce((total, upload) => total + upload[property], 0);
    return {
      n: uploads.length,
      done: count(({ state }) => state === "received"),
      k: count(({ state }) => state === "failed"),
      asked: count(({ state }) => state === "asking"),
      open: count(({ isOpen }) => isOpen),
      paused: count(({ state }) => state === "paused"),
      active: count(({ isActive }) => isActive),
      sent: sum("sent"),
      here: sum("sent") - sum("base"),
      size: sum("size"),
    };
  }

  announceState({ name, reason, state }, statusText) {
    const file = named(name);
    const text = t("file_status", { file, text: statusText });
    const key = reason || state;
    if (state === "failed" || key === "not_same") this.alert(text);
    else if (["paused", "offline", "cancelled", "resuming"].includes(key)) this.say(text);
    else if (state === "asking") this.say(statusText);
  }

  update() {
    const { totals } = this;
    const share = formatProgress(totals.sent, totals.size);
    const title = totals.open ? `(${share}) ${pageTitle}` : pageTitle;
    if (document.title !== title) document.title = title;
    this.measure(totals);
    const key = this.messageKey(totals);
    const isDone = key.startsWith("all_done");
    const text = this.textOf(key, totals);
    this.showTotal(isDone ? "" : text, key, totals, share);
    if (key === this.key && (totals.open || text === this.text)) return;
    Object.assign(this, { key, text });
    if (isDone) this.showDone(text, totals.n);
    else this.hideDone();
    if (key === "some_failed") this.alert(text);
    else if (key && !isDone && !totals.open) this.say(text);
  }

  /** Of what this page sends itself: what was saved before says nothing about the speed. */
  measure({ active, here }) {
    if (active && !this.wasActive) this.meter.start(here);
    if (active) this.meter.update(here);
    this.wasActive = active > 0;
  }

  /** "Done" only when all of them are, and nothing is asked. */
  messageKey({ n, done, k, asked, open }) {
    if (open) return n > 1 ? "total" : "progress";
    if (k) return n > 1 ? "some_failed" : "";
    if (asked) return n > 1 ? "some_asked" : "";
    if (!done || this.queue.isStopped) return "";
    if (this.queue.isLost) return "some_lost";
    if (this.queue.isMissing) return n === 1 ? "some_missing_one" : "some_missing";
    return n === 1 ? "all_done_one" : "all_done";
  }

  textOf(key, { n, done, k, asked, open, paused, sent, size }) {
    if (!key) return "";
    const seconds = open && this.meter.secondsLeft(size - sent);
    const running = seconds === null ? t("no_estimate") : formatTimeLeft(seconds);
    const left = open && paused === open ? t("all_paused") : running;
    const text = t(key, {
      n, done, left, k: key === "some_asked" ? asked : k, x: formatSize(sent), y: formatSize(size),
    });
    return key === "progress" ? `${text} · ${left}` : text;
  }

  showTotal(text, key, { n, open, paused, sent, size }, share) {
    const { byId } = this;
    byId("total").hidden = !text;
    byId("total").dataset.tone = open ? "" : key === "some_failed" ? "err" : "warn";
    byId("total-share").textContent = open ? share : "";
    byId("upload-summary").textContent = text;
    byId("total-bar").value = Math.min(99, percent(sent, size || 1));
    byId("total-bar").hidden = !open;
    byId("all").hidden = !open || n < 2;
    byId("pause-all").hidden = paused === open;
    byId("continue-all").hidden = paused !== open;
  }

  /** What was sent, to whom, and what happens next; the focus reads it out, unless somebody is at something else. */
  showDone(text, n) {
    const { byId } = this;
    const { activeElement } = document;
    const next = n === 1 ? "next_single" : byId("one_letter").checked ? "next_one" : "next_each";
    byId("done-heading").textContent = text;
    showWords(byId("done-next"), t(next));
    byId("done").hidden = false;
    this.root.dataset.stage = "done";
    const isBusy = activeElement.closest("input, select, textarea, details[open]");
    this.say(isBusy ? text : ""); // what was said before is no longer so
    if (!isBusy) byId("done").focus();
  }

  hideDone() {
    this.byId("done").hidden = true;
    if (this.stage === "done") this.root.dataset.stage = "going";
  }

  /** At 25, 50 and 75 percent. */
  announceProgress() {
    const { sent, size, n, done } = this.totals;
    const share = percent(sent, size || 1);
    const milestone = Math.min(75, 25 * Math.floor(share / 25));
    const sending = this.uploads().find((upload) => upload.isSending);
    if (milestone <= this.milestone || !sending || (100 * this.meter.age) / share < QUICK) return;
    this.milestone = milestone;
    const params = { file: named(sending.name), done, n, percent: formatPercent(milestone, 100) };
    this.say(t(n === 1 ? "milestone" : "summary", params));
  }
}
