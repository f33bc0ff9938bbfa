// A task: one file on its way, with its pauses, retries and questions, until it is there or given up.

import { Stopped, Trouble, append, changeWay, create, listOf, offsetOf, withdraw } from "./tus.js";
import { holdsTheSame, isReadable, isSameFile } from "./choose.js";
import { Meter } from "./words.js";

const PAUSES = [1, 2, 4, 8, 15, 30, 60];
const TRIES = 30;
const MOVING = new Set(["uploading", "finishing"]);
const ACTIVE = new Set(["preparing", "uploading", "finishing", "reconnecting", "offline"]);

/** States: waiting preparing uploading finishing reconnecting offline paused asking received cancelled failed. */
export class Task {
  constructor(file, { files, tell, codeWanted, isTaken }) {
    Object.assign(this, { file, files, tell, codeWanted, isTaken });
    this.state = "waiting";
    this.why = "";
    this.address = "";
    this.known = null;
    this.withCode = null;
    this.offset = this.sent = 0;
    this.log = [];
    this.meter = new Meter();
  }

  /** The upload that this task holds, or means to go on with. */
  get id() {
    return this.known?.id ?? this.address.split("/").pop();
  }

  get size() {
    return this.file.size;
  }

  get isMoving() {
    return MOVING.has(this.state);
  }

  get isActive() {
    return ACTIVE.has(this.state);
  }

  get isOpen() {
    return this.isActive || ["waiting", "paused"].includes(this.state);
  }

  /** With a code or not is settled when the file is announced; until then it follows the choice on the page. */
  get hasCode() {
    return this.withCode ?? this.codeWanted();
  }

  note(text) {
    this.log.push(`${new Date().toLocaleTimeString("sv")} ${text}`);
    if (this.log.length > 50) this.log.shift();
  }

  become(state, why = "") {
    this.state = state;
    this.why = why;
    this.tell(this);
  }

  wait() {
    this.stop();
    this.become("waiting");
  }

  ask(question) {
    this.become("asking", question);
  }

  pause() {
    this.stop();
    this.become("paused");
    if (this.address) this.lookAgain();
  }

  /** What a cut request left on the server, for "62 % is saved"; nothing of ours is running now. */
  async lookAgain() {
    this.stopper = new AbortController();
    try {
      this.reach(await offsetOf(this.address, this.stopper.signal));
      this.tell(this);
    } catch {
      // The last confirmed figure stands.
    }
  }

  async cancel() {
    this.stop();
    this.become("cancelled");
    if (this.address) await this.giveBack(this.address);
  }

  async giveBack(address) {
    for (const wait of [0, 2, 10]) {
      await new Promise((resolve) => setTimeout(resolve, wait * 1000));
      try {
        return await withdraw(address);
      } catch (trouble) {
        if (trouble.fate !== "again") return;
      }
    }
  }

  /** The file was chosen again. If it is another one by now, what was saved of the first is no use. */
  exchange(file) {
    const isSame = ["name", "size", "lastModified"].every((part) => file[part] === this.file[part]);
    if (this.address && isSame) {
      this.known = { id: this.id, offset: this.offset, with_code: this.withCode };
    } else if (this.address) {
      this.giveBack(this.address);
    }
    this.file = file;
    this.forget();
    this.wait();
  }

  forget() {
    this.address = "";
    this.offset = this.sent = 0;
    this.isUnsure = false;
  }

  fail(why) {
    this.stop();
    this.become("failed", why);
  }

  stop() {
    this.sent = this.offset;
    this.stopper?.abort();
    this.wakeUp?.();
  }

  /** Somebody or something thinks that it is worth a try now. */
  hurry() {
    this.tries = 0;
    this.wakeUp?.();
  }

  /** Begins or goes on; settles when the task is no longer active. */
  async run() {
    this.stop();
    const stopper = (this.stopper = new AbortController());
    this.tries = this.still = 0;
    this.become("preparing");
    while (!stopper.signal.aborted) {
      try {
        await this.attempt(stopper.signal);
        if (!stopper.signal.aborted) this.become("received");
        return;
      } catch (fault) {
        if (stopper.signal.aborted || fault instanceof Stopped) return;
        await this.face(fault instanceof Trouble ? fault : new Trouble("final", { code: String(fault) }));
        if (!this.isActive) return;
      }
    }
  }

  async attempt(signal) {
    if (!(await isReadable(this.file, 0))) throw new Trouble("final", { code: "file_unreadable" });
    if (this.known && !(await this.isTheSame(signal))) {
      this.known = null;
      this.ask("not_same");
      throw new Stopped();
    }
    if (this.address) this.reach(await offsetOf(this.address, signal));
    else await this.announce(signal);
    this.sent = this.offset;
    this.meter.restart(this.offset);
    const from = this.offset;
    if (from < this.size) this.become("uploading", from ? "resuming" : "");
    while (this.offset < this.size) await this.sendPiece(signal);
  }

  /** Whether what is on the server is the beginning of this file: its samples say. */
  async isTheSame(signal) {
    const known = this.known;
    if (!(await holdsTheSame(this.file, `${this.files}/${known.id}`, known.offset, signal))) return false;
    this.address = `${this.files}/${known.id}`;
    this.withCode = known.with_code;
    this.known = null;
    return true;
  }

  async announce(signal) {
    if (this.isUnsure && (await this.adopt(signal))) return;
    this.isUnsure = true;
    this.withCode = this.codeWanted();
    this.address = await create(this.files, this.file, { withCode: this.withCode, signal });
    this.note(`announced ${this.id}`);
  }

  /** An answer may have been lost on its way while the announcement was heard. */
  async adopt(signal) {
    const { files } = await listOf(this.files, signal);
    const found = files.find(
      (other) =>
        isSameFile(this.file, other) &&
        other.offset === 0 &&
        ["uploading", this.size ? "" : "received"].includes(other.state) &&
        other.with_code === this.withCode &&
        !this.isTaken(other.id),
    );
    if (!found) return false;
    this.address = `${this.files}/${found.id}`;
    this.note(`found ${this.id}`);
    return true;
  }

  async sendPiece(signal) {
    const from = this.offset;
    const onProgress = (count) => this.went(Math.min(from + count, this.size));
    this.reach(await append(this.address, this.file, from, { onProgress, signal }));
    this.went(this.offset);
  }

  went(bytes) {
    this.sent = bytes;
    this.meter.read(bytes);
    if (bytes === this.size && this.state === "uploading") this.become("finishing");
  }

  reach(offset) {
    if (offset > this.offset) this.tries = this.still = 0;
    else this.still += 1;
    this.offset = this.sent = offset;
  }

  async face(trouble) {
    this.note(trouble.message);
    if (!(await isReadable(this.file, this.offset))) {
      return this.fail(this.offset || this.sent ? "file_changed" : "file_unreadable");
    }
    if (trouble.fate === "gone" && this.address) return this.lose();
    if (trouble.fate === "over") return this.fail(trouble.code);
    if (trouble.fate !== "again") return this.fail(trouble.code || "refused");
    if (this.tries >= TRIES) return this.fail("failed");
    if (trouble.status === 0 && this.still >= 2) this.tryOtherWay();
    await this.rest(trouble.pause);
  }

  tryOtherWay() {
    this.still = 0;
    changeWay("PATCH");
  }

  /** The upload is gone: because the whole account is, or it alone. The list knows. */
  async lose() {
    let why = "upload_gone";
    try {
      await listOf(this.files);
    } catch (trouble) {
      if (trouble.fate === "over") why = trouble.code;
    }
    this.forget();
    this.fail(why);
  }

  /** Growing pauses with a little chance in them; cut short by `hurry` and `stop`. */
  rest(least) {
    this.sent = this.offset;
    const pause = PAUSES[Math.min(this.tries, PAUSES.length - 1)] * (0.75 + Math.random() / 2);
    this.tries += 1;
    this.become(navigator.onLine === false ? "offline" : "reconnecting");
    const wait = navigator.onLine === false ? 60_000 : Math.max(pause * 1000, least);
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, wait);
      this.wakeUp = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}
