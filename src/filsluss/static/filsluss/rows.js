// The rows: ours, for what is under way here, and the server's, for all that it has of this transfer.

import { listOf, pageAgain } from "./tus.js";
import { exactText, knows, percent, percentText, say, shareText, sizeText, timeLeftText } from "./words.js";

const BUTTONS = {
  waiting: ["cancel"],
  preparing: ["cancel"],
  uploading: ["pause", "cancel"],
  finishing: ["cancel"],
  reconnecting: ["now", "pause", "cancel"],
  offline: ["now", "pause", "cancel"],
  paused: ["resume", "cancel"],
  cancelled: ["discard"],
  received: [],
  not_same: ["fresh", "other", "discard"],
  elsewhere: ["fresh", "discard"],
  already: ["yes", "no"],
  too_large: ["discard"],
  filename_invalid: ["discard"],
  file_changed: ["again", "cancel"],
};
const ONCE_MORE = ["retry", "cancel"];
const TONES = { received: "ok", failed: "err", asking: "warn", cancelled: "over" };

export class Row {
  constructor(template, task, act, facts) {
    this.node = template.content.firstElementChild.cloneNode(true);
    Object.assign(this, { task, facts });
    this.node.addEventListener("click", (event) => {
      const button = event.target.closest("[data-do]");
      if (button) act(button.dataset.do, task);
    });
    this.name();
    this.paint();
  }

  part(name) {
    return this.node.querySelector(`[data-part="${name}"]`);
  }

  get button() {
    return this.node.querySelector("button:not([hidden])");
  }

  get hasFocus() {
    return this.node.contains(document.activeElement);
  }

  name() {
    const { name } = this.task.file;
    for (const place of this.node.querySelectorAll('[data-part="name"]')) place.textContent = name;
    this.part("bar").setAttribute("aria-label", say("bar_label", { file: name }));
  }

  paint() {
    const { task } = this;
    this.paintBar(task);
    write(this.part("figures"), task.isMoving ? movingText(task) : sizeLine(task));
    const state = this.part("state");
    write(state, this.words);
    state.className = `state ${TONES[task.state] ?? "busy"}`;
    this.paintLog(task);
    this.paintButtons(BUTTONS[task.why] ?? BUTTONS[task.state] ?? ONCE_MORE);
  }

  paintBar(task) {
    const bar = this.part("bar");
    bar.value = task.state === "received" ? 100 : Math.min(99, percent(task.sent, task.size || 1));
    bar.hidden = !(task.isActive || (task.sent && ["paused", "failed", "waiting"].includes(task.state)));
  }

  paintLog(task) {
    write(this.part("log"), task.log.join("\n"));
    this.part("details").hidden = task.log.length < 2;
  }

  /** A button that goes away hands its focus to the first that stays. */
  paintButtons(names) {
    const focused = document.activeElement;
    for (const button of this.node.querySelectorAll("[data-do]")) button.hidden = !names.includes(button.dataset.do);
    if (focused?.hidden && this.node.contains(focused)) (this.button ?? this.facts.elsewhere(this)).focus();
  }

  get words() {
    const { task } = this;
    if (task.state === "uploading" && task.meter.isStalled) return say("slow");
    const { max, room } = this.facts.sizes();
    const isClose = task.size > max && sizeText(task.size) === sizeText(max);
    return say(wordOf(task), {
      file: task.file.name,
      size: (isClose ? exactText : sizeText)(task.size),
      percent: percentText(task.offset, task.size || 1),
      n: task.tries,
      max: (isClose ? exactText : sizeText)(max),
      room: sizeText(room),
    });
  }
}

/** The reason where there is one to tell; "failed" only where something is saved. */
function wordOf(task) {
  if (task.state === "failed") {
    if (task.why === "failed" && !task.offset) return "refused";
    return knows(task.why) ? task.why : "refused";
  }
  return task.why || task.state;
}

function sizeLine(task) {
  const size = sizeText(task.size);
  return task.hasCode ? say("size_code", { size }) : size;
}

function movingText(task) {
  const { meter, sent, size } = task;
  const figures = { percent: shareText(sent, size), x: sizeText(sent), y: sizeText(size) };
  const left = meter.left(size - sent);
  const rest = left === null ? [say("no_estimate")] : [speedText(meter.speed), timeLeftText(left)];
  const end = task.state === "finishing" ? [] : rest;
  return [say("figures", figures), ...end].join(" · ");
}

const speedText = (speed) => say("speed", { size: sizeText(Math.round(speed)) });

function write(place, text) {
  if (place.textContent !== text) place.textContent = text;
}

const SOON = 4_000;
const LATER = 30_000;
const PATIENCE = 120_000;

export class List {
  /** `mine(entry)`: a row of our own shows that file; `isBusy()`: there are such rows. `onNews(list)` after every answer; `onTrouble(trouble)`. */
  constructor({ files, place, empty, again, mine, isBusy, onNews, onTrouble }) {
    Object.assign(this, { files, place, empty, again, mine, isBusy, onNews, onTrouble });
    this.now = { files: [], max_size: Infinity, room: Infinity };
    this.seen = "";
    this.askedAt = this.changedAt = -Infinity;
    this.raw = new WeakMap();
    for (const row of place.children) this.keep(row);
    document.addEventListener("visibilitychange", () => document.hidden || this.refresh());
  }

  /** One question at a time; whoever asks meanwhile gets the same answer. */
  refresh() {
    this.running ??= this.ask().finally(() => {
      this.running = null;
      this.planNext();
    });
    return this.running;
  }

  /** For what many small files would ask for all the time. */
  refreshSoon() {
    this.soon ??= setTimeout(() => {
      this.soon = null;
      this.refresh();
    }, 1000);
  }

  /** Good enough if it is fresh. */
  async glance() {
    if (performance.now() - this.askedAt > 3_000) await this.refresh();
  }

  async ask() {
    try {
      this.now = await listOf(this.files);
      this.askedAt = performance.now();
      await this.follow();
      this.isStale = false;
      this.onNews(this.now);
    } catch (trouble) {
      this.isStale = true;
      this.onTrouble(trouble);
    }
  }

  /** Fetches the page again when there is something new for its rows to say. */
  async follow() {
    const shown = this.now.files.filter((entry) => !this.mine(entry));
    const seen = JSON.stringify(shown.map(({ id, state, letter, letter_at, fetched_at }) => [id, state, letter, letter_at, fetched_at]));
    if (seen === this.seen) return;
    const page = await pageAgain();
    const rows = page?.querySelectorAll("#files > [data-file]");
    if (!rows) return;
    this.showRows(rows, new Set(shown.map((entry) => entry.public_id)));
    this.seen = seen;
    this.changedAt = performance.now();
  }

  showRows(rows, shown) {
    const had = new Map(Array.from(this.place.children, (row) => [row.dataset.file, row]));
    const wanted = Array.from(rows).filter((row) => shown.has(row.dataset.file));
    const kept = wanted.map((row) => this.better(had.get(row.dataset.file), row));
    const isHere = new Set(kept);
    for (const row of had.values()) if (!isHere.has(row)) row.remove();
    kept.forEach((row, at) => {
      const there = this.place.children[at];
      if (there !== row) this.place.insertBefore(row, there ?? null);
    });
    this.showEmpty();
  }

  /** Rows of files that have a row of ours now; they are fetched again when they are needed again. */
  giveWay() {
    const ours = new Set(this.now.files.filter(this.mine).map((entry) => entry.public_id));
    for (const row of [...this.place.children]) {
      if (!ours.has(row.dataset.file)) continue;
      row.remove();
      this.seen = "";
    }
  }

  showEmpty() {
    this.place.hidden = !this.place.children.length;
    if (this.empty) this.empty.hidden = this.isBusy() || !this.place.hidden;
  }

  /** The row that stands there if it still says the same; else the new one, which takes over its focus. */
  better(old, fresh) {
    const row = document.importNode(fresh, true);
    if (old && this.raw.get(old) === row.outerHTML) return old;
    this.keep(row);
    if (old) {
      const hadFocus = old.contains(document.activeElement);
      old.replaceWith(row);
      if (hadFocus) row.querySelector("summary, button")?.focus();
    }
    return row;
  }

  /** Remembers a row as the server wrote it, and gives an unfinished one its button. */
  keep(row) {
    this.raw.set(row, row.outerHTML);
    if (row.dataset.state !== "uploading" || !this.again) return;
    const offer = document.importNode(this.again.content, true);
    for (const place of offer.querySelectorAll('[data-part="name"]')) {
      place.textContent = row.querySelector(".name").textContent;
    }
    row.querySelector(".about").append(offer);
  }

  idOf(row) {
    return this.now.files.find((entry) => entry.public_id === row.dataset.file)?.id ?? null;
  }

  get isPending() {
    const onTheWay = ["received", "scanning", "unscanned", "infected", "erasing"];
    return this.isStale || this.now.files.some((entry) => onTheWay.includes(entry.state) || entry.letter === "queued");
  }

  planNext() {
    clearTimeout(this.timer);
    if (!this.isPending || this.isOver) return;
    const pause = performance.now() - this.changedAt < PATIENCE ? SOON : LATER;
    this.timer = setTimeout(() => (document.hidden ? undefined : this.refresh()), pause);
  }
}
