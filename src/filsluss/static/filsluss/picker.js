// Picking files: buttons, drag and drop, folders; and what to do with each picked file before it is uploaded.

export const MAX_FILES = 1000;

export class FilePicker {
  /**
   * Options: the elements `input`, `button`, `folderButton` and `dropZone`; `onDragOver()`;
   * `onFiles(files, resumeId, isComplete)`, where `resumeId` is what `open` was given. Off until `enabled` is set.
   */
  constructor(options) {
    Object.assign(this, { resumeId: null, enabled: false }, options);
    this.button.addEventListener("click", () => this.open());
    this.folderButton.addEventListener("click", () => this.open(null, true));
    this.folderButton.hidden = !("webkitdirectory" in this.input);
    this.input.addEventListener("change", () => this.onChange());
    this.input.addEventListener("cancel", () => (this.resumeId = null));
    this.acceptDrops();
  }

  /** `resumeId` is the upload that the file to be picked should continue, if any. */
  open(resumeId = null, isFolder = false) {
    this.resumeId = resumeId;
    this.input.multiple = resumeId === null;
    this.input.webkitdirectory = isFolder;
    this.input.click();
  }

  onChange() {
    if (!this.enabled) return;
    const files = Array.from(this.input.files);
    const { resumeId } = this;
    this.resumeId = null;
    this.input.value = "";
    if (files.length) this.onFiles(files, resumeId, true);
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
      const { files, isComplete } = await filesFrom(event.dataTransfer);
      this.onFiles(files, null, isComplete);
    });
  }
}

const hasFiles = (event) => event.dataTransfer?.types.includes("Files");

/** `items` is empty as soon as the event handler yields, so all entries are taken before the first await. */
async function filesFrom(dataTransfer) {
  const entries = Array.from(dataTransfer.items, (item) => item.webkitGetAsEntry?.()).filter(Boolean);
  if (!entries.length) return { files: Array.from(dataTransfer.files), isComplete: true };
  const result = { files: [], isComplete: true };
  for (const entry of entries) await collect(entry, result);
  return result;
}

async function collect(entry, result) {
  if (result.files.length > MAX_FILES) return;
  try {
    if (entry.isFile) result.files.push(await new Promise((resolve, reject) => entry.file(resolve, reject)));
    else for (const child of await readDirectory(entry)) await collect(child, result);
  } catch {
    result.isComplete = false;
  }
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

/** The part of the server's cleaning of names that matters for comparing them. */
const normalizeName = (name) => name.normalize("NFC").replace(/[\p{Cc}\p{Cf}]/gu, "").replace(/[/\\:]/g, "_");

const hasSameName = (file, entry) => normalizeName(file.name) === normalizeName(entry.name);

/** As far as name, size and date can tell; `entry` is of the server's list. */
export const isSameFile = (file, entry) =>
  hasSameName(file, entry) &&
  entry.size === file.size &&
  [null, file.lastModified].includes(entry.last_modified);

/** Two File objects of the same file, if it has not changed in between. */
export const isEqualFile = (file, other) =>
  ["name", "size", "lastModified"].every((property) => file[property] === other[property]);

/**
 * What to do with a picked file: {refuse: message key}, {ask: message key}, {resume: list entry}, or {}: upload it.
 * `otherTabs` are the ids of uploads in other tabs; `resumeId` that of the upload this file should continue, if any.
 */
export function checkFile(file, { list, room, uploads, otherTabs, resumeId }) {
  const isHere = ({ id }) => uploads.some((upload) => upload.id === id);
  const isElsewhere = ({ id }) => otherTabs.includes(id);
  // `crypto.subtle` exists in secure contexts only, and an upload is never resumed without comparing digests.
  const canCompare = ({ offset }) => offset === 0 || globalThis.crypto?.subtle;
  if (file.size > list.max_size) return { refuse: "too_large" };
  if (uploads.some((upload) => upload.state !== "failed" && isEqualFile(upload.file, file))) return { ask: "already" };
  const unfinished = list.files.filter((entry) => entry.state === "uploading" && hasSameName(file, entry));
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
