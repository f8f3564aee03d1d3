import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Entry } from '../../src/core/entry.ts';
import type { Lease } from '../../src/core/lease.ts';
import { parseRecord } from '../../src/core/record.ts';
import type { LockRecord } from '../../src/core/record.ts';
import { holderIdentityOf, lockSpec, settle } from '../../src/core/settle.ts';
import { deadSessions, lockLeases, merged } from './arbitraries.ts';

const ids = (entries: readonly Entry[]): string[] => entries.map(({ id }) => id);

/** What is stored after one settlement; undefined when the Lease was deleted. */
function settled(
  record: LockRecord,
  isDead: (entry: Entry) => boolean,
  leaving?: string,
): LockRecord | undefined {
  const settlement = settle(record, isDead, leaving);
  if (settlement.action === 'delete') return undefined;
  return settlement.action === 'none' ? record : merged(record.lease, settlement.annotations);
}

const counts = (record: LockRecord): number =>
  record.holders.length + record.unreadableHolders.length;

describe('settle', () => {
  it('grants at most one, and none beside a holder that stays', () => {
    fc.assert(
      fc.property(lockLeases(), deadSessions, (lease, isDead) => {
        const after = settled(parseRecord(lease), isDead);
        if (after) expect(counts(after)).toBeLessThanOrEqual(1);
      }),
    );
  });

  it('never grants in a record that holds several already, or one that nobody can read', () => {
    fc.assert(
      fc.property(lockLeases(3), deadSessions, (lease, isDead) => {
        const record = parseRecord(lease);
        const settlement = settle(record, isDead);
        const stay = record.holders.filter((holder) => holder.version > 1 || !isDead(holder));
        if (stay.length > 0 || record.unreadableHolders.length > 0) {
          expect(settlement.action).not.toBe('delete');
          if (settlement.action === 'write') expect(settlement.granted).toEqual([]);
        }
      }),
    );
  });

  it('never drops a live holder, a live waiter, or anything of a newer version', () => {
    fc.assert(
      fc.property(lockLeases(3), deadSessions, (lease, isDead) => {
        const record = parseRecord(lease);
        const after = settled(record, isDead);
        const left = new Set(after ? ids([...after.holders, ...after.queue]) : []);
        for (const one of [...record.holders, ...record.queue]) {
          if (one.version > 1 || !isDead(one)) expect(left).toContain(one.id);
        }
        expect(after?.unreadableHolders ?? []).toEqual(record.unreadableHolders);
      }),
    );
  });

  it('grants whoever waits first', () => {
    fc.assert(
      fc.property(lockLeases(), deadSessions, (lease, isDead) => {
        const record = parseRecord(lease);
        const settlement = settle(record, isDead);
        if (settlement.action !== 'write' || settlement.granted.length === 0) return;
        const held = new Set(ids(record.holders));
        const first = record.queue.find(
          (one) => !held.has(one.id) && (one.version > 1 || !isDead(one)),
        );
        expect(ids(settlement.granted)).toEqual([first?.id]);
      }),
    );
  });

  it('says the same again only once', () => {
    fc.assert(
      fc.property(lockLeases(3), deadSessions, (lease, isDead) => {
        const after = settled(parseRecord(lease), isDead);
        if (after) expect(settle(after, isDead)).toEqual({ action: 'none' });
      }),
    );
  });

  it('converges, whoever settles and however little each knows', () => {
    const partial = fc.array(deadSessions, { maxLength: 6 });
    fc.assert(
      fc.property(lockLeases(), deadSessions, partial, (lease, isDead, knowledge) => {
        let record: LockRecord | undefined = parseRecord(lease);
        // Each of them knows of some of the dead only, and none takes the living for dead.
        for (const knows of knowledge) {
          if (record) record = settled(record, (one) => isDead(one) && knows(one));
          if (record) expect(counts(record)).toBeLessThanOrEqual(1);
        }
        // Once everybody knows of all of them, one settlement is the last.
        if (record) record = settled(record, isDead);
        if (!record) return;
        expect(settle(record, isDead)).toEqual({ action: 'none' });
        const waits = record.queue[0];
        if (waits && waits.version === 1) expect(counts(record)).toBe(1);
      }),
    );
  });

  it('lets a holder leave, and deletes what is empty', () => {
    fc.assert(
      fc.property(lockLeases(1), deadSessions, (lease, isDead) => {
        const record = parseRecord(lease);
        const [holder] = record.holders;
        if (!holder) return;
        const after = settled(record, isDead, holder.id);
        const left = after ? ids([...after.holders, ...after.queue]) : [];
        expect(left).not.toContain(holder.id);
        if (after) expect(counts(after) + after.queue.length).toBeGreaterThan(0);
      }),
    );
  });

  it('gives a fence that is above the version that it was granted at', () => {
    fc.assert(
      fc.property(lockLeases(), deadSessions, (lease, isDead) => {
        const record = parseRecord(lease);
        const settlement = settle(record, isDead);
        if (settlement.action !== 'write') return;
        const after = merged(lease, settlement.annotations);
        for (const granted of settlement.granted) {
          const holder = after.holders.find(({ id }) => id === granted.id);
          expect(holder?.fence).toBe(record.version + 1n);
          expect(holder?.seen).toBeUndefined();
        }
      }),
    );
  });

  it('touches only entries', () => {
    fc.assert(
      fc.property(lockLeases(3), deadSessions, (lease, isDead) => {
        const settlement = settle(parseRecord(lease), isDead);
        if (settlement.action !== 'write') return;
        for (const key of Object.keys(settlement.annotations)) {
          expect(key).toMatch(/^(holder|queue)\.leasehold\.dev\//);
        }
      }),
    );
  });
});

describe('settle, by example', () => {
  const lease = (annotations: Record<string, string>): Lease => ({
    metadata: {
      name: 'x',
      uid: 'u',
      resourceVersion: '100',
      labels: { 'leasehold.dev/role': 'lock' },
      annotations,
    },
  });
  const a = 'v=1 session=a-0a uid=ua ttl=15 mode=exclusive';
  const b = 'v=1 session=b-0b uid=ub ttl=15 mode=exclusive seen=50';
  const alive = (): boolean => false;

  it('hands over in one write', () => {
    const record = parseRecord(
      lease({ 'holder.leasehold.dev/0a-1': a, 'queue.leasehold.dev/0b-1': b }),
    );
    expect(settle(record, alive, '0a-1')).toMatchObject({
      action: 'write',
      holderIdentity: 'b-0b',
      annotations: {
        'holder.leasehold.dev/0a-1': null,
        'queue.leasehold.dev/0b-1': null,
        'holder.leasehold.dev/0b-1': 'v=1 session=b-0b uid=ub ttl=15 mode=exclusive fence=101',
      },
    });
    expect(settle(record, alive)).toEqual({ action: 'none' });
  });

  it('stamps the fence of a creator when it rewrites the record', () => {
    const record = parseRecord(
      lease({ 'holder.leasehold.dev/0a-1': a, 'queue.leasehold.dev/0b-1': b }),
    );
    const settlement = settle(record, (entry) => entry.id === '0b-1');
    expect(settlement).toMatchObject({
      annotations: { 'holder.leasehold.dev/0a-1': `${a} fence=100` },
    });
  });

  it('drops a join that landed after its grant', () => {
    const record = parseRecord(
      lease({ 'holder.leasehold.dev/0b-1': b, 'queue.leasehold.dev/0b-1': b }),
    );
    expect(settle(record, alive)).toMatchObject({
      annotations: { 'queue.leasehold.dev/0b-1': null },
      granted: [],
    });
    expect(settle(record, alive, '0b-1')).toEqual({ action: 'delete' });
  });

  it('deletes an empty record', () => {
    expect(settle(parseRecord(lease({})), alive)).toEqual({ action: 'delete' });
  });

  it('names the first holder and counts the rest', () => {
    const record = parseRecord(
      lease({ 'holder.leasehold.dev/0a-1': a, 'holder.leasehold.dev/0b-1': b }),
    );
    expect(holderIdentityOf(record.holders)).toBe('a-0a +1');
    expect(holderIdentityOf([])).toBe('');
    expect(lockSpec('a-0a', 'now')).toMatchObject({ leaseDurationSeconds: 2_147_483_647 });
  });
});
