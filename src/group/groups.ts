import { leaseName } from '../core/names.ts';
import type { LockContext } from '../lock/context.ts';
import { ToldDeadlocks } from '../lock/told-deadlocks.ts';
import { Group } from './group.ts';
import { Roster } from './roster.ts';

/** The groups of one process in one namespace. */
export class Groups {
  readonly #context: LockContext;
  readonly #groups = new Map<string, Group>();
  #closing: Promise<unknown> | undefined;

  constructor(context: Omit<LockContext, 'toldDeadlocks'>) {
    this.#context = { ...context, toldDeadlocks: new ToldDeadlocks() };
  }

  /** The group of this name; the same object for the same name. */
  group(name: string): Group {
    const { lease } = leaseName(name);
    let group = this.#groups.get(lease);
    if (!group) {
      group = new Group(name, new Roster(this.#context, name));
      this.#groups.set(lease, group);
      if (this.#closing) void group.close();
    }
    return group;
  }

  /** Leaves all of them. */
  async close(): Promise<void> {
    this.#closing ??= Promise.all([...this.#groups.values()].map((group) => group.close()));
    await this.#closing;
  }
}
