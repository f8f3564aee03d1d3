import { type Case, conform, conformEach } from '../case.ts';
import type { Conversation } from '../conversation.ts';
import type { WatchEvent } from '../watch.ts';
import { HELD, lease, seenByCache } from '../objects.ts';

export const INITIAL =
  'resourceVersionMatch=NotOlderThan&sendInitialEvents=true&allowWatchBookmarks=true';

export async function create(api: Conversation, name: string, labels = {}): Promise<string> {
  return (await api.post('leases', lease(name, HELD, { labels }))).body.metadata.resourceVersion;
}

export function isBookmark(event: WatchEvent): boolean {
  return event.type === 'BOOKMARK';
}

export const initialEventCases: readonly Case[] = [
  conform('watch: initial events end with a bookmark', [201, 201, 200, 201], async (api) => {
    await create(api, 'b');
    await create(api, 'a');
    const watch = await api.watch(`leases?${INITIAL}`);
    await watch.until(isBookmark);
    await create(api, 'c');
    await watch.take(1);
  }),
  // Both send one before the watch ends, so that the client can go on from there.
  conform('watch: a bookmark before the end', [201, 200], async (api) => {
    const version = await create(api, 'a');
    const path = `leases?resourceVersion=${version}&allowWatchBookmarks=true&timeoutSeconds=5`;
    const watch = await api.watch(path, { bookmarks: true });
    await watch.until(isBookmark);
  }),
  ...conformEach<string>(
    [
      ['watch: initial events that nobody asked for end with a bookmark', [201, 200], ''],
      ['watch: the same from version 0', [201, 200], '&resourceVersion=0'],
    ],
    async (api, query) => {
      await create(api, 'a');
      await seenByCache(api);
      const watch = await api.watch(`leases?allowWatchBookmarks=true${query}`);
      await watch.until(isBookmark);
    },
  ),
  // How a waiter learns that the lock is free: the bookmark comes although the Lease is missing.
  conform('watch: initial events of a Lease that is missing', [201, 200, 201], async (api) => {
    await create(api, 'other');
    const watch = await api.watch(`leases?fieldSelector=metadata.name%3Da&${INITIAL}`);
    await watch.until(isBookmark);
    await create(api, 'a');
    await watch.take(1);
  }),
  conform('watch: initial events of one Lease', [201, 201, 200], async (api) => {
    await create(api, 'other');
    await create(api, 'a');
    const watch = await api.watch(`leases?fieldSelector=metadata.name%3Da&${INITIAL}`);
    await watch.until(isBookmark);
  }),
  conform('watch: initial events not older than a version', [201, 200], async (api) => {
    const version = await create(api, 'a');
    const watch = await api.watch(`leases?resourceVersion=${version}&${INITIAL}`);
    await watch.until(isBookmark);
  }),
];
