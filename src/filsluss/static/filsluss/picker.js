// Picking files: buttons, drag and drop, folders; what to do with each picked file, and whether it is still the same.

import { isGivenUp } from "./tus.js";

export const MAX_FILES = 1000;

/** The folder that a dropped file was in, which only its entry knows. */
const folders = new WeakMap();

export class FilePicker {
  /**
   * Options: the elements `input`, `button`, `folderButton` and `dropZone`; `onDragOver()`;
   * `onFiles(files, target, problem)`: `target` is what `open` was given, `problem` the key of a message about what
   * could not be taken, or empty. Off until `enable(true)`.
   */
  constructor(options) {
    Object.assign(this, { target: null, enabled: false }, options);
    this.button.addEventListener("click", () => this.open());
    this.folderButton.addEventListener("click", () => this.open(null, true));
    this.folderButton.hidden = !("webkitdirectory" in this.input);
    this.input.addEventListener("change", () => this.onChange());
    this.input.addEventListener("cancel", () => this.prepare());
    this.acceptDrops();
  }

  /** The plain form, which is used when this is off, has the same input. */
  enable(isEnabled) {
    this.enabled = isEnabled;
    this.prepare();
  }

  /** `target` is the upload that the file to be picked is for, or the id of one on the server, or null. */
  open(target = null, isFolder = false) {
    this.prepare(target, isFolder);
    this.input.click();
  }

  prepare(target = null, isFolder = false) {
    this.target = target;
    this.input.multiple = target === null;
    this.input.webkitdirectory = isFolder;
  }

  onChange() {
    if (!this.enabled) return;
    const files = Array.from(this.input.files);
    const { target } = this;
    this.input.value = "";
    this.prepare();
    if (files.length) this.onFiles(files, target, "");
  }

  /** Anywhere on the page, so that a file dropped beside the zone does not make the browser leave the page. */
  acceptDrops() {
    let depth = 0;
    const setDepth = (newDepth) => {
      depth = Math.max(0, newDepth);
      const { classList } = this.dropZone;
      if (depth && !classList.contains("over")) this.onDragOver();
      classList.toggle("over", depth > 0);
    };
    const on = (type, handle) =>
      addEventListener(type, (event) => {
        if (this.enabled && hasFiles(event)) handle(event);
      });
    on("dragenter", () => setDepth(depth + 1));
    on("dragleave", () => setDepth(depth - 1));
    on("dragover", (event) => event.preventDefault());
    on("drop", async (event) => {
      event.preventDefault();
      setDepth(0);
      const { files, problem } = await filesFrom(event.dataTransfer);
      this.onFiles(files, null, problem);
    });
  }
}

const hasFiles = (event) => event.dataTransfer?.types.includes("Files");

/** `items` is empty as soon as the event handler yields, so everything is taken from it before the first await. */
async function filesFrom(dataTransfer) {
  const both = (item) => ({ entry: item.webkitGetAsEntry?.(), file: item.getAsFile() });
  const items = Array.from(dataTransfer.items, both);
  const result = { files: [], problem: "" };
  for (const { entry, file } of items) {
    const before = result.files.length;
    if (entry) await collect(entry, file, result);
    else if (file) result.files.push(file);
    if (entry?.isDirectory && result.files.length === before) result.problem ||= "folder_empty";
  }
  return result;
}

/** `file` is what the event itself gave for the entry: WebKit has only that of some. */
async function collect(entry, file, result) {
  if (result.files.length > MAX_FILES) return;
  try {
    if (entry.isDirectory) for (const child of await readDirectory(entry)) await collect(child, null, result);
    else result.files.push(await fileOf(entry, file));
  } catch {
    result.problem = entry.isDirectory ? "folder_unreadable" : "drop_unreadable";
  }
}

async function fileOf(entry, fallback) {
  const file = await new Promise((resolve, reject) =>
    entry.file(resolve, (error) => (fallback ? resolve(fallback) : reject(error))),
  );
  folders.set(file, entry.fullPath.slice(1, -entry.name.length - 1));
  return file;
}

/** `readEntries` returns up to a hundred entries at a time, and none at the end. */
async function readDirectory(directory) {
  const reader = directory.createReader();
  const entries = [];
  for (;;) {
    const batch = await new Promise((resolve, reject) => reader.readEntries(resolve, reject));
    if (!batch.length) return entries;
    entries.push(...batch);
  }
}

/** The folder that a file was picked or dropped with, its last 300 characters; "" if it came without. */
export const folderOf = (file) =>
  (folders.get(file) ?? (file.webkitRelativePath || "").slice(0, -file.name.length - 1)).slice(-300);

export const pathOf = (file) => (folderOf(file) ? `${folderOf(file)}/${file.name}` : file.name);

/** As the name reaches the server, in the one form of Unicode: browsers differ in which they give. */
function asSent(name) {
  return new TextDecoder("utf-8", { ignoreBOM: true }).decode(new TextEncoder().encode(name)).normalize("NFC");
}

const isSameText = (one, other) => asSent(one) === asSent(other);

/** A file that was picked by itself may be any of that name; one from a folder is not that of another folder. */
const isSameFolder = (one, other) => !one || !other || isSameText(one, other);

const hasSameName = (file, entry) =>
  isSameText(file.name, entry.sent_name) && isSameFolder(folderOf(file), entry.sent_folder);

/** As far as name, size and date can tell; `entry` is of the server's list. */
const isSameFile = (file, entry) =>
  entry.size === file.size &&
  [null, file.lastModified].includes(entry.last_modified) &&
  hasSameName(file, entry);

/** Whether the entry may be the answer to a creation whose answer was lost. */
export const isJustCreated = (file, entry) =>
  isSameFile(file, entry) &&
  isSameText(folderOf(file), entry.sent_folder) &&
  !entry.erased_because &&
  (!entry.offset || file.size <= 2 ** 16);

/** Two File objects of the same file, if it has not changed in between. */
export const isEqualFile = (file, other) =>
  ["name", "size", "lastModified"].every((property) => file[property] === other[property]) &&
  isSameFolder(folderOf(file), folderOf(other));

/** Left by operating systems and office programs beside the files that people mean. */
export const isSystemFile = ({ name }) => /^(\.DS_Store|\._.*|Thumbs\.db|desktop\.ini|~\$.*)$/i.test(name);

/**
 * What to do with a picked file: {refuse: message key}, {ask: message key}, {resume: list entry}, or {}: upload it.
 * `choice`: files picked together are never the same; `otherTabs`: what other tabs are uploading; `resumeId`: the id of
 * the upload that this file should continue, if any.
 */
export function checkFile(file, { list, room, uploads, otherTabs, choice, resumeId }) {
  const isHere = ({ id }) => uploads.some((upload) => upload.id === id);
  const isElsewhere = ({ id }) => otherTabs.some((other) => other.id === id);
  // `crypto.subtle` exists in secure contexts only, and an upload is never resumed without comparing digests.
  const canCompare = ({ offset }) => offset === 0 || globalThis.crypto?.subtle;
  const isNotSent = ({ state }) => ["failed", "asking", "cancelled"].includes(state);
  const wasPicked = (upload) => upload.choice !== choice && !isNotSent(upload) && isEqualFile(upload.file, file);
  if (file.size > list.max_size) return { refuse: "too_large" };
  if (uploads.some(wasPicked)) return { ask: "already" };
  if (otherTabs.some((other) => isEqualFile(file, other))) return { ask: "elsewhere" };
  const isUnfinished = (entry) => entry.state === "uploading" && !isGivenUp(entry);
  const unfinished = list.files.filter((entry) => isUnfinished(entry) && hasSameName(file, entry));
  const same = unfinished.filter((entry) => isSameFile(file, entry) && (!resumeId || entry.id === resumeId));
  if (same.some(isElsewhere)) return { ask: "elsewhere" };
  const resume = same.find((entry) => canCompare(entry) && !isHere(entry));
  if (resume) return { resume };
  const isIdle = (entry) => !isElsewhere(entry) && !isHere(entry);
  if (!same.length && (resumeId || unfinished.some(isIdle))) return { ask: "not_same" };
  if (file.size > room) return { refuse: "no_room" };
  const isUploaded = (entry) =>
    ["received", "scanning", "unscanned", "ready"].includes(entry.state) && isSameFile(file, entry);
  return list.files.some(isUploaded) ? { ask: "already" } : {};
}

/** This many bytes, the last of each file, are read before they are sent, so that they can be held back. */
const TAIL = 2 ** 20;

/** The bytes of a chosen file. */
export class Source {
  constructor(file) {
    this.file = file;
    this.tail = null;
  }

  /** Some browsers tell changes of a file apart by the second: it is read when that of its latest change is over. */
  async settle() {
    const left = 1000 * Math.floor(this.file.lastModified / 1000 + 1) - Date.now();
    if (left > 0 && left <= 2000) await new Promise((resolve) => setTimeout(resolve, left));
  }

  /** Why the file cannot be read, as the browser names it; empty if it can, or if no more of it is needed. */
  async fault(offset = 0) {
    if (this.tail) return "";
    try {
      await this.file.slice(offset, offset + 1).arrayBuffer();
      return "";
    } catch (error) {
      return error.name || "error";
    }
  }

  /**
   * From `start` on: the file without its tail, or, when nothing else is left, the tail. That is read into memory, and
   * then the file is looked at once more; `isAsSent()` compares it with what the server has, as not every browser
   * notices a change. Null if it has changed: the server must not get what makes half an old and half a new file whole.
   */
  async bytesFrom(start, isAsSent) {
    const from = Math.max(0, this.file.size - TAIL);
    if (start < from) return this.file.slice(start, from);
    if (!this.tail) {
      const tail = await this.file.slice(from).arrayBuffer();
      const isWhole = tail.byteLength === this.file.size - from && !(await this.fault());
      if (!isWhole || !(await isAsSent())) return null;
      this.tail = new Blob([tail]);
    }
    return this.tail.slice(start - from);
  }
}
