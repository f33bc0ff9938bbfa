// The files that the server has: polled as JSON; after a change their rows are copied from the page, loaded again.

import { showWords, t } from "./format.js";
import { getChanges, getPage, send } from "./tus.js";

const POLL_INTERVAL = 4000;
const SLOW_POLL_INTERVAL = 30_000;
const SLOW_AFTER = 120_000;
const SHOWN = ["id", "state", "letter", "letter_at", "fetched_at", "partly_at", "offset"];

export class ServerFileList {
  /**
   * Options: `url` of the list; the elements `element` and `pickAgain` (a template); `hasRow(entry)`: this tab has a
   * row of its own for that file; `isElsewhere(id)`: another tab is uploading it; `onUpdate()` after every answer, `onError(error)` if there was none.
   */
  constructor(options) {
    Object.assign(this, options);
    this.latest = { files: [], max_size: Infinity, room: Infinity };
    this.shown = new Map();
    this.changedAt = -Infinity;
    this.html = new WeakMap();
    for (const row of this.element.children) this.prepare(row);
    this.element.addEventListener("submit", (event) => {
      if (!event.target.matches(".show-code")) return;
      event.preventDefault();
      this.showCode(event.target);
    });
  }

  /** One request at a time, whose answer all callers share. */
  refresh() {
    this.request ??= this.load().finally(() => {
      this.request = null;
      this.scheduleRefresh();
    });
    return this.request;
  }

  /** At most once a second, for many small files. */
  refreshSoon() {
    this.delayed ??= setTimeout(() => {
      this.delayed = null;
      this.refresh();
    }, 1000);
  }

  /** What the server has now: an answer that is already on its way may be older than what another window did. */
  async refreshNow() {
    await this.request;
    await this.refresh();
  }

  async load() {
    try {
      this.latest = this.merge(await getChanges(this.url, this.latest.at));
      await this.updateRows();
      this.isStale = false;
      this.onUpdate();
    } catch (error) {
      this.isStale = true;
      this.onError(error);
    }
  }

  /** The server leaves out files that have not changed since its latest answer. */
  merge(answer) {
    const files = new Map(this.latest.files.map((entry) => [entry.id, entry]));
    for (const entry of answer.files) files.set(entry.id, entry);
    return { ...answer, files: [...files.values()] };
  }

  /** Loads from the page the rows that would show something new. */
  async updateRows() {
    const entries = this.latest.files.filter((entry) => !this.hasRow(entry));
    const shown = new Map(entries.map((entry) => [entry.public_id, JSON.stringify(entry, SHOWN)]));
    const changed = [...shown.keys()].filter((id) => shown.get(id) !== this.shown.get(id));
    if (!changed.length && shown.size === this.shown.size) return;
    const rows = changed.length ? await this.loadRows(changed) : [];
    if (!rows || this.isStopped) return;
    this.showRows(rows, [...shown.keys()]);
    this.markElsewhere();
    this.shown = shown;
    this.changedAt = performance.now();
  }

  /** The rows of these files as the page has them now, with the form beside them; null if it cannot be had. */
  async loadRows(publicIds) {
    const page = await getPage(publicIds);
    const form = page?.getElementById("collecting");
    if (!form) return null;
    const current = document.getElementById("collecting");
    if (form.innerHTML !== current.innerHTML) current.replaceWith(document.importNode(form, true));
    return page.querySelectorAll("#files > [data-file]");
  }

  showRows(rows, publicIds) {
    const byId = (row) => [row.dataset.file, row];
    const [current, loaded] = [new Map([...this.element.children].map(byId)), new Map([...rows].map(byId))];
    const take = (id) => (loaded.has(id) ? this.reuseOrReplace(current.get(id), loaded.get(id)) : current.get(id));
    const kept = publicIds.map(take).filter(Boolean);
    for (const row of current.values()) if (!kept.includes(row)) row.remove();
    kept.forEach((row, index) => {
      const sibling = this.element.children[index];
      if (sibling !== row) this.element.insertBefore(row, sibling ?? null);
    });
    this.element.hidden = !kept.length;
  }

  /** The code of a row, from the page that its form leads to; that page itself if it cannot be had. */
  async showCode(form) {
    const page = await send(form).catch(() => null);
    const found = page?.getElementById("shown-code");
    if (!found) return form.submit();
    const shown = document.importNode(found, true);
    const hide = document.createElement("button");
    Object.assign(hide, { className: "secondary", textContent: t("hide_code") });
    const row = form.closest(".file");
    hide.addEventListener("click", () => {
      shown.remove();
      row.querySelector(".show-code button").focus();
    });
    shown.append(hide);
    row.querySelector("#shown-code")?.remove();
    row.append(shown);
    shown.focus();
  }

  /** Removes the rows of files that have an upload row by now; they are loaded again when that one is gone. */
  removeDuplicates() {
    const publicIds = this.latest.files.filter(this.hasRow).map((entry) => entry.public_id);
    for (const row of [...this.element.children]) {
      if (!publicIds.includes(row.dataset.file)) continue;
      row.remove();
      this.shown.delete(row.dataset.file);
    }
  }

  /** The current row if the server's is the same; else the server's, which takes over the focus. */
  reuseOrReplace(current, loaded) {
    const row = document.importNode(loaded, true);
    if (current && this.html.get(current) === row.outerHTML) return current;
    this.prepare(row);
    if (current) {
      const hadFocus = current.contains(document.activeElement);
      current.replaceWith(row);
      if (hadFocus) row.querySelector("summary, button")?.focus();
    }
    return row;
  }

  /** Remembers the row's HTML as the server sent it, and adds a button to an unfinished one. */
  prepare(row) {
    this.html.set(row, row.outerHTML);
    if (row.dataset.state !== "uploading") return;
    const button = document.importNode(this.pickAgain.content, true);
    button.querySelector('[data-part="name"]').textContent = row.querySelector(".name").textContent;
    row.querySelector(".file-info").after(button);
  }

  /** What another tab is uploading is not to be chosen again here. */
  markElsewhere() {
    if (this.isStopped) return;
    for (const row of this.element.querySelectorAll("[data-state=uploading]")) {
      const isElsewhere = this.isElsewhere(this.uploadIdOf(row));
      const state = row.querySelector(".state");
      state.dataset.words ??= state.textContent;
      showWords(state, isElsewhere ? t("uploading") : state.dataset.words);
      state.classList.toggle("warn", !isElsewhere);
      row.querySelector(".again").hidden = isElsewhere;
    }
  }

  /** What the row of a file says that has become of it. */
  stateOf({ public_id }) {
    return this.element.querySelector(`[data-file="${public_id}"] .state`)?.textContent ?? "";
  }

  uploadIdOf(row) {
    return this.latest.files.find((entry) => entry.public_id === row.dataset.file)?.id ?? null;
  }

  get isChanging() {
    const states = ["received", "scanning", "unscanned", "infected", "erasing"];
    return this.isStale || this.latest.files.some((entry) => states.includes(entry.state) || entry.letter === "queued");
  }

  /** Whether somebody may still fetch something: the page says so while it is open. */
  get isAwaited() {
    return this.latest.files.some((entry) => entry.state === "ready" && !entry.fetched_at);
  }

  scheduleRefresh() {
    clearTimeout(this.timer);
    if (this.isStopped || !(this.isChanging || this.isAwaited)) return;
    const isRecent = performance.now() - this.changedAt < SLOW_AFTER;
    const interval = !isRecent ? SLOW_POLL_INTERVAL : this.isChanging ? POLL_INTERVAL : 2 * POLL_INTERVAL;
    this.timer = setTimeout(() => document.hidden || this.refresh(), interval);
  }
}
