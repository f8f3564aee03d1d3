import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { WaitGraph, cycleText } from '../../src/core/deadlock.ts';
import type { ContendedLock, HeldUp } from '../../src/core/deadlock.ts';
import { formatEntry, parseEntry } from '../../src/core/entry.ts';
import type { Entry } from '../../src/core/entry.ts';
import { WAITS_ANNOTATION } from '../../src/core/lease.ts';
import { mayHoldBeside } from '../../src/core/mode.ts';
import type { Mode } from '../../src/core/mode.ts';
import { formatWaits, waitsOf } from '../../src/core/waits.ts';
import type { Wait } from '../../src/core/waits.ts';

interface Ask {
  readonly mode: Mode;
  readonly weight?: number;
  readonly of?: number;
}

/** The entry of a task in a lock. */
function entry(task: number, lock: string, { mode, weight, of }: Ask): Entry {
  const id = `${lock}-${String(task)}`;
  const text = formatEntry({
    session: `s${String(task)}`,
    sessionUid: `uid-${String(task)}`,
    ttl: 15,
    mode,
    weight,
    of,
    since: '2026-11-21T09:30:05.000000Z',
  });
  const parsed = parseEntry(id, text);
  if (!parsed) throw new Error(text);
  return parsed;
}

const ALONE: Ask = { mode: 'exclusive' };

function lock(name: string, holders: readonly Entry[], queue: readonly Entry[]): ContendedLock {
  return { namespace: 'ns', lease: name, name, holders, queue, resized: undefined };
}

/** That a task waits in a lock and keeps others. */
function waits(task: number, name: string, keeps: readonly string[]): HeldUp {
  const tag = `-${String(task)}`;
  return {
    kind: 'yields',
    number: 1,
    session: `s${String(task)}`,
    namespace: 'ns',
    lock: name,
    behind: name + tag,
    keeps: keeps.map((kept) => kept + tag),
  };
}

describe('who waits for whom', () => {
  it('is a deadlock in a circle, of those that are in it', () => {
    const locks = [
      lock('x', [entry(1, 'x', ALONE)], [entry(2, 'x', ALONE), entry(4, 'x', ALONE)]),
      lock('y', [entry(2, 'y', ALONE)], [entry(3, 'y', ALONE)]),
      lock('z', [entry(3, 'z', ALONE)], [entry(1, 'z', ALONE)]),
      lock('w', [entry(4, 'w', ALONE)], []),
    ];
    const all = [
      waits(1, 'z', ['x']),
      waits(2, 'x', ['y']),
      waits(3, 'y', ['z']),
      waits(4, 'x', ['w']),
    ] as const;
    const graph = new WaitGraph(locks, all);
    const cycle = graph.cycleThrough(all[1]);
    expect(cycle && cycleText(cycle)).toBe(
      'session s2 holds y and waits for x; session s1 holds x and waits for z; session s3 holds z and waits for y',
    );
    // It waits for a deadlock, and is none of those who are in it.
    expect(graph.cycleThrough(all[3])).toBeUndefined();
    expect([...graph.cycles()]).toHaveLength(1);
  });

  it('is none of two tasks of one process, as far as only the process is known', () => {
    const locks = [
      lock('x', [entry(1, 'x', { mode: 'shared' })], [entry(1, 'x', ALONE)]),
      lock('y', [entry(2, 'y', ALONE)], [entry(1, 'y', ALONE)]),
    ];
    const all = [waits(1, 'x', ['x']), waits(1, 'y', ['x'])].map((wait): HeldUp => ({
      ...wait,
      kind: 'process',
    }));
    expect([...new WaitGraph(locks, all).cycles()]).toEqual([]);
  });

  it('is a deadlock of readers only where a writer waits between them', () => {
    const [reading, all] = [
      { mode: 'shared' } as const,
      [waits(1, 'y', ['x']), waits(2, 'x', ['y'])],
    ];
    for (const writers of [[], [entry(3, 'x', ALONE)]]) {
      const locks = [
        lock('x', [entry(1, 'x', reading)], [...writers, entry(2, 'x', reading)]),
        lock('y', [entry(2, 'y', ALONE)], [entry(1, 'y', ALONE)]),
      ];
      expect([...new WaitGraph(locks, all).cycles()]).toHaveLength(writers.length);
    }
  });

  it('is none where a newer version holds, or waits, in a way that is not known', () => {
    const newer = { ...entry(1, 'x', ALONE), version: 2 };
    const all = [waits(1, 'y', ['x']), waits(2, 'x', ['y'])];
    for (const holder of [newer, entry(1, 'x', ALONE)]) {
      const locks = [
        lock('x', [holder], [entry(2, 'x', ALONE)]),
        lock('y', [entry(2, 'y', ALONE)], [entry(1, 'y', ALONE)]),
      ];
      const cycles = [...new WaitGraph(locks, all).cycles()];
      expect(cycles).toHaveLength(holder === newer ? 0 : 1);
    }
  });

  it('is what is left when all have gone on who can', () => {
    fc.assert(
      fc.property(arbitraryTasks(), (tasks) => {
        const { locks, all } = stateOf(tasks);
        const graph = new WaitGraph(locks, all);
        const stuck = leftOf(tasks, locks);
        const inCycles = all.filter((wait) => graph.cycleThrough(wait) !== undefined);
        const told = [...graph.cycles()].flat();
        for (const { session } of [...inCycles, ...told.map(({ wait }) => wait)]) {
          expect(stuck).toContain(session);
        }
        expect(inCycles.length > 0).toBe(stuck.size > 0);
        expect(told.length > 0).toBe(stuck.size > 0);
        for (const wait of inCycles) expectCircle(graph.cycleThrough(wait) ?? []);
      }),
      { numRuns: 3_000 },
    );
  });
});

/** Each waits for what the next one holds. */
function expectCircle(
  cycle: readonly {
    readonly wait: HeldUp;
    readonly holds: ContendedLock;
    readonly waitsFor: ContendedLock;
  }[],
): void {
  for (const [index, { wait, holds, waitsFor }] of cycle.entries()) {
    const next = cycle[(index + 1) % cycle.length];
    expect(next?.holds).toBe(waitsFor);
    expect(holds.holders.some(({ id }) => wait.keeps.includes(id))).toBe(true);
  }
}

interface Task {
  readonly number: number;
  /** In the order of the locks: how it holds each, if it does. */
  readonly holds: readonly (Ask | undefined)[];
  readonly waits: { readonly lock: number; readonly ask: Ask } | undefined;
}

const LOCKS = ['a', 'b', 'c', 'd'];
/** The last one is a semaphore. */
const PERMITS = 3;

function arbitraryTasks(): fc.Arbitrary<readonly Task[]> {
  const ask = (index: number): fc.Arbitrary<Ask> =>
    index === LOCKS.length - 1
      ? fc
          .integer({ min: 1, max: PERMITS })
          .map((weight) => ({ mode: 'permit', weight, of: PERMITS }))
      : fc.constantFrom<Ask>({ mode: 'exclusive' }, { mode: 'shared' });
  const wait = fc
    .nat(LOCKS.length - 1)
    .chain((index) => ask(index).map((asked) => ({ lock: index, ask: asked })));
  const one = fc.record({
    holds: fc.tuple(...LOCKS.map((_, index) => fc.option(ask(index), { nil: undefined, freq: 1 }))),
    waits: fc.option(wait, { nil: undefined, freq: 4 }),
  });
  return fc
    .array(one, { minLength: 2, maxLength: 6 })
    .map((tasks) => tasks.map((task, number) => ({ number, ...task })));
}

/** The locks as these tasks hold them, as far as they may beside each other, and wait for them. */
function stateOf(tasks: readonly Task[]) {
  const locks = LOCKS.map((name, index) => {
    const holders: Entry[] = [];
    for (const { number, holds } of tasks) {
      const asked = holds[index];
      const candidate = asked && entry(number, name, asked);
      if (candidate && mayHoldBeside(holders, candidate, undefined)) holders.push(candidate);
    }
    const queue = tasks.flatMap(({ number, waits: waiting }) => {
      const isHolder = holders.some(({ session }) => session === `s${String(number)}`);
      const isHere = waiting?.lock === index && !isHolder;
      return isHere ? [entry(number, name, waiting.ask)] : [];
    });
    return lock(name, holders, queue);
  });
  const all = locks.flatMap(({ lease, queue }) =>
    queue.map(({ session }): HeldUp => {
      const held = locks.filter(({ holders }) => holders.some((one) => one.session === session));
      return waits(
        Number(session.slice(1)),
        lease,
        held.map((one) => one.lease),
      );
    }),
  );
  return { locks, all: all.filter(({ keeps }) => keeps.length > 0) };
}

/** The sessions that wait for ever when everybody who can goes on, and gives back all that it holds. */
function leftOf(tasks: readonly Task[], locks: readonly ContendedLock[]): ReadonlySet<string> {
  const now = locks.map(({ holders, queue }) => ({ holders: [...holders], queue: [...queue] }));
  for (let isMoving = true; isMoving;) {
    isMoving = false;
    for (const one of now) {
      const [head] = one.queue;
      if (!head || !mayHoldBeside(one.holders, head, undefined)) continue;
      one.holders.push(head);
      one.queue.shift();
      isMoving = true;
    }
    for (const { number } of tasks) {
      const isIt = ({ session }: Entry): boolean => session === `s${String(number)}`;
      if (now.some(({ queue }) => queue.some(isIt))) continue;
      for (const one of now) one.holders = one.holders.filter((holder) => !isIt(holder));
    }
    isMoving ||= now.some(
      ({ holders, queue }) => queue[0] !== undefined && mayHoldBeside(holders, queue[0], undefined),
    );
  }
  return new Set(now.flatMap(({ queue }) => queue.map(({ session }) => session)));
}

describe('what a session tells of its waits', () => {
  const name = fc.stringMatching(/^[a-z0-9][a-z0-9.-]{0,20}$/);
  const attempt = fc.stringMatching(/^[0-9a-f]{8}-[1-9][0-9]{0,3}$/);
  const wait = fc.record<Wait>({
    number: fc.integer({ min: 1, max: 1_000_000 }),
    kind: fc.constantFrom('inside', 'awaited', 'yields'),
    namespace: name,
    lock: name,
    behind: attempt,
    keeps: fc.array(attempt, { minLength: 1, maxLength: 4 }),
  });
  const read = (text: string): readonly Wait[] =>
    waitsOf({ metadata: { name: 's', annotations: { [WAITS_ANNOTATION]: text } } });

  it('is read as it was written', () => {
    fc.assert(
      fc.property(fc.array(wait, { maxLength: 20 }), (all) => {
        expect(read(formatWaits(all))).toEqual(all);
      }),
    );
  });

  it('is left out where it cannot be read, and where there is no room', () => {
    const known = '1:inside:ns/x:0a-1:0a-2';
    expect(read(`2:guessed:ns/x:0a-1:0a-2 ${known} x 3:inside:ns/x:0a-1:`)).toHaveLength(1);
    fc.assert(fc.property(fc.string(), (text) => void read(text)));
    const [one] = read(known);
    const text = formatWaits(
      Array.from({ length: 1_000 }, () => one).flatMap((each) => each ?? []),
    );
    expect(text.length).toBeLessThan(8_193);
    expect(read(text).length).toBeGreaterThan(300);
  });
});
