import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { TestCluster } from '../../src/testing/index.ts';

/** At how many moments between two renewals something happens. */
const PHASES = 12;

/** So many times in a ttl it is looked whether the next one has the lock. */
const STEPS = 300;
/** Waiters look, and settle, one a little after the other. */
const TURN_MS = 200;

interface Row {
  readonly ttl: number;
  readonly renewalsPerSecond: number;
  readonly survived: number;
  readonly lost: number;
  readonly crash: readonly [number, number];
}

/** The table in docs/operations.md; milliseconds. */
const rows: readonly Row[] = tableOf(
  readFileSync(new URL('../../docs/operations.md', import.meta.url), 'utf8'),
);

describe('the table of ttl', () => {
  it('is there', () => {
    expect(rows.map(({ ttl }) => ttl / 1_000)).toEqual([2, 5, 10, 15, 30, 60, 300]);
  });

  it.each(rows)('$ttl ms: so many renewals of 1,000 processes', (row) => {
    expect(row.renewalsPerSecond).toBe((1_000 * 3_000) / row.ttl);
  });

  it.each(rows)(
    '$ttl ms: an outage of $survived ms is survived, whenever it begins',
    async (row) => {
      for (const begin of phases(row)) {
        expect(
          await survives(row.ttl, begin, row.survived),
          `begun after ${String(begin)} ms`,
        ).toBe(true);
      }
    },
  );

  it.each(rows)('$ttl ms: none survives an outage of $lost ms', async (row) => {
    for (const begin of phases(row)) {
      expect(await survives(row.ttl, begin, row.lost), `begun after ${String(begin)} ms`).toBe(
        false,
      );
    }
  });

  it.each(rows)('$ttl ms: a crash costs $crash ms', async (row) => {
    const costs: number[] = [];
    for (const at of phases(row)) costs.push(await costOfCrash(row.ttl, at));
    const [least, most] = row.crash;
    // The table is rounded to a tenth of its unit.
    expect(Math.min(...costs)).toBeGreaterThanOrEqual(least * 0.98);
    expect(Math.max(...costs)).toBeLessThanOrEqual(most + TURN_MS + row.ttl / STEPS);
  });
});

function phases({ ttl }: Row): number[] {
  return Array.from({ length: PHASES }, (_, phase) => Math.floor((phase * ttl) / 3 / PHASES));
}

/** Whether a lock is still held after an outage that swallows every request, begun so long after a renewal. */
async function survives(ttl: number, begin: number, outage: number): Promise<boolean> {
  await using cluster = new TestCluster();
  const process = cluster.process('holder', { ttl });
  const held = await process.leasehold.lock('x').acquire();
  await cluster.advance(ttl * 4 + begin);
  process.disconnect();
  await cluster.advance(outage);
  process.reconnect();
  await cluster.advance(ttl);
  return held.valid;
}

/** From the crash of a holder until the next one has its lock, which has waited all the time. */
async function costOfCrash(ttl: number, at: number): Promise<number> {
  await using cluster = new TestCluster();
  const [holder, waiter] = [cluster.process('holder', { ttl }), cluster.process('waiter', { ttl })];
  await holder.leasehold.lock('x').acquire();
  const granted: string[] = [];
  const next = waiter.leasehold
    .lock('x')
    .acquire()
    .then(({ name }) => granted.push(name));
  await cluster.advance(ttl * 4 + at);
  holder.crash();
  const step = ttl / STEPS;
  let took = 0;
  while (granted.length === 0) {
    await cluster.advance(step);
    took += step;
  }
  await next;
  return took;
}

function tableOf(page: string): Row[] {
  const [, rest = ''] = page.split('\n## Choosing a ttl\n');
  const [section = ''] = rest.split('\n## ');
  return section
    .split('\n')
    .filter((line) => /^\| \d/.test(line))
    .map((line) => {
      const cells = line.split('|').map((cell) => cell.trim());
      const [, ttl = '', renewals = '', survived = '', lost = '', crash = ''] = cells;
      const [least = '', most = ''] = crash.split(' to ');
      return {
        ttl: durationOf(ttl),
        renewalsPerSecond: Number(renewals.replace(',', '').split(' ')[0]),
        survived: durationOf(survived),
        lost: durationOf(lost),
        crash: [durationOf(least), durationOf(most)],
      };
    });
}

function durationOf(text: string): number {
  const [, number = '', unit = ''] = /^([\d.]+) (s|min)/.exec(text) ?? [];
  return Number(number) * (unit === 'min' ? 60_000 : 1_000);
}
