import { beforeEach, expect, it } from 'vitest';
import { OperatorWorld, revocations } from './operator-world.ts';

/** A third and a tenth of the ttl, and what times lose that are cut to the second; below a ttl, too. */
const SILENT_MS = 8_500;

let world: OperatorWorld;

beforeEach(() => {
  world = new OperatorWorld();
});

it('an end that the Pod contradicts while the operator waits for silence proves nothing', async () => {
  const { holder } = await world.holderAndWaiter();
  world.crash(holder);
  await world.reportEnd(holder);
  await world.time.advance(1_000);
  // It has not heard the end when it was reported.
  const { reports, lead } = world.operator();
  lead();
  await world.time.advance(1_000);
  const seconds = (ms: number): string => `${new Date(ms).toISOString().slice(0, 19)}Z`;
  const end = holder.host.wall();
  const terminated = {
    containerID: 'containerd://1',
    exitCode: 137,
    reason: 'Error',
    startedAt: seconds(holder.startedAt - 1_000),
    finishedAt: seconds(end),
  };
  // The clock was set back: what runs now seems to have begun before.
  const next = {
    ...world.containerStatus({ running: { startedAt: seconds(end - 10_000) } }),
    containerID: 'containerd://next',
    lastState: { terminated },
  };
  await world.status(holder, { containerStatuses: [next] });
  await world.time.advance(SILENT_MS);
  expect(revocations(reports)).toEqual([]);
});
