import { describe, expect, it } from 'vitest';
import {
  checkElection,
  createdSpec,
  isFree,
  released,
  renewed,
  statedDuration,
  takenOver,
  transferTarget,
} from '../../src/core/election.ts';
import type { Lease } from '../../src/core/lease.ts';
import { isCandidate } from '../../src/election/campaign.ts';

const T0 = '2026-01-01T00:00:00.000000Z';
const T1 = '2026-01-01T00:00:05.000000Z';

/** A Lease as client-go leaves it, with what others put on it. */
const held: Lease = {
  metadata: { name: 'x', uid: 'u', resourceVersion: '5', annotations: { note: 'kept' } },
  spec: {
    holderIdentity: 'other',
    leaseDurationSeconds: 15,
    acquireTime: T0,
    renewTime: T0,
    leaseTransitions: 4,
    preferredHolder: 'kept too',
  },
};

describe('an election Lease, field for field as client-go writes it', () => {
  it('is created with no transitions', () => {
    expect(createdSpec('me', 15, T0)).toEqual({
      holderIdentity: 'me',
      leaseDurationSeconds: 15,
      acquireTime: T0,
      renewTime: T0,
      leaseTransitions: 0,
    });
  });

  it('counts a transition when it is taken over, also from nobody', () => {
    const expected = {
      holderIdentity: 'me',
      leaseDurationSeconds: 10,
      acquireTime: T1,
      renewTime: T1,
      leaseTransitions: 5,
      preferredHolder: 'kept too',
    };
    expect(takenOver(held, 'me', 10, T1).spec).toEqual(expected);
    expect(takenOver(released(held, T1), 'me', 10, T1).spec).toEqual(expected);
    expect(takenOver({ metadata: held.metadata }, 'me', 10, T1).spec?.leaseTransitions).toBe(1);
    expect(takenOver(held, 'me', 10, T1).metadata).toEqual(held.metadata);
  });

  it('keeps acquireTime and transitions when it is renewed', () => {
    expect(renewed(held, 20, T1).spec).toEqual({
      ...held.spec,
      leaseDurationSeconds: 20,
      renewTime: T1,
    });
  });

  it('is released with no holder, one second and the transitions it had', () => {
    expect(released(held, T1).spec).toEqual({
      holderIdentity: '',
      leaseDurationSeconds: 1,
      acquireTime: T1,
      renewTime: T1,
      leaseTransitions: 4,
      preferredHolder: 'kept too',
    });
    expect(held.spec?.holderIdentity).toBe('other');
  });

  it('carries the note of a transfer until somebody takes it', () => {
    const note = released(held, T1, 'b');
    expect(transferTarget(note)).toBe('b');
    expect(note.metadata.annotations).toEqual({ note: 'kept', 'leasehold.dev/transfer-to': 'b' });
    expect(transferTarget(released(note, T1))).toBeUndefined();
    const taken = takenOver(note, 'c', 15, T1);
    expect(taken.metadata.annotations).toEqual({ note: 'kept' });
    // A note on a Lease that somebody holds means nothing.
    expect(transferTarget({ ...note, spec: { holderIdentity: 'x' } })).toBeUndefined();
  });

  it('is free without a holder, null and empty alike', () => {
    expect([null, '', undefined].map((holder) => isFree(withHolder(holder)))).toEqual([
      true,
      true,
      true,
    ]);
    expect(isFree({ metadata: { name: 'x' } })).toBe(true);
    expect(isFree(held)).toBe(false);
  });

  it('states how long its holder may go unseen, at least a second', () => {
    const stated = (leaseDurationSeconds?: number | null): number =>
      statedDuration(
        { metadata: { name: 'x' }, spec: { leaseDurationSeconds: leaseDurationSeconds ?? null } },
        15,
      );
    expect([stated(7), stated(null), stated(0), stated(-5)]).toEqual([7_000, 15_000, 1_000, 1_000]);
  });

  it('belongs to somebody else when it has a strategy', () => {
    expect(() => checkElection({ ...held, spec: { strategy: 'Oldest' } })).toThrow(
      expect.objectContaining({ code: 'FOREIGN_LEASE' }) as Error,
    );
    expect(() => checkElection(held)).not.toThrow();
  });

  it('is transferred to an identity or to a pod', () => {
    expect(isCandidate('pod-1_ab12', 'pod-1')).toBe(true);
    expect(isCandidate('pod-1_ab12', 'pod-1_ab12')).toBe(true);
    expect(isCandidate('pod-12_ab12', 'pod-1')).toBe(false);
    expect(isCandidate('pod-1', '')).toBe(false);
  });
});

function withHolder(holder: string | null | undefined): Lease {
  return { metadata: { name: 'x' }, spec: holder === undefined ? {} : { holderIdentity: holder } };
}
