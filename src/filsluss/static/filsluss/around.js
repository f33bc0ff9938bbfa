// What is around the uploads: those who listen to the page, its other windows, and the screen that should stay on.

const APART = 10_000;

export class Voice {
  constructor(polite, urgent) {
    Object.assign(this, { polite, urgent, spokeAt: -APART });
  }

  /** Said at once, or when ten seconds have passed since the last; only the newest is still worth saying then. */
  say(text) {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.sayNow(text), Math.max(0, this.spokeAt + APART - performance.now()));
  }

  /** An answer to what the person did. */
  sayNow(text) {
    clearTimeout(this.timer);
    this.spokeAt = performance.now();
    utter(this.polite, text);
  }

  alert(text) {
    utter(this.urgent, text);
  }
}

/** The same words twice are heard twice only if the region was empty in between. */
function utter(region, text) {
  region.textContent = "";
  requestAnimationFrame(() => {
    region.textContent = text;
  });
}

export class Windows {
  constructor(name, onChange) {
    this.me = String(Math.random());
    this.others = new Map();
    this.mine = [];
    this.onChange = onChange;
    if (!("BroadcastChannel" in globalThis)) return;
    this.channel = new BroadcastChannel(name);
    this.channel.onmessage = ({ data }) => this.hear(data);
    this.channel.postMessage({ from: this.me, asks: true });
    addEventListener("pagehide", () => this.hold([]));
  }

  get held() {
    return new Set([...this.others.values()].flat());
  }

  /** Tells the others what this window is uploading. */
  hold(ids) {
    if (String(ids) === String(this.mine)) return;
    this.mine = ids;
    this.tell();
  }

  tell() {
    this.channel?.postMessage({ from: this.me, ids: this.mine });
  }

  hear({ from, asks, ids }) {
    if (asks) return this.mine.length ? this.tell() : undefined;
    if (ids.length) this.others.set(from, ids);
    else this.others.delete(from);
    this.onChange();
  }
}

const title = document.title;

export class Vigil {
  constructor(words, tick) {
    Object.assign(this, { words, tick, isMoving: false, lock: null });
    this.ask = (event) => event.preventDefault();
    document.addEventListener("visibilitychange", () => this.hold());
  }

  watch(tasks) {
    this.run(tasks.some((task) => task.isActive));
    this.guard(tasks.some((task) => task.isMoving));
  }

  run(isActive) {
    if (isActive) this.timer ??= setInterval(this.tick, 1000);
    else this.timer = clearInterval(this.timer);
  }

  guard(isMoving) {
    if (isMoving === this.isMoving) return;
    this.isMoving = isMoving;
    if (isMoving) addEventListener("beforeunload", this.ask);
    else removeEventListener("beforeunload", this.ask);
    if (this.words) this.words.hidden = !isMoving || !matchMedia("(hover: none)").matches;
    this.hold();
  }

  /** The browser lets go of the lock whenever the page is out of sight. */
  async hold() {
    try {
      if (this.isMoving && !document.hidden) this.lock = await navigator.wakeLock?.request("screen");
      else await this.lock?.release();
    } catch {
      // Not allowed here, or the battery is low: the upload goes on all the same.
    }
  }

  show(percent) {
    const wanted = percent ? `(${percent}) ${title}` : title;
    if (document.title !== wanted) document.title = wanted;
  }
}
