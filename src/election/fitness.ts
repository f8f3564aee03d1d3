import { pause } from '../core/clock.ts';
import type { Parts } from '../core/parts.ts';
import type { ElectionPolicy } from './policy.ts';

const TOO_LATE = Symbol('too late');

/** Whether this process may lead, by what the application says: looks from time to time. */
export class Fitness {
  readonly #parts: Parts;
  readonly #election: string;
  readonly #policy: ElectionPolicy;
  readonly #every: number;
  readonly #changed: () => void;
  /** Since when every look has found it healthy. */
  #since: number | undefined;
  /** Whether any look has ended since it was started. */
  #known = false;
  #detail: string | undefined;
  #asking = false;
  #stop: AbortController | undefined;

  /** @param every - from one look to the next: milliseconds */
  constructor(
    parts: Parts,
    election: string,
    policy: ElectionPolicy,
    every: number,
    changed: () => void,
  ) {
    this.#parts = parts;
    this.#election = election;
    this.#policy = policy;
    this.#every = every;
    this.#changed = changed;
  }

  /** Since when it may lead; undefined while it may not, or nobody has looked yet. */
  get since(): number | undefined {
    return this.#known ? this.#since : undefined;
  }

  /** What is wrong; undefined if nothing is known to be. */
  get detail(): string | undefined {
    return this.#detail;
  }

  start(): void {
    this.#stop?.abort();
    this.#stop = new AbortController();
    const { health } = this.#policy;
    if (health) {
      void this.#look(health, this.#stop.signal);
      return;
    }
    this.#since ??= this.#parts.clock.now();
    this.#known = true;
  }

  stop(): void {
    this.#stop?.abort();
    this.#stop = undefined;
    this.#known = false;
  }

  async #look(health: NonNullable<ElectionPolicy['health']>, signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const detail = await this.#ask(health);
      if (isAborted(signal)) return;
      this.#take(detail);
      await pause(this.#parts.clock, this.#every, signal);
    }
  }

  /** What is wrong; undefined if it is healthy. */
  async #ask(health: NonNullable<ElectionPolicy['health']>): Promise<string | undefined> {
    const { healthTimeout } = this.#policy;
    const tooLate = `health() took longer than ${String(healthTimeout)} ms`;
    // One that hangs is not asked again and again.
    if (this.#asking) return tooLate;
    this.#asking = true;
    const answered = new AbortController();
    const late = pause(this.#parts.clock, healthTimeout, answered.signal).then(() => TOO_LATE);
    try {
      const asked = (async () => health())().finally(() => (this.#asking = false));
      const answer = await Promise.race([asked, late]);
      if (answer === TOO_LATE) return tooLate;
      return answer === true ? undefined : 'health() says so';
    } catch (error) {
      return `health() failed: ${error instanceof Error ? error.message : String(error)}`;
    } finally {
      answered.abort();
    }
  }

  #take(detail: string | undefined): void {
    const before = this.#known ? (this.#detail === undefined ? 'healthy' : 'sick') : undefined;
    const wasSick = this.#detail !== undefined;
    const { clock, observe } = this.#parts;
    const election = this.#election;
    this.#detail = detail;
    this.#known = true;
    if (detail === undefined) {
      this.#since ??= clock.now();
      if (wasSick) observe({ type: 'healthy', election });
    } else {
      this.#since = undefined;
      if (!wasSick) observe({ type: 'unhealthy', election, detail });
    }
    const now = detail === undefined ? 'healthy' : 'sick';
    if (now !== before) this.#changed();
  }
}

/** Asked anew after an await, as the compiler takes an earlier answer for lasting. */
function isAborted(signal: AbortSignal): boolean {
  return signal.aborted;
}
