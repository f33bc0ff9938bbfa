// The rows of this tab: each upload with its progress, status and buttons; and files that were picked and maybe not meant.

import { formatBytes, formatPercent, formatSize, formatSpeed, hasMessage, named, percent, showWords, t } from "./format.js";
import { hasPersonalNumber } from "./personal-number.js";
import { isSystemFile, pathOf } from "./picker.js";

export class FileRow {
  /**
   * Options: `template`, `upload`, `onAction(action)`; `limits()`: {max, room} in bytes; `nextFocus()`: what gets
   * the focus when this row has no visible button any more.
   */
  constructor(options) {
    Object.assign(this, options);
    this.element = this.template.content.firstElementChild.cloneNode(true);
    this.element.addEventListener("click", (event) => {
      const button = event.target.closest("[data-action]");
      if (button) this.onAction(button.dataset.action);
    });
    this.renderName();
    this.render();
  }

  part(name) {
    return this.element.querySelector(`[data-part="${name}"]`);
  }

  /** Leaves the DOM alone if nothing changed. */
  setText(part, text) {
    showWords(this.part(part), text);
  }

  renderName() {
    const { name } = this.upload;
    for (const element of this.element.querySelectorAll('[data-part="name"]')) element.textContent = name;
    this.part("kind").textContent = /\.([a-z0-9]{1,4})$/i.exec(name)?.[1].toUpperCase() ?? "";
    this.part("progress").setAttribute("aria-label", t("progress_label", { file: name }));
  }

  render() {
    const { upload } = this;
    this.element.dataset.state = upload.state;
    const progress = this.part("progress");
    progress.value = Math.min(99, percent(upload.sent, upload.size || 1));
    progress.hidden = !upload.isActive && !upload.sent;
    this.setText("figures", upload.isSending ? progressText(upload) : sizeText(upload));
    this.setText("status", this.statusText);
    this.renderButtons(upload);
  }

  /** A button's `data-for` names the reasons and states it is for. If the focused one is hidden, the focus moves on. */
  renderButtons({ reason, state }) {
    const focused = document.activeElement;
    const selector = (key) => `[data-for~="${CSS.escape(key)}"]`;
    const key = this.element.querySelector(selector(reason)) ? reason : state;
    for (const button of this.element.querySelectorAll("button")) button.hidden = !button.matches(selector(key));
    if (!focused?.hidden || !this.element.contains(focused)) return;
    (this.element.querySelector("button:not([hidden])") ?? this.nextFocus()).focus();
  }

  get statusText() {
    const { upload } = this;
    if (upload.state === "uploading" && upload.meter.isStalled) return t("slow");
    const { max, room } = this.limits();
    // Two sizes that look alike when they are rounded are told exactly.
    const isClose = upload.size > max && formatSize(upload.size) === formatSize(max);
    const format = isClose ? formatBytes : formatSize;
    return t(messageKey(upload), {
      file: named(upload.name),
      size: format(upload.size),
      percent: formatPercent(upload.offset, upload.size || 1),
      n: upload.attempts,
      max: format(max),
      room: formatSize(room),
    });
  }
}

/** The rows of all uploads of this tab. */
export class UploadRows extends Map {
  /** Options: the elements `list`, `template` of a row and `heading`; `onAction(action, upload)`, `limits()`. */
  constructor(options) {
    super();
    Object.assign(this, options);
  }

  add(upload) {
    const row = new FileRow({
      template: this.template,
      upload,
      onAction: (action) => this.onAction(action, upload),
      limits: this.limits,
      nextFocus: () => this.nextFocus(row),
    });
    this.set(upload, row);
    this.list.append(row.element);
  }

  remove(upload) {
    const row = this.get(upload);
    if (!row) return;
    const focus = row.element.contains(document.activeElement) ? this.nextFocus(row) : null;
    row.element.remove();
    this.delete(upload);
    focus?.focus();
  }

  /** Where the focus goes when a row loses it: to a button of the next or previous row, else to the heading. */
  nextFocus({ element }) {
    const button = (row) => row?.querySelector("button:not([hidden])");
    return button(element.nextElementSibling) ?? button(element.previousElementSibling) ?? this.heading;
  }

  render(isActive) {
    for (const [upload, row] of this) if (upload.isActive === isActive) row.render();
  }
}

/** The reason if it has a message, else the state; "failed" says how much is saved, so only if something is. */
function messageKey({ state, reason, offset }) {
  if (state === "failed") {
    if (reason === "failed" && !offset) return "refused";
    return hasMessage(reason) ? reason : "refused";
  }
  return reason || state;
}

function sizeText(upload) {
  const size = formatSize(upload.size);
  return upload.hasCode ? t("size_with_code", { size }) : size;
}

function progressText({ state, meter, sent, size }) {
  const text = t("progress", { x: formatSize(sent), y: formatSize(size) });
  return state === "finishing" || meter.age < 3 ? text : `${text} · ${formatSpeed(meter.speed)}`;
}

const SHOWN = 5;
/** What is said of files that are left out, by the key of its message; all but the first are asked about. */
const KEYS = ["left_out", "empty", "personal_number"];

function keyOf(file) {
  if (isSystemFile(file)) return "left_out";
  if (!file.size) return "empty";
  return hasPersonalNumber(pathOf(file)) ? "personal_number" : "";
}

/** A line says which files are left out, and a button uploads them. */
export class LeftOut {
  /**
   * Options: `template` of a line; `list`, the element it goes to; `nextFocus(line)`: what gets the focus when it is
   * gone; `onAnswer(files, choice)`: of those to be uploaded, maybe none; `say(text)`.
   */
  constructor(options) {
    Object.assign(this, options, { questions: new Set() });
  }

  /** Whether anything waits for an answer: what systems leave behind does not, an empty file, or a number in a name, may be a mistake. */
  get isAsking() {
    return this.questions.size > 0;
  }

  /** The files of a choice that are to be uploaded at once; the others get their line. */
  sort(files, choice) {
    for (const key of KEYS) {
      const aside = files.filter((file) => keyOf(file) === key);
      if (aside.length) this.addLine(aside, key, choice);
    }
    return files.filter((file) => !keyOf(file));
  }

  addLine(files, key, choice) {
    const line = this.template.content.firstElementChild.cloneNode(true);
    const names = files.slice(0, SHOWN).map((file) => named(pathOf(file)));
    const text = `${t(key, { n: files.length })} ${names.join(", ")}${files.length > SHOWN ? ", …" : ""}`;
    showWords(line.querySelector('[data-part="status"]'), text);
    line.addEventListener("click", (event) => {
      const action = event.target.closest("[data-action]")?.dataset.action;
      if (!action) return;
      const focus = this.nextFocus({ element: line });
      this.questions.delete(line);
      line.remove();
      focus.focus();
      this.onAnswer(action === "start" ? files : [], choice);
    });
    if (key !== KEYS[0]) this.questions.add(line);
    this.list.append(line);
    this.say(text);
  }
}
