import type { Clock } from '../core/clock.ts';
import { Bell } from './bell.ts';
import { Pace } from './pace.ts';
import type { Victim } from './revocation.ts';

/** A node that goes down with 500 sessions is done with in 4 s. */
const PACE = { burst: 100, perSecond: 100 };
/** Of one namespace at a time: where writes hang or are refused nothing else is held up. */
const CONCURRENCY = 8;
/** Who has been here for so long gets one turn in so many, however many come behind which somebody waits. */
const LONG_MS = 60_000;
const TURNS_OF_ORDER = 10;

interface Turn {
  readonly victim: Victim;
  /** By the wall clock of whoever waits; infinite if nobody does. */
  readonly since: number;
  /** On our clock. */
  readonly addedAt: number;
  readonly end: (isDone: boolean | undefined) => void;
}

/**
 * The one order in which sessions are revoked, whoever has found them: those first behind which somebody
 * has waited longest. Who goes next is decided when there is a turn, as older ones may have come meanwhile.
 */
export class ReclaimQueue {
  readonly #clock: Clock;
  readonly #pace: Pace;
  readonly #waiting = new Set<Turn>();
  /** How many of each namespace are worked on. */
  readonly #working = new Map<string, number>();
  readonly #bell = new Bell();
  #turnsGiven = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#pace = new Pace(clock, PACE);
  }

  /**
   * Waits until it has had its turn while {@link run} runs.
   *
   * @param since - when the longest wait behind it began; undefined if nobody waits
   * @returns whether it was done; undefined if the lead has ended before
   */
  add(victim: Victim, since: number | undefined): Promise<boolean | undefined> {
    return new Promise((end) => {
      this.#waiting.add({ victim, since: since ?? Infinity, addedAt: this.#clock.now(), end });
      this.#bell.ring();
    });
  }

  /**
   * Gives turns until the signal aborts, and waits for the work that has begun.
   *
   * @param work - never rejects
   */
  async run(signal: AbortSignal, work: (victim: Victim) => Promise<boolean>): Promise<void> {
    const running = new Set<Promise<void>>();
    const begin = (turn: Turn): void => {
      const lasts = this.#begin(turn, work).finally(() => running.delete(lasts));
      running.add(lasts);
    };
    while (!signal.aborted) {
      const next = await this.#turn(signal);
      if (next) begin(next);
    }
    for (const { end } of this.#waiting) end(undefined);
    this.#waiting.clear();
    await Promise.all(running);
  }

  /** Undefined when the signal aborts. */
  async #turn(signal: AbortSignal): Promise<Turn | undefined> {
    while (!this.#next() && !signal.aborted) await this.#bell.sleep(signal);
    await this.#pace.turn(signal);
    return signal.aborted ? undefined : this.#next();
  }

  async #begin(turn: Turn, work: (victim: Victim) => Promise<boolean>): Promise<void> {
    const { victim, end } = turn;
    const { namespace } = victim.session;
    this.#waiting.delete(turn);
    this.#turnsGiven += 1;
    this.#working.set(namespace, this.#countIn(namespace) + 1);
    const isDone = await work(victim);
    const left = this.#countIn(namespace) - 1;
    if (left > 0) this.#working.set(namespace, left);
    else this.#working.delete(namespace);
    end(isDone);
    this.#bell.ring();
  }

  #next(): Turn | undefined {
    let longestHere: Turn | undefined;
    let longestAwaited: Turn | undefined;
    for (const turn of this.#waiting) {
      if (this.#countIn(turn.victim.session.namespace) >= CONCURRENCY) continue;
      longestHere ??= turn;
      if (!longestAwaited || turn.since < longestAwaited.since) longestAwaited = turn;
    }
    if (!longestHere || (this.#turnsGiven + 1) % TURNS_OF_ORDER !== 0) return longestAwaited;
    return this.#clock.now() - longestHere.addedAt > LONG_MS ? longestHere : longestAwaited;
  }

  #countIn(namespace: string): number {
    return this.#working.get(namespace) ?? 0;
  }
}
