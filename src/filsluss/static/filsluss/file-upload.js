// The upload of one file, with its pauses, retries and questions to the user, until it is received or given up.

import {
  UploadAborted,
  UploadError,
  create,
  getJson,
  getOffset,
  matchesUpload,
  sendChunk,
  terminate,
  toggleOverride,
} from "./tus.js";
import { isSameFile, isEqualFile } from "./picker.js";
import { SpeedMeter } from "./speed.js";

const RETRY_DELAYS = [1, 2, 4, 8, 15, 30];
const MAX_DELAY = 60;
const MAX_ATTEMPTS = 30;

/** States: waiting preparing uploading finishing reconnecting offline paused asking received cancelled failed. */
export class FileUpload {
  /**
   * Options: `file`, `filesUrl`, `resumeFrom` (an entry of the list, or null); `onChange(upload)` after every change of
   * state; `wantsCode()` and `choices()` (metadata for the whole case) as the form says; `isClaimed(id)`: another
   * upload, of this or another tab, has that id.
   */
  constructor(options) {
    Object.assign(this, options);
    this.state = "waiting";
    this.reason = "";
    this.url = "";
    this.withCode = null;
    this.offset = this.sent = 0;
    this.log = [];
    this.meter = new SpeedMeter();
  }

  /** The id of the upload on the server, or of the one that this is to resume. */
  get id() {
    return this.resumeFrom?.id ?? this.url.split("/").pop();
  }

  get size() {
    return this.file.size;
  }

  get isSending() {
    return ["uploading", "finishing"].includes(this.state);
  }

  get isActive() {
    return this.isSending || ["preparing", "reconnecting", "offline"].includes(this.state);
  }

  get isOpen() {
    return this.isActive || ["waiting", "paused"].includes(this.state);
  }

  /** Fixed when the upload is created; before that, as the form says. */
  get hasCode() {
    return this.withCode ?? this.wantsCode();
  }

  addToLog(text) {
    this.log.push(`${new Date().toLocaleTimeString("sv")} ${text}`);
    if (this.log.length > 50) this.log.shift();
  }

  setState(state, reason = "") {
    this.state = state;
    this.reason = reason;
    this.onChange(this);
  }

  enqueue() {
    this.stop();
    this.setState("waiting");
  }

  ask(question) {
    this.setState("asking", question);
  }

  pause() {
    this.stop();
    this.setState("paused");
    if (this.url) this.updateOffset();
  }

  /** What the server kept of the interrupted request, for "62 % is saved". */
  async updateOffset() {
    this.controller = new AbortController();
    try {
      this.setOffset(await getOffset(this.url, this.controller.signal));
      this.onChange(this);
    } catch {
      // The last confirmed offset is shown.
    }
  }

  async cancel() {
    this.stop();
    this.setState("cancelled");
    if (this.url) await this.terminate(this.url);
  }

  async terminate(url) {
    for (const delay of [0, 2, 10]) {
      await new Promise((resolve) => setTimeout(resolve, delay * 1000));
      try {
        return await terminate(url);
      } catch (error) {
        if (error.action !== "retry") return;
      }
    }
  }

  /** The user picked the file again. If it has changed, what the server has of it is useless. */
  replaceFile(file) {
    if (this.url && isEqualFile(file, this.file)) {
      this.resumeFrom = { id: this.id, offset: this.offset, with_code: this.withCode };
    } else if (this.url) {
      this.terminate(this.url);
    }
    this.file = file;
    this.forget();
    this.enqueue();
  }

  forget() {
    this.url = "";
    this.offset = this.sent = 0;
    this.mayExist = false;
  }

  fail(reason) {
    this.stop();
    this.setState("failed", reason);
  }

  stop() {
    this.sent = this.offset;
    this.controller?.abort();
    this.endDelay?.();
  }

  /** Tries again at once instead of waiting for the delay to end. */
  retryNow() {
    this.attempts = 0;
    this.endDelay?.();
  }

  /** Starts or resumes; settles when the upload is no longer active. */
  async run() {
    this.stop();
    const { signal } = (this.controller = new AbortController());
    this.attempts = this.failures = 0;
    this.setState("preparing");
    while (!signal.aborted) {
      try {
        await this.attempt(signal);
        if (!signal.aborted) this.setState("received");
        return;
      } catch (error) {
        if (signal.aborted || error instanceof UploadAborted) return;
        await this.handleError(error instanceof UploadError ? error : new UploadError("fail", { code: String(error) }));
        if (!this.isActive) return;
      }
    }
  }

  async attempt(signal) {
    if (!(await isReadable(this.file, 0))) throw new UploadError("fail", { code: "file_unreadable" });
    if (this.resumeFrom && !(await this.resume(signal))) {
      this.resumeFrom = null;
      this.ask("not_same");
      throw new UploadAborted();
    }
    if (this.url) this.setOffset(await getOffset(this.url, signal));
    else await this.create(signal);
    this.sent = this.offset;
    this.meter.start(this.offset);
    if (this.offset < this.size) this.setState("uploading", this.offset ? "resuming" : "");
    while (this.offset < this.size) await this.sendChunk(signal);
  }

  /** Takes over an unfinished upload; false if its bytes are not the beginning of this file. */
  async resume(signal) {
    const { id, offset, with_code } = this.resumeFrom;
    const url = `${this.filesUrl}/${id}`;
    if (!(await matchesUpload(this.file, url, offset, signal))) return false;
    this.url = url;
    this.withCode = with_code;
    this.resumeFrom = null;
    return true;
  }

  async create(signal) {
    if (this.mayExist && (await this.findCreated(signal))) return;
    this.mayExist = true;
    this.withCode = this.wantsCode();
    this.url = await create(this.filesUrl, this.file, { withCode: this.withCode, choices: this.choices(), signal });
    this.addToLog(`created ${this.id}`);
  }

  /** The server may have created the upload although its response was lost. */
  async findCreated(signal) {
    const { files } = await getJson(this.filesUrl, signal);
    const found = files.find(
      (entry) =>
        isSameFile(this.file, entry) &&
        entry.offset === 0 &&
        ["uploading", this.size ? "" : "received"].includes(entry.state) &&
        entry.with_code === this.withCode &&
        !this.isClaimed(entry.id),
    );
    if (!found) return false;
    this.url = `${this.filesUrl}/${found.id}`;
    this.addToLog(`found ${this.id}`);
    return true;
  }

  async sendChunk(signal) {
    const start = this.offset;
    const onProgress = (bytes) => this.setSent(Math.min(start + bytes, this.size));
    this.setOffset(await sendChunk(this.url, this.file, start, { onProgress, signal }));
    this.setSent(this.offset);
  }

  setSent(bytes) {
    this.sent = bytes;
    this.meter.update(bytes);
    if (bytes === this.size && this.state === "uploading") this.setState("finishing");
  }

  setOffset(offset) {
    if (offset > this.offset) this.attempts = this.failures = 0;
    else this.failures += 1;
    this.offset = this.sent = offset;
  }

  async handleError(error) {
    const { action, code, status, retryAfter } = error;
    this.addToLog(error.message);
    if (!(await isReadable(this.file, this.offset))) {
      return this.fail(this.offset || this.sent ? "file_changed" : "file_unreadable");
    }
    if (action === "forget" && this.url) return this.handleGone();
    if (action === "stop") return this.fail(code);
    if (action !== "retry") return this.fail(code || "refused");
    if (this.attempts >= MAX_ATTEMPTS) return this.fail("failed");
    if (status === 0 && this.failures >= 2) {
      this.failures = 0;
      toggleOverride("PATCH");
    }
    await this.delay(retryAfter);
  }

  /** The server no longer has the upload. Asking for the list tells whether the account has ended too. */
  async handleGone() {
    let reason = "upload_gone";
    try {
      await getJson(this.filesUrl);
    } catch (error) {
      if (error.action === "stop") reason = error.code;
    }
    this.forget();
    this.fail(reason);
  }

  /** Exponential backoff with jitter, at least `retryAfter` milliseconds; `retryNow` and `stop` end it early. */
  delay(retryAfter) {
    this.sent = this.offset;
    const backoff = 1000 * (RETRY_DELAYS[this.attempts] ?? MAX_DELAY) * (0.75 + Math.random() / 2);
    this.attempts += 1;
    const isOffline = navigator.onLine === false;
    this.setState(isOffline ? "offline" : "reconnecting");
    return new Promise((resolve) => {
      this.endDelay = resolve;
      setTimeout(resolve, isOffline ? 60_000 : Math.max(backoff, retryAfter));
    });
  }
}

async function isReadable(file, offset) {
  try {
    await file.slice(offset, offset + 1).arrayBuffer();
    return true;
  } catch {
    return false;
  }
}
