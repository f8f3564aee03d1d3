import { describe, expect, it } from 'vitest';
import { checkProgram } from '../../src/cli/doctor/environment.ts';
import { judgeGuard } from '../../src/cli/doctor/guard.ts';
import { checkTtl, latencyOf, rated } from '../../src/cli/doctor/latency.ts';
import { checkLeases } from '../../src/cli/doctor/leases.ts';
import { judgeOperator } from '../../src/cli/doctor/operator.ts';
import { judge } from '../../src/cli/doctor/permissions.ts';
import { checkClock, checkVersion } from '../../src/cli/doctor/server.ts';
import type { Reached } from '../../src/cli/doctor/server.ts';
import type { Lease } from '../../src/core/lease.ts';
import { factsOf } from '../../src/inspect/facts.ts';

const NOW = Date.UTC(2026, 0, 1, 12);

function reached(body: Reached['answer']['body'], asked = NOW, answered = NOW + 5): Reached {
  return { answer: { kind: 'done', body, serverTime: NOW }, asked, answered };
}

function ago(seconds: number): string {
  return new Date(NOW - seconds * 1_000).toISOString().replace('Z', '000Z');
}

function session(name: string, secondsAgo: number, holderIdentity = 'billing-1'): Lease {
  return {
    metadata: { name, uid: `uid-${name}`, labels: { 'leasehold.dev/role': 'session' } },
    spec: { holderIdentity, leaseDurationSeconds: 15, renewTime: ago(secondsAgo) },
  };
}

function lock(name: string, annotations: Record<string, string>): Lease {
  return {
    metadata: { name, uid: `uid-${name}`, labels: { 'leasehold.dev/role': 'lock' }, annotations },
  };
}

function entry(of: string, uid = `uid-${of}`, version = 1): string {
  return `v=${String(version)} session=${of} uid=${uid} ttl=15 mode=exclusive`;
}

function look(...leases: readonly Lease[]) {
  return checkLeases(leases.map(factsOf), NOW);
}

describe('the program', () => {
  it('needs a Node that the package supports', () => {
    expect(checkProgram('24.1.0').level).toBe('good');
    expect(checkProgram('22.19.0').level).toBe('good');
    expect(checkProgram('22.18.9')).toMatchObject({ level: 'bad' });
    expect(checkProgram('20.20.0').remedy).toContain('22.19');
  });
});

describe('the server', () => {
  it('is judged by its version', () => {
    const level = (minor: string, major = '1') =>
      checkVersion(reached({ major, minor, gitVersion: `v${major}.${minor}.0` })).level;
    expect(level('36')).toBe('good');
    expect(level('35+')).toBe('good');
    expect(level('31')).toBe('info');
    expect(level('21')).toBe('warning');
    expect(level('0', '2')).toBe('warning');
    expect(checkVersion(reached({})).level).toBe('info');
  });

  it('has a clock that is known to a second', () => {
    const clock = (asked: number, answered: number) => checkClock(reached({}, asked, answered));
    expect(clock(NOW, NOW + 5).level).toBe('good');
    expect(clock(NOW + 900, NOW + 990).level).toBe('good');
    expect(clock(NOW + 1_900, NOW + 1_990).level).toBe('good');
    expect(clock(NOW - 60_000, NOW + 60_000).level).toBe('good');
    expect(clock(NOW + 4_000, NOW + 4_005).message).toContain('3.0s or more ahead of');
    expect(clock(NOW - 4_000, NOW - 3_000).message).toContain('3.0s or more behind');
  });
});

describe('latency', () => {
  it('is told by median and p99', () => {
    const times = Array.from({ length: 200 }, (_, index) => 200 - index);
    expect(latencyOf(times)).toEqual({ median: 100, p99: 198 });
    expect(latencyOf([7])).toEqual({ median: 7, p99: 7 });
  });

  it('is judged by the ttl', () => {
    const level = (p99: number, ttl: number) => rated('x', 'y', { median: 1, p99 }, ttl).level;
    expect(level(100, 15_000)).toBe('good');
    expect(level(1_000, 15_000)).toBe('warning');
    expect(level(3_000, 15_000)).toBe('bad');
    expect(level(100, 2_000)).toBe('warning');
  });

  it('leaves a ttl some outage that it tolerates', () => {
    const latency = { median: 1, p99: 5 };
    expect(checkTtl(15_000, latency)).toMatchObject({
      level: 'good',
      data: { toleratedOutageSeconds: 6.99 },
    });
    expect(checkTtl(2_000, latency).level).toBe('warning');
    expect(checkTtl(2_000, { median: 500, p99: 600 }).level).toBe('bad');
    expect(checkTtl(15_000, undefined).level).toBe('good');
  });
});

describe('permissions', () => {
  const levels = (allowed: Parameters<typeof judge>[0]) =>
    judge(allowed, 'billing').map(({ level }) => level);

  it('are good when everything is allowed, and unknown when nobody says', () => {
    expect(new Set(levels(() => true))).toEqual(new Set(['good']));
    expect(new Set(levels(() => undefined))).toEqual(new Set(['info']));
  });

  it('are bad when neither locks nor elections can be used', () => {
    const findings = judge((_, verb) => verb !== 'create', 'billing');
    expect(findings[0]).toMatchObject({
      level: 'bad',
      message: 'locks (exec): not permitted to create leases',
      remedy:
        'add to a Role in namespace billing: { apiGroups: ["coordination.k8s.io"], resources: ["leases"], verbs: ["get", "watch", "create", "update", "patch", "delete"] }',
    });
    expect(findings[1]?.level).toBe('bad');
  });

  it('that suffice for elections alone are a warning for locks', () => {
    const needed = new Set(['get', 'watch', 'create', 'update']);
    const [locks, elections] = levels(
      (rule, verb) => rule.resource === 'leases' && needed.has(verb),
    );
    expect([locks, elections]).toEqual(['warning', 'good']);
  });
});

describe('Leases', () => {
  it('of a healthy namespace are good', () => {
    const findings = look(
      session('a-1', 4),
      lock('x', { 'holder.leasehold.dev/1-1': entry('a-1') }),
    );
    expect(findings.map(({ level }) => level)).toEqual(['good', 'good']);
    expect(look().map(({ level }) => level)).toEqual(['good', 'good']);
  });

  it('tell of sessions that died, first of those that hold locks', () => {
    const [silent] = look(
      session('a-1', 31),
      session('b-1', 29),
      session('c-1', 400),
      lock('x', { 'holder.leasehold.dev/1-1': entry('c-1') }),
    );
    expect(silent).toMatchObject({
      level: 'warning',
      remedy: 'leasehold revoke c-1',
      data: { sessions: 3, silent: ['a-1', 'c-1'] },
    });
    expect(look(session('a-1', 31))[0]?.message).toContain('none of which holds a lock');
  });

  it('tell of a session that was never renewed, once it is old', () => {
    const written = (name: string, secondsAgo: number): Lease => ({
      metadata: {
        name,
        uid: `uid-${name}`,
        labels: { 'leasehold.dev/role': 'session' },
        creationTimestamp: ago(secondsAgo),
      },
      spec: { holderIdentity: 'billing-1', leaseDurationSeconds: 15 },
    });
    expect(look(written('old-1', 31), written('new-1', 29))[0]).toMatchObject({
      level: 'warning',
      data: { sessions: 2, silent: ['old-1'] },
    });
  });

  it('tell of revoked sessions that nobody has deleted', () => {
    const blank = look(session('a-1', 60, ''), session('b-1', 20, '')).find(
      ({ check }) => check === 'blank-sessions',
    );
    expect(blank).toMatchObject({ level: 'info', data: { blank: ['a-1'] } });
  });

  it('tell of locks whose session is missing, or was made again', () => {
    const orphaned = look(
      session('a-1', 1),
      lock('x', { 'holder.leasehold.dev/1-1': entry('gone-1') }),
      lock('y', { 'holder.leasehold.dev/1-1': entry('a-1', 'another') }),
      lock('z', { 'holder.leasehold.dev/1-1': entry('gone-2', 'u', 2) }),
    );
    expect(orphaned.find(({ check }) => check === 'locks')).toMatchObject({
      level: 'warning',
      remedy: 'leasehold release x --force',
      data: { orphaned: ['x', 'y'] },
    });
    expect(orphaned.find(({ check }) => check === 'newer-entries')?.data).toEqual({
      locks: ['z'],
    });
  });

  it('tell of entries that cannot be read', () => {
    const findings = look(
      lock('x', { 'holder.leasehold.dev/0a-1': 'garbage' }),
      lock('y', { 'queue.leasehold.dev/0b-2': 'garbage' }),
    ).filter(({ check }) => check === 'unreadable');
    expect(findings.map(({ level }) => level)).toEqual(['bad', 'warning']);
    expect(findings[0]?.remedy).toContain('leasehold release x --force --attempt 0a-1');
    expect(findings[1]?.remedy).toContain('kubectl annotate lease y queue.leasehold.dev/0b-2-');
  });

  it('with names of others give no command that does something else', () => {
    const name = "x'; rm -rf $(pwd)";
    const lease = lock('x', { 'holder.leasehold.dev/0a-1': 'garbage', 'leasehold.dev/name': name });
    const bad = look(lease).find(({ level }) => level === 'bad');
    expect(bad?.remedy).toContain(String.raw`release 'x'\''; rm -rf $(pwd)' --force`);
  });
});

describe('the operator', () => {
  const election = (
    namespace: string,
    secondsAgo: number,
    holderIdentity = 'operator-1',
  ): Lease => ({
    metadata: { name: 'leasehold-operator', namespace },
    spec: { holderIdentity, leaseDurationSeconds: 8, renewTime: ago(secondsAgo) },
  });
  const judged = (leases: readonly Lease[], namespaces?: readonly string[]) =>
    judgeOperator({ leases, namespaces, at: NOW }, 'billing');

  it('runs when its election is held and renewed, in any namespace', () => {
    expect(judged([election('old', 60), election('leasehold', 8)])).toMatchObject({
      level: 'good',
      data: { installed: true, running: true, namespace: 'leasehold' },
    });
  });

  it('does not run when nobody leads, or the leader is silent', () => {
    const years = 6 * 365 * 86_400;
    expect(judged([election('leasehold', years, '')])).toMatchObject({
      level: 'warning',
      remedy: expect.stringContaining('kubectl get pods -n leasehold') as string,
      data: { installed: true, running: false },
    });
    expect(judged([election('leasehold', 10)]).message).toContain('operator-1 renewed 10s ago');
    const { metadata } = election('leasehold', 0);
    expect(judged([{ metadata }]).level).toBe('warning');
  });

  it('is missing only where all namespaces were looked at', () => {
    expect(judged([])).toMatchObject({ level: 'info', data: { installed: false } });
    expect(judged([], ['billing', 'leasehold'])).toMatchObject({
      level: 'info',
      message: expect.stringContaining('not in namespace billing or leasehold') as string,
      data: { installed: null },
    });
  });
});

describe('the guard', () => {
  const PART = 'validatingadmissionpolicies/leasehold-guard-locks';
  const all = Array.from({ length: 6 }, () => PART);

  it('is good only where it guards the namespace', () => {
    const judged = (missing: readonly string[] | undefined, enforced: boolean | undefined) =>
      judgeGuard({ missing, enforced }, 'billing');
    expect(judged([], true).level).toBe('good');
    expect(judged([], false)).toMatchObject({
      level: 'info',
      remedy: expect.stringContaining(
        'kubectl label namespace billing leasehold.dev/guard=enforced',
      ) as string,
    });
    expect(judged([], undefined).remedy).toContain('--show-labels');
    expect(judged([PART], true)).toMatchObject({ level: 'warning', data: { installed: false } });
    expect(judged([PART], false).level).toBe('warning');
    expect(judged(all, true)).toMatchObject({
      level: 'warning',
      message: expect.stringContaining('nothing is refused') as string,
    });
    expect(judged(all, false)).toMatchObject({ level: 'info', data: { installed: false } });
    expect(judged(undefined, false).data).toMatchObject({ installed: null });
    expect(judgeGuard({ missing: [], enforced: true }, 'kube-system').level).toBe('info');
  });
});
