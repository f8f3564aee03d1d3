import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { changeLine } from '../../src/cli/output/change-line.ts';
import { description } from '../../src/cli/output/description.ts';
import { hangingLines } from '../../src/cli/output/hanging-lines.ts';
import { widthOf } from '../../src/cli/output/text.ts';
import type { Change } from '../../src/inspect/change.ts';
import type { HolderView, LockView, View } from '../../src/inspect/views.ts';

const NOW = Date.parse('2026-11-21T09:30:13Z');
const [ONE, OTHER] = ['billing-7c9d8f6b5-x2kq4-1f9a3c21', 'billing-7c9d8f6b5-9pl2c-5e0c44aa'];

const granted: Change = {
  kind: 'Change',
  time: '2026-11-21T09:30:13.000Z',
  type: 'granted',
  namespace: 'billing',
  name: 'invoices',
  lease: 'invoices',
  attempt: '5e0c44aa-1',
  session: OTHER,
  process: OTHER.slice(0, -9),
  from: ONE,
  position: null,
  waitedSeconds: 0.459,
  heldSeconds: null,
  fence: '7',
  mode: 'exclusive',
  permits: null,
  reason: null,
};

describe('a line of what happened', () => {
  const line = (change: Change, width?: number, namespaces = false): string =>
    changeLine(change, { namespaces }, width).slice('hh:mm:ss.mmm  '.length);

  it('has whole names where it fits, and where there is no terminal', () => {
    const whole = `granted           invoices              ${ONE} -> ${OTHER}, after 459ms`;
    expect(line(granted)).toBe(whole);
    expect(line(granted, 200)).toBe(whole);
    expect(line({ ...granted, type: 'released', session: 'a', heldSeconds: 1 }, 80)).toBe(
      'released          invoices              a, for 1.0s',
    );
  });

  it('leaves out the middle of the longest names where it does not', () => {
    expect(line(granted, 80)).toBe(
      'granted           invoices   bill…3c21 -> bill…44aa, after 459ms',
    );
    expect(line(granted, 100)).toBe(
      'granted           invoices          billin…-1f9a3c21 -> billin…-5e0c44aa, after 459ms',
    );
    expect(line(granted, 80, true)).toMatch(
      /^granted {11}bi.*….*es {2}bi.*….*21 -> bi.*….*aa, after 459ms$/,
    );
  });

  it('leaves out what its type says already where it does not fit', () => {
    const overdue = { ...granted, type: 'session-overdue', name: OTHER } as const;
    expect(line(overdue, 80)).toMatch(/^session-overdue {3}bill.*….*44aa {2}process bill.*….*l2c$/);
    expect(line(overdue)).toBe(
      `session-overdue   ${OTHER}  process ${OTHER.slice(0, -9)} has not renewed for its ttl`,
    );
    const reason = `in favour of ${ONE}`;
    const asked = { ...granted, type: 'resign-requested', session: null, reason } as const;
    expect(line(asked, 80)).toMatch(
      /^resign-requested {2}invoices +bill.*….*l2c in favour of bill.*….*21$/,
    );
    expect(line(asked)).toMatch(
      / was asked to resign in favour of billing-7c9d8f6b5-x2kq4-1f9a3c21$/,
    );
  });

  it('is never wider than a terminal of 80 columns, whatever the names', () => {
    const name = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 70 });
    const type = fc.constantFrom('granted', 'lost', 'session-overdue', 'leader-overdue');
    fc.assert(
      fc.property(name, name, name, type, (lock, session, from, told) => {
        const reason = 'session revoked';
        const some: Change = { ...granted, type: told, name: lock, session, from, reason };
        expect(widthOf(changeLine(some, { namespaces: true }, 80))).toBeLessThanOrEqual(80);
      }),
    );
  });
});

describe('a description', () => {
  const holder: HolderView = {
    attempt: '1f9a3c21-1',
    session: ONE,
    sessionState: 'overdue',
    sessionRemainingSeconds: -12,
    sessionAgeSeconds: 90,
    process: ONE.slice(0, -9),
    pod: ONE.slice(0, -9),
    mode: 'exclusive',
    permits: null,
    statedPermits: null,
    metadata: null,
    formatVersion: 1,
    void: false,
    challenged: false,
    since: '2026-11-21T09:29:00.000000Z',
    fence: '7',
    heldSeconds: 73,
  };
  const waiter = { ...holder, attempt: '5e0c44aa-1', session: OTHER, waitedSeconds: 5 };
  const lock: LockView = {
    kind: 'Lock',
    namespace: 'billing-of-the-european-tenants',
    name: 'invoices',
    lease: 'invoices',
    state: 'overdue',
    mode: 'exclusive',
    permits: null,
    holders: [holder],
    queue: [],
    longestWaitSeconds: null,
    unreadableHolders: [],
    unreadableQueue: [],
  };
  const event = {
    time: '2026-11-21T09:30:01Z',
    type: 'Normal',
    reason: 'Lost',
    message: `lost lock invoices: the session of ${ONE} was revoked; nobody waits for it`,
    count: 1,
    source: 'leasehold',
  };
  const lines = (view: View, width?: number): string[] => [
    ...description(view, { nodes: new Map(), events: [event], at: NOW }, width),
  ];
  const after = (head: RegExp, all: string[]): string[] =>
    all.slice(all.findIndex((line) => head.test(line)) + 1);

  it('wraps what to do, but no command', () => {
    const command = `  leasehold revoke ${ONE} -n billing-of-the-european-tenants`;
    expect(widthOf(command)).toBeGreaterThan(80);
    expect(after(/^What to do/, lines(lock, 60))).toEqual([
      '  Nothing if nobody needs it: whoever wants the lock next',
      '  takes it over.',
      '  To free it now, if its process is gone:',
      command,
    ]);
    const waitedFor = { ...lock, queue: [{ ...waiter, sessionState: 'live' as const }] };
    const [first, ...rest] = after(/^What to do/, lines(waitedFor));
    expect(widthOf(first ?? '')).toBeGreaterThan(80);
    expect(rest).toEqual([]);
  });

  it('wraps what Events say', () => {
    expect(after(/^Events/, lines(lock, 80)).slice(0, 3)).toEqual([
      '  12s    Lost: lost lock invoices: the session of',
      `         ${ONE} was revoked; nobody waits for it`,
      '',
    ]);
    expect(after(/^Events/, lines(lock))[0]).toBe(`  12s    Lost: ${event.message}`);
  });

  it('has the notes about a waiter below it in a terminal, and beside it elsewhere', () => {
    const noted = { ...waiter, void: true, challenged: true, formatVersion: 2 };
    const view = { ...lock, queue: [noted, waiter] };
    expect(after(/^ {2}# /, lines(view, 80)).slice(0, 5)).toEqual([
      `  1  ${OTHER}  5s      overdue  -12s      5e0c44aa-1`,
      '     void: its owner disowns it',
      '     challenged: a waiter asks whether its owner knows it',
      '     of a newer leasehold (format 2): waited for, never changed',
      `  2  ${OTHER}  5s      overdue  -12s      5e0c44aa-1`,
    ]);
    expect(lines(view).find((line) => line.startsWith('  1 '))).toMatch(/5e0c44aa-1 {2}void: .*; /);
    const wide = lines(view, 80).filter((line) => widthOf(line) > 80);
    expect(wide.filter((line) => !line.startsWith('  leasehold '))).toEqual([]);
  });
});

describe('a text after a head', () => {
  it('goes on below where it began', () => {
    expect(hangingLines('  a: ', 'one two three', 12)).toEqual(['  a: one two', '     three']);
    expect(hangingLines('  a: ', 'one two three', undefined)).toEqual(['  a: one two three']);
  });
});
