// The speed of an upload, as an exponentially weighted average, and the time it has left.

const HALF_LIFE = 10;
const MIN_AGE = 3;
const ESTIMATE_INTERVAL = 5;
const STALLED_AFTER = 15;

const seconds = () => performance.now() / 1000;

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
