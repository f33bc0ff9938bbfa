// The row of one upload of this tab: its progress, its status and its buttons.

import {
  formatBytes,
  formatPercent,
  formatProgress,
  formatSize,
  formatSpeed,
  formatTimeLeft,
  percent,
} from "./format.js";
import { hasMessage, named, showWords, t } from "./i18n.js";

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
    this.setText("log", upload.log.join("\n"));
    this.part("details").hidden = upload.log.length < 2;
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
  const text = t("progress", { percent: formatProgress(sent, size), x: formatSize(sent), y: formatSize(size) });
  if (state === "finishing") return text;
  const seconds = meter.secondsLeft(size - sent);
  const estimate = seconds === null ? t("no_estimate") : `${formatSpeed(meter.speed)} · ${formatTimeLeft(seconds)}`;
  return `${text} · ${estimate}`;
}
