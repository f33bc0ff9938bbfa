// The bytes of a chosen file, and whether it is still the file that was chosen.

/** This many bytes, the last of each file, are read before they are sent, so that they can be held back. */
const TAIL = 2 ** 20;

export class Source {
  constructor(file) {
    this.file = file;
    this.tail = null;
  }

  /** Some browsers tell changes of a file apart by the second: it is read when that of its latest change is over. */
  async settle() {
    const left = 1000 * Math.floor(this.file.lastModified / 1000 + 1) - Date.now();
    if (left > 0 && left <= 2000) await new Promise((resolve) => setTimeout(resolve, left));
  }

  /** Why the file cannot be read, as the browser names it; empty if it can, or if no more of it is needed. */
  async fault(offset = 0) {
    if (this.tail) return "";
    try {
      await this.file.slice(offset, offset + 1).arrayBuffer();
      return "";
    } catch (error) {
      return error.name || "error";
    }
  }

  /**
   * From `start` on: the file without its tail, or, when nothing else is left, the tail. That is read into memory, and
   * then the file is looked at once more; `isAsSent()` compares it with what the server has, as not every browser
   * notices a change. Null if it has changed: the server must not get what makes half an old and half a new file whole.
   */
  async bytesFrom(start, isAsSent) {
    const from = Math.max(0, this.file.size - TAIL);
    if (start < from) return this.file.slice(start, from);
    if (!this.tail) {
      const tail = await this.file.slice(from).arrayBuffer();
      const isWhole = tail.byteLength === this.file.size - from && !(await this.fault());
      if (!isWhole || !(await isAsSent())) return null;
      this.tail = new Blob([tail]);
    }
    return this.tail.slice(start - from);
  }
}
