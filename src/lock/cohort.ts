import { linked, unlessAborted } from '../core/abort.ts';
import { LeaseholdError } from '../core/errors.ts';
import { Acquisition } from './acquire.ts';
import type { Attempt, Grant, LockTarget } from './context.ts';
import { Hold } from './held.ts';
import type { Held, Standing } from './held.ts';
import { Holding } from './holding.ts';
import { inside } from './inside.ts';
import { LocalQueue } from './local-queue.ts';
import type { Waiter } from './local-queue.ts';
import { LocalTurns } from './local-turns.ts';
import { LoneHolds } from './lone-holds.ts';
import { tryOnce } from './try-once.ts';
import { closed } from './until-held.ts';

/** How long a record is still watched after its last use: the next one then knows who holds. */
const WATCH_LINGERS_MS = 5_000;

/**
 * The turns of one process on one lock. All its waiters queue here behind a single entry in the
 * record, and handing over among them costs no request; see Dice, Marathe and Shavit, "Lock
 * Cohorting" (2012).
 */
export class Cohort implements Standing {
  readonly #target: LockTarget;
  readonly #onIdle: () => void;
  readonly #waiters = new LocalQueue();
  #holding: Holding | undefined;
  /** The turn that goes on. */
  #hold: Hold | undefined;
  /** Those that were made of a turn that was alone. */
  readonly #downgraded: LoneHolds;
  readonly #turns = new LocalTurns();
  #busy: Promise<void> | undefined;
  #giveUp: AbortController | undefined;
  #acquisition: Acquisition | undefined;
  #cancelLinger: () => void = () => undefined;
  readonly #closing = new AbortController();

  constructor(target: LockTarget, onIdle: () => void) {
    this.#target = target;
    this.#onIdle = onIdle;
    this.#downgraded = new LoneHolds(
      () => this.#pump(),
      () => this.#busy !== undefined,
    );
  }

  /** Waits for a turn; the caller may stop waiting by the returned function. */
  wait(resolve: (hold: Held) => void, reject: (error: unknown) => void): () => void {
    if (this.#closed) {
      reject(closed());
      return () => undefined;
    }
    const waiter: Waiter = { resolve, reject, since: this.now(), gone: false };
    this.#waiters.add(waiter);
    this.#pump();
    return () => {
      if (this.#waiters.leave(waiter) && this.#waiters.size === 0) this.#giveUp?.abort();
    };
  }

  /** One try without waiting for others. */
  async tryAcquire(signal: AbortSignal | undefined): Promise<Held | undefined> {
    if (this.#closed) throw closed();
    const since = this.now();
    let held: Held | undefined;
    if (this.#busy || this.#holding) return undefined;
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

  get attempt(): Attempt | undefined {
    return this.#holding?.attempt;
  }

  /** The attempt of this process that has to get on before anybody who waits here does. */
  get behind(): string | undefined {
    return this.#acquisition?.id ?? this.#holding?.id;
  }

  now(): number {
    return this.#target.context.parts.clock.now();
  }

  async release(hold: Hold): Promise<void> {
    if (hold !== this.#hold) return this.#busy;
    this.#hold = undefined;
    const holding = this.#holding;
    const next = this.#mayHandOver() ? this.#waiters.take() : undefined;
    if (next) {
      this.#told(hold, holding, true);
      this.#turns.count();
      this.#give(next, 'local');
      return;
    }
    if (holding) {
      await this.#exclusively(async () => {
        const confirmed = await holding.release();
        this.#holding = undefined;
        this.#told(hold, holding, confirmed);
      });
    }
    this.#pump();
  }

  /**
   * Goes on with a turn as one of readers, on an entry that those of this process that wait do not share.
   *
   * @throws LeaseholdError `LOST`, or of a refusal, after a release
   */
  async downgrade(hold: Hold): Promise<Held> {
    const holding = this.#holding;
    if (!holding || hold !== this.#hold) throw lostInBetween(hold);
    this.#hold = undefined;
    this.#told(hold, holding, true);
    const since = this.now();
    let reading: Held | undefined;
    try {
      await this.#exclusively(async () => {
        try {
          const grant = await holding.downgrade();
          if (grant) reading = this.#downgraded.add(this.#target, grant, since);
        } finally {
          if (!reading) await holding.release();
          if (this.#holding === holding) this.#holding = undefined;
        }
      });
    } finally {
      this.#pump();
    }
    if (!reading) throw lostInBetween(hold);
    return reading;
  }

  /** Refuses its waiters, and releases what is held. */
  async close(): Promise<void> {
    this.#closing.abort();
    this.#cancelLinger();
    for (const waiter of this.#waiters.takeAll()) waiter.reject(closed());
    this.#giveUp?.abort();
    await this.#busy;
    if (this.#hold) await this.#endHold(this.#hold);
    await this.#downgraded.close(closed());
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

  #mayHandOver(): boolean {
    const holding = this.#holding;
    return holding?.valid === true && !this.#closed && this.#turns.mayGoOn(holding);
  }

  /** Starts whatever is called for: an attempt when somebody waits, the end when nobody does. */
  #pump(): void {
    if (this.#busy || this.#hold) return;
    if (this.#waiters.size > 0) {
      this.#cancelLinger();
      void this.#exclusively(() => this.#acquire()).then(() => this.#pump());
      return;
    }
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
        this.#acquisition = new Acquisition(this.#target, session);
        grant = await this.#acquisition.run(giveUp.signal);
      }
      this.#adopt(grant);
      const waiter = this.#waiters.take();
      if (waiter) this.#give(waiter, grant.how);
      else await this.#dismiss();
    } catch (error) {
      // Aborted because nobody waits any more; whoever came since then gets a new attempt.
      if (giveUp.signal.aborted) return;
      for (const waiter of this.#waiters.takeAll()) waiter.reject(error);
    } finally {
      this.#giveUp = undefined;
      this.#acquisition = undefined;
    }
  }

  /** A turn for whoever does not wait. */
  #begin(grant: Grant, since: number): Held | undefined {
    this.#adopt(grant);
    let held: Held | undefined;
    const resolve = (hold: Held): void => void (held = hold);
    this.#give({ resolve, reject: () => undefined, since, gone: true }, grant.how);
    return held;
  }

  #adopt(grant: Grant): void {
    this.#turns.restart();
    const holding = new Holding(this.#target, grant, (reason) => this.#lost(holding, reason));
    this.#holding = holding;
  }

  async #dismiss(): Promise<void> {
    await this.#holding?.release();
    this.#holding = undefined;
  }

  #give(waiter: Waiter, how: Grant['how'] | 'local'): void {
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
      lock: this.#target.name.original,
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
      if (this.#busy || this.#hold || this.#waiters.size > 0) return;
      if (this.#downgraded.inUse) return;
      this.#target.view.stopWatch();
      this.#onIdle();
    });
  }
}

function lostInBetween({ name }: Hold): LeaseholdError {
  return new LeaseholdError('LOST', `lock ${name} was lost while it was downgraded`);
}
