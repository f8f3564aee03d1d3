import type { Lease } from '../../../src/core/lease.ts';
import type { Fault, SentRequest, Verb } from '../../sim/world/network.ts';
import type { World } from './world.ts';

/** For the work of a simulated process: `delay` milliseconds of virtual time. */
export function sleep(world: World, delay: number): Promise<void> {
  return new Promise((resolve) => world.time.schedule(delay, resolve));
}

/** Matches the requests of one process on one Lease. */
export function on(process: string, verb: Verb, name?: string) {
  return (request: SentRequest): boolean =>
    request.process === process &&
    request.verb === verb &&
    (name === undefined || request.name === name);
}

/** What the guard of a namespace answers by one of its rules. */
export function guardSays(rule: string): Fault {
  const message = `denied request: leasehold-guard/${rule}: held by another`;
  return { kind: 'refuse', status: 403, reason: 'Forbidden', message };
}

/** The Lease; fails when there is none. */
export function must(lease: Lease | undefined): Lease {
  if (!lease) throw new Error('there is no such Lease');
  return lease;
}

/** The names of the Leases of sessions. */
export function sessionsIn(world: World): string[] {
  return world.store
    .names()
    .filter(
      (name) => world.store.peek(name)?.metadata.labels?.['leasehold.dev/role'] === 'session',
    );
}

/** The session Lease of a process. */
export function sessionOf(world: World, process: string): Lease {
  const name = sessionsIn(world).find((session) => session.startsWith(`${process}-`));
  return must(name === undefined ? undefined : world.store.peek(name));
}

/** The error with which the promise was rejected; fails when it was not. */
export async function rejection(promise: Promise<unknown>): Promise<unknown> {
  try {
    await promise;
  } catch (error) {
    return error;
  }
  throw new Error('it was not rejected');
}
