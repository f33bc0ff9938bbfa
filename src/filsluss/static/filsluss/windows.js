// What lies beyond the page: other tabs with it, over a BroadcastChannel; the screen, and leaving the page.

const CHECK_INTERVAL = 3000;

/** What picker.js needs to know the file again, and the id of its upload, if that has one yet. */
const identity = ({ id, file: { name, size, lastModified }, name: webkitRelativePath }) =>
  ({ id, name, size, lastModified, webkitRelativePath });

export class Tabs {
  constructor(channelName, onChange) {
    this.tabId = Math.random();
    this.others = new Map();
    this.files = [];
    this.onChange = onChange;
    if (!("BroadcastChannel" in globalThis)) return;
    this.channel = new BroadcastChannel(channelName);
    this.channel.onmessage = ({ data }) => this.receive(data);
    this.check();
    addEventListener("pagehide", () => this.change([]));
  }

  /** The files of all other tabs, as they published them. */
  get otherFiles() {
    return [...this.others.values()].flatMap(({ files }) => files);
  }

  /** Tells the other tabs what this one is uploading; at most ten times a second, for many small files. */
  publish(uploads) {
    this.uploads = uploads;
    this.timeout ??= setTimeout(() => {
      this.timeout = null;
      this.change(this.uploads.map(identity));
    }, 100);
  }

  change(files) {
    if (JSON.stringify(files) === JSON.stringify(this.files)) return;
    this.files = files;
    this.post();
  }

  post() {
    this.channel?.postMessage({ from: this.tabId, files: this.files });
  }

  /** Asks the other tabs. One that was closed hard, or sleeps, does not answer: what it was uploading is forgotten. */
  check() {
    const askedAt = performance.now();
    this.channel.postMessage({ from: this.tabId, asks: true });
    this.timer = setTimeout(() => {
      this.timer = null;
      const silent = [...this.others].filter(([, { heardAt }]) => heardAt < askedAt);
      for (const [tab] of silent) this.others.delete(tab);
      if (silent.length) this.onChange();
      if (this.others.size && !this.timer) this.check();
    }, CHECK_INTERVAL);
  }

  receive({ from, asks, files }) {
    if (asks) return this.files.length && this.post();
    const before = JSON.stringify(this.others.get(from)?.files ?? []);
    if (files.length) this.others.set(from, { files, heardAt: performance.now() });
    else this.others.delete(from);
    if (this.others.size && !this.timer) this.check();
    if (JSON.stringify(files) !== before) this.onChange();
  }
}

/** The screen stays on while bytes are sent; the browser asks before it leaves while anything is not done. */
export class KeepAwake {
  /** `hint` asks the user to keep the screen on, as not every browser can; it is shown on touch screens only. */
  constructor(hint) {
    Object.assign(this, { hint, isSending: false });
    document.addEventListener("visibilitychange", () => this.updateLock());
  }

  /** `isNeeded`: uploads are open, or something is asked that would be lost with the page. */
  update(isSending, isNeeded) {
    window.onbeforeunload = isNeeded ? (event) => event.preventDefault() : null;
    if (isSending === this.isSending) return;
    this.isSending = isSending;
    this.hint.hidden = !isSending;
    this.updateLock();
  }

  /** The browser releases the lock whenever the page is hidden, so it is requested again when it is shown. */
  async updateLock() {
    try {
      if (this.isSending && !document.hidden) this.lock = await navigator.wakeLock?.request("screen");
      else await this.lock?.release();
    } catch {
      // Not permitted, or the battery is low: the upload goes on without.
    }
  }
}
