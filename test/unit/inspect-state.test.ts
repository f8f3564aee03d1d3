import { describe, expect, it } from 'vitest';
import { description } from '../../src/cli/output/description.ts';
import { listing } from '../../src/cli/output/listing.ts';
import type { Lease } from '../../src/core/lease.ts';
import { factsOf } from '../../src/inspect/facts.ts';
import { Snapshot } from '../../src/inspect/snapshot.ts';

const AT = Date.UTC(2026, 10, 21, 9, 30);

function state(name: string, text: string, annotations: Record<string, string> = {}): Lease {
  return {
    metadata: {
      name,
      namespace: 'billing',
      uid: `uid-${name}`,
      resourceVersion: '1',
      labels: { 'leasehold.dev/role': 'state' },
      annotations: { 'leasehold.dev/state': text, ...annotations },
    },
    spec: { renewTime: new Date(AT - 5_000).toISOString().replace('Z', '000Z') },
  };
}

const BARRIER = 'v=1 kind=barrier parties=3 era=a-1 generation=7 previous=- abandoned=0';
const LEASES = [
  state('orders', 'v=1 kind=counter value=42 writes=17 forgotten=0'),
  state('imported', 'v=1 kind=latch count=3 left=1 round=1 opened=0 writes=2'),
  state('exported', 'v=1 kind=latch count=3 left=0 round=1 opened=1 writes=3'),
  state('phase', `${BARRIER} broken=0 writes=1`, {
    'party.leasehold.dev/a-1': 'v=1 session=a uid=u ttl=15 mode=shared',
  }),
  state('failed', `${BARRIER} broken=1 writes=9`),
  state('newer', 'v=1 kind=queue length=3 writes=9'),
  state('garbled', 'counter'),
];

describe('a state', () => {
  const facts = LEASES.map(factsOf);
  const snapshot = new Snapshot(facts, AT);

  it('is listed by what it says', () => {
    const lines = [...listing(snapshot, facts, { namespaces: false, wide: true })];
    expect(lines).toEqual([
      'STATE     KIND     SAYS            CHANGED  WRITES  LEASE',
      'orders    counter  42              5s ago   17      orders',
      'imported  latch    1 of 3 left     5s ago   2       imported',
      'exported  latch    open            5s ago   3       exported',
      'phase     barrier  1 of 3 arrived  5s ago   1       phase',
      'failed    barrier  broken          5s ago   9       failed',
      'newer     queue    length=3        5s ago   9       newer',
      'garbled   -        unreadable      5s ago   0       garbled',
    ]);
  });

  it('is described, with what to do', () => {
    const lines = (name: string): string[] => {
      const found = facts.find((one) => one.name === name);
      if (!found) throw new Error(name);
      const surroundings = { nodes: new Map(), events: undefined, at: AT };
      return [...description(snapshot.view(found), surroundings, 80)];
    };
    expect(lines('orders').slice(0, 5)).toEqual([
      'Counter     orders',
      'Namespace   billing',
      'Says        42',
      'Changed     5s ago, at 2026-11-21 09:29:55Z',
      'Writes      17 so far',
    ]);
    expect(lines('failed').join('\n')).toContain('reset()');
    expect(lines('garbled')[0]).toBe('State       garbled');
  });
});
