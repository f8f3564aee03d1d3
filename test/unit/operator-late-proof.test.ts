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

/** The process dies, and something is done to its session while the operator writes. */
async function dyingWhile(
  isHeard: boolean,
  act: (session: string) => Promise<void>,
): Promise<void> {
  const holder = await world.pod('holder');
  await world.time.settled(holder.leasehold.lock('kept').acquire());
  await world.time.advance(5_000);
  const name = world.lease('kept')?.spec?.holderIdentity ?? '';
  world.crash(holder);
  if (!isHeard) await world.reportEnd(holder);
  await world.time.advance(10);
  const { requests, lead } = world.operator();
  lead();
  const send = requests.request.bind(requests);
  let isDone = false;
  requests.request = async (request) => {
    if (request.method === 'PUT' && request.path.endsWith(`/${name}`) && !isDone) {
      isDone = true;
      await act(name);
    }
    return send(request);
  };
  await world.time.advance(10);
  if (isHeard) await world.reportEnd(holder);
  await world.time.advance(SILENT_MS);
  expect(isDone).toBe(true);
}

it('a session that has lost its label while it is revoked keeps its locks: it may be renewed', async () => {
  await dyingWhile(true, (name) =>
    world.patchLease(name, { metadata: { labels: { 'leasehold.dev/role': null } } }),
  );
  expect(world.lease('kept')).toBeDefined();
});

it('a session that is deleted while it is revoked is missing for a ttl first, if its end was not heard', async () => {
  await dyingWhile(false, (name) => world.deleteLease(name));
  expect(world.lease('kept')).toBeDefined();
  // Two sweeps.
  await world.time.advance(700_000);
  expect(world.lease('kept')).toBeUndefined();
});

it('a session that is deleted while it is revoked is dead at once, if its end was heard', async () => {
  await dyingWhile(true, (name) => world.deleteLease(name));
  expect(world.lease('kept')).toBeUndefined();
});
