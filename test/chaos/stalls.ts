import { monotonic } from './history.ts';
import type { Fault } from './history.ts';

const TICK_MS = 100;
/** Later than that is no matter of a busy event loop. */
const LATE_MS = 200;
const KIND = 'machine-stall';

/** Notices when the machine itself stands still: a timer comes late, and so does all that is judged. */
export class StallWatch {
  readonly stalls: Fault[] = [];
  #dueAt = monotonic() + TICK_MS;
  readonly #timer = setInterval(() => this.tick(monotonic()), TICK_MS).unref();

  /** @param now - by the clock of the histories */
  tick(now: number): void {
    if (now - this.#dueAt >= LATE_MS) {
      this.stalls.push({ kind: KIND, target: 'machine', at: this.#dueAt, until: now });
    }
    this.#dueAt = now + TICK_MS;
  }

  stop(): void {
    clearInterval(this.#timer);
  }
}

/** For how long the machine stood still between two moments. */
export function stalledWithin(faults: readonly Fault[], from: number, to: number): number {
  return timeOf(
    faults.filter(({ kind }) => kind === KIND),
    from,
    to,
  );
}

/** For how long these faults, one after the other, were at work between two moments. */
export function timeOf(faults: readonly Fault[], from: number, to: number): number {
  return faults
    .map((fault) => Math.min(to, fault.until) - Math.max(from, fault.at))
    .filter((length) => length > 0)
    .reduce((sum, length) => sum + length, 0);
}
