import { LeaseholdError, isLeaseholdError } from '../core/errors.ts';
import { Wakeup } from '../core/wakeup.ts';
import type { Group } from '../group/group.ts';
import type { Member } from '../group/member.ts';
import type { Membership } from '../group/membership.ts';
import { assign } from './assign.ts';
import { Tending } from './tending.ts';
import type { TendingContext } from './tending.ts';

/** Those who start together get to know one another before the first of them takes everything. */
const FIRST_REST_MS = 1_000;

/**
 * One member at work: joins the group, works out which shards are its own whenever the members change, and
 * tends those. What it does not know, or knows too late, costs time and never exclusivity: that is the locks'.
 */
export class ShardsRun {
  readonly #context: TendingContext;
  readonly #group: Group;
  readonly #count: number;
  readonly #tended = new Map<number, Tending>();
  readonly #wakeup = new Wakeup();
  #membership: Membership | undefined;
  /** Until when nothing is begun. */
  #restUntil = 0;
  #cancelRest: () => void = () => undefined;
  #assigned: { readonly members: string; readonly mine: ReadonlySet<number> } | undefined;

  constructor(context: TendingContext, group: Group, count: number) {
    this.#context = context;
    this.#group = group;
    this.#count = count;
  }

  /**
   * Resolves when `stop` has aborted, all works have ended and all shards are given up.
   *
   * @throws LeaseholdError of a refusal to join that will not pass
   */
  async run(stop: AbortSignal): Promise<void> {
    stop.addEventListener('abort', this.#wakeup.wake);
    const unfollow = this.#group.follow(this.#wakeup.wake);
    try {
      while (!stop.aborted) {
        this.#membership = await this.#join(stop);
        if (!this.#membership) break;
        await this.#tendWhile(this.#membership, stop);
      }
    } finally {
      await this.#leave(stop);
      stop.removeEventListener('abort', this.#wakeup.wake);
      unfollow();
    }
  }

  async #join(stop: AbortSignal): Promise<Membership | undefined> {
    try {
      const membership = await this.#group.join({
        metadata: { shards: this.#count },
        signal: stop,
      });
      membership.signal.addEventListener('abort', this.#wakeup.wake);
      const { clock } = this.#context.parts;
      this.#restUntil = clock.now() + FIRST_REST_MS;
      this.#cancelRest();
      this.#cancelRest = clock.schedule(FIRST_REST_MS, this.#wakeup.wake);
      return membership;
    } catch (error) {
      if (stop.aborted || isLeaseholdError(error, 'CLOSED')) return undefined;
      throw error;
    }
  }

  async #tendWhile(membership: Membership, stop: AbortSignal): Promise<void> {
    while (!stop.aborted && membership.valid) {
      const mine = this.#mine(membership.id);
      if (mine) this.#tend(mine);
      await this.#wakeup.wait();
    }
    if (stop.aborted) return;
    // Lost: what it holds it goes on with until it has joined anew; what it waits for may be another's.
    const reason = this.#aborted('the membership of its owner was lost');
    for (const tending of this.#tended.values()) if (!tending.holds) tending.end(reason);
  }

  /** Undefined as long as the group is not known with this member in it. */
  #mine(me: string): ReadonlySet<number> | undefined {
    const members = this.#group.known;
    if (!members?.some(({ id }) => id === me)) return undefined;
    const ids = idsOf(members, this.#count);
    const key = ids.join(' ');
    if (this.#assigned?.members === key) return this.#assigned.mine;
    const owners = assign(ids, this.#count);
    const mine = new Set([...owners.keys()].filter((shard) => owners[shard] === me));
    this.#assigned = { members: key, mine };
    this.#context.parts.observe({
      type: 'shards-assigned',
      shards: this.#context.name,
      members: ids.length,
      assigned: mine.size,
      count: this.#count,
    });
    return mine;
  }

  #tend(mine: ReadonlySet<number>): void {
    for (const [shard, tending] of this.#tended) {
      if (mine.has(shard)) tending.keep();
      else tending.move(this.#aborted(`shard ${String(shard)} goes to another member`));
    }
    if (this.#context.parts.clock.now() < this.#restUntil) return;
    for (const shard of mine) if (!this.#tended.has(shard)) this.#begin(shard);
  }

  #begin(shard: number): void {
    const tending = new Tending(this.#context, shard);
    this.#tended.set(shard, tending);
    void tending.over.then(() => {
      this.#tended.delete(shard);
      // It may have been lost, or be this member's again.
      this.#wakeup.wake();
    });
  }

  /** The others learn that it goes, and queue for its shards; then each is given up. */
  async #leave(stop: AbortSignal): Promise<void> {
    this.#cancelRest();
    const reason = this.#endOf(stop);
    for (const tending of this.#tended.values()) tending.move(reason);
    const leaving = [...this.#tended.values()].map(({ over }) => over);
    const over = new AbortController();
    over.signal.addEventListener('abort', this.#wakeup.wake);
    void Promise.all([this.#membership?.leave(), ...leaving]).then(() => {
      over.abort();
    });
    while (!over.signal.aborted) {
      // Those who all go at once wait for nobody.
      if (!this.#isAnybodyElse) for (const tending of this.#tended.values()) tending.end(reason);
      await this.#wakeup.wait();
    }
  }

  get #isAnybodyElse(): boolean {
    const others = this.#group.known?.filter(({ id }) => id !== this.#membership?.id) ?? [];
    return others.some(({ metadata }) => metadata.shards === this.#count);
  }

  #endOf({ reason }: AbortSignal): LeaseholdError {
    if (isLeaseholdError(reason)) return reason;
    return this.#aborted('the run ends', reason);
  }

  #aborted(why: string, cause?: unknown): LeaseholdError {
    const message = `${why}: stop the work on this shard of ${this.#context.name}`;
    return new LeaseholdError('ABORTED', message, { cause });
  }
}

/**
 * Those who share out so many shards: nobody, while members that were there before state another number, as
 * two numbers make two meanings of a shard.
 */
function idsOf(members: readonly Member[], count: number): string[] {
  const [first] = [...members].sort(byArrival);
  if (first?.metadata.shards !== count) return [];
  return members.filter(({ metadata }) => metadata.shards === count).map(({ id }) => id);
}

function byArrival(a: Member, b: Member): number {
  if (a.arrival === b.arrival) return a.id < b.id ? -1 : 1;
  return a.arrival < b.arrival ? -1 : 1;
}
