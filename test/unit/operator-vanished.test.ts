import { expect, it } from 'vitest';
import { holderPatterns } from '../../src/operator/holder.ts';
import type { ObservedPod } from '../../src/operator/observed-pod.ts';
import { PodIndex } from '../../src/operator/pod-index.ts';
import { verdictOnTerm } from '../../src/operator/term-proof.ts';
import type { TermEnd } from '../../src/operator/term-proof.ts';
import { ended, held, pod, proven, restarted, running, time } from './operator-term-given.ts';

/** More than are remembered. */
const MANY = 1_100;

/** Pods of a Job, whose container ran until the kubelet reported its end, or was never heard of again. */
function goMany(index: PodIndex, state: object): void {
  for (let at = 0; at < MANY; at += 1) {
    const name = `job-${String(at)}`;
    const one = pod({ metadata: { name, uid: name }, statuses: { main: { state } } });
    index.written(one);
    index.deleted(one);
  }
}

function vanish(index: PodIndex, one: ObservedPod): void {
  index.written(one);
  index.deleted(one);
}

const proofIn = (index: PodIndex): TermEnd | undefined =>
  proven(
    verdictOnTerm(
      held({ acquired: '11:10:00.500000' }),
      index.known('billing'),
      holderPatterns(),
      Date.parse(time('12:00:00')),
    ),
  );
const successor = pod({ metadata: { uid: 'second' } });

it.each([
  ['whose container had restarted', restarted],
  [
    'whose sidecar had ended',
    pod({
      metadata: { uid: 'first' },
      statuses: { main: { state: running('10:00:00') }, sidecar: { state: ended() } },
    }),
  ],
  [
    'whose container was lost from sight',
    pod({
      metadata: { uid: 'first' },
      statuses: {
        main: {
          state: ended('11:40:00', { reason: 'ContainerStatusUnknown' }),
          lastState: ended(),
        },
      },
    }),
  ],
])('a Pod deleted by force %s is not forgotten for Pods that end as usual', (_, first) => {
  const index = new PodIndex();
  index.written(successor);
  expect(proofIn(index)).toBeDefined();
  vanish(index, first);
  expect(proofIn(index)).toBeUndefined();
  goMany(index, ended());
  expect(proofIn(index)).toBeUndefined();
});

it('the name of a Pod that may live outlasts many that may live, too', () => {
  const index = new PodIndex();
  index.written(successor);
  vanish(
    index,
    pod({ metadata: { uid: 'first' }, statuses: { main: { state: running('10:00:00') } } }),
  );
  goMany(index, running('10:00:00'));
  expect(proofIn(index)).toBeUndefined();
});

it('what a Pod that may live has told of the ends of its containers still counts', () => {
  const index = new PodIndex();
  vanish(index, restarted);
  expect(index.find(restarted.uid)?.containers[0]?.terminations).toHaveLength(1);
  expect(index.namespacesOfEnded()).toEqual(new Set(['billing']));
});
