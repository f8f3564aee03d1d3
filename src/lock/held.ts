import { LeaseholdError } from '../core/errors.ts';
import type { Attempt } from './context.ts';

const NOT_A_WRITE =
  'what is to be downgraded is no hold of a write: pass what write.acquire() resolved with';

/** A lock that this process holds, until it is released or lost. */
export interface Held extends AsyncDisposable {
  /** The lock's name, as given to `lock()`. */
  readonly name: string;
  /**
   * The fencing token: grows with every grant of this lock, whoever holds it, also across deletion
   * and re-creation. Send it along with every write that the lock protects, and let the receiver
   * refuse a lower one than it has seen.
   */
  readonly fence: bigint;
  /** Whether the lock is still held, by this process's own clock; computed when asked. */
  readonly valid: boolean;
  /** Milliseconds for which the lock stays valid if no further renewal succeeds; 0 when it is not. */
  readonly validFor: number;
  /** Aborts with a {@link LeaseholdError} `LOST` when the lock is lost before it is released. */
  readonly signal: AbortSignal;
  /**
   * Gives the lock to the next waiter. Resolves when the API server has confirmed it, or when the
   * session has ended; never rejects. Releasing again does nothing.
   *
   * Sends one DELETE, or one PUT if somebody waits; nothing if a waiter of this process is next.
   */
  release(): Promise<void>;
}

/** What a hold asks of the entry that it stands on. */
export interface Standing {
  readonly valid: boolean;
  readonly validUntil: number;
  /** By which it is held. */
  readonly attempt: Attempt | undefined;
  now(): number;
  release(hold: Hold): Promise<void>;
  /** Undefined of what cannot be held by several. */
  readonly downgrade?: ((hold: Hold) => Promise<Held>) | undefined;
}

/** One local turn on a lock. The signal is made when first asked for, as most are not. */
export class Hold implements Held {
  readonly name: string;
  readonly fence: bigint;
  readonly acquiredAt: number;
  readonly #standing: Standing;
  #state: 'held' | 'released' | 'lost' = 'held';
  #loss: LeaseholdError | undefined;
  #controller: AbortController | undefined;
  #releasing: Promise<void> | undefined;
  #work: Promise<unknown> = Promise.resolve();

  constructor(name: string, fence: bigint, standing: Standing) {
    this.name = name;
    this.fence = fence;
    this.#standing = standing;
    this.acquiredAt = standing.now();
  }

  get valid(): boolean {
    return this.#state === 'held' && this.#standing.valid && this.#isHeld();
  }

  get validFor(): number {
    return this.valid ? Math.max(0, this.#standing.validUntil - this.#standing.now()) : 0;
  }

  get signal(): AbortSignal {
    this.#controller ??= new AbortController();
    if (this.#loss) this.#controller.abort(this.#loss);
    return this.#controller.signal;
  }

  /** By which the record names it, until it is released or known to be lost. */
  get attempt(): Attempt | undefined {
    return this.#state === 'held' ? this.#standing.attempt : undefined;
  }

  /** The error with which it was lost, if it was. */
  get loss(): LeaseholdError | undefined {
    return this.#loss;
  }

  release(): Promise<void> {
    if (this.#state === 'held') this.#state = 'released';
    this.#releasing ??= this.#standing.release(this);
    return this.#releasing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.release();
  }

  /**
   * See `ReadWriteLock.downgrade`: from here on this hold is over, and its release does nothing.
   *
   * @throws LeaseholdError `INVALID_ARGUMENT`, `LOST`
   */
  async downgrade(): Promise<Held> {
    const isWriting = this.valid;
    if (!this.#standing.downgrade) throw new LeaseholdError('INVALID_ARGUMENT', NOT_A_WRITE);
    if (!isWriting) {
      throw this.#loss ?? new LeaseholdError('LOST', `lock ${this.name} is not held any more`);
    }
    this.#state = 'released';
    this.#releasing = Promise.resolve();
    return this.#standing.downgrade(this);
  }

  /** This work runs under the hold: others must not have the lock before it has ended. */
  occupy(work: Promise<unknown>): void {
    this.#work = work.catch(() => undefined);
  }

  /** Asks the work to stop, by the signal; the hold stays. Resolves when the work has ended. */
  async interrupt(reason: LeaseholdError): Promise<void> {
    this.#controller ??= new AbortController();
    this.#controller.abort(reason);
    await this.#work;
  }

  /** The end that nobody asked for. */
  lose(reason: string): void {
    if (this.#state !== 'held') return;
    this.#state = 'lost';
    this.#loss = new LeaseholdError(
      'LOST',
      `lock ${this.name} was lost: ${reason}; stop the work that it protects`,
    );
    this.#controller?.abort(this.#loss);
  }

  /** Asking whether the session is valid may have told us that it is not. */
  #isHeld(): boolean {
    return this.#state === 'held';
  }
}
