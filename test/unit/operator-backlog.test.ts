import { expect, it } from 'vitest';
import { Backlog } from '../../src/operator/backlog.ts';
import { Host } from '../../src/testing/virtual/host.ts';
import { VirtualTime } from '../../src/testing/virtual/time.ts';
import { OperatorWorld, revocations } from './operator-world.ts';

it('no lane waits for another, and what comes meanwhile is worked off together', async () => {
  const time = new VirtualTime();
  const backlog = new Backlog<string>(new Host(time));
  const stopping = new AbortController();
  const worked: string[] = [];
  const blocked = Promise.withResolvers<undefined>();
  const lasts = backlog.run(
    stopping.signal,
    (value) => value.slice(0, 1),
    async (values) => {
      worked.push(values.join(' '));
      if (values.includes('a1')) await blocked.promise;
    },
  );
  for (const value of ['a1', 'b1']) backlog.add(value, value);
  await time.advance(1);
  for (const value of ['a2', 'a3', 'b2']) backlog.add(value, value);
  await time.advance(1);
  expect(worked).toEqual(['a1', 'b1', 'b2']);
  blocked.resolve(undefined);
  await time.advance(1);
  expect(worked).toEqual(['a1', 'b1', 'b2', 'a2 a3']);
  stopping.abort();
  await time.settled(lasts);
});

it('a namespace whose guard refuses holds up nothing, and is come back to', async () => {
  const world = new OperatorWorld();
  const { requests, reports, lead } = world.operator();
  lead();
  const pods = [await world.pod('guarded'), await world.pod('free')];
  for (const { leasehold, name } of pods) {
    await world.time.settled(leasehold.lock(`of-${name}`).acquire());
  }
  const waiter = await world.pod('waiter');
  const waits = pods.map(({ name }) => waiter.leasehold.lock(`of-${name}`).acquire());
  await world.time.advance(5_000);
  const send = requests.request.bind(requests);
  let refusals = 0;
  let isGuarded = true;
  requests.request = (request) => {
    const isWrite = request.method === 'PUT' && request.path.includes('/guarded-');
    if (!isWrite || !isGuarded) return send(request);
    refusals += 1;
    const message = 'denied request: leasehold-guard/settle: the verb settle is missing';
    const refused = { kind: 'refused', status: 403, reason: 'Forbidden', message } as const;
    return Promise.resolve({ ...refused, causes: [], retryAfter: undefined });
  };
  for (const pod of pods) world.crash(pod);
  for (const pod of pods) await world.reportEnd(pod);
  const [guarded, free] = waits;
  await world.time.settled(free ?? Promise.reject(new Error('there are two')), 100);
  // Once for each try, of which there are as many as the backlog makes.
  await world.time.advance(2_000);
  expect(refusals).toBeLessThan(6);
  expect(revocations(reports).map(({ proof }) => proof?.pod)).toEqual(['free']);
  isGuarded = false;
  await world.time.settled(guarded ?? Promise.reject(new Error('there are two')), 4_000);
});
