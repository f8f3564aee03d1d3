import type { Lease } from '../../../src/core/lease.ts';
import type { Workshop } from '../../../src/repair/compare-and-swap.ts';
import type { ListLeases } from '../../../src/repair/revoke.ts';
import { readSession } from '../../../src/repair/session-state.ts';
import type { PresentSession } from '../../../src/repair/session-state.ts';
import type { Host } from '../../../src/testing/virtual/host.ts';
import { must, sessionOf } from './helpers.ts';
import type { World } from './world.ts';

/** What somebody on call works with, who has a machine of their own: the process `op`. */
interface Tools {
  readonly workshop: Workshop;
  readonly list: ListLeases;
  readonly host: Host;
}

export function tools(world: World): Tools {
  const { api, host } = world.process('op');
  world.registry.person('op');
  const workshop: Workshop = { api, clock: host };
  const list: ListLeases = () =>
    Promise.resolve(world.store.names().map((name) => peek(world, name)));
  return { workshop, list, host };
}

/** The Lease as it is stored; fails when there is none. */
export function peek(world: World, name: string): Lease {
  return structuredClone(must(world.store.peek(name)));
}

/** The session of a process as a command shows it. */
export async function present(
  world: World,
  workshop: Workshop,
  process: string,
): Promise<PresentSession> {
  const { name } = sessionOf(world, process).metadata;
  const session = await world.time.settled(readSession(workshop, name));
  if (session.state !== 'present') throw new Error(session.state);
  return session;
}
