import { describe, expect, it } from 'vitest';
import { deadlockLines } from '../../src/cli/output/deadlock-lines.ts';
import { formatEntry } from '../../src/core/entry.ts';
import { WAITS_ANNOTATION, microTime } from '../../src/core/lease.ts';
import type { Lease } from '../../src/core/lease.ts';
import { formatWaits } from '../../src/core/waits.ts';
import type { Wait, WaitKind } from '../../src/core/waits.ts';
import { deadlocksIn } from '../../src/inspect/deadlocks.ts';
import { factsOf } from '../../src/inspect/facts.ts';
import { Snapshot } from '../../src/inspect/snapshot.ts';

const NOW = Date.parse('2026-11-21T09:30:13Z');

interface Told {
  readonly kind: WaitKind;
  /** As `namespace/name`. */
  readonly lock: string;
  readonly holds: string;
}

const leaseOf = (lock: string): string => lock.split('/')[1] ?? '';
const attemptOf = (session: string, lock: string): string =>
  `${session}-${String(leaseOf(lock).charCodeAt(0))}`;

function session(name: string, namespace: string, told: readonly Told[], silentFor = 3): Lease {
  const waits = told.map(({ kind, lock, holds }, index): Wait => ({
    number: index + 1,
    kind,
    namespace: lock.split('/')[0] ?? '',
    lock: leaseOf(lock),
    behind: attemptOf(name, lock),
    keeps: [attemptOf(name, holds)],
  }));
  return {
    metadata: {
      name,
      namespace,
      uid: `uid-${name}-${namespace}`,
      labels: { 'leasehold.dev/role': 'session' },
      ...(waits.length === 0 ? {} : { annotations: { [WAITS_ANNOTATION]: formatWaits(waits) } }),
    },
    spec: {
      holderIdentity: `pod-${name}`,
      leaseDurationSeconds: 15,
      renewTime: microTime(NOW - silentFor * 1_000),
    },
  };
}

function lock(path: string, holders: readonly string[], queue: readonly string[]): Lease {
  const [namespace = ''] = path.split('/');
  const entry = (name: string, seen?: bigint): string =>
    formatEntry({
      session: name,
      sessionUid: `uid-${name}-${namespace}`,
      ttl: 15,
      mode: 'exclusive',
      since: microTime(NOW - 65_000),
      ...(seen === undefined ? {} : { seen }),
    });
  return {
    metadata: {
      name: leaseOf(path),
      namespace,
      uid: `uid-${path}`,
      labels: { 'leasehold.dev/role': 'lock' },
      annotations: {
        ...Object.fromEntries(
          holders.map((name) => [`holder.leasehold.dev/${attemptOf(name, path)}`, entry(name)]),
        ),
        ...Object.fromEntries(
          queue.map((name) => [`queue.leasehold.dev/${attemptOf(name, path)}`, entry(name, 1n)]),
        ),
      },
    },
    spec: { holderIdentity: holders[0] ?? '' },
  };
}

function found(...leases: readonly Lease[]) {
  return deadlocksIn(new Snapshot(leases.map(factsOf), NOW));
}

const LOCKS = [lock('ns/x', ['0a'], ['0b']), lock('ns/y', ['0b'], ['0a'])];
const ofA = (kind: WaitKind): Told => ({ kind, lock: 'ns/y', holds: 'ns/x' });
const ofB = (kind: WaitKind): Told => ({ kind, lock: 'ns/x', holds: 'ns/y' });

describe('ls --deadlocks', () => {
  it.each<[string, readonly Told[], readonly Told[]]>([
    ['certain', [ofA('yields')], [ofB('awaited')]],
    ['likely', [ofA('yields')], [ofB('inside')]],
    ['possible', [ofA('yields')], []],
    ['possible', [], []],
  ])('says that one is %s', (proof, a, b) => {
    const all = found(...LOCKS, session('0a', 'ns', a), session('0b', 'ns', b));
    expect(all).toHaveLength(1);
    expect(all[0]?.proof).toBe(proof);
    const [first, second] = all[0]?.members ?? [];
    expect(new Set([first?.session, second?.session])).toEqual(new Set(['0a', '0b']));
    const ofFirst = first?.session === '0a' ? first : second;
    expect(ofFirst).toMatchObject({
      process: 'pod-0a',
      holds: { namespace: 'ns', name: 'x', lease: 'x' },
      waitsFor: { namespace: 'ns', name: 'y', lease: 'y' },
      attempt: '0a-121',
      waitedSeconds: 65,
    });
  });

  it('does not count those that are dead, or seem to be', () => {
    const a = session('0a', 'ns', [ofA('yields')]);
    expect(found(...LOCKS, a)).toEqual([]);
    expect(found(...LOCKS, a, session('0b', 'ns', [ofB('yields')], 20))).toEqual([]);
  });

  it('sees what is held in another namespace', () => {
    const told = (kind: WaitKind): Told => ({ kind, lock: 'other/y', holds: 'ns/x' });
    const leases = [
      lock('ns/x', ['0a'], ['0b']),
      lock('other/y', ['0b'], ['0a']),
      session('0a', 'ns', [told('awaited')]),
      session('0b', 'other', [{ kind: 'yields', lock: 'ns/x', holds: 'other/y' }]),
      session('0a', 'other', []),
      session('0b', 'ns', []),
    ];
    const [one, ...others] = found(...leases);
    expect(one?.proof).toBe('certain');
    expect(others).toEqual([]);
    const lines = [...deadlockLines(one ? [one] : [], { namespaces: true, wide: true })];
    expect(lines[0]).toMatch(
      /^DEADLOCK +PROOF +SESSION +HOLDS +WAITS FOR +WAITED +PROCESS +ATTEMPT/,
    );
    expect(lines).toHaveLength(3);
    expect(lines.join('\n')).toMatch(/^1 +certain +0a +ns\/x +other\/y +65s +pod-0a +0a-121/m);
  });

  it('tells nothing where nobody waits for each other', () => {
    const leases = [lock('ns/x', ['0a'], ['0b']), lock('ns/y', ['0a'], ['0b'])];
    expect(found(...leases, session('0a', 'ns', []), session('0b', 'ns', []))).toEqual([]);
  });
});
