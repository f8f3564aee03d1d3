import { describe, expect, it } from 'vitest';
import { description } from '../../src/cli/output/description.ts';
import { listing } from '../../src/cli/output/listing.ts';
import type { Lease } from '../../src/core/lease.ts';
import { newSchedule, parseSchedule, withEnd, withRun } from '../../src/core/schedule.ts';
import type { LastRun, Plan, RunEntry } from '../../src/core/schedule.ts';
import { factsOf } from '../../src/inspect/facts.ts';
import { Snapshot } from '../../src/inspect/snapshot.ts';
import type { ScheduleView } from '../../src/inspect/views.ts';

const AT = Date.parse('2026-11-21T09:30:00Z');
const TICK = Date.parse('2026-11-21T02:00:00Z');
const NAME = { lease: 'nightly', original: 'nightly' };

const PLAN: Plan = {
  every: undefined,
  cron: '0 3 * * *',
  timeZone: 'Europe/Berlin',
  atMost: 600_000,
  atLeast: 30_000,
  catchUp: 'skip',
};

const RUN: RunEntry = {
  id: '1f9a3c21-1',
  session: 'billing-1f9a3c21',
  sessionUid: 'uid-s',
  ttl: 15,
  process: 'billing-x2kq4',
  tick: TICK,
  began: TICK + 20,
  atMost: 600_000,
  fence: 65_536n,
};

const FAILED: LastRun = {
  tick: TICK,
  began: TICK + 20,
  ended: TICK + 41_020,
  process: 'billing-x2kq4',
  session: 'billing-1f9a3c21',
  outcome: 'failed',
  message: 'no\u001b[31m paper',
};

function stored(lease: Lease): Lease {
  const metadata = { ...lease.metadata, uid: 'uid-n', resourceVersion: '7' };
  return { ...lease, metadata };
}

const made = stored(newSchedule(NAME, 'billing', PLAN, TICK));
const running = stored(withRun(parseSchedule(made), PLAN, RUN, TICK));
const failed = stored(withEnd(parseSchedule(running), FAILED, TICK));

function session(renewed: number): Lease {
  const metadata = {
    ...{ name: 'billing-1f9a3c21', namespace: 'billing', uid: 'uid-s', resourceVersion: '3' },
    labels: { 'leasehold.dev/role': 'session' },
  };
  const renewTime = new Date(AT - renewed * 1_000).toISOString().replace('Z', '000Z');
  const spec = { holderIdentity: 'billing-x2kq4', leaseDurationSeconds: 15, renewTime };
  return { metadata, spec };
}

function shown(...leases: Lease[]) {
  const facts = leases.map(factsOf);
  const snapshot = new Snapshot(facts, AT);
  const schedules = facts.filter(({ kind }) => kind === 'schedule');
  const [view] = snapshot.views(schedules) as Iterable<ScheduleView>;
  if (!view) throw new Error('there is no schedule');
  const around = { nodes: new Map<string, string>(), events: [], at: AT };
  return {
    view,
    table: [...listing(snapshot, schedules, { namespaces: false, wide: true })],
    lines: [...description(view, around, 80)],
  };
}

describe('a schedule', () => {
  it('that was never run says when it will be', () => {
    const { view, table, lines } = shown(made);
    expect(view).toMatchObject({
      state: 'idle',
      last: null,
      run: null,
      next: '2026-11-22T02:00:00.000Z',
      nextSeconds: 16.5 * 3_600,
    });
    expect(table).toEqual([
      'SCHEDULE  STATE  LAST  OUTCOME  BY  NEXT  WHEN                     TOOK  LEASE',
      'nightly   idle   -     -        -   16h   0 3 * * * Europe/Berlin  -     nightly',
    ]);
    expect(lines).toEqual([
      'Schedule    nightly',
      'Namespace   billing',
      'State       idle',
      'When        0 3 * * * Europe/Berlin',
      'Limits      a run may take 10m; the next begins 30s later at the earliest',
      'Missed      left out',
      'Next        in 16h, at 2026-11-22 02:00:00Z',
      '',
      'Last run    none yet',
      '',
      'Events      none',
    ]);
  });

  it('says how the last run ended, without letting it steer the terminal', () => {
    const { view, table, lines } = shown(failed);
    expect(view.last).toEqual({
      tick: '2026-11-21T02:00:00.000Z',
      began: '2026-11-21T02:00:00.020Z',
      beganAgoSeconds: 26_999,
      ended: '2026-11-21T02:00:41.020Z',
      tookSeconds: 41,
      process: 'billing-x2kq4',
      session: 'billing-1f9a3c21',
      outcome: 'failed',
      message: 'no\u001b[31m paper',
    });
    expect(table[1]).toMatch(/^nightly +idle +7h29m ago +failed +billing-x2kq4 +16h /);
    expect(lines).toContain(String.raw`Last run    failed: no\u{1b}[31m paper`);
    expect(lines).toContain('  Ended     at 2026-11-21 02:00:41Z, after 41s');
  });

  it('tells of the run that goes on, and of its session', () => {
    const { view, table, lines } = shown(running, session(3));
    expect(view).toMatchObject({ state: 'running', run: { sessionState: 'live', fence: '65536' } });
    expect(table[1]).toMatch(/^nightly +running +- +- +billing-x2kq4 /);
    expect(lines).toContain('  Session   billing-1f9a3c21, live');
  });

  it.each([
    ['overdue', [session(40)]],
    ['missing', []],
    ['blank', [{ ...session(1), spec: { holderIdentity: '' } }]],
  ] as const)('whose run is lost is %s', (state, sessions) => {
    expect(shown(running, ...sessions).view).toMatchObject({ state });
  });

  it('whose run was lost says so when the next one has begun', () => {
    const next = { ...RUN, id: '1f9a3c21-2', tick: TICK + 86_400_000 };
    const { lines } = shown(stored(withRun(parseSchedule(running), PLAN, next, TICK)), session(1));
    expect(lines).toContain('Last run    lost');
    expect(lines).toContain('  Ended     its process did not say');
  });

  it('that cannot be read says what to do', () => {
    const annotations = { ...made.metadata.annotations, 'schedule.leasehold.dev/run': '{}' };
    const { view, lines } = shown({ ...made, metadata: { ...made.metadata, annotations } });
    expect(view).toMatchObject({ state: 'unreadable', next: null });
    expect(view.unreadable).toMatch(/annotation schedule.leasehold.dev\/run/);
    expect(lines).toContain('What to do');
  });

  it('that is run at an interval says so', () => {
    const plan = { ...PLAN, every: 600_000, cron: undefined, timeZone: undefined };
    const { view, lines } = shown(stored(newSchedule(NAME, 'billing', plan, TICK)));
    expect(view).toMatchObject({ everySeconds: 600, cron: null, timeZone: null });
    expect(lines).toContain('When        every 10m');
  });
});
