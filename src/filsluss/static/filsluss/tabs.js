// Which uploads the other tabs with this page are sending, over a BroadcastChannel.

export class Tabs {
  constructor(channelName, onChange) {
    this.tabId = Math.random();
    this.others = new Map();
    this.ids = [];
    this.onChange = onChange;
    if (!("BroadcastChannel" in globalThis)) return;
    this.channel = new BroadcastChannel(channelName);
    this.channel.onmessage = ({ data }) => this.receive(data);
    this.channel.postMessage({ from: this.tabId, asks: true });
    addEventListener("pagehide", () => this.publish([]));
  }

  /** The ids of the uploads in other tabs. */
  get uploadIds() {
    return [...this.others.values()].flat();
  }

  /** Tells the other tabs which uploads this one has. */
  publish(ids) {
    if (String(ids) === String(this.ids)) return;
    this.ids = ids;
    this.post();
  }

  post() {
    this.channel?.postMessage({ from: this.tabId, ids: this.ids });
  }

  receive({ from, asks, ids }) {
    if (asks) return this.ids.length && this.post();
    if (ids.length) this.others.set(from, ids);
    else this.others.delete(from);
    this.onChange();
  }
}
