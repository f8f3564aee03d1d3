import { setTimeout as pause } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { startRedis } from '../../bench/peers/redis.ts';
import { say } from '../stage/stage.ts';
import type { Stage } from '../stage/stage.ts';
import type { Fault, Worker, WorkerOptions } from '../stage/worker.ts';

const PODS = ['pod-1', 'pod-2', 'pod-3', 'pod-4'];
const REQUESTS = 10;
/** As main.ts has it: what has no longer to live than this is stale. */
const STALE_MS = 600_000;
const BETWEEN_REQUESTS_MS = 50;
const MAKES = /^makes the report$/;

interface Pod {
  readonly worker: Worker;
  readonly url: string;
}

export async function play(stage: Stage): Promise<void> {
  const { port } = stage.use(await startRedis());
  const redis = new Redis(`redis://127.0.0.1:${String(port)}`);
  // It has just been started, and is tried again until it is there.
  redis.on('error', () => undefined);
  stage.use({
    [Symbol.asyncDispose]: async () => {
      await redis.quit();
    },
  });
  const start = (program: string, name: string, fault?: Fault): Promise<Pod> => {
    const environment = { REDIS_URL: `redis://127.0.0.1:${String(port)}`, PORT: '0' };
    return startPod(stage, name, {
      program: new URL(program, import.meta.url),
      environment,
      fault,
    });
  };
  const eachOf = `${String(REQUESTS)} requests to each of them`;
  say(`${String(PODS.length)} pods, ${eachOf} at the same time`);

  const naive = await Promise.all(PODS.map((name) => start('naive.ts', name)));
  await askAll('naive.ts, nothing cached', naive);
  await redis.del('report');
  await askAll('naive.ts, expired', naive);
  await Promise.all(naive.map(({ worker }) => worker[Symbol.asyncDispose]()));
  await redis.del('report');

  const pods = await Promise.all(PODS.map((name) => start('main.ts', name)));
  await askAll('main.ts, nothing cached', pods);
  await askAll('main.ts, fresh', pods);
  // As if a minute had passed.
  await redis.pexpire('report', STALE_MS);
  await askAll('main.ts, stale', pods, redis);

  const frozen = await start('main.ts', 'pod-5', { after: 'has made', signal: 'SIGSTOP' });
  await redis.pexpire('report', STALE_MS);
  await ask(frozen);
  await frozen.worker.printed(/^has made the report$/);
  say('pod-5 is frozen with a report that it has just made');
  await askAll('main.ts, stale', pods, redis);
  frozen.worker.signal('SIGCONT');
  await frozen.worker.printed(/^report: a later one is there already$/);
  say(`pod-5 goes on, and is refused: there is ${String(await redis.hget('report', 'value'))}`);
}

async function startPod(stage: Stage, name: string, options: WorkerOptions): Promise<Pod> {
  const worker = await stage.worker(name, options);
  const [, port = ''] = await worker.printed(/^serves at port (\d+)$/);
  return { worker, url: `http://127.0.0.1:${port}/` };
}

async function ask({ url }: Pod): Promise<string> {
  const answer = await fetch(url);
  if (!answer.ok) throw new Error(`answered with ${String(answer.status)}`);
  return (await answer.text()).trim();
}

/** @param untilFresh - where the entry is, if it is to be waited for until that is made anew */
async function askAll(what: string, pods: readonly Pod[], untilFresh?: Redis): Promise<void> {
  const makes = (): number => pods.reduce((sum, { worker }) => sum + worker.count(MAKES), 0);
  const before = makes();
  const begunAt = performance.now();
  const requests = pods.flatMap((pod) => Array.from({ length: REQUESTS }, () => ask(pod)));
  await Promise.all(requests);
  const took = `${(performance.now() - begunAt).toFixed(0)} ms`;
  // Others go on asking.
  while (untilFresh && (await untilFresh.pttl('report')) <= STALE_MS) {
    await Promise.all(pods.map(ask));
    await pause(BETWEEN_REQUESTS_MS);
  }
  const all = `${String(requests.length)} answers in ${took}`;
  say(`${what.padEnd(26)}${all.padEnd(26)}reports made: ${String(makes() - before)}`);
}
