import { linked } from '../core/abort.ts';
import type { Parts } from '../core/parts.ts';
import { Wakeup } from '../core/wakeup.ts';
import type { LeaseView } from '../kube/lease-view.ts';
import { isConflict, isMissing } from '../kube/outcome.ts';
import { errorOf, isTemporary } from '../kube/status-error.ts';
import { closed } from './errors.ts';
import type { StateKind } from './kind.ts';
import { reasonOf } from './patience.ts';
import { readingOf } from './state-lease.ts';
import { Trouble } from './trouble.ts';

/** The safety net under a watch. */
const POLL_MS = 60_000;

/** A state, and of which object it is: undefined where there is no Lease. */
export interface Now<State> {
  readonly state: State;
  readonly uid: string | undefined;
}

/** What somebody is looking for; undefined while it is not there. */
export type Look<State, T> = (state: State, uid: string | undefined) => T | undefined;

/** One state as this process reads it, now and from now on. */
export class StateReader<State> {
  readonly #parts: Parts;
  readonly #kind: Pick<StateKind<State, never, unknown>, 'name' | 'read' | 'initial'>;
  readonly #view: LeaseView;
  readonly #closing: AbortSignal;
  #followers = 0;

  constructor(
    parts: Parts,
    kind: Pick<StateKind<State, never, unknown>, 'name' | 'read' | 'initial'>,
    view: LeaseView,
    closing: AbortSignal,
  ) {
    this.#parts = parts;
    this.#kind = kind;
    this.#view = view;
    this.#closing = closing;
  }

  /** Whether nobody follows it. */
  get isIdle(): boolean {
    return this.#followers === 0;
  }

  /**
   * The state as it is now; the initial one if there is no Lease. Sends one GET.
   *
   * @throws LeaseholdError `CLOSED`, `FOREIGN_LEASE`, `UNREADABLE_RECORD`, what the signal aborted for, or of a refusal
   */
  async read(signal: AbortSignal): Promise<Now<State>> {
    const over = linked([signal, this.#closing]);
    const trouble = new Trouble(this.#parts, this.#view.name, over.signal);
    try {
      for (;;) {
        this.#checkOpen(signal);
        const outcome = await this.#view.read({ signal: over.signal });
        if (outcome.kind === 'done') {
          const { state, record } = readingOf(this.#kind, outcome.body);
          return { state, uid: record.uid };
        }
        if (isMissing(outcome)) return { state: this.#kind.initial, uid: undefined };
        if (!over.signal.aborted) await trouble.wait(outcome, 'read');
      }
    } finally {
      over.unlink();
    }
  }

  /**
   * Watches the state until `look` has found something. Sends one watch, of all that follow it together.
   *
   * @param look - `uid` is undefined where there is no Lease
   * @param isDoubtful - whether what was found has to be found in a read, too: a server whose cache is
   * behind begins a watch with what was before
   * @throws LeaseholdError `CLOSED`, `FOREIGN_LEASE`, `UNREADABLE_RECORD`, what the signal aborted for, or of a refusal
   */
  async follow<T>(
    look: Look<State, T>,
    signal: AbortSignal,
    isDoubtful: (found: T) => boolean,
  ): Promise<T> {
    const { clock } = this.#parts;
    const wakeup = new Wakeup();
    const over = linked([signal, this.#closing]);
    over.signal.addEventListener('abort', wakeup.wake);
    const unsubscribe = this.#view.subscribe(wakeup.wake);
    this.#followers += 1;
    this.#view.startWatch();
    let pollAt = clock.now() + POLL_MS;
    try {
      for (;;) {
        this.#checkOpen(signal);
        const found = await this.#look(look);
        if (found !== undefined) {
          if (!isDoubtful(found)) return found;
          const { state, uid } = await this.read(signal);
          const sure = look(state, uid);
          if (sure !== undefined) return sure;
        }
        this.#checkWatch();
        const cancel = clock.schedule(Math.max(0, pollAt - clock.now()), wakeup.wake);
        await wakeup.wait();
        cancel();
        if (clock.now() < pollAt) continue;
        await this.#view.read({ signal: over.signal });
        pollAt = clock.now() + POLL_MS;
      }
    } finally {
      unsubscribe();
      over.unlink();
      this.#followers -= 1;
      if (this.#followers === 0) this.#view.stopWatch();
    }
  }

  #checkOpen(signal: AbortSignal): void {
    if (signal.aborted) throw reasonOf(signal);
    if (this.#closing.aborted) throw closed();
  }

  /** What is known may be of an older object of that name, so an error is worth a read. */
  async #look<T>(look: Look<State, T>): Promise<T | undefined> {
    try {
      return this.#lookNow(look);
    } catch {
      const read = await this.#view.read({ signal: this.#closing });
      return read.kind === 'unknown' ? undefined : this.#lookNow(look);
    }
  }

  #lookNow<T>(look: Look<State, T>): T | undefined {
    const known = this.#view.state();
    if (!known) return undefined;
    if (!known.lease) return look(this.#kind.initial, undefined);
    const { state, record } = readingOf(this.#kind, known.lease);
    return look(state, record.uid);
  }

  /** A watch that is refused for good would be waited for for ever. */
  #checkWatch(): void {
    const { trouble } = this.#view;
    if (trouble?.kind !== 'refused' || trouble.status === 410) return;
    if (isTemporary(trouble) || isConflict(trouble)) return;
    throw errorOf(trouble, `watch Lease ${this.#view.name}`);
  }
}
