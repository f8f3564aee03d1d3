import { isLeaseholdError } from '../../../src/core/errors.ts';
import type { Lease } from '../../../src/core/lease.ts';
import type { Workshop } from '../../../src/repair/compare-and-swap.ts';
import { findHolder, releaseHolder, tellHolder } from '../../../src/repair/release.ts';
import { askToResign, findLeader } from '../../../src/repair/resign.ts';
import { revoke, settleLocks } from '../../../src/repair/revoke.ts';
import { readSession } from '../../../src/repair/session-state.ts';
import type { Dice } from '../world/dice.ts';
import type { VirtualProcess } from '../world/process.ts';
import type { World } from '../world/world.ts';

interface Person {
  readonly workshop: Workshop;
  /** Says what they will take away, though it may well be alive: an attempt, or the uid of a session. */
  readonly means: (target: string) => void;
}

/** Somebody who repairs by hand, with a machine of their own each time. */
export class OnCall {
  readonly #world: World;

  constructor(world: World) {
    this.#world = world;
  }

  /** As `leasehold revoke` does, for all sessions of a process that is known to be dead. */
  async mend(crashed: VirtualProcess): Promise<void> {
    const { workshop } = this.#person();
    const own = this.#world.store.names().filter((name) => name.startsWith(`${crashed.name}-`));
    for (const name of own) await expected(() => this.#revoke(workshop, name));
  }

  /** Ends the session of a process that may well live. */
  async revokeAny(dice: Dice): Promise<void> {
    const { workshop, means } = this.#person();
    const name = dice.pick(this.#named('session'));
    if (name !== undefined) await expected(() => this.#revoke(workshop, name, means));
  }

  /** Takes a lock from whoever holds it, by force. */
  async releaseAny(dice: Dice): Promise<void> {
    const { workshop, means } = this.#person();
    const name = dice.pick(this.#named('lock'));
    if (name === undefined) return;
    await expected(async () => {
      const found = await findHolder(workshop, name);
      if (found.kind !== 'found') return;
      means(found.holder.id);
      const { kind } = await releaseHolder(workshop, found.holder);
      if (kind === 'released') await tellHolder(workshop, found.holder);
    });
  }

  /** Asks whoever leads to resign. */
  async resignAny(dice: Dice): Promise<void> {
    const { workshop } = this.#person();
    const name = dice.pick(this.#named(undefined));
    if (name === undefined) return;
    await expected(async () => {
      const found = await findLeader(workshop, name);
      if (found.kind === 'found') await askToResign(workshop, found.term, undefined);
    });
  }

  /** @param means - told which session it is to be, whether that is just or not */
  async #revoke(
    workshop: Workshop,
    name: string,
    means: (uid: string) => void = () => undefined,
  ): Promise<void> {
    const { store } = this.#world;
    const session = await readSession(workshop, name);
    if (session.state !== 'present') return;
    const uid = session.lease.metadata.uid ?? '';
    means(uid);
    const revoked = await revoke(workshop, session, true);
    if (revoked.kind === 'gone') return;
    const list = (): Promise<Lease[]> =>
      Promise.resolve(store.names().flatMap((each) => store.peek(each) ?? []));
    await settleLocks(workshop, list, { name, uid });
  }

  #person(): Person {
    const { registry, processes } = this.#world;
    const name = `op${String(processes.length)}`;
    const { workshop } = this.#world.process(name);
    return { workshop, means: (target) => registry.person(name, target) };
  }

  #named(role: string | undefined): string[] {
    const { store } = this.#world;
    return store
      .names()
      .filter((name) => store.peek(name)?.metadata.labels?.['leasehold.dev/role'] === role);
  }
}

/** The API server did not answer, or others edit in a loop. */
async function expected(task: () => Promise<unknown>): Promise<void> {
  try {
    await task();
  } catch (error) {
    if (!isLeaseholdError(error)) throw error;
  }
}
