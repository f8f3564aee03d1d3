import { isLeaseholdError } from '../../../src/core/errors.ts';
import { revoke, settleLocks } from '../../../src/repair/revoke.ts';
import { readSession } from '../../../src/repair/session-state.ts';
import type { VirtualProcess } from '../world/process.ts';
import type { World } from '../world/world.ts';

/** Somebody who frees by hand what a process held that is known to be dead. */
export class OnCall {
  readonly #world: World;
  #calls = 0;

  constructor(world: World) {
    this.#world = world;
  }

  /** As `leasehold revoke` does, for all sessions of the process. */
  async mend(crashed: VirtualProcess): Promise<void> {
    const { store } = this.#world;
    this.#calls += 1;
    const { api, host } = this.#world.process(`op${String(this.#calls)}`);
    const workshop = { api, clock: host };
    const list = () =>
      Promise.resolve(store.names().map((name) => structuredClone(store.peek(name) ?? missing())));
    for (const name of store.names().filter((lease) => lease.startsWith(`${crashed.name}-`))) {
      try {
        const session = await readSession(workshop, name);
        if (session.state !== 'present') continue;
        const revoked = await revoke(workshop, session, true);
        if (revoked.kind === 'gone') continue;
        await settleLocks(workshop, list, { name, uid: session.lease.metadata.uid ?? '' });
      } catch (error) {
        // The API server did not answer, or others edit in a loop.
        if (!isLeaseholdError(error)) throw error;
      }
    }
  }
}

function missing(): never {
  throw new Error('listed and not there');
}
