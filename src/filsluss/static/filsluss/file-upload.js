// The upload of one file, with its speed, pauses, retries and questions, until it is received or given up.

import {
  UploadAborted,
  UploadError,
  create,
  getJson,
  getOffset,
  getStored,
  matchesUpload,
  sendChunk,
  shrinkChunks,
  terminate,
  toggleOverride,
} from "./tus.js";
import { Source, folderOf, isEqualFile, isJustCreated, pathOf } from "./picker.js";

const RETRY_DELAYS = [1, 2, 4, 8, 15, 30];
const MAX_DELAY = 60;
const MAX_ATTEMPTS = 30;

/** States: waiting preparing uploading finishing reconnecting offline paused asking received cancelled failed. */
export class FileUpload {
  /**
   * Options: `file`, `filesUrl`, `resumeFrom` (an entry of the list, or null), `choice` (that of files
   * picked together); `onChange(upload)` after every change of state; `wantsCode()` and `choices()` (metadata for the
   * whole case) as the form says; `isClaimed(id)`: another upload, of this or another tab, has that id.
   */
  constructor(options) {
    Object.assign(this, options);
    this.state = "waiting";
    this.reason = "";
    this.url = "";
    this.withCode = null;
    this.offset = this.sent = this.base = 0;
    this.source = new Source(this.file);
    this.tried = 0;
    this.meter = new SpeedMeter();
  }

  /** The id of the upload on the server, or of the one that this is to resume. */
  get id() {
    return this.resumeFrom?.id ?? this.url.split("/").pop();
  }

  get name() {
    return pathOf(this.file);
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

  /** "Paused" is said when it is known how much the server kept of the interrupted request. */
  async pause() {
    this.stop();
    const { signal } = (this.controller = new AbortController());
    if (this.url) {
      this.setState("paused", "pausing");
      try {
        this.setOffset(await getOffset(this.url, signal));
      } catch {
        // The last confirmed offset is shown.
      }
    }
    if (!signal.aborted) this.setState("paused");
  }

  /** The server may have all of it, and the answer that says so be on its way. */
  async cancel() {
    this.stop();
    this.setState("cancelled");
    for (const seconds of this.mayExist && !this.url ? [0, 2] : []) {
      await new Promise((resolve) => setTimeout(resolve, seconds * 1000));
      if (await this.findCreated().catch(() => false)) break;
    }
    if (this.url) await terminate(this.url);
  }

  /** Whether the file picked for this row is the same, which then goes on; of another, nothing here is of use. */
  pickedAgain(file) {
    const { id, offset, url, withCode } = this;
    const isSame = isEqualFile(file, this.file);
    this.forget();
    if (isSame) {
      this.source = new Source((this.file = file));
      if (url) this.resumeFrom = { id, offset, with_code: withCode };
      this.enqueue();
    } else if (url) terminate(url);
    return isSame;
  }

  forget() {
    this.url = "";
    this.resumeFrom = null;
    this.source = new Source(this.file);
    this.offset = this.sent = this.base = 0;
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

  /** Without waiting for the delay to end. */
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
        this.source.tail = null;
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
    await this.source.settle();
    if (await this.source.fault()) throw new UploadError("fail");
    if (this.resumeFrom && !(await this.resume(signal))) {
      this.resumeFrom = null;
      this.ask("not_same");
      throw new UploadAborted();
    }
    if (this.url) this.continueFrom(await getOffset(this.url, signal));
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
    this.base = offset;
    this.resumeFrom = null;
    return true;
  }

  async create(signal) {
    if (this.mayExist && (await this.findCreated(signal))) return;
    this.mayExist = true;
    this.withCode = this.wantsCode();
    // What the server takes at once (SMALL there) is sent with the creation; if that fails or it has changed, after it.
    Object.assign(
      this,
      await create(this.filesUrl, this.file, {
        withCode: this.withCode,
        choices: this.choices(),
        folder: folderOf(this.file),
        body: this.size > 2 ** 16 || this.attempts ? null : await this.source.bytesFrom(0, () => true),
        signal,
      }),
    );
  }

  /** The server may have created the upload although its response was lost. */
  async findCreated(signal) {
    const { files } = await getJson(this.filesUrl, signal);
    const found = files.find(
      (entry) => isJustCreated(this.file, entry) && entry.with_code === this.withCode && !this.isClaimed(entry.id),
    );
    if (!found) return false;
    this.url = `${this.filesUrl}/${found.id}`;
    this.offset = found.offset;
    return true;
  }

  async sendChunk(signal) {
    const start = this.offset;
    const isAsSent = () => !globalThis.crypto?.subtle || matchesUpload(this.file, this.url, start, signal);
    const bytes = await this.source.bytesFrom(start, isAsSent);
    if (!bytes) throw new UploadError("fail", { code: "file_changed" });
    this.seen = start;
    const offset = await sendChunk(this.url, bytes, start, {
      onBody: (size) => (this.tried = size),
      onProgress: (sent) => this.setSent(Math.min(start + sent, this.size)),
      patience: 2 ** Math.min(this.failures, 3),
      isMoving: () => this.isMoving(signal),
      signal,
    });
    this.tried = 0;
    this.setOffset(offset);
    this.setSent(offset);
  }

  /** Whether the server got more while a request said nothing. Not asked by HEAD, which would end that request. */
  async isMoving(signal) {
    const seen = this.seen;
    this.seen = await getStored(this.filesUrl, this.id, signal).catch(() => seen);
    return this.seen > seen;
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

  /** What the server answered after a request broke. If it got nothing of a body, the next is smaller, and at once. */
  continueFrom(offset) {
    if (offset <= this.offset && shrinkChunks(this.tried)) this.attempts = this.failures = 0;
    this.tried = 0;
    this.setOffset(offset);
  }

  async handleError(error) {
    const { action, code, status, retryAfter } = error;
    const fault = code === "file_changed" ? code : await this.source.fault(this.offset);
    if (fault) return this.handleFault(fault);
    if (action === "forget" && this.resumeFrom) return this.forget(); // another window took it away
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

  /** A file that is away may come back. Of one that has changed, what the server has is no use: it is taken back. */
  handleFault(fault) {
    const { url } = this;
    const reason = fault !== "NotFoundError" && (url || this.sent) ? "file_changed" : "file_unreadable";
    if (reason === "file_changed") this.forget();
    this.fail(reason);
    if (reason === "file_changed" && url) terminate(url);
  }

  /** The server no longer has the upload. Asking for the list tells whether the account has ended too. */
  async handleGone() {
    const error = await getJson(this.filesUrl).catch((error) => error);
    this.forget();
    this.fail(error.action === "stop" ? error.code : "upload_gone");
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

const HALF_LIFE = 10;
const MIN_AGE = 3;
const ESTIMATE_INTERVAL = 5;
const STALLED_AFTER = 15;

const seconds = () => performance.now() / 1000;

/** The speed of an upload, as an exponentially weighted average, and the time it has left. */
export class SpeedMeter {
  /** Before the first update, and whenever sending starts again. */
  start(bytes) {
    this.startedAt = this.updatedAt = this.progressAt = this.estimatedAt = seconds();
    this.bytes = bytes;
    this.average = 0;
    this.estimate = null;
  }

  /** Takes the number of bytes sent so far. */
  update(bytes) {
    const now = seconds();
    const elapsed = now - this.updatedAt;
    if (bytes !== this.bytes) this.progressAt = now;
    if (elapsed < 0.2) return;
    const weight = 1 - 2 ** (-elapsed / HALF_LIFE);
    this.average += weight * (Math.max(0, bytes - this.bytes) / elapsed - this.average);
    this.updatedAt = now;
    this.bytes = bytes;
  }

  /** Bytes per second. The average starts at zero; the divisor corrects for that while it is young. */
  get speed() {
    return this.average / (1 - 2 ** (-Math.max(this.age, 0.2) / HALF_LIFE));
  }

  /** Seconds from the start to the latest update. */
  get age() {
    return this.updatedAt - this.startedAt;
  }

  get isStalled() {
    return seconds() - this.progressAt > STALLED_AFTER;
  }

  /** Null while it is too early to tell; a new estimate at most every five seconds. */
  secondsLeft(bytesLeft) {
    if (this.age < MIN_AGE || this.speed < 1) return null;
    if (this.estimate === null || seconds() - this.estimatedAt >= ESTIMATE_INTERVAL) {
      this.estimate = bytesLeft / this.speed;
      this.estimatedAt = seconds();
    }
    return this.estimate;
  }
}
