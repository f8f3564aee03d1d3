import { unlessAborted } from '../core/abort.ts';
import { LeaseholdError } from '../core/errors.ts';
import { Acquisition } from './acquire.ts';
import type { Grant, LockTarget } from './context.ts';
import { Hold } from './held.ts';
import type { Held } from './held.ts';
import { Holding } from './holding.ts';
import { LocalQueue } from './local-queue.ts';
import type { Waiter } from './local-queue.ts';
import { tryOnce } from './try-once.ts';

/** How long a record is still watched after its last use: the next one then knows who holds. */
const WATCH_LINGERS_MS = 5_000;

interface PermitWaiter extends Waiter {
  readonly weight: number;
}

/**
 * The permits of one process on one semaphore. Each hold stands on an entry of its own; of those who wait, the
 * first has one, so that a process takes one place in the queue however many of its callers wait.
 */
export class PermitCohort {
  readonly #targetOf: (weight: number) => LockTarget;
  readonly #target: LockTarget;
  readonly #onIdle: () => void;
  readonly #waiters = new LocalQueue<PermitWaiter>();
  readonly #holdings = new Map<Hold, Holding>();
  readonly #releasing = new Set<Promise<unknown>>();
  #acquiring: { readonly weight: number; readonly giveUp: AbortController } | undefined;
  #acquisition: Promise<void> = Promise.resolve();
  #cancelLinger: () => void = () => undefined;
  readonly #closing = new AbortController();

  /** @param targetOf - the semaphore, for an attempt on so many permits; always with the same view */
  constructor(targetOf: (weight: number) => LockTarget, onIdle: () => void) {
    this.#targetOf = targetOf;
    this.#target = targetOf(1);
    this.#onIdle = onIdle;
  }

  /** Waits for so many permits; the caller may stop waiting by the returned function. */
  wait(
    weight: number,
    resolve: (hold: Held) => void,
    reject: (error: unknown) => void,
  ): () => void {
    if (this.#closed) {
      reject(closed());
      return () => undefined;
    }
    const waiter = { weight, resolve, reject, since: this.#now, gone: false };
    this.#waiters.add(waiter);
    this.#pump();
    return () => {
      if (this.#waiters.leave(waiter)) this.#pump();
    };
  }

  /** One try without waiting for others; those of this process who wait come first. */
  async tryAcquire(weight: number, signal: AbortSignal | undefined): Promise<Held | undefined> {
    if (this.#closed) throw closed();
    if (this.#waiters.size > 0) return undefined;
    this.#cancelLinger();
    const since = this.#now;
    const stop = signal ? AbortSignal.any([signal, this.#closing.signal]) : this.#closing.signal;
    const target = this.#targetOf(weight);
    try {
      const trying = tryOnce(target, stop);
      this.#track(trying);
      const grant = await trying;
      return grant && this.#hold(target, grant, since);
    } catch (error) {
      throw stop.aborted && !signal?.aborted ? closed() : error;
    } finally {
      this.#pump();
    }
  }

  /** Refuses its waiters, and releases what is held. */
  async close(): Promise<void> {
    this.#closing.abort();
    this.#cancelLinger();
    for (const waiter of this.#waiters.takeAll()) waiter.reject(closed());
    this.#acquiring?.giveUp.abort();
    await this.#acquisition;
    await Promise.all(
      [...this.#holdings.keys()].map(async (hold) => {
        await hold.interrupt(closed());
        await hold.release();
      }),
    );
    await Promise.allSettled(this.#releasing);
    this.#target.view.stopWatch();
  }

  get #closed(): boolean {
    return this.#closing.signal.aborted;
  }

  get #now(): number {
    return this.#target.context.parts.clock.now();
  }

  /** Starts an attempt for whoever is first, and ends one that is for another number of permits. */
  #pump(): void {
    const weight = this.#waiters.first?.weight;
    if (this.#acquiring) {
      if (this.#acquiring.weight !== weight) this.#acquiring.giveUp.abort();
      return;
    }
    if (weight === undefined) {
      this.#linger();
      return;
    }
    this.#cancelLinger();
    const giveUp = new AbortController();
    this.#acquiring = { weight, giveUp };
    this.#acquisition = this.#acquire(weight, giveUp.signal).then(() => {
      this.#acquiring = undefined;
      this.#pump();
    });
  }

  async #acquire(weight: number, giveUp: AbortSignal): Promise<void> {
    const target = this.#targetOf(weight);
    try {
      let grant: Grant | undefined;
      while (!grant) {
        const session = await unlessAborted(target.context.sessions.current(), giveUp);
        if (!session || giveUp.aborted) return;
        grant = await new Acquisition(target, session).run(giveUp);
      }
      const isWanted = this.#waiters.first?.weight === weight;
      const waiter = isWanted ? this.#waiters.take() : undefined;
      if (waiter) waiter.resolve(this.#hold(target, grant, waiter.since));
      else await new Holding(target, grant, () => undefined).release();
    } catch (error) {
      // Aborted because nobody waits for so many any more.
      if (giveUp.aborted) return;
      for (const waiter of this.#waiters.takeAll()) waiter.reject(error);
    }
  }

  #hold(target: LockTarget, grant: Grant, since: number): Held {
    const { parts } = target.context;
    const holding = new Holding(
      target,
      grant,
      (reason) => this.#lost(hold, holding, reason),
      () => this.#acquiring !== undefined,
    );
    const hold: Hold = new Hold(target.name.original, holding.nextFence(), {
      get valid() {
        return holding.valid;
      },
      get validUntil() {
        return holding.validUntil;
      },
      now: () => this.#now,
      release: () => this.#release(hold, holding),
    });
    this.#holdings.set(hold, holding);
    parts.observe({
      type: 'acquired',
      lock: hold.name,
      attempt: holding.id,
      fence: hold.fence,
      waitedMs: hold.acquiredAt - since,
      how: grant.how,
    });
    return hold;
  }

  async #release(hold: Hold, holding: Holding): Promise<void> {
    if (!this.#holdings.delete(hold)) return;
    const releasing = holding.release();
    this.#track(releasing);
    const confirmed = await releasing;
    this.#target.context.parts.observe({
      type: 'released',
      lock: hold.name,
      attempt: holding.id,
      heldMs: this.#now - hold.acquiredAt,
      confirmed,
    });
    this.#pump();
  }

  #lost(hold: Hold, holding: Holding, reason: string): void {
    if (!this.#holdings.delete(hold)) return;
    const { name: lock } = hold;
    const { id: attempt } = holding;
    this.#target.context.parts.observe({ type: 'lost', lock, attempt, reason });
    hold.lose(reason);
    this.#pump();
  }

  #track(task: Promise<unknown>): void {
    const over = task.catch(() => undefined).finally(() => this.#releasing.delete(over));
    this.#releasing.add(over);
  }

  #linger(): void {
    this.#cancelLinger();
    if (this.#closed || this.#holdings.size > 0 || this.#releasing.size > 0) return;
    this.#cancelLinger = this.#target.context.parts.clock.schedule(WATCH_LINGERS_MS, () => {
      const isUsed = this.#acquiring ?? this.#waiters.first;
      if (isUsed || this.#holdings.size > 0 || this.#releasing.size > 0) return;
      this.#target.view.stopWatch();
      this.#onIdle();
    });
  }
}

function closed(): LeaseholdError {
  return new LeaseholdError('CLOSED', 'this client was closed: make a new one with connect()');
}
