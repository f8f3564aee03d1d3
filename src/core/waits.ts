import { WAITS_ANNOTATION } from './lease.ts';
import type { Lease } from './lease.ts';

/**
 * What is known of a wait and of the holds that its caller has meanwhile. `inside`: it was made inside of
 * their `run`, which need not await it. `awaited`: they are kept until the wait ends. `yields`: that too,
 * and it ends if it is found in a deadlock.
 */
export type WaitKind = 'inside' | 'awaited' | 'yields';

/** A wait of somebody who holds something, as the process tells of it on its session. */
export interface Wait {
  /** Which of the waits that the session tells of; never given to another one. */
  readonly number: number;
  readonly kind: WaitKind;
  readonly namespace: string;
  /** The name of the lock's Lease. */
  readonly lock: string;
  /**
   * The attempt of the same process that has to get on first: its own in the queue of the lock, or that
   * by which the process holds the lock for somebody else.
   */
  readonly behind: string;
  /** The attempts by which its caller holds. */
  readonly keeps: readonly string[];
}

const KINDS: readonly WaitKind[] = ['inside', 'awaited', 'yields'];
const WAIT = /^([1-9][0-9]{0,14}):([a-z]+):([^/:]+)\/([^/:]+):([^:,]+):([^:]+)$/;
/** Each byte is part of every renewal. */
const MOST_CHARACTERS = 8_192;

/** The value of the annotation: the first of them, as many as there is room for. Empty if there are none. */
export function formatWaits(waits: Iterable<Wait>): string {
  let text = '';
  for (const { number, kind, namespace, lock, behind, keeps } of waits) {
    const one = `${String(number)}:${kind}:${namespace}/${lock}:${behind}:${keeps.join(',')}`;
    if (text.length + one.length >= MOST_CHARACTERS) continue;
    text = text === '' ? one : `${text} ${one}`;
  }
  return text;
}

/** What a session tells of the waits of its process; what cannot be read is left out. */
export function waitsOf(lease: Lease): readonly Wait[] {
  const words = (lease.metadata.annotations?.[WAITS_ANNOTATION] ?? '').split(' ');
  return words.flatMap((word) => {
    const [, number, kind, namespace, lock, behind, keeps] = WAIT.exec(word) ?? [];
    const known = KINDS.find((one) => one === kind);
    if (!known || !namespace || !lock || !behind || !keeps) return [];
    return [
      { number: Number(number), kind: known, namespace, lock, behind, keeps: keeps.split(',') },
    ];
  });
}
