import { linked, unlessAborted } from '../core/abort.ts';
import { LeaseholdError } from '../core/errors.ts';
import { Acquisition } from './acquire.ts';
import type { Grant, LockTarget } from './context.ts';
import { Hold } from './held.ts';
import type { Held, Standing } from './held.ts';
import { Holding } from './holding.ts';
import { inside } from './inside.ts';
import { tryOnce } from './try-once.ts';

/** After so many local turns in a row the process looks whether others wait. */
const TURNS_IN_A_ROW = 16;
/** How long a record is still watched after its last use: the next one then knows who holds. */
const WATCH_LINGERS_MS = 5_000;

interface Waiter {
  readonly resolve: (hold: Held) => void;
  readonly reject: (error: unknown) => void;
  readonly since: number;
  gone: boolean;
}

/**
 * The turns of one process on one lock. All its waiters queue here behind a single entry in the
 * record, and handing over among them costs no request; see Dice, Marathe and Shavit, "Lock
 * Cohorting" (2012).
 */
export class Cohort implements Standing {
  readonly #target: LockTarget;
  readonly #onIdle: () => void;
  #waiters: Waiter[] = [];
  #first = 0;
  #waiting = 0;
  #holding: Holding | undefined;
  #hold: Hold | undefined;
  #turnsInARow = 0;
  #busy: Promise<void> | undefined;
  #giveUp: AbortController | undefined;
  #cancelLinger: () => void = () => undefined;
  readonly #closing = new AbortController();

  constructor(target: LockTarget, onIdle: () => void) {
    this.#target = target;
    this.#onIdle = onIdle;
  }

  /** Waits for a turn; the caller may stop waiting by the returned function. */
  wait(resolve: (hold: Held) => void, reject: (error: unknown) => void): () => void {
    if (this.#closed) {
      reject(closed());
      return () => undefined;
    }
    const waiter: Waiter = { resolve, reject, since: this.now(), gone: false };
    this.#waiters.push(waiter);
    this.#waiting += 1;
    this.#pump();
    return () => {
      if (waiter.gone) return;
      waiter.gone = true;
      this.#waiting -= 1;
      if (this.#waiting === 0) this.#giveUp?.abort();
    };
  }

  /** One try without waiting for others. */
  async tryAcquire(signal: AbortSignal | undefined): Promise<Held | undefined> {
    if (this.#closed) throw closed();
    if (this.#busy || this.#hold || this.#holding) return undefined;
    const since = this.now();
    let held: Held | undefined;
    const closing = this.#closing.signal;
    const { signal: stop, unlink } = linked(signal ? [signal, closing] : [closing]);
    try {
      await this.#exclusively(async () => {
        const grant = await tryOnce(this.#target, stop);
        if (grant) held = this.#begin(grant, since);
      });
    } catch (error) {
      throw stop.aborted && !signal?.aborted ? closed() : error;
    } finally {
      unlink();
      this.#pump();
    }
    return held;
  }

  get valid(): boolean {
    return this.#holding?.valid ?? false;
  }

  get validUntil(): number {
    return this.#holding?.validUntil ?? 0;
  }

  now(): number {
    return this.#target.context.parts.clock.now();
  }

  async release(hold: Hold): Promise<void> {
    if (hold !== this.#hold) return this.#busy;
    this.#hold = undefined;
    const next = this.#mayHandOver() ? this.#takeWaiter() : undefined;
    if (next) {
      this.#told(hold, this.#holding, true);
      this.#turnsInARow += 1;
      this.#give(next, 'local');
      return;
    }
    const holding = this.#holding;
    if (holding) {
      await this.#exclusively(async () => {
        const confirmed = await holding.release();
        this.#holding = undefined;
        this.#told(hold, holding, confirmed);
      });
    }
    this.#pump();
  }

  /** Refuses its waiters, and releases what is held. */
  async close(): Promise<void> {
    this.#closing.abort();
    this.#cancelLinger();
    for (let next = this.#takeWaiter(); next; next = this.#takeWaiter()) next.reject(closed());
    this.#giveUp?.abort();
    await this.#busy;
    await this.#endHold();
    this.#target.view.stopWatch();
  }

  /** Work that runs under the hold is told, and ends first; unless the close is part of it. */
  async #endHold(): Promise<void> {
    const hold = this.#hold;
    if (!hold) return;
    const ended = hold.interrupt(closed());
    if (inside.getStore()?.get(this) !== hold) await ended;
    await hold.release();
  }

  get #closed(): boolean {
    return this.#closing.signal.aborted;
  }

  #mayHandOver(): boolean {
    const holding = this.#holding;
    if (!holding?.valid || this.#closed || !holding.hasTurnsLeft) return false;
    if (this.#turnsInARow < TURNS_IN_A_ROW) return true;
    const othersWait = holding.othersWait;
    if (othersWait === undefined) holding.watch();
    if (othersWait === false) this.#turnsInARow = 0;
    // Where that cannot be found out, the record is asked by a release.
    return othersWait === undefined ? this.#turnsInARow < 2 * TURNS_IN_A_ROW : !othersWait;
  }

  /** Starts whatever is called for: an attempt when somebody waits, the end when nobody does. */
  #pump(): void {
    if (this.#busy || this.#hold) return;
    if (this.#waiting > 0) {
      this.#cancelLinger();
      void this.#exclusively(() => this.#acquire()).then(() => this.#pump());
      return;
    }
    this.#waiters = [];
    this.#first = 0;
    this.#linger();
  }

  async #acquire(): Promise<void> {
    const giveUp = new AbortController();
    this.#giveUp = giveUp;
    try {
      let grant: Grant | undefined;
      while (!grant) {
        const session = await unlessAborted(this.#target.context.sessions.current(), giveUp.signal);
        if (!session || giveUp.signal.aborted) return;
        grant = await new Acquisition(this.#target, session).run(giveUp.signal);
      }
      this.#adopt(grant);
      const waiter = this.#takeWaiter();
      if (waiter) this.#give(waiter, grant.how);
      else await this.#dismiss();
    } catch (error) {
      // Aborted because nobody waits any more; whoever came since then gets a new attempt.
      if (giveUp.signal.aborted) return;
      for (let next = this.#takeWaiter(); next; next = this.#takeWaiter()) next.reject(error);
    } finally {
      this.#giveUp = undefined;
    }
  }

  #begin(grant: Grant, since: number): Held | undefined {
    this.#adopt(grant);
    let held: Held | undefined;
    const resolve = (hold: Held): void => void (held = hold);
    this.#give({ resolve, reject: () => undefined, since, gone: true }, grant.how);
    return held;
  }

  #adopt(grant: Grant): void {
    this.#turnsInARow = 0;
    const holding = new Holding(this.#target, grant, (reason) => this.#lost(holding, reason));
    this.#holding = holding;
  }

  async #dismiss(): Promise<void> {
    await this.#holding?.release();
    this.#holding = undefined;
  }

  #give(waiter: Waiter, how: 'created' | 'granted' | 'local'): void {
    const holding = this.#holding;
    if (!holding) return;
    const hold = new Hold(this.#target.name.original, holding.nextFence(), this);
    this.#hold = hold;
    this.#target.context.parts.observe({
      type: 'acquired',
      lock: hold.name,
      attempt: holding.id,
      fence: hold.fence,
      waitedMs: hold.acquiredAt - waiter.since,
      how,
    });
    waiter.resolve(hold);
  }

  #lost(holding: Holding, reason: string): void {
    if (holding !== this.#holding) return;
    const hold = this.#hold;
    this.#holding = undefined;
    this.#hold = undefined;
    if (!hold) return;
    this.#target.context.parts.observe({
      type: 'lost',
      lock: hold.name,
      attempt: holding.id,
      reason,
    });
    hold.lose(reason);
    this.#pump();
  }

  #told(hold: Hold, holding: Holding | undefined, confirmed: boolean): void {
    this.#target.context.parts.observe({
      type: 'released',
      lock: hold.name,
      attempt: holding?.id ?? '',
      heldMs: this.now() - hold.acquiredAt,
      confirmed,
    });
  }

  #takeWaiter(): Waiter | undefined {
    while (this.#first < this.#waiters.length) {
      const waiter = this.#waiters[this.#first];
      this.#first += 1;
      if (!waiter || waiter.gone) continue;
      waiter.gone = true;
      this.#waiting -= 1;
      this.#compact();
      return waiter;
    }
    return undefined;
  }

  /** What a served waiter has captured must not live for as long as the hold that follows. */
  #compact(): void {
    if (this.#waiting > 0 && (this.#first < 1_024 || this.#first * 2 < this.#waiters.length))
      return;
    this.#waiters = this.#waiting === 0 ? [] : this.#waiters.slice(this.#first);
    this.#first = 0;
  }

  async #exclusively(task: () => Promise<void>): Promise<void> {
    const running = Promise.resolve().then(task);
    const over = running.catch(() => undefined);
    this.#busy = over;
    try {
      await running;
    } finally {
      // A release in the moment of the grant may have begun the next task already.
      if (this.#busy === over) this.#busy = undefined;
    }
  }

  #linger(): void {
    this.#cancelLinger();
    if (this.#closed) return;
    this.#cancelLinger = this.#target.context.parts.clock.schedule(WATCH_LINGERS_MS, () => {
      if (this.#busy || this.#hold || this.#waiting > 0) return;
      this.#target.view.stopWatch();
      this.#onIdle();
    });
  }
}

function closed(): LeaseholdError {
  return new LeaseholdError('CLOSED', 'this client was closed: make a new one with connect()');
}
