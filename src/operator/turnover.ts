import type { Clock } from '../core/clock.ts';
import type { IndexedEntry, IndexedLock } from './lock-index.ts';

/** What became of one attempt, as the watch of its lock tells it. */
export type Turn =
  /** It left the queue for a hold. */
  | {
      readonly type: 'granted';
      readonly lock: IndexedLock;
      readonly entry: IndexedEntry;
      /** Milliseconds; undefined where its beginning was not seen. */
      readonly waitedMs: number | undefined;
    }
  /** It holds no more. */
  | {
      readonly type: 'ended';
      readonly before: IndexedLock;
      /** Undefined when the lock is gone. */
      readonly after: IndexedLock | undefined;
      readonly entry: IndexedEntry;
      readonly heldMs: number | undefined;
      /** Whether changes in between may have been missed. */
      readonly isAfterGap: boolean;
    };

/** Tells from successive states of locks who was granted and who holds no more, and after what time. */
export class Turnover {
  readonly #clock: Clock;
  /** Since when each attempt that we saw begin waits or holds, on our clock. */
  readonly #waits = new Map<string, number>();
  readonly #holds = new Map<string, number>();
  readonly #listeners = new Set<(turn: Turn) => void>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  subscribe(listener: (turn: Turn) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  readonly changed = (
    before: IndexedLock | undefined,
    after: IndexedLock | undefined,
    isAfterGap: boolean,
  ): void => {
    const namespace = (after ?? before)?.namespace ?? '';
    const waited = this.#passed(this.#waits, namespace, before?.queue, after?.queue);
    const held = this.#passed(this.#holds, namespace, before?.holders, after?.holders);
    if (after) {
      const granted = new Set(after.holders.map(({ id }) => id));
      for (const [entry, waitedMs] of waited) {
        if (granted.has(entry.id)) this.#tell({ type: 'granted', lock: after, entry, waitedMs });
      }
    }
    if (!before) return;
    for (const [entry, heldMs] of held) {
      this.#tell({ type: 'ended', before, after, entry, heldMs, isAfterGap });
    }
  };

  /** Those that are there no more, with the time for which they were. */
  #passed(
    since: Map<string, number>,
    namespace: string,
    before: readonly IndexedEntry[] = [],
    after: readonly IndexedEntry[] = [],
  ): [IndexedEntry, number | undefined][] {
    const now = this.#clock.now();
    const key = (id: string): string => `${namespace} ${id}`;
    const old = new Set(before.map(({ id }) => id));
    const present = new Set(after.map(({ id }) => id));
    for (const id of present) if (!old.has(id)) since.set(key(id), now);
    const passed: [IndexedEntry, number | undefined][] = [];
    for (const entry of before) {
      if (present.has(entry.id)) continue;
      const began = since.get(key(entry.id));
      since.delete(key(entry.id));
      passed.push([entry, began === undefined ? undefined : now - began]);
    }
    return passed;
  }

  #tell(turn: Turn): void {
    for (const listener of this.#listeners) listener(turn);
  }
}
