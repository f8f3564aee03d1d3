import type { Outcome } from '../../../src/kube/outcome.ts';
import type { WatchStream } from '../../../src/kube/watch-stream.ts';
import type { Host } from '../../../src/testing/virtual/host.ts';
import { done, refused } from './answers.ts';
import type { ApiServer } from './control-plane.ts';
import { jsonOf } from './objects.ts';
import { lineOf } from './store.ts';
import { WatchConnection } from './watch-connection.ts';
import type { OpenWatch } from './watch-connection.ts';
import type { World } from './world.ts';

const BOOKMARK_EVERY_MS = 60_000;

/** Opens the watch of one name; a `WatchStream` follows it with the network's latency. */
export function openWatch(
  world: World,
  host: Host,
  open: Set<OpenWatch>,
  watch: { name: string; query: Readonly<Record<string, string>>; server: ApiServer },
): Outcome<WatchStream> {
  const { store, time } = world;
  const { name, query, server } = watch;
  const initial = query.sendInitialEvents === 'true';
  if (initial && !world.watchList) {
    return refused(422, 'Invalid', 'sendInitialEvents: Forbidden: sendInitialEvents is forbidden');
  }
  const connection = new WatchConnection({ world, host, server, open }, name, (count) =>
    store.eventsOf(name).slice(-count).map(lineOf),
  );
  const from = query.resourceVersion;
  if (initial || from === undefined || from === '0') {
    // A cache that is behind begins with what it has, and tells the rest later.
    const events = store.eventsOf(name);
    const known = events.length - (server.lag > 0 ? Math.min(world.cacheLag, events.length) : 0);
    const last = events[known - 1];
    if (last && last.type !== 'DELETED') {
      connection.say(`{"type":"ADDED","object":${jsonOf(last.lease)}}`);
    }
    const [next] = events.slice(known);
    if (initial) connection.say(bookmark(next ? next.version - 1 : store.revision, true));
    for (const event of events.slice(known)) connection.say(lineOf(event));
  } else if (Number(from) < world.compactedBefore) {
    connection.expire();
  } else {
    for (const event of store.eventsOf(name)) {
      if (event.version > Number(from)) connection.say(lineOf(event));
    }
  }
  connection.onClose(store.subscribe(name, (event) => connection.say(lineOf(event))));
  const beat = (): void => {
    cancelBeat = time.schedule(BOOKMARK_EVERY_MS, beat);
    connection.say(bookmark(store.revision, false));
  };
  let cancelBeat = time.schedule(BOOKMARK_EVERY_MS, beat);
  connection.onClose(() => cancelBeat());
  const lifetime = Number(query.timeoutSeconds ?? '1800') * 1_000;
  connection.onClose(time.schedule(lifetime, () => connection.finish()));
  return done(connection.stream, world.controlPlane.wall());
}

function bookmark(revision: number, endsInitialState: boolean): string {
  const annotations = endsInitialState ? { 'k8s.io/initial-events-end': 'true' } : undefined;
  const metadata = { resourceVersion: String(revision), creationTimestamp: null, annotations };
  return JSON.stringify({ type: 'BOOKMARK', object: { kind: 'Lease', metadata } });
}
