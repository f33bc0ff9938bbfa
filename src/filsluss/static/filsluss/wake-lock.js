// While bytes are being sent: the screen stays on, and the browser asks before it leaves the page.

export class KeepAwake {
  /** `hint` asks the user to keep the screen on: not every browser can. The stylesheet shows it on touch screens only. */
  constructor(hint) {
    Object.assign(this, { hint, isSending: false });
    document.addEventListener("visibilitychange", () => this.updateLock());
  }

  update(isSending) {
    if (isSending === this.isSending) return;
    this.isSending = isSending;
    window.onbeforeunload = isSending ? (event) => event.preventDefault() : null;
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
