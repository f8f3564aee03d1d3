import type { Clock } from '../core/clock.ts';
import type { Facts } from './facts.ts';

interface Beat {
  /** When the last renewal was seen, on the observer's clock. */
  seenAt: number;
  overdue: boolean;
}

/** Who is late to renew, as far as one observer can tell: from what it has seen, on its own clock. */
export class Heartbeats {
  readonly #clock: Clock;
  readonly #beats = new Map<string, Beat>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /**
   * Takes in the state of a Lease whose last renewal was `ago` milliseconds ago.
   *
   * @returns whether it renews again after it was late
   */
  note(key: string, facts: Facts, ago: number): boolean {
    const renewal = renewalOf(facts);
    if (!renewal) {
      this.#beats.delete(key);
      return false;
    }
    const wasOverdue = this.#beats.get(key)?.overdue ?? false;
    const overdue = wasOverdue && ago > renewal.every;
    this.#beats.set(key, { seenAt: this.#clock.now() - ago, overdue });
    return wasOverdue && !overdue;
  }

  /** Forgets all but these. */
  keep(keys: { has(key: string): boolean }): void {
    for (const key of this.#beats.keys()) if (!keys.has(key)) this.#beats.delete(key);
  }

  forget(key: string): void {
    this.#beats.delete(key);
  }

  /** Nothing was heard for a while: nobody is late for that. */
  resumed(): void {
    for (const beat of this.#beats.values()) beat.seenAt = this.#clock.now();
  }

  /** Who has become late since this was last asked. */
  becameLate(known: ReadonlyMap<string, Facts>): Facts[] {
    const now = this.#clock.now();
    const late: Facts[] = [];
    for (const [key, beat] of this.#beats) {
      const facts = known.get(key);
      const renewal = facts && renewalOf(facts);
      if (!renewal || beat.overdue || now - beat.seenAt <= renewal.every) continue;
      beat.overdue = true;
      late.push(facts);
    }
    return late;
  }
}

/** The last renewal, and for how many milliseconds none may follow; undefined where none is due. */
export function renewalOf(facts: Facts): { id: string; at: number; every: number } | undefined {
  if (facts.kind === 'session' && facts.process !== undefined) {
    const at = facts.renewedAt ?? 0;
    return { id: `${facts.uid} ${String(at)}`, at, every: facts.ttlSeconds * 1_000 };
  }
  if (facts.kind === 'election' && facts.leader !== undefined) {
    const at = facts.renewedAt ?? 0;
    const every = Math.max(1, facts.durationSeconds) * 1_000;
    return { id: `${facts.uid} ${facts.leader} ${String(at)}`, at, every };
  }
  return undefined;
}
