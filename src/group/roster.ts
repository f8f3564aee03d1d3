import type { LeaseholdError } from '../core/errors.ts';
import { leaseName } from '../core/names.ts';
import type { LeaseName } from '../core/names.ts';
import { parseRecord } from '../core/record.ts';
import { LeaseView } from '../kube/lease-view.ts';
import { isMissing } from '../kube/outcome.ts';
import { errorOf, isTemporary } from '../kube/status-error.ts';
import type { LockContext, LockTarget } from '../lock/context.ts';
import { Progress } from '../lock/progress.ts';
import { membersOf } from './member.ts';
import type { Member } from './member.ts';

/** The safety net under the watch. */
const POLL_MS = 60_000;

/** One group as this process sees it: followed by one watch while anybody here wants to know. */
export class Roster {
  readonly name: LeaseName;
  readonly context: LockContext;
  readonly #view: LeaseView;
  readonly #progress = new Progress();
  readonly #listeners = new Set<() => void>();
  #users = 0;
  #cancelPoll: () => void = () => undefined;
  #unsubscribe: readonly (() => void)[] = [];
  #members: readonly Member[] | undefined;

  constructor(context: LockContext, original: string) {
    this.context = context;
    this.name = leaseName(original);
    this.#view = new LeaseView(context.api, this.name.lease, context.parts);
  }

  /** The record as a lock that is shared, and held by a member that says this of itself. */
  targetOf(data: string): LockTarget {
    const { context, name } = this;
    const ask = { mode: 'shared' as const, more: `data=${data}` };
    return { context, name, ask, view: this.#view, progress: this.#progress };
  }

  /** Follows the group until the returned function is called. */
  use(): () => void {
    this.#users += 1;
    if (this.#users === 1) this.#start();
    let inUse = true;
    return () => {
      if (!inUse) return;
      inUse = false;
      this.#users -= 1;
      if (this.#users === 0) this.#stop();
    };
  }

  /** Calls `listener` whenever the members may be others, and when the API server gives trouble. */
  subscribe(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Who is in it, as far as is known now; undefined when nothing is known yet. */
  get members(): readonly Member[] | undefined {
    return this.#members;
  }

  /** The refusal for which it cannot be followed, if that will not pass. */
  get refusal(): LeaseholdError | undefined {
    const { trouble } = this.#view;
    if (trouble?.kind !== 'refused' || trouble.status === 410) return undefined;
    return isTemporary(trouble) ? undefined : errorOf(trouble, this.#action('watch'));
  }

  /**
   * Who is in it, by a linearizable read.
   *
   * @throws LeaseholdError of a refusal, `API_UNREACHABLE`, `FOREIGN_LEASE`
   */
  async read(signal: AbortSignal | undefined): Promise<readonly Member[]> {
    const { api, deaths } = this.context;
    const outcome = await api.get(this.name.lease, { signal });
    if (isMissing(outcome)) return [];
    if (outcome.kind !== 'done') throw errorOf(outcome, this.#action('read'));
    return membersOf(parseRecord(outcome.body), deaths.isDead);
  }

  #action(verb: string): string {
    return `${verb} group ${this.name.lease}`;
  }

  #start(): void {
    this.#unsubscribe = [
      this.#view.subscribe(() => this.#look()),
      this.context.deaths.subscribe(() => this.#look()),
    ];
    this.#view.startWatch();
    this.#poll();
  }

  #stop(): void {
    this.#cancelPoll();
    for (const unsubscribe of this.#unsubscribe) unsubscribe();
    this.#view.stopWatch();
    // What was seen is old when somebody comes again.
    this.#view.forget();
    this.#members = undefined;
  }

  #poll(): void {
    this.#cancelPoll = this.context.parts.clock.schedule(POLL_MS, () => {
      void this.#view.read();
      this.#poll();
    });
  }

  #look(): void {
    const state = this.#view.state();
    if (state) this.#see(state.lease ? this.#parse(state.lease) : []);
    for (const listener of [...this.#listeners]) listener();
  }

  #see(members: readonly Member[]): void {
    const before = new Set(this.#members?.map(({ id }) => id));
    const after = new Set(members.map(({ id }) => id));
    const joined = [...after].filter((id) => !before.has(id));
    const left = [...before].filter((id) => !after.has(id));
    const isFirst = this.#members === undefined;
    if (!isFirst && joined.length + left.length === 0) return;
    this.#members = members;
    const { observe } = this.context.parts;
    observe({
      type: 'group-changed',
      group: this.name.original,
      members: after.size,
      joined,
      left,
    });
  }

  #parse(lease: Parameters<typeof parseRecord>[0]): readonly Member[] {
    try {
      return membersOf(parseRecord(lease), this.context.deaths.isDead);
    } catch {
      // Somebody made another thing of the Lease: nobody is a member of that.
      return [];
    }
  }
}
