import { linked, unlessAborted } from '../core/abort.ts';
import { QUEUE_PREFIX } from '../core/record.ts';
import { Acquisition } from './acquire.ts';
import type { Grant, LockTarget } from './context.ts';
import { Hold } from './held.ts';
import type { Held } from './held.ts';
import { Holding } from './holding.ts';
import { inside } from './inside.ts';
import { LocalQueue } from './local-queue.ts';
import type { Waiter } from './local-queue.ts';
import { tryOnce } from './try-once.ts';
import { closed } from './until-held.ts';

/** How long a record is still watched after its last use: the next one then knows who holds. */
const WATCH_LINGERS_MS = 5_000;

/** Those who read on one entry of this process. */
interface Company {
  readonly holding: Holding;
  readonly holds: Set<Hold>;
}

/**
 * The readers of one process of one lock. They share an entry as long as nobody of another process is
 * known to wait, which costs no request; else they take a place in the queue behind, with an entry of
 * their own, as a reader of any other process does.
 */
export class ReaderCohort {
  readonly #target: LockTarget;
  readonly #onIdle: () => void;
  readonly #waiters = new LocalQueue();
  readonly #companies = new Set<Company>();
  readonly #pending = new Set<Promise<unknown>>();
  #giveUp: AbortController | undefined;
  #acquiring: Acquisition | undefined;
  #acquisition: Promise<void> = Promise.resolve();
  #cancelLinger: () => void = () => undefined;
  readonly #closing = new AbortController();

  constructor(target: LockTarget, onIdle: () => void) {
    this.#target = target;
    this.#onIdle = onIdle;
  }

  /** Waits to read; the caller may stop waiting by the returned function. */
  wait(resolve: (hold: Held) => void, reject: (error: unknown) => void): () => void {
    if (this.#closed) {
      reject(closed());
      return () => undefined;
    }
    const waiter: Waiter = { resolve, reject, since: this.#now, gone: false };
    this.#waiters.add(waiter);
    this.#pump();
    return () => {
      if (this.#waiters.leave(waiter)) this.#pump();
    };
  }

  /** One try without waiting for others; those of this process who wait come first. */
  async tryAcquire(signal: AbortSignal | undefined): Promise<Held | undefined> {
    if (this.#closed) throw closed();
    const since = this.#now;
    const open = this.#open();
    if (open) return this.#give(open, since, 'local');
    if (this.#waiters.size > 0 || this.#othersWait) return undefined;
    this.#cancelLinger();
    const closing = this.#closing.signal;
    const { signal: stop, unlink } = linked(signal ? [signal, closing] : [closing]);
    try {
      return await this.#track(this.#try(since, stop));
    } catch (error) {
      throw stop.aborted && !signal?.aborted ? closed() : error;
    } finally {
      unlink();
      this.#pump();
    }
  }

  /** The attempt of this process that has to get on before anybody who waits here does. */
  get behind(): string | undefined {
    return this.#acquiring?.id;
  }

  /** Refuses its waiters, and releases what is held. */
  async close(): Promise<void> {
    this.#closing.abort();
    this.#cancelLinger();
    for (const waiter of this.#waiters.takeAll()) waiter.reject(closed());
    this.#giveUp?.abort();
    await this.#acquisition;
    // What is on its way may end in a hold.
    await Promise.allSettled(this.#pending);
    const holds = [...this.#companies].flatMap((company) => [...company.holds]);
    await Promise.all(holds.map((hold) => this.#endHold(hold)));
    await Promise.allSettled(this.#pending);
    this.#target.view.stopWatch();
  }

  /** Work that runs under the hold is told, and ends first; unless the close is part of it. */
  async #endHold(hold: Hold): Promise<void> {
    const ended = hold.interrupt(closed());
    if (inside.getStore()?.get(this) !== hold) await ended;
    await hold.release();
  }

  get #closed(): boolean {
    return this.#closing.signal.aborted;
  }

  get #now(): number {
    return this.#target.context.parts.clock.now();
  }

  /** Whether it is known that somebody of another process waits. */
  get #othersWait(): boolean {
    return [...this.#companies].some(({ holding }) => holding.othersWaitedLately === true);
  }

  /** Whom a reader may join without a request. */
  #open(): Company | undefined {
    if (this.#closed) return undefined;
    return [...this.#companies].find(
      ({ holding }) =>
        holding.valid && holding.hasTurnsLeft && holding.othersWaitedLately === false,
    );
  }

  /** Lets in whoever may read, and starts an attempt for those who may not yet. */
  #pump(): void {
    let open = this.#waiters.size > 0 ? this.#open() : undefined;
    while (open && this.#waiters.size > 0) {
      this.#serve(open, 'local');
      open = this.#open();
    }
    if (this.#waiters.size === 0) this.#giveUp?.abort();
    if (this.#giveUp) return;
    if (this.#waiters.size === 0) {
      this.#linger();
      return;
    }
    this.#cancelLinger();
    const giveUp = new AbortController();
    this.#giveUp = giveUp;
    this.#acquisition = this.#acquire(giveUp.signal).then(() => {
      this.#giveUp = undefined;
      this.#acquiring = undefined;
      this.#pump();
    });
  }

  async #acquire(giveUp: AbortSignal): Promise<void> {
    try {
      let grant: Grant | undefined;
      while (!grant) {
        const session = await unlessAborted(this.#target.context.sessions.current(), giveUp);
        if (!session || giveUp.aborted) return;
        this.#acquiring = new Acquisition(this.#target, session);
        grant = await this.#acquiring.run(giveUp);
      }
      const company = this.#begin(grant);
      this.#serve(company, grant.how);
      // As of this moment: of those who wait here nobody came after anybody of another process.
      const { view } = this.#target;
      const isAlone = view.known && !view.mentions(`"${QUEUE_PREFIX}`);
      while (isAlone && this.#waiters.size > 0 && company.holding.hasTurnsLeft) {
        this.#serve(company, 'local');
      }
      if (company.holds.size === 0) await this.#end(company);
    } catch (error) {
      // Aborted because nobody waits any more; whoever came since then gets a new attempt.
      if (giveUp.aborted) return;
      for (const waiter of this.#waiters.takeAll()) waiter.reject(error);
    }
  }

  async #try(since: number, stop: AbortSignal): Promise<Held | undefined> {
    const grant = await tryOnce(this.#target, stop);
    return grant && this.#give(this.#begin(grant), since, grant.how);
  }

  #begin(grant: Grant): Company {
    const holding = new Holding(
      this.#target,
      grant,
      (reason) => this.#lost(company, reason),
      () => this.#giveUp !== undefined || this.#companies.size > 1,
    );
    const company = { holding, holds: new Set<Hold>() };
    this.#companies.add(company);
    return company;
  }

  #serve(company: Company, how: Grant['how'] | 'local'): void {
    const waiter = this.#waiters.take();
    if (waiter) waiter.resolve(this.#give(company, waiter.since, how));
  }

  #give(company: Company, since: number, how: Grant['how'] | 'local'): Held {
    const { holding, holds } = company;
    const { parts } = this.#target.context;
    const hold: Hold = new Hold(this.#target.name.original, holding.nextFence(), {
      get valid() {
        return holding.valid;
      },
      get validUntil() {
        return holding.validUntil;
      },
      attempt: holding.attempt,
      now: () => this.#now,
      release: () => this.#release(company, hold),
    });
    holds.add(hold);
    parts.observe({
      type: 'acquired',
      lock: hold.name,
      attempt: holding.id,
      fence: hold.fence,
      waitedMs: hold.acquiredAt - since,
      how,
    });
    return hold;
  }

  async #release(company: Company, hold: Hold): Promise<void> {
    if (!company.holds.delete(hold)) return;
    // Whoever waits here may go on with the entry.
    this.#pump();
    const confirmed = company.holds.size > 0 || (await this.#end(company));
    this.#target.context.parts.observe({
      type: 'released',
      lock: hold.name,
      attempt: company.holding.id,
      heldMs: this.#now - hold.acquiredAt,
      confirmed,
    });
    this.#pump();
  }

  #end(company: Company): Promise<boolean> {
    this.#companies.delete(company);
    return this.#track(company.holding.release());
  }

  #lost(company: Company, reason: string): void {
    if (!this.#companies.delete(company)) return;
    const { name, context } = this.#target;
    const holds = [...company.holds];
    company.holds.clear();
    if (holds.length > 0) {
      const attempt = company.holding.id;
      context.parts.observe({ type: 'lost', lock: name.original, attempt, reason });
    }
    for (const hold of holds) hold.lose(reason);
    this.#pump();
  }

  /** What may end in a hold, or is the end of one: closing waits for it. */
  #track<T>(task: Promise<T>): Promise<T> {
    const over = task.catch(() => undefined).finally(() => this.#pending.delete(over));
    this.#pending.add(over);
    return task;
  }

  #linger(): void {
    this.#cancelLinger();
    if (this.#closed) return;
    this.#cancelLinger = this.#target.context.parts.clock.schedule(WATCH_LINGERS_MS, () => {
      const isUsed = this.#giveUp ?? this.#waiters.first;
      if (isUsed || this.#companies.size > 0 || this.#pending.size > 0) return;
      this.#target.view.stopWatch();
      this.#onIdle();
    });
  }
}
