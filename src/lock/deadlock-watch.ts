import { cycleText } from '../core/deadlock.ts';
import type { Cycle, HeldUp } from '../core/deadlock.ts';
import { LeaseholdError } from '../core/errors.ts';
import type { LeaseName } from '../core/names.ts';
import type { LockContext } from './context.ts';
import { cycleOf, follow, refusalOf } from './evidence.ts';
import type { Evidence } from './evidence.ts';
import type { KeptHolds } from './kept-holds.ts';
import { lookAround } from './look-around.ts';

/** For a warning alone it is looked later and later: up to so many ttl. */
const MOST_REST_TTLS = 16;

/** A wait of somebody who holds something. */
export interface Watched {
  readonly context: LockContext;
  readonly name: LeaseName;
  /** The attempt of this process that has to get on first, as it is now. */
  readonly behind: () => string | undefined;
  readonly kept: readonly KeptHolds[];
  /** Ends the wait. */
  readonly refuse: (error: LeaseholdError) => void;
}

/**
 * Tells others of a wait during which holds are kept, and looks whether it is part of a deadlock for as long
 * as it lasts: warns of one once, and ends the wait if that is wanted and proven.
 */
export class DeadlockWatch {
  readonly #watched: Watched;
  readonly #own: {
    readonly session: string;
    readonly number: number;
    readonly stop: () => void;
  }[] = [];
  readonly #mayYield: boolean;
  readonly #ttl: number;
  /** Of a cycle that may be one. */
  #evidence: Evidence | undefined;
  /** Of one for which this wait has to end. */
  #proof: Evidence | undefined;
  #rest: number;
  #cancelLook: () => void = () => undefined;
  #over = false;

  constructor(watched: Watched) {
    this.#watched = watched;
    this.#mayYield = watched.kept.some(({ kind }) => kind === 'yields');
    for (const kept of watched.kept) this.#tell(kept);
    const sessions = watched.kept.flatMap(({ holds }) =>
      holds.map(({ attempt }) => attempt?.session.ttl),
    );
    this.#ttl = Math.max(1, ...sessions.flatMap((ttl) => ttl ?? [])) * 1_000;
    // Others have told of their waits by then.
    this.#rest = this.#mayYield ? this.#ttl / 3 : this.#ttl;
    this.#lookLater(this.#rest);
  }

  /** The wait is over. */
  stop(): void {
    this.#over = true;
    this.#cancelLook();
    for (const { stop } of this.#own) stop();
  }

  /** By each session that one of the holds belongs to: whoever waits for that looks there. */
  #tell({ kind, holds }: KeptHolds): void {
    const { context, name, behind } = this.#watched;
    const sessions = new Set(holds.flatMap(({ attempt }) => attempt?.session ?? []));
    for (const session of sessions) {
      const { number, stop } = session.tellOf(() => {
        const first = behind();
        const keeps = holds.flatMap(({ attempt }) =>
          attempt?.session === session ? attempt.id : [],
        );
        if (first === undefined || keeps.length === 0) return undefined;
        const { namespace } = context.api;
        return { kind, namespace, lock: name.lease, behind: first, keeps };
      });
      this.#own.push({ session: session.name, number, stop });
    }
  }

  #lookLater(delay: number): void {
    this.#cancelLook = this.#watched.context.parts.clock.schedule(delay, () => void this.#look());
  }

  async #look(): Promise<void> {
    const { context, name, kept } = this.#watched;
    // Nobody waits for it any more.
    if (!kept.some(({ holds }) => holds.some(({ attempt }) => attempt))) return;
    const seen = await lookAround(context, name.lease);
    if (this.#isOver()) return;
    const isOwn = (wait: HeldUp): boolean =>
      this.#own.some(({ session, number }) => wait.session === session && wait.number === number);
    this.#evidence = follow(this.#evidence, seen, (all) => cycleOf(all, isOwn));
    this.#proof = follow(this.#proof, seen, (all) => refusalOf(all, isOwn));
    const isLasting = this.#evidence && this.#evidence.looks > 1;
    const cycle = isLasting && this.#evidence && cycleOf(this.#evidence.lasting, isOwn);
    if (cycle) this.#warn(cycle);
    const proven = this.#proof && refusalOf(this.#proof.proven, isOwn);
    if (proven) {
      this.#watched.refuse(deadlock(name, proven));
    } else if (this.#mayYield || (this.#evidence && !isLasting)) {
      this.#lookLater(this.#ttl / 3);
    } else {
      this.#rest = Math.min(this.#rest * 2, MOST_REST_TTLS * this.#ttl);
      this.#lookLater(this.#rest);
    }
  }

  /** Once for each, however many waits of this process are in it. */
  #warn(cycle: Cycle): void {
    const { context, name } = this.#watched;
    const waits = cycle.map(({ wait }) => `${wait.session} ${wait.behind}`);
    if (!context.toldDeadlocks.add([...waits].sort().join(', '))) return;
    context.parts.observe({
      type: 'deadlock',
      lock: name.original,
      sessions: cycle.map(({ wait }) => wait.session),
      cycle: cycleText(cycle),
    });
  }

  /** A call, not a property: the compiler takes what a property said before an await for lasting. */
  #isOver(): boolean {
    return this.#over;
  }
}

function deadlock(name: LeaseName, cycle: Cycle): LeaseholdError {
  return new LeaseholdError(
    'DEADLOCK',
    `lock ${name.original} would be waited for for ever, as those who wait for each other hold what the others want (${cycleText(cycle)}): this wait has been ended so that the others can go on; release what is held, and begin again; to avoid it, take several locks in one order everywhere, or by lockAll()`,
  );
}
