// The desk: the files chosen on this page, two under way at a time, and what the page says about all of them.

import { Vigil, Voice, Windows } from "./around.js";
import { Chooser, MOST_FILES, judge } from "./choose.js";
import { List, Row } from "./rows.js";
import { Task } from "./task.js";
import { knows, percent, percentText, say, shareText } from "./words.js";

const AT_ONCE = 2;
const MARKS = [75, 50, 25];

export class Desk {
  /** `place(id)` finds the parts of the page. */
  constructor(place, files) {
    Object.assign(this, { place, files, tasks: [], rows: new Map(), isOver: false, mark: 0 });
    this.voice = new Voice(place("upload-status"), place("upload-alert"));
    this.windows = new Windows(`filsluss ${files}`, () => this.tellOfOthers());
    this.vigil = new Vigil(place("upload-screen"), () => this.tick());
    this.list = new List({
      files,
      place: place("files"),
      empty: place("no-files"),
      again: place("upload-again"),
      mine: (entry) => this.shows(entry),
      isBusy: () => this.rows.size > 0,
      onNews: () => this.takeNews(),
      onTrouble: (trouble) => this.takeTrouble(trouble),
    });
    this.chooser = new Chooser({
      input: place("file"),
      button: place("choose"),
      folder: place("choose-folder"),
      zone: place("drop"),
      words: { over: say("drop_here"), announce: () => this.voice.sayNow(say("can_drop")) },
      take: (chosen, wanted, isWhole) => this.take(chosen, wanted, isWhole),
    });
    this.listen();
  }

  listen() {
    this.place("files").addEventListener("click", (event) => {
      const button = event.target.closest('[data-do="again"]');
      if (button) this.chooser.open(this.list.idOf(button.closest("[data-file]")));
    });
    this.place("upload-form").addEventListener("change", () => this.paintWaiting());
    addEventListener("online", () => this.hurry());
    document.addEventListener("visibilitychange", () => document.hidden || this.hurry());
  }

  get open() {
    return this.tasks.filter((task) => task.isOpen);
  }

  /** What is left of the account's room when all that waits here has been announced. */
  get room() {
    const waiting = this.open.filter((task) => !task.address && !task.known);
    return Math.max(0, this.list.now.room - waiting.reduce((sum, task) => sum + task.size, 0));
  }

  codeWanted() {
    return new FormData(this.place("upload-form")).get("with_code") === "1";
  }

  /** Files were chosen: each is looked at, and those that may go begin at once. */
  async take(chosen, wanted, isWhole) {
    if (this.isOver) return;
    this.note(isWhole ? "" : "folder_unreadable");
    const changed = this.tasks.find((task) => wanted && task.id === wanted);
    if (changed) return this.exchange(changed, chosen[0]);
    await this.list.glance();
    if (this.isOver) return;
    const live = this.list.now.files.filter((entry) => !["erasing", "erased"].includes(entry.state));
    const n = MOST_FILES - live.length - this.open.filter((task) => !task.address).length;
    if (chosen.length > n) return this.note("too_many", { n: Math.max(0, n) });
    if (!this.open.length) this.clearDone();
    if (chosen.length) this.voice.sayNow(say(chosen.length === 1 ? "chosen_one" : "chosen", { n: chosen.length }));
    for (const file of chosen) this.add(file, wanted);
    this.pump();
  }

  add(file, wanted) {
    const { tasks, room } = this;
    const verdict = judge(file, { list: this.list.now, room, tasks, held: this.windows.held, wanted });
    const task = new Task(file, {
      files: this.files,
      tell: (changed) => this.hear(changed),
      codeWanted: () => this.codeWanted(),
      isTaken: (id) => this.tasks.some((other) => other.id === id) || this.windows.held.has(id),
    });
    task.wanted = wanted;
    task.known = verdict.resume ?? null;
    this.tasks.push(task);
    this.show(task);
    if (verdict.refuse) task.fail(verdict.refuse);
    if (verdict.ask) task.ask(verdict.ask);
  }

  exchange(task, file) {
    task.exchange(file);
    this.rows.get(task).name();
    this.pump();
  }

  show(task) {
    const facts = {
      sizes: () => ({ max: this.list.now.max_size, room: this.room }),
      elsewhere: (row) => this.neighbour(row),
    };
    const row = new Row(this.place("upload-row"), task, (name, of) => this.act(name, of), facts);
    this.rows.set(task, row);
    this.place("uploads").append(row.node);
    this.showUploads();
  }

  act(name, task) {
    const acts = {
      pause: () => task.pause(),
      resume: () => task.wait(),
      retry: () => task.wait(),
      now: () => task.hurry(),
      again: () => this.chooser.open(task.id || null),
      fresh: () => task.wait(),
      yes: () => task.wait(),
      cancel: () => task.cancel(),
      no: () => this.discard(task),
      discard: () => this.discard(task),
      other: () => {
        this.discard(task);
        this.chooser.open(task.wanted ?? undefined);
      },
    };
    acts[name]();
    this.pump();
  }

  discard(task) {
    this.tasks = this.tasks.filter((other) => other !== task);
    this.hide(task);
    this.voice.sayNow(say("row_gone", { file: task.file.name }));
    this.share();
    this.summarise();
  }

  hide(task) {
    const row = this.rows.get(task);
    if (!row) return;
    const next = row.hasFocus ? this.neighbour(row) : null;
    row.node.remove();
    this.rows.delete(task);
    this.showUploads();
    next?.focus();
  }

  /** Where the focus goes when a row has no use for it any more: the next row's button, else the heading. */
  neighbour(row) {
    const { nextElementSibling: after, previousElementSibling: before } = row.node;
    const button = (node) => node?.querySelector("button:not([hidden])");
    return button(after) ?? button(before) ?? this.place("files-heading");
  }

  showUploads() {
    this.place("uploads").hidden = !this.rows.size;
    this.list.showEmpty();
  }

  clearDone() {
    this.tasks = this.tasks.filter((task) => task.state !== "received");
    this.mark = 0;
  }

  pump() {
    while (this.tasks.filter((task) => task.isActive).length < AT_ONCE) {
      const next = this.tasks.find((task) => task.state === "waiting");
      if (!next) break;
      next.run();
    }
    this.vigil.watch(this.tasks);
    this.summarise();
  }

  /** A task has changed its state. */
  hear(task) {
    const row = this.rows.get(task);
    if (!row || this.isOver) return row?.paint();
    row.paint();
    if (task.why.startsWith("account_")) return this.end(task.why);
    this.windows.hold(this.tasks.filter((one) => one.isOpen && one.address).map((one) => one.id));
    this.speakOf(task, row.words);
    this.share();
    this.pump();
  }

  /** Each file has one row: ours while we have something to say of it, then the server's. */
  share() {
    const ours = this.tasks.map((task) => task.id + (task.state === "received")).join();
    if (ours === this.ours) return;
    this.ours = ours;
    this.list.giveWay();
    this.list.refreshSoon();
  }

  speakOf(task, words) {
    const text = say("about_file", { file: task.file.name, text: words });
    const kind = task.why || task.state;
    if (task.state === "failed" || kind === "not_same") this.voice.alert(text);
    else if (task.state === "received") this.voice.say(say("is_done", { file: task.file.name }));
    else if (["paused", "offline", "cancelled", "resuming"].includes(kind)) this.voice.sayNow(text);
    else if (kind === "already" || kind === "elsewhere") this.voice.sayNow(words);
  }

  /** Once a second while something is under way. */
  tick() {
    for (const [task, row] of this.rows) if (task.isActive) row.paint();
    this.summarise();
    this.speakOfProgress();
  }

  paintWaiting() {
    for (const [task, row] of this.rows) if (!task.isActive) row.paint();
  }

  get batch() {
    const tasks = this.tasks.filter((task) => task.state !== "cancelled" && task.state !== "asking");
    const done = tasks.filter((task) => task.state === "received").length;
    const k = tasks.filter((task) => task.state === "failed").length;
    const way = tasks.filter((task) => task.state !== "failed");
    const sum = (part) => way.reduce((total, task) => total + task[part], 0);
    return { n: tasks.length, done, k, sent: sum("sent"), size: sum("size"), isOpen: this.open.length > 0 };
  }

  summarise() {
    const batch = this.batch;
    const text = this.summaryOf(batch);
    const place = this.place("upload-summary");
    this.vigil.show(batch.isOpen ? shareText(batch.sent, batch.size) : "");
    if (place.textContent === text) return;
    place.textContent = text;
    place.hidden = !text;
    place.className = batch.isOpen || !text ? "" : batch.k ? "state err" : "state ok";
    if (!batch.isOpen && text) this.announceEnd(batch, text);
  }

  summaryOf({ n, done, k, sent, size, isOpen }) {
    const figures = { n, done, k, percent: shareText(sent, size) };
    if (isOpen) return n > 1 ? say("summary", figures) : "";
    if (k && n > 1) return say("some_failed", figures);
    if (!done || k) return "";
    return say(n === 1 ? "all_done_one" : "all_done", figures);
  }

  announceEnd({ k }, text) {
    if (k) this.voice.alert(text);
    else this.voice.say(text);
  }

  /** At a quarter, a half and three quarters, if the whole takes longer than twenty seconds. */
  speakOfProgress() {
    const { sent, size, n } = this.batch;
    const mark = MARKS.find((one) => percent(sent, size || 1) >= one) ?? 0;
    if (mark <= this.mark) return;
    this.mark = mark;
    const moving = this.tasks.find((task) => task.isMoving);
    if (!moving || moving.meter.age / (mark / 100) < 20) return;
    const words = { file: moving.file.name, percent: percentText(mark, 100) };
    this.voice.say(n === 1 ? say("milestone", words) : this.place("upload-summary").textContent);
  }

  hurry() {
    for (const task of this.tasks) {
      if (task.isActive) task.hurry();
      else if (task.state === "failed" && task.why === "failed") task.wait();
    }
    this.pump();
  }

  /** Whether a row of ours shows that file; once the server has all of it, its own row does. */
  shows(entry) {
    const task = this.tasks.find((one) => one.id === entry.id);
    if (!task || !this.rows.has(task)) return false;
    return task.state !== "received" || entry.state === "uploading";
  }

  takeNews() {
    for (const task of [...this.rows.keys()]) {
      const entry = this.list.now.files.find((one) => one.id === task.id);
      if (entry && task.state === "received" && !this.shows(entry)) this.hide(task);
    }
    if (this.noted === "list_stale") this.note("");
  }

  takeTrouble(trouble) {
    if (trouble.fate === "over") this.end(trouble.code);
    else if (!this.noted) this.note("list_stale");
  }

  tellOfOthers() {
    if (this.windows.held.size) this.note("other_window");
    else if (this.noted === "other_window") this.note("");
  }

  note(key, figures) {
    const place = this.place("upload-note");
    this.noted = key;
    place.textContent = key ? say(key, figures) : "";
    place.hidden = !key;
    if (key === "too_many" || key === "folder_unreadable") this.voice.alert(place.textContent);
  }

  /** The account is over: everything stops, and the page says why. */
  end(code) {
    if (this.isOver) return;
    this.isOver = this.list.isOver = true;
    this.chooser.isOn = false;
    for (const task of this.open) task.fail(code);
    this.place("drop").hidden = true;
    this.note(code === "account_ended" || !knows(code) ? "account_over" : code);
    this.voice.alert(this.place("upload-note").textContent);
    this.vigil.watch(this.tasks);
    this.summarise();
  }
}
