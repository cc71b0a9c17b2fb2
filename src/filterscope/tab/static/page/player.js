/** Playing: positions over time. */

/** Snapshots per second at speed 1. */
const RATE = 10;

export class Player {
  #last = 0;
  #owed = 0;
  playing = false;

  /**
   * @param {() => number} speed
   * @param {(steps: number) => boolean} advance Move on by some snapshots; false at the end.
   * @param {() => void} onChange Told when playing begins or ends.
   */
  constructor(speed, advance, onChange) {
    this.speed = speed;
    this.advance = advance;
    this.onChange = onChange;
  }

  toggle() {
    if (this.playing) {
      this.stop();
      return;
    }
    this.playing = true;
    this.#last = performance.now();
    this.#owed = 0;
    this.onChange();
    requestAnimationFrame((now) => this.#tick(now));
  }

  stop() {
    if (!this.playing) return;
    this.playing = false;
    this.onChange();
  }

  #tick(now) {
    if (!this.playing) return;
    // A slow frame is not caught up with in one jump: the eye could not follow.
    this.#owed += (Math.min(Math.max(now - this.#last, 0), 250) / 1000) * RATE * this.speed();
    this.#last = now;
    const steps = Math.floor(this.#owed);
    this.#owed -= steps;
    if (steps && !this.advance(steps)) {
      this.stop();
      return;
    }
    requestAnimationFrame((next) => this.#tick(next));
  }
}
