// The queue: all files picked in this tab, two uploads at a time, and what the page shows and announces of them.

import { FilePicker, MAX_FILES, checkFile } from "./picker.js";
import { named, t } from "./format.js";
import { FileUpload } from "./file-upload.js";
import { isGivenUp } from "./tus.js";
import { ServerFileList } from "./file-list.js";
import { Scene } from "./scene.js";
import { KeepAwake, Tabs } from "./windows.js";
import { LeftOut, UploadRows } from "./file-row.js";

const MAX_PARALLEL = 2;

/** Nothing is asked of one that is done, and nothing but to be taken from the list of one that cannot be sent. */
const isUnsettled = ({ reason, state }) =>
  !["received", "cancelled"].includes(state) && !["too_large", "filename_invalid"].includes(reason);
const isOfOther = ({ reason }) => ["elsewhere", "left_elsewhere"].includes(reason);

export class UploadQueue {
  constructor(byId, filesUrl) {
    Object.assign(this, { byId, filesUrl, uploads: [], choosing: 0 });
    this.isStopped = this.isIncomplete = false;
    this.rows = new UploadRows({
      list: byId("uploads"),
      template: byId("upload-row"),
      heading: byId("files-heading"),
      onAction: (action, upload) => this.handleAction(action, upload),
      limits: () => ({ max: this.list.latest.max_size, room: this.room }),
    });
    this.tabs = new Tabs(`filsluss ${filesUrl}`, () => this.onTabsChange());
    this.scene = new Scene({ byId, uploads: () => this.uploads, queue: this });
    this.leftOut = new LeftOut({
      template: byId("left-out"),
      list: byId("uploads"),
      nextFocus: (line) => this.rows.nextFocus(line),
      onAnswer: (files, choice) => this.addAll(files, choice),
      say: (text) => this.scene.say(text),
    });
    this.keepAwake = new KeepAwake(byId("keep-screen-on"));
    this.list = new ServerFileList({
      url: filesUrl,
      element: byId("files"),
      pickAgain: byId("pick-again"),
      hasRow: (entry) => this.hasRow(entry),
      isElsewhere: (id) => this.tabs.otherFiles.some((other) => other.id === id),
      onUpdate: () => this.onListUpdate(),
      onError: (error) => this.onListError(error),
    });
    this.picker = new FilePicker({
      input: byId("file"),
      button: byId("choose"),
      folderButton: byId("choose-folder"),
      dropZone: byId("drop"),
      onFiles: (files, target, problem) => this.addFiles(files, target, problem),
      onDragOver: () => this.scene.say(t("can_drop")),
    });
    byId("files").addEventListener("click", (event) => {
      const button = event.target.closest('[data-action="pick-again"]');
      if (button) this.picker.open(this.list.uploadIdOf(button.closest("[data-file]")));
    });
    byId("terms").addEventListener("change", () => {
      this.rows.render(false);
      this.showChoices();
    });
    byId("more").addEventListener("click", () => this.picker.open());
    byId("pause-all").addEventListener("click", () => this.forAll((upload) => upload.pause(), "continue-all"));
    byId("continue-all").addEventListener("click", () => this.forAll((upload) => upload.enqueue(), "pause-all"));
    byId("cancel-all").addEventListener("click", () => this.forAll((upload) => this.cancel(upload), "files-heading"));
    this.showChoices();
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

  /** Files were picked; see FilePicker for `target` and `problem`. */
  async addFiles(files, target, problem) {
    if (this.isStopped) return;
    this.showNotice(problem);
    if (this.uploads.includes(target)) {
      if (target.pickedAgain(files[0])) {
        this.rows.get(target).renderName();
        return this.startNext();
      }
      this.forget(target); // another file is looked at as any that is chosen
      target = null;
    }
    this.choosing += 1;
    this.updateActivity();
    await this.list.refreshNow();
    this.choosing -= 1;
    if (this.isStopped) return;
    if (!this.openUploads.length) this.clearReceived();
    const isTooMany = files.length > this.freePlaces;
    if (isTooMany) this.showNotice("too_many", { n: Math.max(0, this.freePlaces) });
    this.isIncomplete ||= isTooMany || ["folder_unreadable", "drop_unreadable"].includes(problem);
    if (files.length && !isTooMany) this.addChosen(files, target);
    else this.updateActivity();
  }

  /** How many more files the account takes. */
  get freePlaces() {
    const stored = this.list.latest.files.filter((entry) => !["erasing", "erased"].includes(entry.state));
    return MAX_FILES - stored.length - this.openUploads.filter((upload) => !upload.url).length;
  }

  /** A file for `resumeId` was meant; of others, some are left out until the user says that they were. */
  addChosen(files, resumeId) {
    this.scene.begin();
    this.scene.say(t(files.length === 1 ? "chosen_one" : "chosen", { n: files.length }));
    const choice = {};
    this.addAll(resumeId ? files : this.leftOut.sort(files, choice), choice, resumeId);
  }

  addAll(files, choice, resumeId) {
    choice.known ??= new Set(this.list.latest.files.map(({ id }) => id)); // of these none was made by this choice
    for (const file of files) this.add(file, choice, resumeId);
    this.startNext();
  }

  check(file, choice, resumeId) {
    const { list, room, tabs, uploads } = this;
    return checkFile(file, { list: list.latest, room, uploads, otherTabs: tabs.otherFiles, choice, resumeId });
  }

  add(file, choice, resumeId) {
    const check = this.check(file, choice, resumeId);
    const upload = new FileUpload({
      file,
      filesUrl: this.filesUrl,
      choice,
      resumeId,
      resumeFrom: check.resume,
      onChange: (changed) => this.onUploadChange(changed),
      wantsCode: () => this.byId("with_code").checked,
      choices: () => ({ one_letter: Number(this.byId("one_letter").checked), receipts: this.byId("receipts").value }),
      isClaimed: (id) =>
        choice.known.has(id) || [...this.uploads, ...this.tabs.otherFiles].some((other) => other.id === id),
    });
    this.uploads.push(upload);
    this.rows.add(upload);
    if (check.refuse) upload.fail(check.refuse);
    if (check.ask) upload.ask(check.ask);
  }

  handleAction(action, upload) {
    if (action === "pick-again") this.picker.open(upload);
    else if (action === "start") upload.enqueue();
    else if (action === "retry-now") upload.retryNow();
    else if (action === "pause") upload.pause();
    else if (action === "take-over") this.takeOver(upload);
    else if (action === "cancel") this.cancel(upload);
    else this.remove(upload);
    if (action === "pick-other") this.picker.open(upload.resumeId);
    this.startNext();
  }

  /** The server may have had all of the file; then its own row says what has become of it. */
  async cancel(upload) {
    await upload.cancel();
    if (upload.url) this.list.refreshSoon();
  }

  forget(upload) {
    this.uploads = this.uploads.filter((other) => other !== upload);
    this.rows.remove(upload);
  }

  remove(upload) {
    this.forget(upload);
    this.scene.say(t("row_removed", { file: named(upload.name) }));
    this.updateList();
    this.updateActivity();
  }

  /** What was open when it was asked for, each in turn; then the focus goes to what takes the button's place. */
  forAll(act, focusId) {
    const { openUploads } = this;
    this.isHeld = true;
    for (const upload of openUploads) if (upload.isOpen) act(upload);
    this.isHeld = false;
    this.byId("cancel-all").closest("details").open = false;
    this.startNext();
    this.byId(focusId).focus();
  }

  /** The choices in the words of the line that they fold into. */
  showChoices() {
    const isOne = this.byId("one_letter").checked;
    const link = isOne ? "link_all" : "link_each";
    const code = isOne ? "code_all" : "code_each";
    this.byId("how-words").textContent = t(this.byId("with_code").checked ? code : link);
  }

  clearReceived() {
    this.uploads = this.uploads.filter((upload) => upload.state !== "received");
    this.scene.milestone = 0;
    this.isIncomplete = false;
  }

  startNext() {
    while (!this.isHeld && this.uploads.filter((upload) => upload.isActive).length < MAX_PARALLEL) {
      const next = this.uploads.find((upload) => upload.state === "waiting");
      if (!next) break;
      next.run();
    }
    this.updateActivity();
  }

  updateActivity() {
    if (!this.uploads.some((upload) => upload.isActive)) this.timer = clearInterval(this.timer);
    else this.timer ??= setInterval(() => this.tick(), 500);
    const isAsking = this.leftOut.isAsking || this.uploads.some(({ state }) => state === "asking");
    const isNeeded = isAsking || this.choosing > 0 || this.openUploads.length > 0;
    this.keepAwake.update(this.uploads.some((upload) => upload.isSending), isNeeded && !this.isStopped);
    this.scene.update();
  }

  /** Whether something was not taken or is unfinished: not everything is done. */
  get isMissing() {
    const isKnown = ({ id }) => [...this.uploads, ...this.tabs.otherFiles].some((other) => other.id === id);
    const isLeft = (entry) => entry.state === "uploading" && !isKnown(entry) && !isGivenUp(entry);
    return this.isIncomplete || this.leftOut.isAsking || this.list.latest.files.some(isLeft);
  }

  /** Whether a file that was received has been taken from the recipient since, by whomever. */
  get isLost() {
    const isKept = ({ state }) => !["withheld", "infected", "erasing", "erased"].includes(state);
    const isReceived = (upload, entry) => upload.state === "received" && upload.id === entry.id;
    const isLost = (entry) => !isKept(entry) && this.uploads.some((upload) => isReceived(upload, entry));
    return this.list.latest.files.some(isLost);
  }

  onUploadChange(upload) {
    const row = this.rows.get(upload);
    row?.render();
    if (!row || this.isStopped) return;
    if (upload.reason.startsWith("account_")) return this.stop(upload.reason);
    this.tabs.publish(this.openUploads);
    this.scene.announceState(upload, row.statusText);
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

  /** Twice a second while an upload is active. */
  tick() {
    this.rows.render(true);
    this.scene.update();
    this.scene.announceProgress();
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
    return !["received", "cancelled"].includes(upload.state) || !entry.received_at;
  }

  onListUpdate() {
    for (const upload of [...this.rows.keys()]) {
      const entry = this.list.latest.files.find(({ id }) => id === upload.id);
      if (!entry || this.hasRow(entry)) continue;
      this.rows.remove(upload);
      if (upload.state !== "cancelled") continue;
      this.scene.say(t("file_status", { file: named(upload.name), text: this.list.stateOf(entry) }));
    }
    for (const upload of this.uploads) this.askAgain(upload);
    if (this.list.latest.files.length) this.scene.begin();
    if (this.notice === "list_stale") this.showNotice("");
    this.scene.update();
  }

  onListError(error) {
    if (error.action === "stop") this.stop(error.code);
    else if (!this.notice) this.showNotice("list_stale");
  }

  async onTabsChange() {
    if (this.tabs.otherFiles.length) this.showNotice("other_window");
    else if (this.notice === "other_window") this.showNotice("");
    this.list.markElsewhere();
    if (!this.uploads.some(isOfOther)) return;
    await this.list.refreshNow();
    for (const upload of this.uploads) this.askAgain(upload);
  }

  /** Another window has the file, has finished it, or has given it up or fallen silent: then it can go on here. */
  askAgain(upload) {
    if (!isOfOther(upload)) return;
    const { ask } = this.check(upload.file, upload.choice, upload.resumeId);
    const reason = ["already", "elsewhere"].includes(ask) ? ask : "left_elsewhere";
    if (upload.reason !== reason) upload.ask(reason);
  }

  async takeOver(upload) {
    await this.list.refreshNow();
    const { ask, resume } = this.check(upload.file, upload.choice, upload.resumeId);
    if (ask) return upload.ask(ask);
    upload.resumeFrom = resume;
    upload.enqueue();
    this.startNext();
  }

  showNotice(key, params) {
    const element = this.byId("upload-note");
    this.notice = key;
    element.textContent = key ? t(key, params) : "";
    if (key && key !== "list_stale" && key !== "other_window") this.scene.alert(element.textContent);
  }

  /** The account has ended: all uploads stop, and the page says why; what asks for an open account goes. */
  stop(code) {
    if (this.isStopped) return;
    this.isStopped = this.list.isStopped = true;
    this.picker.enabled = false;
    for (const upload of this.uploads.filter(({ reason }) => reason === "already")) this.forget(upload);
    for (const upload of this.uploads.filter(isUnsettled)) upload.fail(code);
    this.leftOut.questions.clear();
    this.hideActs();
    this.byId("rows").before(this.byId("upload-note"));
    this.showNotice(code === "account_closed_by_admin" ? code : "account_over");
    this.updateActivity();
  }

  /** If one of them has the focus, it moves on to the heading. */
  hideActs() {
    const { activeElement } = document;
    for (const act of document.querySelectorAll("[data-while-open]")) act.toggleAttribute("hidden", true);
    if (activeElement.closest("[data-while-open]")) this.byId("files-heading").focus();
  }
}
