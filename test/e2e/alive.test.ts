import { globSync, readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { installOperator } from './operator.ts';
import { lineOf, type Line } from './story.ts';
import { holderAndWaiter } from './succession.ts';
import { surroundings } from './surroundings.ts';
import { World, eventually } from './world.ts';

const ttlMilliseconds = 15_000;
const { node } = await surroundings();

let world: World;

beforeEach(async () => {
  world = await World.create();
});

afterEach(async () => {
  for (const pid of node?.kubelet ?? []) process.kill(pid, 'SIGCONT');
  await world.end();
});

test.skipIf(!node)('a Pod that is gone but lives on keeps its lock for the ttl', async () => {
  await installOperator(world);
  const { holder, waiter } = await holderAndWaiter(world);
  const first = await world.pod(holder.pod);
  const second = await world.pod(waiter);
  const [session] = await world.sessionsOf(first.metadata.uid);
  const renewedAt = Date.parse(session?.spec?.renewTime ?? '');

  for (const pid of node?.kubelet ?? []) process.kill(pid, 'SIGSTOP');
  const path = `${world.path('/api/v1', 'pods')}/${holder.pod}`;
  const deletedAt = Date.now();
  await world.client.expect('DELETE', `${path}?gracePeriodSeconds=0`);
  await eventually('an API server that has forgotten the Pod', async () =>
    (await world.client.request('GET', path)).status === 404 ? true : undefined,
  );
  await eventually('a next holder', async () =>
    (await world.lease('work'))?.spec?.holderIdentity?.startsWith(waiter) ? true : undefined,
  );
  const [next] = await told(second.metadata, 'holds');
  const [lost] = await told(first.metadata, 'held');
  const held = (await told(first.metadata, 'still')).filter(({ valid }) => valid);
  process.stdout.write(
    `from the deletion by force to the next holder: ${String(next.at - deletedAt)} ms, and ${String(next.at - renewedAt)} ms from a renewal before it\n`,
  );

  expect(processesOf(first)).not.toEqual([]);
  expect(next.at).toBeGreaterThanOrEqual(renewedAt + ttlMilliseconds);
  expect(lost).toMatchObject({ valid: false });
  // One node, one clock: the one has stopped to count on it before the other begins, though a
  // machine that is busy may let it tell so only later.
  expect(next.at).toBeGreaterThanOrEqual(held.at(-1)?.at ?? Infinity);
  const events = await world.client.expect<{ items: { reason: string }[] }>(
    'GET',
    world.path('/api/v1', 'events'),
  );
  expect(events.items.map(({ reason }) => reason)).not.toContain('SessionRevoked');
});

interface PodName {
  readonly name: string;
  readonly uid: string;
}

/**
 * Waits for lines of the log on the node, as nobody serves it: the kubelet does not, and it knows no
 * such Pod.
 */
async function told({ name, uid }: PodName, event: string): Promise<[Line, ...Line[]]> {
  const directory = `${world.namespace}_${name}_${uid}`;
  return eventually(`a word of ${name}: ${event}`, async () => {
    const text = await readFile(join(node?.podLogs ?? '', directory, 'main/0.log'), 'utf8');
    // Each line begins with its time, its stream and whether it is whole.
    const lines = text.split('\n').map((line) => line.split(' ').slice(3).join(' '));
    const [first, ...others] = lines
      .map((line) => lineOf(name, line))
      .filter((line) => line.event === event);
    return first && [first, ...others];
  });
}

function processesOf({ metadata, status }: Awaited<ReturnType<World['pod']>>): string[] {
  const container = status.containerStatuses?.[0]?.containerID?.replace('containerd://', '') ?? '';
  const pattern = `/sys/fs/cgroup/**/kubepods/**/pod${metadata.uid}/${container}/cgroup.procs`;
  return globSync(pattern).filter((file) => readFileSync(file, 'utf8') !== '');
}
