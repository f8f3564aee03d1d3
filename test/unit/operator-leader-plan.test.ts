import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { leaderLabelValue } from '../../src/core/names.ts';
import { holderPatterns } from '../../src/operator/holder.ts';
import { planLabels, podOfLeader } from '../../src/operator/leader-plan.ts';
import type { LabelledElection } from '../../src/operator/leader-plan.ts';
import { observedPod } from '../../src/operator/observed-pod.ts';
import type { ObservedPod } from '../../src/operator/observed-pod.ts';
import { PodIndex } from '../../src/operator/pod-index.ts';

function pod(name: string, label?: string, isOurs = true): ObservedPod {
  const observed = observedPod({
    metadata: {
      namespace: 'shop',
      name,
      uid: name,
      labels: label === undefined ? {} : { 'leasehold.dev/leader': label },
      managedFields: [
        {
          manager: isOurs ? 'leasehold-operator' : 'kubectl',
          fieldsV1: { 'f:metadata': { 'f:labels': { 'f:leasehold.dev/leader': {} } } },
        },
      ],
    },
    spec: { nodeName: 'node-1' },
  });
  if (!observed) throw new Error('no Pod');
  return observed;
}

/** What there is after all of the plan was written. */
function written(
  elections: readonly LabelledElection[],
  pods: readonly ObservedPod[],
): Map<string, string> {
  const labels = new Map<string, string>();
  for (const { name, leads } of pods) if (leads) labels.set(name, leads.value);
  const { set, remove } = planLabels(elections, pods);
  for (const { pod: of, value } of set) labels.set(of.name, value);
  for (const { pod: of } of remove) labels.delete(of.name);
  return labels;
}

describe('which Pods are labelled', () => {
  it('are those of leaders', () => {
    const [a, b] = [pod('a'), pod('b')];
    const elections = [{ value: 'web', leader: b }];
    expect(planLabels(elections, [a, b])).toEqual({ set: [{ pod: b, value: 'web' }], remove: [] });
  });

  it('are not those that led, once they are followed', () => {
    const [a, b] = [pod('a', 'web'), pod('b')];
    const { remove } = planLabels([{ value: 'web', leader: b }], [a, b]);
    expect(remove).toEqual([{ pod: a, value: 'web', successor: b }]);
  });

  it('are not those that lost the lead to nobody', () => {
    const a = pod('a', 'web');
    const { remove } = planLabels([{ value: 'web', leader: undefined }], [a]);
    expect(remove).toEqual([{ pod: a, value: 'web', successor: undefined }]);
    const awaited = { value: 'web', leader: undefined, isAwaited: true };
    expect(planLabels([awaited], [a])).toEqual({ set: [], remove: [] });
  });

  it('are not those that somebody else has labelled for this election', () => {
    const [a, b] = [pod('a', 'web'), pod('b', 'web', false)];
    const { set, remove } = planLabels([{ value: 'web', leader: a }], [a, b]);
    expect([set, remove.map(({ pod: of }) => of.name)]).toEqual([[], ['b']]);
  });

  it('may be others, by the hand of others, for elections that are not ours', () => {
    const [a, b] = [pod('a', 'old', true), pod('b', 'own', false)];
    expect(planLabels([], [a, b]).remove.map(({ pod: of }) => of.name)).toEqual(['a']);
  });

  it('are labelled for one election each: that which they have, or the first', () => {
    const [none, second] = [pod('a'), pod('a', 'y')];
    const led = (leader: ObservedPod): LabelledElection[] => [
      { value: 'y', leader },
      { value: 'x', leader },
    ];
    expect(planLabels(led(none), [none]).set).toEqual([{ pod: none, value: 'x' }]);
    expect(planLabels(led(second), [second])).toEqual({ set: [], remove: [] });
    const before = pod('b', 'x');
    const { remove } = planLabels(led(second), [second, before]);
    // Nobody will be labelled in its place.
    expect(remove).toEqual([{ pod: before, value: 'x', successor: undefined }]);
  });

  it('are, whatever was there, those of leaders and no others', () => {
    const names = ['a', 'b', 'c'];
    const values = ['x', 'y'];
    const world = fc.record({
      leaders: fc.array(fc.option(fc.constantFrom(...names)), { minLength: 2, maxLength: 2 }),
      labels: fc.array(
        fc.record({
          value: fc.option(fc.constantFrom(...values, 'other'), { nil: undefined }),
          isOurs: fc.boolean(),
        }),
        { minLength: 3, maxLength: 3 },
      ),
    });
    fc.assert(
      fc.property(world, ({ leaders, labels }) => {
        const pods = labels.map(({ value, isOurs }, at) => pod(names[at] ?? '', value, isOurs));
        const elections = values.map((value, at) => ({
          value,
          leader: pods.find(({ name }) => name === leaders[at]),
        }));
        const after = written(elections, pods);
        for (const [name, value] of after) {
          const election = elections.find((one) => one.value === value);
          // Only what somebody else has put there for something else is left.
          if (election) expect(election.leader?.name).toBe(name);
          else expect(pods.find((one) => one.name === name)?.leads?.isOurs).toBe(false);
        }
        for (const { leader } of elections) {
          if (leader) expect(values).toContain(after.get(leader.name));
        }
        const next = pods.map(({ name, leads }) => pod(name, after.get(name), leads?.isOurs));
        const same = elections.map(({ value, leader }) => {
          return { value, leader: next.find(({ name }) => name === leader?.name) };
        });
        expect(planLabels(same, next)).toEqual({ set: [], remove: [] });
        for (const { value, successor } of planLabels(elections, pods).remove) {
          if (successor) expect(after.get(successor.name)).toBe(value);
        }
      }),
    );
  });
});

describe('the Pod of a leader', () => {
  const known = (...pods: ObservedPod[]): ReturnType<PodIndex['known']> => {
    const index = new PodIndex();
    for (const one of pods) index.written(one);
    return index.known('shop');
  };
  const twin = (uid: string): ObservedPod => ({ ...pod('x'), name: uid, uid, hostname: 'web' });

  it('is the one that its identity names, or of several the one that the Lease names', () => {
    const patterns = holderPatterns();
    const find = (identity: string, principal?: string): string | undefined =>
      podOfLeader(identity, principal, known(twin('a'), twin('b'), pod('c')), patterns)?.uid;
    expect(find('c_1f9a3c21')).toBe('c');
    expect(find('web_1f9a3c21')).toBeUndefined();
    expect(find('web_1f9a3c21', 'pod:b')).toBe('b');
    // A note that a leader before has left.
    expect(find('c_1f9a3c21', 'pod:b')).toBe('c');
    expect(find('node-1')).toBeUndefined();
    expect(find('somebody-else')).toBeUndefined();
    expect(find('')).toBeUndefined();
  });
});

describe('the value of the label', () => {
  it('is the name of the Lease, or the beginning and a hash of one that is too long', () => {
    expect(leaderLabelValue('web')).toBe('web');
    expect(leaderLabelValue('a'.repeat(63))).toBe('a'.repeat(63));
    const long = leaderLabelValue(`${'a'.repeat(45)}.${'b'.repeat(40)}`);
    expect(long).toMatch(/^a{45}-[0-9a-f]{16}$/);
  });

  it('is always one that a label may have, and another for another Lease', () => {
    const name = fc.stringMatching(/^[a-z0-9]([-a-z0-9]{0,60}[a-z0-9])?(\.[a-z0-9]{1,60}){0,3}$/);
    fc.assert(
      fc.property(name, name, (one, other) => {
        expect(leaderLabelValue(one)).toMatch(/^[a-z0-9]([-._a-z0-9]{0,61}[a-z0-9])?$/);
        if (one !== other) expect(leaderLabelValue(one)).not.toBe(leaderLabelValue(other));
      }),
    );
  });
});
