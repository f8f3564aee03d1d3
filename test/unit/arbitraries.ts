import fc from 'fast-check';
import { attemptId, formatEntry } from '../../src/core/entry.ts';
import type { Entry } from '../../src/core/entry.ts';
import type { Lease } from '../../src/core/lease.ts';
import { HOLDER_PREFIX, QUEUE_PREFIX, parseRecord } from '../../src/core/record.ts';
import type { LockRecord } from '../../src/core/record.ts';

const SESSIONS = ['0a', '0b', '0c', '0d', '0e'];

/** An entry's annotation, of one of few sessions and attempts so that ids meet. */
const line = fc
  .record({
    session: fc.constantFrom(...SESSIONS),
    counter: fc.integer({ min: 1, max: 3 }),
    seen: fc.bigInt({ min: 1n, max: 6n }),
    ttl: fc.integer({ min: 2, max: 60 }),
    newer: fc.integer({ min: 0, max: 9 }).map((dice) => dice === 0),
    garbled: fc.integer({ min: 0, max: 19 }).map((dice) => dice === 0),
  })
  .map(({ session, counter, seen, ttl, newer, garbled }) => {
    const since = '2026-01-01T00:00:00.000000Z';
    const of = { session: `pod-${session}`, sessionUid: `uid-${session}`, ttl, since };
    const queued = formatEntry({ ...of, mode: 'exclusive', seen });
    const holding = formatEntry({ ...of, mode: 'exclusive' });
    const version = (text: string): string => (newer ? text.replace('v=1', 'v=2') : text);
    return {
      id: attemptId(session, counter),
      queued: garbled ? 'garbled' : version(queued),
      holding: garbled ? 'garbled' : version(holding),
    };
  });

/** A lock Lease with at most `holders` holders. */
export function lockLeases(holders = 1): fc.Arbitrary<Lease> {
  return fc
    .record({
      holders: fc.array(line, { maxLength: holders }),
      queue: fc.array(line, { maxLength: 8 }),
      version: fc.integer({ min: 10, max: 1_000 }),
    })
    .map(({ holders, queue, version }) => ({
      metadata: {
        name: 'x',
        uid: 'uid-x',
        resourceVersion: String(version),
        labels: { 'leasehold.dev/role': 'lock' },
        annotations: Object.fromEntries([
          ...holders.map(({ id, holding }) => [HOLDER_PREFIX + id, holding] as const),
          ...queue.map(({ id, queued }) => [QUEUE_PREFIX + id, queued] as const),
          ['note', 'of somebody else'] as const,
        ]),
      },
      spec: { holderIdentity: 'somebody' },
    }));
}

/** Which sessions are dead: a subset. */
export const deadSessions = fc.subarray(SESSIONS).map((dead) => {
  const names = new Set(dead.map((session) => `pod-${session}`));
  return (entry: Entry): boolean => names.has(entry.session);
});

/** The Lease after these annotations were merged into it. */
export function merged(
  lease: Lease,
  annotations: Readonly<Record<string, string | null>>,
): LockRecord {
  const next = new Map(Object.entries(lease.metadata.annotations ?? {}));
  for (const [key, value] of Object.entries(annotations)) {
    if (value === null) next.delete(key);
    else next.set(key, value);
  }
  const resourceVersion = String(Number(lease.metadata.resourceVersion) + 1);
  const metadata = { ...lease.metadata, resourceVersion, annotations: Object.fromEntries(next) };
  return parseRecord({ ...lease, metadata });
}
