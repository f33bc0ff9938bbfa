// The queue: all files picked in this tab, two uploads at a time, and what the page shows and announces of them.

import { FilePicker, MAX_FILES, checkFile } from "./picker.js";
import { formatPercent, formatProgress, percent } from "./format.js";
import { t } from "./i18n.js";
import { FileRow } from "./file-row.js";
import { FileUpload } from "./file-upload.js";
import { KeepAwake } from "./wake-lock.js";
import { LiveRegions } from "./live-region.js";
import { ServerFileList } from "./file-list.js";
import { Tabs } from "./tabs.js";

const MAX_PARALLEL = 2;
const pageTitle = document.title;

export class UploadQueue {
  constructor(byId, filesUrl) {
    Object.assign(this, { byId, filesUrl, uploads: [], rows: new Map(), isStopped: false, milestone: 0 });
    this.live = new LiveRegions(byId("upload-status"), byId("upload-alert"));
    this.tabs = new Tabs(`filsluss ${filesUrl}`, () => this.onTabsChange());
    this.keepAwake = new KeepAwake(byId("keep-screen-on"));
    this.list = new ServerFileList({
      url: filesUrl,
      element: byId("files"),
      emptyText: byId("no-files"),
      pickAgain: byId("pick-again"),
      hasRow: (entry) => this.hasRow(entry),
      hasRows: () => this.rows.size > 0,
      onUpdate: () => this.onListUpdate(),
      onError: (error) => this.onListError(error),
    });
    this.picker = new FilePicker({
      input: byId("file"),
      button: byId("choose"),
      folderButton: byId("choose-folder"),
      dropZone: byId("drop"),
      onFiles: (files, resumeId, isComplete) => this.addFiles(files, resumeId, isComplete),
      onDragOver: () => this.live.announceNow(t("can_drop")),
    });
    byId("files").addEventListener("click", (event) => {
      const button = event.target.closest('[data-action="pick-again"]');
      if (button) this.picker.open(this.list.uploadIdOf(button.closest("[data-file]")));
    });
    byId("upload-form").addEventListener("change", () => this.renderRows(false));
    addEventListener("online", () => this.retryNow());
    document.addEventListener("visibilitychange", () => {
      if (document.hidden) return;
      this.list.refresh();
      this.retryNow();
    });
  }

  get openUploads() {
    return this.uploads.filter((upload) => upload.isOpen);
  }

  /** Bytes left of the account when every upload in the queue has been created. */
  get room() {
    const uncreated = this.openUploads.filter((upload) => !upload.url && !upload.resumeFrom);
    return Math.max(0, this.list.latest.room - uncreated.reduce((sum, upload) => sum + upload.size, 0));
  }

  /** Files were picked; `isComplete` is false if a folder could not be read. */
  async addFiles(files, resumeId, isComplete) {
    if (this.isStopped) return;
    this.showNotice(isComplete ? "" : "folder_unreadable");
    const changed = this.uploads.find((upload) => resumeId && upload.id === resumeId);
    if (changed) {
      changed.replaceFile(files[0]);
      this.rows.get(changed).renderName();
      return this.startNext();
    }
    await this.list.refreshIfOld();
    if (this.isStopped) return;
    const stored = this.list.latest.files.filter((entry) => !["erasing", "erased"].includes(entry.state));
    const n = MAX_FILES - stored.length - this.openUploads.filter((upload) => !upload.url).length;
    if (files.length > n) return this.showNotice("too_many", { n: Math.max(0, n) });
    if (!this.openUploads.length) this.clearReceived();
    if (files.length) this.live.announceNow(t(files.length === 1 ? "chosen_one" : "chosen", { n: files.length }));
    for (const file of files) this.add(file, resumeId);
    this.startNext();
  }

  add(file, resumeId) {
    const { uploads, room, filesUrl } = this;
    const otherTabs = this.tabs.uploadIds;
    const check = checkFile(file, { list: this.list.latest, room, uploads, otherTabs, resumeId });
    const upload = new FileUpload({
      file,
      filesUrl,
      resumeId,
      resumeFrom: check.resume,
      onChange: (changed) => this.onUploadChange(changed),
      wantsCode: () => this.byId("with_code-1").checked,
      choices: () => ({ one_letter: Number(this.byId("one_letter").checked), receipts: this.byId("receipts").value }),
      isClaimed: (id) => this.uploads.some((other) => other.id === id) || this.tabs.uploadIds.includes(id),
    });
    this.uploads.push(upload);
    this.addRow(upload);
    if (check.refuse) upload.fail(check.refuse);
    if (check.ask) upload.ask(check.ask);
  }

  addRow(upload) {
    const row = new FileRow({
      template: this.byId("upload-row"),
      upload,
      onAction: (action) => this.handleAction(action, upload),
      limits: () => ({ max: this.list.latest.max_size, room: this.room }),
      nextFocus: () => this.nextFocus(row),
    });
    this.rows.set(upload, row);
    this.byId("uploads").append(row.element);
    this.list.updateEmptyText();
  }

  handleAction(action, upload) {
    if (action === "pick-again") this.picker.open(upload.id || null);
    else if (action === "start") upload.enqueue();
    else if (action === "retry-now") upload.retryNow();
    else if (action === "pause") upload.pause();
    else if (action === "cancel") upload.cancel();
    else this.remove(upload);
    if (action === "pick-other") this.picker.open(upload.resumeId);
    this.startNext();
  }

  remove(upload) {
    this.uploads = this.uploads.filter((other) => other !== upload);
    this.removeRow(upload);
    this.live.announceNow(t("row_removed", { file: upload.file.name }));
    this.updateList();
    this.updateSummary();
  }

  removeRow(upload) {
    const row = this.rows.get(upload);
    if (!row) return;
    const focus = row.element.contains(document.activeElement) ? this.nextFocus(row) : null;
    row.element.remove();
    this.rows.delete(upload);
    this.list.updateEmptyText();
    focus?.focus();
  }

  /** Where the focus goes when a row loses it: to a button of the next or previous row, else to the heading. */
  nextFocus({ element }) {
    const button = (row) => row?.querySelector("button:not([hidden])");
    return button(element.nextElementSibling) ?? button(element.previousElementSibling) ?? this.byId("files-heading");
  }

  clearReceived() {
    this.uploads = this.uploads.filter((upload) => upload.state !== "received");
    this.milestone = 0;
  }

  startNext() {
    while (this.uploads.filter((upload) => upload.isActive).length < MAX_PARALLEL) {
      const next = this.uploads.find((upload) => upload.state === "waiting");
      if (!next) break;
      next.run();
    }
    this.updateActivity();
    this.updateSummary();
  }

  updateActivity() {
    if (!this.uploads.some((upload) => upload.isActive)) this.timer = clearInterval(this.timer);
    else this.timer ??= setInterval(() => this.tick(), 1000);
    this.keepAwake.update(this.uploads.some((upload) => upload.isSending));
  }

  onUploadChange(upload) {
    const row = this.rows.get(upload);
    row?.render();
    if (!row || this.isStopped) return;
    if (upload.reason.startsWith("account_")) return this.stop(upload.reason);
    this.tabs.publish(this.openUploads.filter(({ url }) => url).map(({ id }) => id));
    this.announceState(upload, row.statusText);
    this.updateList();
    this.startNext();
  }

  /** Every file has one row: the upload's while it has something to show, then the server's. */
  updateList() {
    const key = this.uploads.map((upload) => upload.id + (upload.state === "received")).join();
    if (key === this.listKey) return;
    this.listKey = key;
    this.list.removeDuplicates();
    this.list.refreshSoon();
  }

  announceState(upload, statusText) {
    const file = upload.file.name;
    const text = t("file_status", { file, text: statusText });
    const key = upload.reason || upload.state;
    if (upload.state === "failed" || key === "not_same") this.live.alert(text);
    else if (upload.state === "received") this.live.announce(t("is_done", { file }));
    else if (["paused", "offline", "cancelled", "resuming"].includes(key)) this.live.announceNow(text);
    else if (key === "already" || key === "elsewhere") this.live.announceNow(statusText);
  }

  /** Every second while an upload is active. */
  tick() {
    this.renderRows(true);
    this.updateSummary();
    this.announceProgress();
  }

  renderRows(isActive) {
    for (const [upload, row] of this.rows) if (upload.isActive === isActive) row.render();
  }

  get totals() {
    const uploads = this.uploads.filter(({ state }) => state !== "cancelled" && state !== "asking");
    const count = (state) => uploads.filter((upload) => upload.state === state).length;
    const sum = (property) =>
      uploads.reduce((total, upload) => total + (upload.state === "failed" ? 0 : upload[property]), 0);
    return { n: uploads.length, done: count("received"), k: count("failed"), sent: sum("sent"), size: sum("size") };
  }

  updateSummary() {
    const { n, done, k, sent, size } = this.totals;
    const isOpen = this.openUploads.length > 0;
    const params = { n, done, k, percent: formatProgress(sent, size) };
    const title = isOpen ? `(${params.percent}) ${pageTitle}` : pageTitle;
    if (document.title !== title) document.title = title;
    const text = summaryText(params, isOpen);
    const element = this.byId("upload-summary");
    if (element.textContent === text) return;
    element.textContent = text;
    element.className = isOpen ? "" : k ? "state err" : "state ok";
    if (isOpen || !text) return;
    if (k) this.live.alert(text);
    else this.live.announce(text);
  }

  /** At 25, 50 and 75 percent, if everything takes longer than twenty seconds. */
  announceProgress() {
    const { sent, size, n } = this.totals;
    const milestone = Math.min(75, 25 * Math.floor(percent(sent, size || 1) / 25));
    if (milestone <= this.milestone) return;
    this.milestone = milestone;
    const sending = this.uploads.find((upload) => upload.isSending);
    if (!sending || sending.meter.age / (milestone / 100) < 20) return;
    const params = { file: sending.file.name, percent: formatPercent(milestone, 100) };
    this.live.announce(n === 1 ? t("milestone", params) : this.byId("upload-summary").textContent);
  }

  retryNow() {
    for (const upload of this.uploads) {
      if (upload.isActive) upload.retryNow();
      else if (upload.state === "failed" && upload.reason === "failed") upload.enqueue();
    }
    this.startNext();
  }

  /** Whether the file has an upload row. When the server has all of the file, its own row replaces that. */
  hasRow(entry) {
    const upload = this.uploads.find(({ id }) => id === entry.id);
    if (!upload || !this.rows.has(upload)) return false;
    return upload.state !== "received" || entry.state === "uploading";
  }

  onListUpdate() {
    for (const upload of this.rows.keys()) {
      const entry = this.list.latest.files.find(({ id }) => id === upload.id);
      if (entry && upload.state === "received" && !this.hasRow(entry)) this.removeRow(upload);
    }
    if (this.notice === "list_stale") this.showNotice("");
  }

  onListError(error) {
    if (error.action === "stop") this.stop(error.code);
    else if (!this.notice) this.showNotice("list_stale");
  }

  onTabsChange() {
    if (this.tabs.uploadIds.length) this.showNotice("other_window");
    else if (this.notice === "other_window") this.showNotice("");
  }

  showNotice(key, params) {
    const element = this.byId("upload-note");
    this.notice = key;
    element.textContent = key ? t(key, params) : "";
    if (key && key !== "list_stale" && key !== "other_window") this.live.alert(element.textContent);
  }

  /** The account has ended: all uploads stop, and the page says why. */
  stop(code) {
    if (this.isStopped) return;
    this.isStopped = this.list.isStopped = true;
    this.picker.enabled = false;
    for (const upload of this.openUploads) upload.fail(code);
    this.byId("drop").hidden = true;
    this.showNotice(code === "account_closed_by_admin" ? code : "account_over");
    this.updateActivity();
    this.updateSummary();
  }
}

/** While uploads are open, only if there are several; at the end always. */
function summaryText(params, isOpen) {
  const { n, done, k } = params;
  if (isOpen) return n > 1 ? t("summary", params) : "";
  if (k && n > 1) return t("some_failed", params);
  if (!done || k) return "";
  return t(n === 1 ? "all_done_one" : "all_done", params);
}
