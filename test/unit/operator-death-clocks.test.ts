import { describe, expect, it } from 'vitest';
import type { Verdict } from '../../src/operator/death.ts';
import { dead, ended, pod, running, session, stored, verdictAt } from './operator-death-given.ts';
import type { Status } from './operator-death-given.ts';

describe('clocks that do not agree', () => {
  const lease = session('11:29:50.500000');
  /** The kubelet's status, with the time at which the server stored it. */
  const told = (status: Status, storedAt: string): unknown => {
    const fieldsV1 = { 'f:status': { 'f:containerStatuses': {} } };
    const time = `2026-01-01T${storedAt}Z`;
    return pod({ main: status }, { managedFields: [{ manager: 'kubelet', time, fieldsV1 }] });
  };
  const end = (finish: string): Status => ({ state: { terminated: ended(finish) } });

  it('prove nothing, but an end that was heard when it was reported needs no more', () => {
    const heard = { kind: 'dead', isHeard: true };
    expect(verdictAt(told(end('11:30:00'), '11:30:00'), lease)).toMatchObject(heard);
    // The node's clock is a little ahead.
    expect(verdictAt(told(end('11:30:00'), '11:29:59'), lease)).toMatchObject(heard);
    expect(verdictAt(told(end('11:30:00'), '11:29:58'), lease)).toBeUndefined();
    expect(verdictAt(dead, lease)).toBeUndefined();
  });

  it('are asked for silence where the end was not heard when it was reported', () => {
    const late = { lastState: { terminated: ended('11:30:00') }, state: running('11:30:00') };
    const given = told({ ...late, containerID: 'containerd://two' }, '11:30:01');
    const { spec } = lease;
    const renewTime = '2026-01-01T11:29:58.500000Z';
    const renewed = stored({ ...lease, spec: { ...spec, renewTime } }, '11:29:50', '11:29:58');
    expect(verdictAt(given, renewed)).toBeUndefined();
    expect(verdictAt(given, renewed, '11:30:00')).toMatchObject({ kind: 'early', wait: 6_500 });
    expect(verdictAt(given, renewed, '11:30:05')).toMatchObject({ kind: 'early', wait: 1_500 });
    const silent = { kind: 'dead', isHeard: false };
    expect(verdictAt(given, renewed, '11:30:06')).toMatchObject(silent);
  });

  it('are seen at the beginning of the session', () => {
    const doubtful = { kind: 'doubtful', why: 'beginning' };
    const of = (created: string): Verdict | undefined =>
      verdictAt(told(end('11:30:00'), '11:30:00'), stored(lease, created, '11:29:50'));
    expect(of('11:29:48')).toMatchObject(doubtful);
    expect(of('11:29:49')).toMatchObject({ kind: 'dead' });
    // The request may have taken long.
    expect(of('11:29:58')).toMatchObject({ kind: 'dead' });
    expect(of('11:30:01')).toMatchObject(doubtful);
  });

  it('are seen at the last renewal of the session', () => {
    const of = (renewed: string): Verdict | undefined =>
      verdictAt(told(end('11:30:00'), '11:30:00'), stored(lease, '11:29:50', renewed));
    expect(of('11:29:48')).toMatchObject({ kind: 'doubtful', why: 'renewal' });
    expect(of('11:29:50')).toMatchObject({ kind: 'dead' });
    expect(of('11:30:01')).toMatchObject({ kind: 'doubtful', why: 'renewal' });
  });

  it('are seen at the end', () => {
    const doubtful = { kind: 'doubtful', why: 'end' };
    expect(verdictAt(told(end('11:40:00'), '11:30:00'), lease, '11:30:20')).toMatchObject(doubtful);
    const renewed = { ...lease, spec: { ...lease.spec, renewTime: '2026-01-01T11:30:01.000000Z' } };
    const after = stored(renewed, '11:29:50', '11:30:01');
    expect(verdictAt(told(end('11:30:00'), '11:30:00'), after)).toMatchObject(doubtful);
    const within = { ...lease, spec: { ...lease.spec, renewTime: '2026-01-01T11:30:00.900000Z' } };
    const before = stored(within, '11:29:50', '11:30:00');
    expect(verdictAt(told(end('11:30:00'), '11:30:00'), before)).toMatchObject({ kind: 'dead' });
  });

  it('need the times of the server: the second of the end, or of its report, is unclear', () => {
    const young = session('11:29:59.900000');
    expect(verdictAt(told(end('11:30:00'), '11:30:00'), young)).toMatchObject({ kind: 'dead' });
    const unclear = stored(young, '11:30:00', '11:29:59');
    expect(verdictAt(told(end('11:30:00'), '11:30:00'), unclear)).toBeUndefined();
    expect(verdictAt(told(end('11:30:00'), '11:29:59'), young)).toBeUndefined();
    const { metadata, ...rest } = lease;
    const { creationTimestamp: _, ...uncreated } = metadata;
    expect(verdictAt(told(end('11:30:00'), '11:30:00'), { ...rest, metadata: uncreated })).toBe(
      undefined,
    );
    const { managedFields: _fields, ...undated } = metadata;
    expect(verdictAt(told(end('11:30:00'), '11:30:00'), { ...rest, metadata: undated })).toBe(
      undefined,
    );
  });
});
