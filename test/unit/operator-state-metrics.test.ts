import { readFileSync } from 'node:fs';
import { beforeEach, describe, expect, it } from 'vitest';
import { Metrics } from '../../src/operator/metrics.ts';
import { OperatorWorld } from './operator-world.ts';
import type { TestOperator } from './operator-world.ts';

const A_LOOK_MS = 16_000;
/** 20 ttl of 15 s. */
const STUCK_MS = 300_000;
const A_SWEEP_MS = 331_000;

let world: OperatorWorld;
let leader: TestOperator;

beforeEach(async () => {
  world = new OperatorWorld();
  leader = world.operator();
  await world.time.advance(10);
  leader.lead();
});

describe('the metrics of what is there', () => {
  const readMetrics = async (): Promise<(series: string) => number> => {
    const metrics = new Metrics(leader.host);
    metrics.observe(leader.operator);
    const text = await metrics.text();
    return (series) => {
      const line = text.split('\n').find((one) => one.startsWith(`${series} `));
      return Number(line?.slice(series.length + 1));
    };
  };

  it('count queues that do not move, by what they stand behind', async () => {
    await world.holderAndWaiter(STUCK_MS + A_LOOK_MS);
    const value = await readMetrics();
    expect(value('leasehold_stuck_waiters{namespace="default",lock="held"}')).toBe(1);
  });

  it('tell the age of the oldest session, as of the last sweep, and when that was', async () => {
    const [silent, live] = [await world.pod('silent'), await world.pod('live')];
    for (const { leasehold, name } of [silent, live]) {
      await world.time.settled(leasehold.lock(name).acquire());
    }
    world.crash(silent);
    await world.time.advance(A_SWEEP_MS);
    const value = await readMetrics();
    expect(value('leasehold_sessions{state="live"}')).toBe(1);
    expect(value('leasehold_sessions{state="silent"}')).toBe(1);
    expect(value('leasehold_oldest_session_age_seconds')).toBeGreaterThan(200);
    const sweptAgo = leader.host.wall() / 1_000 - value('leasehold_sweep_timestamp_seconds');
    expect(sweptAgo).toBeGreaterThanOrEqual(0);
    expect(sweptAgo).toBeLessThan(A_SWEEP_MS / 1_000);
  });

  it('tell when the watches were heard, and their interruptions', async () => {
    const resources = ['pods', 'leases'];
    const at = (value: (series: string) => number): number[] =>
      resources.map((resource) => {
        return value(`leasehold_watch_heard_timestamp_seconds{resource="${resource}"}`);
      });
    const first = await readMetrics();
    expect(Math.min(...at(first))).toBeGreaterThan(0);
    leader.requests.breakWatches();
    await world.time.advance(120_000);
    const then = await readMetrics();
    for (const resource of resources) {
      expect(then(`leasehold_watch_lists_total{resource="${resource}"}`)).toBe(1);
      expect(then(`leasehold_watch_interruptions_total{resource="${resource}"}`)).toBe(1);
    }
    // Bookmarks have come since.
    expect(Math.min(...at(then))).toBeGreaterThan(Math.max(...at(first)));
  });
});

describe('docs/operations.md', () => {
  const text = readFileSync(new URL('../../docs/operations.md', import.meta.url), 'utf8');

  it('has every metric with its labels, and no other', async () => {
    const metrics = new Metrics(leader.host);
    metrics.observe(leader.operator);
    await metrics.text();
    const described = metrics.described().map(({ name, labels }) => {
      return labels.length === 0 ? name : `${name} (${labels.join(', ')})`;
    });
    const documented = [...text.matchAll(/^\| `(leasehold_\w+)`(?: (\([a-z, ]+\)))? +\|/gm)].map(
      ([, name = '', labels]) => (labels === undefined ? name : `${name} ${labels}`),
    );
    expect(documented.toSorted()).toEqual(described.toSorted());
  });

  it('has every reason of an Event', () => {
    const source = readFileSync(new URL('../../src/operator/notices.ts', import.meta.url), 'utf8');
    const reasons = new Set([...source.matchAll(/reason: '(\w+)'/g)].map(([, reason]) => reason));
    const documented = [...text.matchAll(/^\| `([A-Z]\w+)` +\|/gm)].map(([, reason]) => reason);
    expect(new Set(documented)).toEqual(reasons);
  });
});
