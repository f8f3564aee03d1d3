import { expect, test } from 'vitest';
import { Checker } from './checker.ts';
import type { Evidence } from './evidence.ts';
import { Tally } from './figures.ts';
import type { Figures } from './figures.ts';
import type { Company, Line } from './history.ts';
import { fenceOf, history, hold } from './recorded.ts';
import type { Recorded } from './recorded.ts';
import { READ_WRITE_LOCK } from './wanted.ts';

const READING: Company = { mode: 'shared' };

function figuresOf(...recorded: Recorded[]): Figures {
  const processes = recorded.map(({ process }) => process);
  const evidence: Evidence = {
    ...{ processes, faults: [], storms: [], leases: [], stored: [], ttl: 2_000 },
  };
  const checker = new Checker(evidence);
  const tally = new Tally(evidence);
  const entries = recorded.flatMap(({ process, lines }) =>
    lines.map((line) => ({ from: process, line })),
  );
  for (const entry of entries.toSorted((a, b) => a.line.at - b.line.at)) {
    tally.see(entry, checker.see(entry));
  }
  return tally.finish(checker);
}

/** As it is, of the read-write lock. */
function ofCatalogue(lines: readonly Line[]): Line[] {
  return lines.map((line) => ('lock' in line ? { ...line, lock: READ_WRITE_LOCK } : line));
}

test('calls and holds are counted by mode, and those beside others of another process', () => {
  const writer = history(
    'w0.1',
    hold(1, 9, 900, 3_000, 950),
    ofCatalogue([
      ...hold(2, 10, 1_000, 3_000, 1_100),
      { type: 'wait', at: 1_100, call: 3, lock: '', how: 'downgrade', beside: READING },
      {
        ...{ type: 'held', at: 1_110, call: 3, lock: '', until: 3_000, beside: READING },
        fence: fenceOf(10),
      },
    ]),
  );
  const reader = history(
    'w1.1',
    ofCatalogue([
      ...hold(1, 11, 1_120, 3_000, 1_200, READING),
      { type: 'wait', at: 1_210, call: 2, lock: '', how: 'try', beside: READING },
      { type: 'unheld', at: 1_220, call: 2, outcome: 'TAKEN' },
    ]),
  );
  const { modes, handoffs } = figuresOf(writer, reader);
  expect(modes).toEqual({
    lock: { calls: 1, holds: 1 },
    write: { calls: 1, holds: 1 },
    read: { calls: 2, holds: 1, beside: 1 },
    downgraded: { calls: 1, holds: 1, beside: 0 },
    permit: { calls: 0, holds: 0, beside: 0 },
    term: { calls: 0, holds: 0 },
  });
  expect(handoffs).toBe(0);
});

test('a writer after a reader of another process is a handoff, and a permit after a permit is none', () => {
  const permit: Company = { mode: 'permit', weight: 1, limit: 4 };
  const reader = history('w0.1', hold(1, 10, 1_000, 3_000, 1_100, READING));
  const writer = history('w1.1', hold(1, 11, 1_200, 3_000, 1_300));
  const one = history('w0.1', hold(1, 10, 1_000, 3_000, 1_100, permit));
  const other = history('w1.1', hold(1, 11, 1_200, 3_000, 1_300, permit));
  expect(figuresOf(reader, writer).handoffs).toBe(1);
  expect(figuresOf(one, other).handoffs).toBe(0);
});
