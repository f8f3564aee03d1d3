import { expect, it } from 'vitest';
import { CollectionWatch } from '../../src/kube/collection-watch.ts';
import type { Outcome } from '../../src/kube/outcome.ts';
import type { Requests } from '../../src/kube/transport.ts';
import { Host } from '../../src/testing/virtual/host.ts';
import { VirtualStream } from '../../src/testing/virtual/stream.ts';
import { VirtualTime } from '../../src/testing/virtual/time.ts';

function done<T>(body: T): Outcome<T> {
  return { kind: 'done', body, serverTime: undefined };
}

const REFUSED = {
  kind: 'refused',
  status: 400,
  reason: 'BadRequest',
  message: '',
  causes: [],
} as const;

/** An API server whose list is this, whose first watch tells of that version, and which knows no other. */
function server(list: unknown, version: string): { requests: Requests; asked: string[] } {
  const asked: string[] = [];
  const requests: Requests = {
    request: <T>() => {
      asked.push('list');
      return Promise.resolve(done(list as T));
    },
    openWatch: (_, query) => {
      asked.push(`watch ${String(query.resourceVersion)}`);
      if (query.resourceVersion !== '5')
        return Promise.resolve({ ...REFUSED, retryAfter: undefined });
      const stream = new VirtualStream(() => undefined);
      stream.push(
        `${JSON.stringify({ type: 'BOOKMARK', object: { metadata: { resourceVersion: version } } })}\n`,
      );
      stream.finish();
      return Promise.resolve(done(stream));
    },
    close: () => undefined,
  };
  return { requests, asked };
}

async function follow(requests: Requests): Promise<number> {
  const time = new VirtualTime();
  const clock = new Host(time);
  let listed = 0;
  const watch = new CollectionWatch(requests, { clock, random: () => 0 }, { path: '/x' }, () => 0, {
    listed: () => (listed += 1),
    written: () => undefined,
    deleted: () => undefined,
    interrupted: () => undefined,
    resumed: () => undefined,
  });
  const stopping = new AbortController();
  const running = watch.run(stopping.signal);
  await time.advance(2_000);
  stopping.abort();
  await time.settled(running);
  return listed;
}

it('lists again when it was told a version that the server does not know', async () => {
  const { requests, asked } = server({ metadata: { resourceVersion: '5' }, items: [] }, 'x');
  expect(await follow(requests)).toBeGreaterThan(1);
  expect(asked.slice(0, 4)).toEqual(['list', 'watch 5', 'watch x', 'list']);
});

it.each([
  ['an empty object', {}],
  ['no items', { metadata: { resourceVersion: '5' } }],
  ['items that are no list', { metadata: { resourceVersion: '5' }, items: 'x' }],
  ['an item that is null', { metadata: { resourceVersion: '5' }, items: [null] }],
  ['no version', { metadata: {}, items: [] }],
  [
    'a page that points to itself',
    { metadata: { resourceVersion: '5', continue: 'x' }, items: [] },
  ],
])('takes no answer for a list that has %s', async (_, list) => {
  const { requests, asked } = server(list, '5');
  expect(await follow(requests)).toBe(0);
  expect(asked.length).toBeLessThan(20);
});
