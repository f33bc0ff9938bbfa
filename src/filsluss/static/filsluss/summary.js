// What the page says of all uploads together: the line above them, the window's title, and how far they have come.

import { formatPercent, formatProgress, percent } from "./format.js";
import { named, t } from "./i18n.js";

const pageTitle = document.title;

export class Summary {
  /**
   * Options: the `element` of the line; `live` regions; `uploads()`: all that count; `isMissing()`: something that was
   * chosen is not among them, so that the page must not say that everything is done.
   */
  constructor(options) {
    Object.assign(this, options, { milestone: 0 });
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
      isOpen: uploads.some(({ isOpen }) => isOpen),
      sent: sum("sent"),
      size: sum("size"),
    };
  }

  announceState({ name, reason, state }, statusText) {
    const file = named(name);
    const text = t("file_status", { file, text: statusText });
    const key = reason || state;
    if (state === "failed" || key === "not_same") this.live.alert(text);
    else if (state === "received" && this.totals.isOpen) this.live.announce(t("is_done", { file }));
    else if (["paused", "offline", "cancelled", "resuming"].includes(key)) this.live.announceNow(text);
    else if (state === "asking") this.live.announceNow(statusText);
  }

  update() {
    const { totals } = this;
    const params = { ...totals, percent: formatProgress(totals.sent, totals.size) };
    const title = totals.isOpen ? `(${params.percent}) ${pageTitle}` : pageTitle;
    if (document.title !== title) document.title = title;
    const key = this.messageKey(totals);
    const text = key && t(key, key === "some_asked" ? { ...params, k: totals.asked } : params);
    if (text === this.text) return;
    this.text = text;
    const tone = { "": "", summary: "", some_failed: "state err", all_done: "state ok", all_done_one: "state ok" };
    const className = tone[key] ?? "state warn";
    const isDone = className === "state ok";
    this.live.conceal();
    this.show(isDone ? "" : text, className);
    if (isDone) this.live.show(text, className, () => this.text === text && this.show(text, className));
    else if (key === "some_failed") this.live.alert(text);
    else if (text && !totals.isOpen) this.live.announceNow(text);
  }

  show(text, className) {
    this.element.textContent = text;
    this.element.className = className;
  }

  /** While uploads are open, only if there are several. "Done" only when all of them are, and nothing is asked. */
  messageKey({ n, done, k, asked, isOpen }) {
    if (isOpen) return n > 1 ? "summary" : "";
    if (k) return n > 1 ? "some_failed" : "";
    if (asked) return n > 1 ? "some_asked" : "";
    if (!done) return "";
    if (this.isMissing()) return "some_missing";
    return n === 1 ? "all_done_one" : "all_done";
  }

  /** At 25, 50 and 75 percent, if everything takes longer than twenty seconds. */
  announceProgress() {
    const { sent, size, n } = this.totals;
    const milestone = Math.min(75, 25 * Math.floor(percent(sent, size || 1) / 25));
    if (milestone <= this.milestone) return;
    this.milestone = milestone;
    const sending = this.uploads().find((upload) => upload.isSending);
    if (!sending || sending.meter.age / (milestone / 100) < 20) return;
    const params = { file: named(sending.name), percent: formatPercent(milestone, 100) };
    this.live.announce(n === 1 ? t("milestone", params) : this.element.textContent);
  }
}
