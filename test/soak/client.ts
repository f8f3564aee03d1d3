import { setTimeout as sleep } from 'node:timers/promises';
import { connect } from '../../src/index.ts';
import { Pacer } from './pacer.ts';
import { TTL_MS } from './protocol.ts';
import type { Buried, ClientSettings, FromClient } from './protocol.ts';
import { takeSample } from './sample.ts';
import { Strands } from './strands.ts';

/** A watch of a lock lingers for 5 s after its last use. */
const REST_MS = 6_000;
const SAMPLES = 60;
const LEAST_BETWEEN_MS = 3_000;
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
const pacer = new Pacer(settings.share);
const isOver = (): boolean => elapsed() >= settings.milliseconds;
const running = strands.all().map((work) => pacer.strand(isOver, work));
const failed = Promise.all(running).then(() => undefined);

async function sampleUntilOver(): Promise<void> {
  while (!isOver()) {
    const left = settings.milliseconds - elapsed();
    const between = Math.max(LEAST_BETWEEN_MS, settings.milliseconds / SAMPLES - REST_MS);
    await sleep(Math.min(between, left));
    await pacer.atRest(async () => {
      await sleep(REST_MS);
      const sample = await takeSample(elapsed(), strands.operations, stop.signal);
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
tell({ type: 'end', counts: strands.counts, events, warnings, left });
process.disconnect();

/** What keeps this process alive and did not before. */
function leftOver(): string[] {
  const rest = [...before];
  return process.getActiveResourcesInfo().filter((name) => {
    const index = rest.indexOf(name);
    if (index >= 0) rest.splice(index, 1);
    return index < 0;
  });
}
