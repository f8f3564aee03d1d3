import { type Case, conform } from '../case.ts';
import { lease, seenByCache } from '../objects.ts';

/** A continue token as it would be if the history had gone on for long since it was given. */
function aged(token: string): string {
  const fields = JSON.parse(Buffer.from(token, 'base64url').toString('utf8')) as object;
  return Buffer.from(JSON.stringify({ ...fields, rv: 1 })).toString('base64url');
}

/** These are run on servers whose history has been compacted. */
export const compactionCases: readonly Case[] = [
  // 200, and the error in the stream: a client that looks at the status alone waits for ever.
  conform('compaction: a watch from a version before the history', [201, 200], async (api) => {
    await api.post('leases', lease('a'));
    const watch = await api.watch('leases?resourceVersion=1');
    await watch.untilEnd();
  }),
  conform('compaction: a watch of one Lease from before the history', [201, 200], async (api) => {
    await api.post('leases', lease('a'));
    const watch = await api.watch('leases?resourceVersion=1&fieldSelector=metadata.name%3Da');
    await watch.untilEnd();
  }),
  // But the initial state can always be had: this watch needs no version to begin with.
  conform(
    'compaction: a watch with initial events from before the history',
    [201, 200],
    async (api) => {
      await api.post('leases', lease('a'));
      await seenByCache(api);
      const watch = await api.watch(
        'leases?resourceVersion=1&resourceVersionMatch=NotOlderThan&sendInitialEvents=true' +
          '&allowWatchBookmarks=true',
      );
      await watch.until(({ type }) => type === 'BOOKMARK');
    },
  ),
  conform(
    'compaction: a list not older than a version before the history',
    [201, 200, 200, 200],
    async (api) => {
      await api.post('leases', lease('a'));
      await seenByCache(api);
      await api.get('leases?resourceVersion=1');
      await api.get('leases?resourceVersion=1&resourceVersionMatch=NotOlderThan');
      await api.get('leases/a?resourceVersion=1');
    },
  ),
  conform(
    'compaction: a list exactly at a version before the history',
    [201, 410, 410],
    async (api) => {
      await api.post('leases', lease('a'));
      await api.get('leases?resourceVersion=1&resourceVersionMatch=Exact');
      await api.get('leases?resourceVersion=1&limit=2');
    },
  ),
  conform(
    'compaction: a continue token from before the history',
    [201, 201, 201, 200, 201, 410, 200],
    async (api) => {
      for (const name of ['a', 'b', 'c']) await api.post('leases', lease(name));
      const { body } = await api.get('leases?limit=1');
      const token = aged(body.metadata.continue ?? '');
      await api.post('leases', lease('bb'));
      const refused = await api.get(`leases?limit=1&continue=${token}`);
      // What it offers instead goes on with whatever is there now.
      await api.get(`leases?limit=5&continue=${refused.body.metadata.continue ?? ''}`);
    },
  ),
];
