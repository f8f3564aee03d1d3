import { linked, unlessAborted } from '../core/abort.ts';
import { Acquisition } from './acquire.ts';
import type { Grant, LockTarget } from './context.ts';
import type { Held } from './held.ts';
import { Holding } from './holding.ts';
import { LocalQueue } from './local-queue.ts';
import type { Waiter } from './local-queue.ts';
import { LoneHolds } from './lone-holds.ts';
import { tryOnce } from './try-once.ts';
import { closed } from './until-held.ts';

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
  readonly #holds: LoneHolds;
  #acquiring: { readonly weight: number; readonly giveUp: AbortController } | undefined;
  #attempting: Acquisition | undefined;
  #acquisition: Promise<void> = Promise.resolve();
  #cancelLinger: () => void = () => undefined;
  readonly #closing = new AbortController();

  /** @param targetOf - the semaphore, for an attempt on so many permits; always with the same view */
  constructor(targetOf: (weight: number) => LockTarget, onIdle: () => void) {
    this.#targetOf = targetOf;
    this.#target = targetOf(1);
    this.#onIdle = onIdle;
    const isWatchNeeded = (): boolean => this.#acquiring !== undefined;
    this.#holds = new LoneHolds(() => this.#pump(), isWatchNeeded);
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
    const closing = this.#closing.signal;
    const { signal: stop, unlink } = linked(signal ? [signal, closing] : [closing]);
    const target = this.#targetOf(weight);
    try {
      return await this.#holds.track(this.#try(target, since, stop));
    } catch (error) {
      throw stop.aborted && !signal?.aborted ? closed() : error;
    } finally {
      unlink();
      this.#pump();
    }
  }

  /** The attempt of this process that has to get on before anybody who waits here does. */
  get behind(): string | undefined {
    return this.#attempting?.id;
  }

  /** Refuses its waiters, and releases what is held. */
  async close(): Promise<void> {
    this.#closing.abort();
    this.#cancelLinger();
    for (const waiter of this.#waiters.takeAll()) waiter.reject(closed());
    this.#acquiring?.giveUp.abort();
    await this.#acquisition;
    await this.#holds.close(closed());
    this.#target.view.stopWatch();
  }

  get #closed(): boolean {
    return this.#closing.signal.aborted;
  }

  get #now(): number {
    return this.#target.context.parts.clock.now();
  }

  async #try(target: LockTarget, since: number, stop: AbortSignal): Promise<Held | undefined> {
    const grant = await tryOnce(target, stop);
    return grant && this.#holds.add(target, grant, since);
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
      this.#attempting = undefined;
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
        this.#attempting = new Acquisition(target, session);
        grant = await this.#attempting.run(giveUp);
      }
      const isWanted = this.#waiters.first?.weight === weight;
      const waiter = isWanted ? this.#waiters.take() : undefined;
      if (waiter) waiter.resolve(this.#holds.add(target, grant, waiter.since));
      else await new Holding(target, grant, () => undefined).release();
    } catch (error) {
      // Aborted because nobody waits for so many any more.
      if (giveUp.aborted) return;
      for (const waiter of this.#waiters.takeAll()) waiter.reject(error);
    }
  }

  #linger(): void {
    this.#cancelLinger();
    if (this.#closed) return;
    this.#cancelLinger = this.#target.context.parts.clock.schedule(WATCH_LINGERS_MS, () => {
      if (this.#acquiring || this.#waiters.first || this.#holds.inUse) return;
      this.#target.view.stopWatch();
      this.#onIdle();
    });
  }
}
