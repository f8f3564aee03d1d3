import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { HistoryWriter } from './history.ts';
import { STORE_LAG_MS, merged } from './merge.ts';

let directory: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'leasehold-merge-'));
});

afterEach(async () => {
  await rm(directory, { recursive: true });
});

test('histories are read in the order of time, and the log of the resource a second later', async () => {
  const recorded = (process: string, ...times: number[]): Parameters<typeof merged>[0][0][0] => {
    const history = join(directory, process);
    const writer = new HistoryWriter(history);
    for (const at of times) writer.write({ type: 'closing', at });
    writer.close();
    return { process, ttl: 2_000, history };
  };
  const store = join(directory, 'store');
  const log = new HistoryWriter(store);
  log.write({ type: 'row', at: 10, lock: 'a', fence: '1', process: 'w0.1', number: 1, version: 1 });
  log.close();
  const slots = [
    [recorded('w0.1', 1, 4), recorded('w0.2', 7, STORE_LAG_MS + 11)],
    [recorded('w1.1', 2, 3, 9)],
  ];
  const order: string[] = [];
  for await (const { from, line } of merged(slots, store)) {
    order.push(`${from?.process ?? 'store'} ${String(line.at)}`);
  }
  expect(order).toEqual([
    ...['w0.1 1', 'w1.1 2', 'w1.1 3', 'w0.1 4', 'w0.2 7', 'w1.1 9'],
    ...['store 10', `w0.2 ${String(STORE_LAG_MS + 11)}`],
  ]);
});

test('a last line that a kill has cut short counts for nothing', async () => {
  const history = join(directory, 'w0.1');
  await writeFile(history, '{"type":"closing","at":1}\n{"type":"clo');
  const lines: unknown[] = [];
  for await (const { line } of merged([[{ process: 'w0.1', ttl: 2_000, history }]])) {
    lines.push(line);
  }
  expect(lines).toEqual([{ type: 'closing', at: 1 }]);
});
