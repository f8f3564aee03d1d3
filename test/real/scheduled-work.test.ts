import { afterAll, beforeAll, expect, test } from 'vitest';
import type { OnceOptions, ScheduledRun } from '../../src/index.ts';
import { useFixture } from '../cli/fixture.ts';
import { client, leaseNames, readLease } from './world.ts';
import type { Client } from './world.ts';

const fixture = useFixture();
/** Anything that is due each second shows in a test. */
const OFTEN: OnceOptions = { every: '1s', atMost: '20s' };
let crew: Client[];

beforeAll(async () => {
  const { cluster, namespace } = fixture();
  const named = (identity: string): Promise<Client> => client(cluster, namespace, { identity });
  crew = await Promise.all(['a', 'b', 'c'].map(named));
});

afterAll(async () => {
  await Promise.all(crew.map(({ leasehold }) => leasehold.close()));
});

/** The whole crew does the job until so many runs are over. */
async function runs(name: string, options: OnceOptions, count: number): Promise<ScheduledRun[]> {
  const seen: ScheduledRun[] = [];
  const enough = new AbortController();
  const work = (run: ScheduledRun): void => {
    seen.push(run);
    if (seen.length >= count) enough.abort();
  };
  const { signal } = enough;
  await Promise.all(
    crew.map(({ leasehold }) => leasehold.once(name, options).run(work, { signal })),
  );
  return seen;
}

function annotation(name: string, part: string): Promise<Record<string, unknown> | undefined> {
  const { cluster, namespace } = fixture();
  return readLease(cluster, namespace, name).then((lease) => {
    const text = lease?.metadata.annotations?.[`schedule.leasehold.dev/${part}`];
    return text === undefined ? undefined : (JSON.parse(text) as Record<string, unknown>);
  });
}

test('each tick is run once by one of all processes, with a fence that grows', async () => {
  const seen = await runs('each-second', OFTEN, 4);
  const ticks = seen.map(({ tick }) => tick.getTime());
  expect(new Set(ticks).size).toBe(ticks.length);
  expect(ticks).toEqual([...ticks].sort((x, y) => x - y));
  expect(ticks.every((tick) => tick % 1_000 === 0)).toBe(true);
  seen.slice(1).forEach(({ fence }, index) => {
    expect(fence).toBeGreaterThan(seen[index]?.fence ?? 0n);
  });
  expect(await annotation('each-second', 'run')).toBeUndefined();
  expect(await annotation('each-second', 'last')).toMatchObject({ v: 1 });
});

test('work that throws is stored as an outcome, and the command line tells it', async () => {
  const failing = crew[0]?.leasehold.once('failing', OFTEN).tryRun(() => {
    throw new Error('no paper');
  });
  await expect(failing).rejects.toThrow('no paper');
  const described = await fixture().run('describe', 'failing');
  expect(described).toMatchObject({ code: 0 });
  expect(described.output).toMatch(/^Schedule +failing$/m);
  expect(described.output).toMatch(/^When +every 1s$/m);
  expect(described.output).toMatch(/^Last run +failed: no paper$/m);
  expect(described.output).toMatch(/^ +Process +a$/m);
  const listed = await fixture().run('ls', '--kind', 'schedule');
  expect(listed.output).toMatch(/^failing +idle +\d+s ago +failed +a +\d+s$/m);
  const { output } = await fixture().run('ls', '--kind', 'schedule', '-o', 'json');
  const { items } = JSON.parse(output) as { items: { name: string }[] };
  expect(items.find(({ name }) => name === 'failing')).toMatchObject({
    kind: 'Schedule',
    everySeconds: 1,
    last: { outcome: 'failed', message: 'no paper', process: 'a' },
  });
});

test('a program that is started on time runs what is due, if nobody has', async () => {
  const daily: OnceOptions = { cron: '0 0 1 1 *', timeZone: 'Europe/Berlin', atMost: '1m' };
  const results = await Promise.all(
    crew.map(({ leasehold }) => leasehold.once('a job / daily', daily).tryRun(() => 'done')),
  );
  const ran = results.filter((result) => result !== undefined);
  expect(ran).toMatchObject([{ value: 'done' }]);
  expect(ran[0]?.tick.toISOString()).toMatch(/-12-31T23:00:00.000Z$/);
  const again = crew[0]?.leasehold.once('a job / daily', daily).tryRun(() => 'again');
  expect(await again).toBeUndefined();
});

test('the run of a client that is closed ends first, and its outcome is stored', async () => {
  const { cluster, namespace } = fixture();
  const leaving = await client(cluster, namespace, { identity: 'leaving' });
  let began = (): void => undefined;
  const beginning = new Promise<void>((resolve) => (began = resolve));
  const life = leaving.leasehold.once('leaving', OFTEN).run(async ({ signal }) => {
    began();
    await new Promise((resolve) => {
      signal.addEventListener('abort', resolve, { once: true });
    });
  });
  await beginning;
  const { output } = await fixture().run('describe', 'leaving');
  expect(output).toMatch(/^State +running$/m);
  await leaving.leasehold.close();
  await life;
  expect(await annotation('leaving', 'last')).toMatchObject({ outcome: 'stopped' });
  const left = await leaseNames(cluster, namespace);
  expect(left.filter((name) => name.startsWith('leaving-'))).toEqual([]);
});

test('a run whose session is revoked is lost, and the next tick is run by another', async () => {
  const { cluster, namespace } = fixture();
  const dying = await client(cluster, namespace, { identity: 'dying', ttl: '2s' });
  const dead = new AbortController();
  let began = (): void => undefined;
  const beginning = new Promise<void>((resolve) => (began = resolve));
  const life = dying.leasehold.once('dying', OFTEN).run(
    async ({ signal }) => {
      began();
      await new Promise((resolve) => {
        signal.addEventListener('abort', resolve, { once: true });
      });
      expect(signal.reason).toMatchObject({ code: 'LOST' });
      dead.abort();
    },
    { signal: dead.signal },
  );
  await beginning;
  const session = (await leaseNames(cluster, namespace)).find((name) => /^dying-/.test(name)) ?? '';
  expect(await fixture().run('revoke', session, '--now', '--yes')).toMatchObject({ code: 0 });
  expect(await dying.event('run-failed')).toMatchObject({ outcome: 'lost' });
  await life;
  const [next] = await runs('dying', OFTEN, 1);
  expect(next?.tick).toBeInstanceOf(Date);
  await dying.leasehold.close();
});
