import { unlessAborted } from '../core/abort.ts';
import { closed } from '../state/errors.ts';
import { Patience, patiently, reasonOf, untilOver } from '../state/patience.ts';
import type { WaitOptions } from '../state/patience.ts';
import { Arrival } from './arrival.ts';
import type { BarrierCell, BarrierContext } from './arrival.ts';

export interface BarrierOptions {
  /** How many have to arrive: from 1 to 500. */
  readonly parties: number;
}

/** For so long whoever gives up tries to tell the others, before it goes on without. */
const GRACE_MS = 5_000;

/**
 * A point that nobody passes before all have arrived; for the next generation it begins anew by itself.
 * Made by `Leasehold.barrier`.
 */
export class Barrier {
  /** The barrier's name, as given. */
  readonly name: string;
  /** How many have to arrive, as this program states it. */
  readonly parties: number;
  readonly #context: BarrierContext;
  readonly #cell: () => BarrierCell;
  readonly #waiting: Map<Patience, Promise<void>>;

  /**
   * @internal
   * @param waiting - all that wait at any barrier of this client
   */
  constructor(
    name: string,
    parties: number,
    context: BarrierContext,
    cell: () => BarrierCell,
    waiting: Map<Patience, Promise<void>>,
  ) {
    this.name = name;
    this.parties = parties;
    this.#context = context;
    this.#cell = cell;
    this.#waiting = waiting;
  }

  /**
   * Arrives, and waits until all parties have. Each call is one party, also of the same process.
   *
   * If one of them gives up before (`timeout`, `signal`, `close()`) or its process dies, the
   * generation is broken: all who wait fail with `BROKEN`, and so does whoever arrives until
   * {@link Barrier.reset}. Whoever gives up while the last one arrives may find that all have passed: then it
   * has, too.
   *
   * Sends one PUT and one watch; before that one GET if this process does not know the barrier, a refused
   * PUT and one GET if another has arrived since then, and one CREATE when there is none. Whoever waits for over a
   * second watches the sessions of two others. The session is begun if there is none.
   *
   * An API server that cannot be reached is waited for.
   *
   * @example
   * ```ts
   * await leasehold.barrier('phase', { parties: 3 }).arrive({ timeout: '10m' });
   * ```
   * @throws LeaseholdError `BROKEN`, `STATE_DISAGREES` when the barrier has another number of parties,
   * `INVALID_ARGUMENT`, `TIMEOUT`, `ABORTED`, `LOST`, `CLOSED`, `UNKNOWN_OUTCOME`, `FOREIGN_LEASE`,
   * `UNREADABLE_RECORD`, `FORBIDDEN`, `NAMESPACE_NOT_FOUND`, `NAMESPACE_TERMINATING` or `API_ERROR`
   */
  async arrive(options: WaitOptions = {}): Promise<void> {
    const patience = new Patience(this.#context.parts.clock, this.#what, options);
    const arriving = this.#arrive(patience);
    this.#waiting.set(patience, arriving);
    try {
      await arriving;
    } finally {
      patience.end();
      this.#waiting.delete(patience);
    }
  }

  /**
   * Begins anew, with the number of parties that this program states. Who waits fails with `BROKEN`. One of
   * the parties does that, when all of them know that the generation is broken. Sends what `arrive`
   * sends, without the watch.
   *
   * @throws LeaseholdError as {@link Barrier.arrive}, but for `BROKEN`, `LOST` and `STATE_DISAGREES`
   */
  async reset(options: WaitOptions = {}): Promise<void> {
    const { clock, random } = this.#context.parts;
    const era = `reset-${String(Math.floor(random() * 2 ** 48))}`;
    await patiently(clock, this.#what, options, (signal) =>
      this.#cell().submit({ do: 'reset', era }, signal),
    );
  }

  async #arrive(patience: Patience): Promise<void> {
    if (patience.signal.aborted) throw reasonOf(patience.signal);
    const arriving = new Arrival(this.#context, this.name, this.#cell(), patience).run();
    await unlessAborted(arriving, patience.signal);
    if (!isAborted(patience.signal)) return;
    const grace = new AbortController();
    const cancel = this.#context.parts.clock.schedule(GRACE_MS, () => {
      grace.abort(patience.signal.reason);
    });
    try {
      await untilOver(arriving, grace.signal);
    } finally {
      cancel();
    }
  }

  get #what(): string {
    return `barrier ${this.name}`;
  }
}

/** Gives up for all who wait at barriers, as the client is closed. Resolves when the others were told. */
export async function leaveAll(waiting: ReadonlyMap<Patience, Promise<void>>): Promise<void> {
  for (const patience of waiting.keys()) patience.giveUp(closed());
  await Promise.allSettled(waiting.values());
}

/** Asked anew after an await, as the compiler takes an earlier answer for lasting. */
function isAborted(signal: AbortSignal): boolean {
  return signal.aborted;
}
