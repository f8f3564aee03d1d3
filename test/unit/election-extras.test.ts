import { describe, expect, it } from 'vitest';
import { byPriority, candidateFields, candidateOf } from '../../src/core/candidates.ts';
import {
  publishedIn,
  released,
  renewed,
  resignRequest,
  takenOver,
  withPublished,
  withResignRequest,
} from '../../src/core/election.ts';
import { formatEntry, parseEntry } from '../../src/core/entry.ts';
import type { Lease } from '../../src/core/lease.ts';
import { electionTimes } from '../../src/election/options.ts';
import { electionPolicy } from '../../src/election/policy.ts';

const T0 = '2026-01-01T00:00:00.000000Z';
const T1 = '2026-01-01T00:00:05.000000Z';

const held: Lease = {
  metadata: { name: 'x', uid: 'u', resourceVersion: '5', annotations: { note: 'kept' } },
  spec: {
    holderIdentity: 'a',
    leaseDurationSeconds: 15,
    acquireTime: T0,
    renewTime: T0,
    leaseTransitions: 4,
  },
};

describe('what a leader tells of itself', () => {
  const told = withPublished(held, { value: 'v', priority: -3 });

  it('stands in the Lease with its term', () => {
    expect(told.metadata.annotations).toEqual({
      note: 'kept',
      'leasehold.dev/term': `a/4/${T0}`,
      'leasehold.dev/value': 'v',
      'leasehold.dev/priority': '-3',
    });
    expect(told.spec).toEqual(held.spec);
    expect(publishedIn(told)).toEqual({ value: 'v', priority: -3 });
    expect(publishedIn(renewed(told, 15, T1))).toEqual({ value: 'v', priority: -3 });
    expect(withPublished(told, {})).toEqual(held);
    expect(publishedIn(held)).toEqual({});
  });

  it('goes with the term, whoever writes next', () => {
    const kept = { note: 'kept' };
    expect(released(told, T1).metadata.annotations).toEqual(kept);
    expect(takenOver(told, 'b', 15, T1).metadata.annotations).toEqual(kept);
    // A candidate of another library keeps annotations.
    const stale = (spec: Lease['spec']): Lease => ({ ...told, spec: { ...told.spec, ...spec } });
    expect(publishedIn(stale({ holderIdentity: 'go' }))).toEqual({});
    expect(publishedIn(stale({ leaseTransitions: 5 }))).toEqual({});
    expect(publishedIn(stale({ acquireTime: T1 }))).toEqual({});
    expect(publishedIn(stale({ holderIdentity: '' }))).toEqual({});
  });

  it('is left alone by a request to resign', () => {
    const asked = withResignRequest(told, 'b');
    expect(resignRequest(asked)).toEqual({ transferTo: 'b' });
    expect(publishedIn(asked)).toEqual({ value: 'v', priority: -3 });
    expect(resignRequest(withPublished(asked, { value: 'w' }))).toEqual({ transferTo: 'b' });
  });

  it('has no priority if that is none', () => {
    for (const priority of ['', 'high', '1.5', '1e3', ' 1', '99999999']) {
      const annotations = { ...told.metadata.annotations, 'leasehold.dev/priority': priority };
      expect(publishedIn({ ...told, metadata: { ...told.metadata, annotations } })).toEqual({
        value: 'v',
        priority: undefined,
      });
    }
  });
});

describe('the entry of a candidate', () => {
  const entryOf = (more: string) => {
    const text = formatEntry({
      session: 's',
      sessionUid: 'u',
      ttl: 15,
      mode: 'shared',
      more,
      principal: 'pod:u',
      since: T0,
    });
    return parseEntry('ab-1', text);
  };

  it('tells its identity and its priority', () => {
    for (const identity of ['web-0_0a1b2c3d', 'a b=c/ü', '%']) {
      const entry = entryOf(candidateFields({ identity, priority: -7 }));
      expect(entry).toMatchObject({ session: 's', mode: 'shared' });
      expect(entry && candidateOf(entry)).toEqual({ identity, priority: -7 });
    }
  });

  it('can be written whatever the identity', () => {
    expect(candidateFields({ identity: '\ud800', priority: 0 })).toBe(
      'candidate=%EF%BF%BD priority=0',
    );
  });

  it('that tells none is of something else', () => {
    for (const more of [
      'x=1',
      'candidate=a',
      'candidate=%ff priority=1',
      'candidate=a priority=b',
    ]) {
      const entry = entryOf(more);
      expect(entry && candidateOf(entry)).toBeUndefined();
    }
  });

  it('of the best comes first', () => {
    const names = ['b 1', 'a 1', 'c 5', 'd -5'].map((text) => {
      const [identity = '', priority] = text.split(' ');
      return { identity, priority: Number(priority) };
    });
    expect(names.sort(byPriority).map(({ identity }) => identity)).toEqual(['c', 'a', 'b', 'd']);
  });
});

describe('options of an election', () => {
  const policyOf = (options: object) => electionPolicy(options, electionTimes(options));

  it('have defaults', () => {
    expect(policyOf({})).toEqual({
      priority: undefined,
      preemptAfter: 15_000,
      standFor: 0,
      health: undefined,
      healthTimeout: 1_000,
    });
    expect(policyOf({ priority: 1, leaseDuration: '20s' }).preemptAfter).toBe(20_000);
    expect(Object.is(policyOf({ priority: -0 }).priority, 0)).toBe(true);
  });

  it.each([
    { priority: 1.5 },
    { priority: '1' },
    { priority: 1_000_001 },
    { priority: Number.NaN },
    { preemptAfter: '5s' },
    { priority: 1, preemptAfter: '-5s' },
    { standFor: 'soon' },
    { health: true },
    { healthTimeout: '1s' },
    { health: () => true, healthTimeout: 0 },
  ])('that cannot be are refused: %j', (options) => {
    expect(() => policyOf(options)).toThrow(
      expect.objectContaining({ code: 'INVALID_ARGUMENT' }) as Error,
    );
  });
});
