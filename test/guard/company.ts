import type { Lease } from '../../src/core/lease.ts';
import { until } from '../real/world.ts';
import { now } from './attacks.ts';
import type { Answer, Pod } from './guarded.ts';
import { PRINCIPAL, create, fresh, heldSpec, NEVER_LAPSES } from './leases.ts';

/** Locks that several pods are in, each with a session that the guard can ask. */

/** One attempt of a pod: what its entry says, and the session that it names. */
export interface Attempt {
  readonly pod: Pod;
  readonly id: string;
  readonly session: Lease;
  readonly text: string;
}

/** @param mode - with the fields that belong to it */
export async function attempt(pod: Pod, mode: string, seen = 1): Promise<Attempt> {
  const session = await sessionOf(pod);
  const { name, uid = '' } = session.metadata;
  const id = `${name}-1`;
  return {
    pod,
    id,
    session,
    text: `v=1 session=${name} uid=${uid} ttl=15 mode=${mode} principal=${pod.principal} seen=${String(seen)} since=x`,
  };
}

function sessionOf(pod: Pod): Promise<Lease> {
  return create(pod, {
    metadata: {
      // An attempt id has one dash.
      name: fresh('s').replace('-', ''),
      labels: { 'leasehold.dev/role': 'session' },
      annotations: { [PRINCIPAL]: pod.principal },
    },
    spec: heldSpec(pod.name),
  });
}

/** The entry as that of a holder that was let in on this version of the lock. */
export function holding({ text }: Attempt, locked: Lease): string {
  const fence = String(Number(locked.metadata.resourceVersion) + 1);
  return `${text.replace(/ seen=[0-9]+/, '')} fence=${fence}`;
}

export const holderKey = ({ id }: Attempt): string => `holder.leasehold.dev/${id}`;
export const queueKey = ({ id }: Attempt): string => `queue.leasehold.dev/${id}`;

/** What the write that lets them hold changes: from the queue, where they are in it. */
export function letIn(locked: Lease, ...attempts: readonly Attempt[]): Record<string, unknown> {
  const { annotations: before = {} } = locked.metadata;
  const entries = attempts.flatMap((one) => [
    [holderKey(one), holding(one, locked)],
    ...(queueKey(one) in before ? [[queueKey(one), null]] : []),
  ]);
  return Object.fromEntries(entries) as Record<string, unknown>;
}

/** A write of a lock as clients settle: by PUT, on the version that was read. */
export async function put(
  pod: Pod,
  locked: Lease,
  annotations: Readonly<Record<string, unknown>>,
  spec: object = {},
  query = '',
): Promise<Answer> {
  const merged: Record<string, unknown> = { ...locked.metadata.annotations, ...annotations };
  const kept = Object.entries(merged).filter(([, value]) => value !== null);
  return pod.send('PUT', locked.metadata.name + query, {
    ...locked,
    metadata: { ...locked.metadata, annotations: Object.fromEntries(kept) },
    spec: { ...locked.spec, renewTime: now(), ...spec },
  });
}

/** A lock that the first of these holds, the others beside it, and for which then others wait. */
export async function company(
  [first, ...others]: readonly [Attempt, ...Attempt[]],
  waiting: readonly Attempt[] = [],
): Promise<Lease> {
  let locked = await create(first.pod, {
    metadata: {
      name: fresh('lock'),
      labels: { 'leasehold.dev/role': 'lock' },
      annotations: { [holderKey(first)]: first.text.replace(/ seen=[0-9]+/, '') },
    },
    spec: heldSpec(first.session.metadata.name, NEVER_LAPSES),
  });
  for (const other of others) {
    locked = passed(await put(other.pod, locked, letIn(locked, other)));
  }
  for (const waiter of waiting) {
    const annotations = { [queueKey(waiter)]: waiter.text };
    locked = passed(await patch(waiter.pod, locked, annotations));
  }
  return locked;
}

export function patch(pod: Pod, { metadata }: Lease, annotations: object): Promise<Answer> {
  const body = { metadata: { uid: metadata.uid, annotations } };
  const contentType = 'application/merge-patch+json';
  return pod.send('PATCH', metadata.name, body, { contentType });
}

/** What was answered, which has to be yes. */
export function passed(answer: Answer): Lease {
  if (answer.status !== 200) throw new Error(answer.body.message);
  return answer.body;
}

/**
 * The write is refused for the sake of a session, once the API server's own copy shows it: tried until then
 * without an effect.
 */
export async function untilAsked(
  pod: Pod,
  locked: Lease,
  change: Readonly<Record<string, unknown>>,
): Promise<void> {
  await until(
    () => put(pod, locked, change, {}, '?dryRun=All'),
    ({ body }) => body.message?.includes('has not ended') ?? false,
  );
}

/** The session ends, as its owner or whoever revokes it blanks it. */
export async function end({ pod, session }: Attempt): Promise<void> {
  const contentType = 'application/merge-patch+json';
  const blank = { spec: { holderIdentity: '' } };
  passed(await pod.send('PATCH', session.metadata.name, blank, { contentType }));
}
