import type { Lease } from '../core/lease.ts';
import type { LeaseName } from '../core/names.ts';
import type { Parts } from '../core/parts.ts';
import type { LeaseApi } from '../kube/lease-api.ts';
import { LeaseView } from '../kube/lease-view.ts';
import { isConflict, isMissing } from '../kube/outcome.ts';
import type { LeaseOutcome } from '../kube/outcome.ts';
import { Batch } from './batch.ts';
import type { Pending } from './batch.ts';
import { closed, unknownOutcome } from './errors.ts';
import type { StateKind } from './kind.ts';
import { reasonOf } from './patience.ts';
import { changedStateLease, newStateLease, readingOf } from './state-lease.ts';
import type { Reading } from './state-lease.ts';
import { StateReader } from './state-reader.ts';
import type { Look, Now } from './state-reader.ts';
import { Trouble } from './trouble.ts';

/**
 * One state as this process sees and changes it. Every change is a compare-and-swap on the version that
 * it was worked out from, one at a time, of all operations that wait by then. The record keeps the last
 * write of each writer, by which it finds out what became of a write whose answer was lost:
 *
 *     the record names my write        it was done; its results are worked out again
 *     it does not, and is remembered   it was not done by this version: write on top of it, so that it never is
 *     deleted, or forgotten            nobody can tell: UNKNOWN_OUTCOME
 */
export class StateCell<State, Operation, Result> {
  readonly name: LeaseName;
  readonly #api: LeaseApi;
  readonly #parts: Parts;
  readonly #kind: StateKind<State, Operation, Result>;
  readonly #view: LeaseView;
  readonly #reader: StateReader<State>;
  /** Of this object alone: no two of a process write under one name. */
  readonly #writer: string;
  readonly #closing = new AbortController();
  readonly #waiting: Pending<Operation, Result>[] = [];
  #sequence = 0;
  #writing: Promise<void> | undefined;

  constructor(
    parts: { readonly api: LeaseApi; readonly parts: Parts },
    name: LeaseName,
    kind: StateKind<State, Operation, Result>,
  ) {
    this.name = name;
    this.#api = parts.api;
    this.#parts = parts.parts;
    this.#kind = kind;
    this.#view = new LeaseView(parts.api, name.lease, parts.parts);
    this.#reader = new StateReader(parts.parts, kind, this.#view, this.#closing.signal);
    this.#writer = writerName(parts.parts.random);
  }

  /** Whether nobody waits for anything here. */
  get isIdle(): boolean {
    return this.#writing === undefined && this.#reader.isIdle;
  }

  /**
   * Does the operation exactly once. Together with others that wait it sends one PUT if the state is
   * known, before it one GET if it is not, and one CREATE if there is none.
   *
   * @param signal - gives it up, with its reason; when it may have been done by then, with
   * `UNKNOWN_OUTCOME`
   * @param how - `isSeenThrough`: what was sent is waited for until it is known what became of it
   * @throws LeaseholdError `CLOSED`, `UNKNOWN_OUTCOME`, `FOREIGN_LEASE`, `UNREADABLE_RECORD`, or of a refusal
   */
  submit(
    operation: Operation,
    signal?: AbortSignal,
    { isSeenThrough = false }: { readonly isSeenThrough?: boolean } = {},
  ): Promise<Result> {
    return new Promise((resolve, reject) => {
      if (this.#closing.signal.aborted) throw closed();
      if (signal?.aborted) throw reasonOf(signal);
      const settle = (): void => {
        pending.isOver = true;
        signal?.removeEventListener('abort', onAbort);
      };
      const pending: Pending<Operation, Result> = {
        operation,
        isSeenThrough,
        isSent: false,
        givenUp: undefined,
        isOver: false,
        resolve: (result) => {
          settle();
          resolve(result);
        },
        reject: (error) => {
          settle();
          reject(error instanceof Error ? error : new Error(String(error)));
        },
      };
      const onAbort = (): void => {
        if (signal) this.#giveUp(pending, reasonOf(signal));
      };
      signal?.addEventListener('abort', onAbort, { once: true });
      this.#waiting.push(pending);
      this.#writing ??= this.#write();
    });
  }

  /**
   * The state as it is now; the initial one if there is no Lease. Sends one GET.
   *
   * @throws LeaseholdError as {@link submit} does
   */
  read(signal: AbortSignal): Promise<Now<State>> {
    return this.#reader.read(signal);
  }

  /** See {@link StateReader.follow}. */
  follow<T>(
    look: Look<State, T>,
    signal: AbortSignal,
    isDoubtful: (found: T) => boolean,
  ): Promise<T> {
    return this.#reader.follow(look, signal, isDoubtful);
  }

  /** Refuses all who wait. Resolves when no write is on its way. */
  async close(): Promise<void> {
    this.#closing.abort(closed());
    await this.#writing;
  }

  #giveUp(pending: Pending<Operation, Result>, reason: Error): void {
    if (!pending.isSent) {
      pending.reject(reason);
      return;
    }
    if (pending.isSeenThrough) {
      pending.givenUp = reason;
      return;
    }
    pending.reject(unknownOutcome(this.name.lease, 'its answer was not waited for', reason));
  }

  async #write(): Promise<void> {
    // Whatever is asked for in the same breath goes together.
    await Promise.resolve();
    while (this.#waiting.length > 0) {
      this.#sequence += 1;
      const batch = new Batch<State, Operation, Result>(this.#sequence);
      try {
        await this.#settle(batch);
      } catch (error) {
        batch.reject(this.name.lease, error);
      }
    }
    this.#writing = undefined;
  }

  /** Resolves when everybody of it has been answered. */
  async #settle(batch: Batch<State, Operation, Result>): Promise<void> {
    const trouble = new Trouble(this.#parts, this.name.lease, this.#closing.signal);
    const view = this.#view;
    const most = this.#kind.isAlone ? 1 : Number.POSITIVE_INFINITY;
    /** Whether what is known was read after all of its operations were asked for. */
    let isFresh = false;
    for (;;) {
      if (!batch.isInDoubt && batch.take(this.#waiting, most)) isFresh = false;
      if (this.#closing.signal.aborted) throw closed();
      if (batch.isOver) return;
      const known = view.state();
      if (!known) {
        isFresh = await this.#readFor(trouble);
        continue;
      }
      const reading = this.#reading(known.lease, isFresh);
      if (reading === 'doubtful') {
        isFresh = await this.#readFor(trouble);
        continue;
      }
      const results = this.#found(batch, reading);
      if (results) {
        for (const settle of results) settle();
        return;
      }
      const before = reading?.state ?? this.#kind.initial;
      const { state, settle } = batch.applyTo(this.#kind, before);
      if (state === before) {
        if (isFresh) {
          for (const tell of settle) tell();
          return;
        }
        isFresh = await this.#readFor(trouble);
        continue;
      }
      if (!reading) {
        isFresh = await this.#create(trouble);
        continue;
      }
      const outcome = await this.#replace(batch, reading, state);
      if (outcome.kind === 'done') {
        for (const tell of settle) tell();
        return;
      }
      if (outcome.kind === 'unknown' && outcome.sent) batch.doubt(reading.record);
      else batch.notSent();
      // A caller that has given up meanwhile is told so by what is taken in next.
      if (isConflict(outcome) || isMissing(outcome)) await trouble.contended();
      else await trouble.wait(outcome, 'write');
      isFresh = await this.#readFor(trouble);
    }
  }

  /** What is known may be of an older object of that name: an error counts when it was read just now. */
  #reading(lease: Lease | undefined, isFresh: boolean): Reading<State> | undefined | 'doubtful' {
    if (!lease) return undefined;
    try {
      return readingOf(this.#kind, lease);
    } catch (error) {
      if (isFresh) throw error;
      return 'doubtful';
    }
  }

  /** The results of a batch that the record names; undefined when it is still to be written. */
  #found(
    batch: Batch<State, Operation, Result>,
    reading: Reading<State> | undefined,
  ): readonly (() => void)[] | undefined {
    if (!batch.isInDoubt) return undefined;
    const { lease } = this.name;
    const why = batch.lostTrack(reading?.record);
    const own = reading?.record.applied.get(this.#writer);
    if (why === undefined || own?.sequence === batch.sequence) {
      if (own?.sequence !== batch.sequence) return undefined;
      const from = this.#kind.recall(own.from);
      if (from !== undefined) return batch.applyTo(this.#kind, from).settle;
    }
    throw unknownOutcome(lease, why ?? 'what the record says of it cannot be read');
  }

  async #replace(
    batch: Batch<State, Operation, Result>,
    reading: Reading<State>,
    next: State,
  ): Promise<LeaseOutcome> {
    const { changes } = this.#view;
    const write = { sequence: batch.sequence, from: this.#kind.note(reading.state) };
    const wall = this.#parts.clock.wall();
    const lease = changedStateLease(this.#kind, reading, next, this.#writer, write, wall);
    batch.sending();
    const outcome = await this.#api.replace(lease);
    if (outcome.kind === 'done') this.#view.wrote(outcome.body, changes);
    return outcome;
  }

  /** Resolves with whether the state is known now as it is. */
  async #create(trouble: Trouble): Promise<boolean> {
    const { changes } = this.#view;
    const wall = this.#parts.clock.wall();
    const lease = newStateLease(this.#kind, this.name, this.#api.namespace, wall);
    const outcome = await this.#api.create(lease);
    if (outcome.kind === 'done') {
      this.#view.wrote(outcome.body, changes);
      return true;
    }
    if (isConflict(outcome)) await trouble.contended();
    else await trouble.wait(outcome, 'create');
    return this.#readFor(trouble);
  }

  /** Reads the Lease; resolves with whether it is known now as it is. */
  async #readFor(trouble: Trouble): Promise<boolean> {
    const { signal } = this.#closing;
    if (signal.aborted) return false;
    const outcome = await this.#view.read({ signal });
    if (outcome.kind === 'done') return true;
    // Where a watch has told of another one meanwhile, that may be older than the answer.
    if (isMissing(outcome)) return this.#view.state()?.lease === undefined;
    if (!isAborted(signal)) await trouble.wait(outcome, 'read');
    return false;
  }
}

/** Asked anew after each await, as the compiler takes an earlier answer for lasting. */
function isAborted(signal: AbortSignal): boolean {
  return signal.aborted;
}

function writerName(random: () => number): string {
  const half = (): string =>
    Math.floor(random() * 0x1_0000_0000)
      .toString(16)
      .padStart(8, '0');
  return half() + half();
}
