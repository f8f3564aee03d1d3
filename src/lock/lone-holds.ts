import type { LeaseholdError } from '../core/errors.ts';
import type { Grant, LockTarget } from './context.ts';
import { Hold } from './held.ts';
import type { Held } from './held.ts';
import { Holding } from './holding.ts';
import { inside } from './inside.ts';

/** Holds of one process on one lock that each stand on an entry of their own. */
export class LoneHolds {
  readonly #onChange: () => void;
  readonly #isWatchNeeded: () => boolean;
  readonly #holdings = new Map<Hold, Holding>();
  readonly #pending = new Set<Promise<unknown>>();

  /**
   * @param onChange - one of them is over
   * @param isWatchNeeded - whether others in this process need the watch of the record
   */
  constructor(onChange: () => void, isWatchNeeded: () => boolean) {
    this.#onChange = onChange;
    this.#isWatchNeeded = isWatchNeeded;
  }

  /** Whether there are any, or will be. */
  get inUse(): boolean {
    return this.#holdings.size > 0 || this.#pending.size > 0;
  }

  /** @param since - when its caller began to wait */
  add(target: LockTarget, grant: Grant, since: number): Held {
    const { clock, observe } = target.context.parts;
    const holding = new Holding(
      target,
      grant,
      (reason) => {
        if (!this.#holdings.delete(hold)) return;
        observe({ type: 'lost', lock: hold.name, attempt: holding.id, reason });
        hold.lose(reason);
        this.#onChange();
      },
      this.#isWatchNeeded,
    );
    const hold: Hold = new Hold(target.name.original, holding.nextFence(), {
      get valid() {
        return holding.valid;
      },
      get validUntil() {
        return holding.validUntil;
      },
      attempt: holding.attempt,
      now: () => clock.now(),
      release: async () => {
        if (!this.#holdings.delete(hold)) return;
        const confirmed = await this.track(holding.release());
        const heldMs = clock.now() - hold.acquiredAt;
        observe({ type: 'released', lock: hold.name, attempt: holding.id, heldMs, confirmed });
        this.#onChange();
      },
    });
    this.#holdings.set(hold, holding);
    observe({
      type: 'acquired',
      lock: hold.name,
      attempt: holding.id,
      fence: hold.fence,
      waitedMs: hold.acquiredAt - since,
      how: grant.how,
    });
    return hold;
  }

  /** What may end in a hold, or is the end of one: closing waits for it. */
  track<T>(task: Promise<T>): Promise<T> {
    const over = task.catch(() => undefined).finally(() => this.#pending.delete(over));
    this.#pending.add(over);
    return task;
  }

  /** Releases them, when the work that runs under them has ended; it is told the reason. */
  async close(reason: LeaseholdError): Promise<void> {
    // What is on its way may end in a hold.
    await Promise.allSettled(this.#pending);
    await Promise.all(
      [...this.#holdings.keys()].map(async (hold) => {
        const ended = hold.interrupt(reason);
        // Unless the close is part of that work.
        if (!inside.getStore()?.has(hold)) await ended;
        await hold.release();
      }),
    );
    await Promise.allSettled(this.#pending);
  }
}
