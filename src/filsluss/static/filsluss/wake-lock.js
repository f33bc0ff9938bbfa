// The screen stays on while bytes are sent; the browser asks before it leaves the page while anything is not done.

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
