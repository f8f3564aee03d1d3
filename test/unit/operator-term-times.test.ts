import { describe, expect, it } from 'vitest';
import type { Lease } from '../../src/core/lease.ts';
import { holderPatterns } from '../../src/operator/holder.ts';
import { PodIndex } from '../../src/operator/pod-index.ts';
import { verdictOnTerm } from '../../src/operator/term-proof.ts';
import type { TermEnd, TermVerdict } from '../../src/operator/term-proof.ts';
import {
  UUID,
  ended,
  held,
  pod,
  proof,
  proven,
  restarted,
  running,
  time,
} from './operator-term-given.ts';

describe('a name that the next process has too', () => {
  const holder = 'controller-0';

  it('needs a renewal before the second of the end', () => {
    expect(proof(held({ holder, renewed: '11:29:59.999999' }))).toBeDefined();
    expect(proof(held({ holder, renewed: '11:30:00.000000' }))).toBeUndefined();
  });

  it.each([
    ['the uid of the Pod', `controller-0_${UUID}`, UUID],
    ['the uid of the Pod in capitals', `controller-0_${UUID}`, UUID.toUpperCase()],
    ['the beginning of the uid', `controller-0_${UUID.slice(0, 8)}`, UUID],
  ])('is also what has %s for its unique part', (_, identity, uid) => {
    const metadata = { uid };
    const main = {
      containerID: 'containerd://two',
      state: running('11:30:00'),
      lastState: ended('11:30:00'),
    };
    const again = pod({ metadata, statuses: { main } });
    // The next process has gone on with the term of the one before.
    expect(proof(held({ holder: identity, renewed: '11:30:00.900000' }), [again])).toBeUndefined();
    expect(proof(held({ holder: identity }), [again])).toBeDefined();
  });

  it('is also what a pattern of your own takes for unique, and is of the Pod', () => {
    const own = holderPatterns(['^(?<pod>.+)/(?<unique>.+)$']);
    const renewed = '11:30:00.900000';
    const unique = (text: string): TermEnd | undefined =>
      proof(held({ holder: `controller-0/${text}`, renewed }), [restarted], own);
    expect(unique('a1b2c3')).toBeDefined();
    expect(unique('pod-uid')).toBeUndefined();
    expect(unique('0')).toBeUndefined();
    const namesake = pod({ metadata: { name: 'another', uid: 'a1b2c3' } });
    const holder = 'controller-0/a1b2c3';
    expect(proof(held({ holder, renewed }), [restarted, namesake], own)).toBeUndefined();
  });

  it('is not the old term that the next process goes on with', () => {
    // It keeps the time at which the term began.
    expect(proof(held({ holder, renewed: '11:30:01.200000' }), [restarted])).toBeUndefined();
    expect(proof(held({ holder }), [restarted])).toBeDefined();
  });

  it('may be that of a Pod elsewhere once its own is gone', () => {
    const index = new PodIndex();
    index.written(pod());
    index.deleted(pod());
    const known = index.known('billing');
    const at = Date.parse(time('12:00:00'));
    expect(verdictOnTerm(held({ holder }), known, holderPatterns(), at)).toBeUndefined();
    expect(proven(verdictOnTerm(held(), known, holderPatterns(), at))).toBeDefined();
  });
});

describe('a sidecar that ended before the leader', () => {
  const statuses = { sidecar: { state: ended('11:20:00') }, main: { state: ended() } };

  it('is over, and does not stop the release of a term that only one process can have', () => {
    expect(proof(held(), [pod({ statuses })])).toMatchObject({ container: 'main' });
    expect(proof(held({ renewed: '11:30:01.000000' }), [pod({ statuses })])).toBeUndefined();
    const runsAgain = { state: running('11:20:01'), lastState: ended('11:20:00') };
    const again = pod({ statuses: { ...statuses, main: { state: running('10:00:00') } } });
    expect(proof(held(), [again])).toBeUndefined();
    expect(proof(held(), [pod({ statuses: { ...statuses, sidecar: runsAgain } })])).toBeDefined();
  });

  it('does stop it where the next process has that name, too', () => {
    expect(proof(held({ holder: 'controller-0' }), [pod({ statuses })])).toBeUndefined();
  });
});

describe('clocks that do not agree about a term', () => {
  const fieldsV1 = { 'f:status': { 'f:containerStatuses': {} } };
  /** Told by the watch at this time of the server. */
  const heard = (status: object, storedAt: string): PodIndex => {
    const index = new PodIndex();
    index.written(pod({ statuses: { main: { state: running('10:00:00') } } }));
    const managedFields = [{ manager: 'kubelet', time: time(storedAt), fieldsV1 }];
    index.written(pod({ statuses: { main: status }, metadata: { managedFields } }));
    return index;
  };
  const verdict = (lease: Lease, index: PodIndex, at?: string): TermVerdict | undefined => {
    const serverTime = at === undefined ? undefined : Date.parse(time(at));
    return verdictOnTerm(lease, index.known('billing'), holderPatterns(), serverTime);
  };

  it('need no silence for an end that was heard when it was reported', () => {
    const index = heard({ state: ended() }, '11:30:00');
    expect(verdict(held(), index)).toMatchObject({ kind: 'dead', isHeard: true });
    expect(verdict(held({ holder: 'controller-0' }), index)).toMatchObject({ isHeard: true });
    expect(verdict(held(), heard({ state: ended() }, '11:29:58'))).toBeUndefined();
  });

  it('are asked for silence otherwise', () => {
    const index = new PodIndex();
    index.listed([pod()], undefined);
    expect(verdict(held(), index)).toBeUndefined();
    expect(verdict(held(), index, '11:30:00')).toMatchObject({ kind: 'early', wait: 6_500 });
    expect(verdict(held(), index, '11:30:06')).toMatchObject({ kind: 'dead', isHeard: false });
    const undated = held({ spec: { leaseDurationSeconds: null } });
    expect(verdict(undated, index, '12:00:00')).toBeUndefined();
  });

  it('are seen at the last renewal, and at the end', () => {
    const index = heard({ state: ended() }, '11:30:00');
    const doubtful = { kind: 'doubtful', why: 'renewal' };
    expect(verdict(held({ stored: '11:29:56' }), index)).toMatchObject(doubtful);
    expect(verdict(held({ stored: '11:30:01' }), index)).toMatchObject(doubtful);
    const ahead = heard({ state: ended('11:40:00') }, '11:30:00');
    expect(verdict(held(), ahead, '11:30:10')).toMatchObject({ kind: 'doubtful', why: 'end' });
  });
});
