import { startElector } from '../test/cluster/elector.ts';
import { startPostgres } from './peers/postgres.ts';
import { startRedis } from './peers/redis.ts';
import { peerDeath, untilGranted } from './peers/death.ts';
import type { Figure } from './report.ts';
import { Site } from './site.ts';
import { median, monotonic, quantile } from './statistics.ts';
import { holdSupervised } from './supervised.ts';

const deaths = 60;
/** A death that costs the whole ttl is the same each time. */
const slowDeaths = 3;
const ttlMilliseconds = 15_000;

/**
 * From SIGKILL of the holder to its successor's start, in one run and in turns: leasehold under
 * `leasehold run`, and PostgreSQL's advisory lock, whose server sees the connection end. Beside that
 * what has to wait for a time to pass: leasehold without supervisor and operator, client-go, redlock.
 */
export async function measure(): Promise<Figure[]> {
  await using site = await Site.open();
  await using postgres = await startPostgres();
  await using redis = await startRedis();
  const [ours, client, redlock] = await Promise.all([
    slowly((name) => alone(site, name)),
    slowly((name) => clientGo(site, `client-go-${name}`)),
    slowly((name) => peerDeath(redis, 'redlock-worker.ts', name, ttlMilliseconds)),
  ]);
  const supervised: number[] = [];
  const advisory: number[] = [];
  const waiter = await site.worker('handoff-worker.ts');
  const environment = await site.podEnvironment();
  for (let death = 0; death < deaths; death += 1) {
    const name = `death-${String(death)}`;
    advisory.push(await peerDeath(postgres, 'postgres-worker.ts', name));
    const holder = await holdSupervised(environment, name);
    await waiter.call('wait', [name]);
    supervised.push(await untilGranted(waiter, name, holder.pid));
    await holder.ended;
    await waiter.call('release', name);
  }
  const of = (times: readonly number[]): string =>
    `median of ${String(times.length)}, p99 ${quantile(times, 0.99).toFixed(1)}`;
  const late = (times: readonly number[]): string =>
    `median of ${String(times.length)}, ttl ${String(ttlMilliseconds)}`;
  return [
    { name: 'postgresMs', value: median(advisory), meaning: of(advisory) },
    { name: 'supervisedMs', value: median(supervised), meaning: of(supervised) },
    {
      name: 'medianRatio',
      value: median(supervised) / median(advisory),
      atMost: 3,
      meaning: 'supervised over PostgreSQL',
    },
    {
      name: 'p99Ratio',
      value: quantile(supervised, 0.99) / quantile(advisory, 0.99),
      atMost: 10,
      meaning: 'the same of their slowest hundredth',
    },
    { name: 'aloneMs', value: median(ours), meaning: `leasehold alone, ${late(ours)}` },
    { name: 'clientGoMs', value: median(client), meaning: late(client) },
    { name: 'redlockMs', value: median(redlock), meaning: late(redlock) },
  ];
}

function slowly(die: (name: string) => Promise<number>): Promise<number[]> {
  const names = Array.from({ length: slowDeaths }, (_, index) => `slow-${String(index)}`);
  return Promise.all(names.map(die));
}

async function alone(site: Site, name: string): Promise<number> {
  const holder = await site.worker('handoff-worker.ts');
  const waiter = await site.worker('handoff-worker.ts');
  await holder.call('hold', [name]);
  await waiter.call('wait', [name]);
  return untilGranted(waiter, name, holder.pid);
}

async function clientGo({ cluster, namespace }: Site, name: string): Promise<number> {
  const [holder, waiter] = await Promise.all(
    ['a', 'b'].map((identity) =>
      startElector({ kubeconfigPath: cluster.tokenKubeconfigPath, namespace, name, identity }),
    ),
  );
  if (!holder || !waiter) throw new Error('two candidates are needed');
  const first = await Promise.race(
    [holder, waiter].map((one) => one.waitFor('started-leading').then(() => one)),
  );
  const second = first === holder ? waiter : holder;
  const killedAt = monotonic();
  await first.kill('SIGKILL');
  await second.waitFor('started-leading');
  const took = monotonic() - killedAt;
  await second.quit();
  return took;
}
