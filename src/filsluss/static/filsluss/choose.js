// Choosing: the button, the drop zone, folders; and a look at each file before a byte of it is sent.

import { samplesOf } from "./tus.js";

export const MOST_FILES = 1000;

export class Chooser {
  /** `take(files, wanted, isWhole)` is called with what was chosen; `wanted` is what `open` was asked for. */
  constructor({ input, button, folder, zone, words, take }) {
    Object.assign(this, { input, zone, take, wanted: null, isOn: false });
    button.addEventListener("click", () => this.open());
    folder.addEventListener("click", () => this.open(null, true));
    folder.hidden = !("webkitdirectory" in input);
    input.addEventListener("change", () => this.chosen());
    input.addEventListener("cancel", () => (this.wanted = null));
    this.watchDrops(zone.querySelector(".drag"), words);
  }

  open(wanted = null, isFolder = false) {
    this.wanted = wanted;
    this.input.multiple = wanted === null;
    this.input.webkitdirectory = isFolder;
    this.input.click();
  }

  chosen() {
    if (!this.isOn) return;
    const files = Array.from(this.input.files);
    const { wanted } = this;
    this.wanted = null;
    this.input.value = "";
    if (files.length) this.take(files, wanted, true);
  }

  /** The whole page takes drops, so that a file that misses the zone does not replace the page. */
  watchDrops(hint, words) {
    const still = hint?.textContent ?? "";
    let depth = 0;
    const go = (steps) => {
      depth = Math.max(0, steps);
      const over = depth > 0;
      if (this.zone.classList.contains("over") === over) return;
      this.zone.classList.toggle("over", over);
      if (hint) hint.textContent = over ? words.over : still;
      if (over) words.announce();
    };
    const on = (name, act) =>
      addEventListener(name, (event) => {
        if (this.isOn && carriesFiles(event)) act(event);
      });
    on("dragenter", () => go(depth + 1));
    on("dragleave", () => go(depth - 1));
    on("dragover", (event) => event.preventDefault());
    on("drop", async (event) => {
      event.preventDefault();
      go(0);
      const { files, isWhole } = await filesIn(event.dataTransfer);
      this.take(files, null, isWhole);
    });
  }
}

const carriesFiles = (event) => Boolean(event.dataTransfer?.types.includes("Files"));

/** Entries must be asked for at once: the drop forgets them when its event is over. */
async function filesIn(transfer) {
  const entries = Array.from(transfer.items, (item) => item.webkitGetAsEntry?.()).filter(Boolean);
  if (!entries.length) return { files: Array.from(transfer.files), isWhole: true };
  const found = { files: [], isWhole: true };
  for (const entry of entries) await gather(entry, found);
  return found;
}

async function gather(entry, found) {
  if (found.files.length > MOST_FILES) return;
  try {
    if (entry.isFile) found.files.push(await new Promise((resolve, reject) => entry.file(resolve, reject)));
    else for (const child of await childrenOf(entry)) await gather(child, found);
  } catch {
    found.isWhole = false;
  }
}

/** A directory hands out its entries a hundred at a time, until there are none. */
async function childrenOf(directory) {
  const reader = directory.createReader();
  const children = [];
  for (;;) {
    const some = await new Promise((resolve, reject) => reader.readEntries(resolve, reject));
    if (!some.length) return children;
    children.push(...some);
  }
}

/** Names are cleaned by the server; compared as far as both sides agree on them. */
const plainName = (name) => name.normalize("NFC").replace(/[\p{Cc}\p{Cf}]/gu, "").replace(/[/\\:]/g, "_");

const hasName = (file, other) => plainName(file.name) === plainName(other.name);
const hasDate = (file, other) => other.last_modified === null || other.last_modified === file.lastModified;

/** As far as name, size and date can tell. */
export const isSameFile = (file, other) =>
  hasName(file, other) && other.size === file.size && hasDate(file, other);

export async function isReadable(file, at) {
  try {
    await file.slice(at, at + 1).arrayBuffer();
    return true;
  } catch {
    return false;
  }
}

async function hashOf(file, { start, end }) {
  const bytes = await file.slice(start, end).arrayBuffer();
  const sum = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  return Array.from(sum, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** Whether the bytes on the server are the beginning of this file, by samples of both ends. */
export async function holdsTheSame(file, address, offset, signal) {
  if (offset === 0) return true;
  const samples = await samplesOf(address, signal);
  for (const sample of [samples.head, samples.tail]) {
    if ((await hashOf(file, sample)) !== sample.sha256) return false;
  }
  return samples.offset <= file.size;
}

/** Without a secure context the browser makes no hashes, and nothing is continued unchecked. */
const canCompare = (other) => other.offset === 0 || Boolean(globalThis.crypto?.subtle);

/**
 * What to do with a chosen file: {refuse: word} | {ask: word} | {resume: upload} | {upload: true}.
 * `wanted` is the unfinished upload that the person said this file belongs to, if any.
 */
export function judge(file, { list, room, tasks, held, wanted }) {
  if (file.size > list.max_size) return { refuse: "too_large" };
  if (tasks.some((task) => task.state !== "failed" && isTwin(task.file, file))) return { ask: "already" };
  const unfinished = list.files.filter((other) => other.state === "uploading" && hasName(file, other));
  const same = unfinished.filter((other) => isSameFile(file, other) && (!wanted || other.id === wanted));
  if (same.some((other) => held.has(other.id))) return { ask: "elsewhere" };
  const known = same.find((other) => canCompare(other) && !tasks.some((task) => task.id === other.id));
  if (known) return { resume: known };
  const isOther = wanted || unfinished.some((other) => isAnother(file, other, tasks, held));
  if (isOther && !same.length) return { ask: "not_same" };
  if (file.size > room) return { refuse: "no_room" };
  const isThere = (other) => ["received", "scanning", "unscanned", "ready"].includes(other.state) && isSameFile(file, other);
  return list.files.some(isThere) ? { ask: "already" } : { upload: true };
}

const isTwin = (one, other) =>
  one.name === other.name && one.size === other.size && one.lastModified === other.lastModified;

const isAnother = (file, other, tasks, held) =>
  !isSameFile(file, other) && !held.has(other.id) && !tasks.some((task) => task.id === other.id);
