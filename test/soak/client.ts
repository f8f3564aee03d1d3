import { setTimeout as sleep } from 'node:timers/promises';
import { connect } from '../../src/index.ts';
import { Pacer } from './pacer.ts';
import { TTL_MS } from './protocol.ts';
import type { Buried, ClientSettings, FromClient } from './protocol.ts';
import { takeSample } from './sample.ts';
import { Strands } from './strands.ts';

/** A watch of a lock lingers for 5 s after its last use. */
const REST_MS = 6_000;
/** In a run that is shorter than so many of them, a sample comes sooner. */
const BETWEEN_MS = 24_000;
const LEAST_SAMPLES = 10;
/** A connection that nobody uses is dropped after 55 s, but only if nobody is there to use it. */
const LONGEST_END_MS = 90_000;

const settings = JSON.parse(process.env.SOAK_CLIENT ?? '{}') as ClientSettings;

function tell(message: FromClient): void {
  process.send?.(message);
}

const warnings: string[] = [];
process.on('warning', (warning) => warnings.push(`${warning.name}: ${warning.message}`));

const startedAt = performance.now();
const elapsed = (): number => performance.now() - startedAt;
const events: Record<string, number> = {};
const stop = new AbortController();
const graves = new Map<string, () => void>();
process.on('message', ({ buried }: Buried) => graves.get(buried)?.());
// The channel to the parent counts from the next turn on, and the output from its first use.
await sleep(process.stdout.writableLength + process.stderr.writableLength);
const before = process.getActiveResourcesInfo();

const leasehold = await connect({
  kubeconfig: settings.kubeconfig,
  identity: 'soak',
  ttl: TTL_MS,
  onEvent: ({ type }) => {
    events[type] = (events[type] ?? 0) + 1;
  },
});
const strands = new Strands({
  leasehold,
  kubeconfig: settings.kubeconfig,
  shared: stop.signal,
  bury: (lock) =>
    new Promise((resolve) => {
      graves.set(lock, () => {
        graves.delete(lock);
        resolve();
      });
      tell({ type: 'bury', lock });
    }),
});
const pacer = new Pacer();
let last = { operations: 0, active: 0 };
const isOver = (): boolean => elapsed() >= settings.milliseconds;
const running = strands.all().map((strand) => pacer.run(isOver, strand));
const failed = Promise.all(running).then(() => undefined);

async function sampleUntilOver(): Promise<void> {
  while (!isOver()) {
    const left = settings.milliseconds - elapsed();
    await sleep(Math.min(BETWEEN_MS, settings.milliseconds / LEAST_SAMPLES, left));
    const { active } = pacer;
    await pacer.atRest(async () => {
      await sleep(REST_MS);
      const rate = ratePerSecond(strands.operations, active);
      const sample = await takeSample(elapsed(), strands.operations, rate, stop.signal);
      tell({ type: 'sample', sample });
    });
  }
}

// A strand that throws ends the process, and with it the run.
await Promise.all([failed, sampleUntilOver()]);
await leasehold.close();
const deadline = performance.now() + LONGEST_END_MS;
let left = leftOver();
while (left.length > 0 && performance.now() < deadline) {
  await sleep(10, undefined, { ref: false });
  left = leftOver();
}
const { counts, unwritten } = strands;
tell({ type: 'end', counts, events, warnings, left, unwritten });
process.disconnect();

/** Since the sample before. */
function ratePerSecond(operations: number, active: number): number {
  const rate = (1_000 * (operations - last.operations)) / (active - last.active);
  last = { operations, active };
  return rate;
}

/** What keeps this process alive and did not before. */
function leftOver(): string[] {
  const rest = [...before];
  return process.getActiveResourcesInfo().filter((name) => {
    const index = rest.indexOf(name);
    if (index >= 0) rest.splice(index, 1);
    return index < 0;
  });
}
