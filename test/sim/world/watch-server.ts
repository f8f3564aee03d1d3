import type { Outcome } from '../../../src/kube/outcome.ts';
import type { WatchStream } from '../../../src/kube/watch-stream.ts';
import { VirtualStream } from '../../../src/testing/virtual/stream.ts';
import type { Host } from '../../../src/testing/virtual/host.ts';
import { done, refused } from './answers.ts';
import type { ApiServer } from './control-plane.ts';
import { jsonOf } from './objects.ts';
import { lineOf } from './store.ts';
import type { World } from './world.ts';

const BOOKMARK_EVERY_MS = 60_000;

/** The server's side of one watch. */
export interface OpenWatch {
  readonly name: string;
  /** Says nothing any more, and does not end either. */
  silence(): void;
  /** The connection breaks. */
  cut(): void;
  /** Silent for long enough: the client's machine finds out that there is no connection any more. */
  reset(): void;
  /** The last events are told once more, in their order. */
  repeat(count: number): void;
  /** The server gives up, as the version is too old. */
  expire(): void;
}

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
  let silent = false;
  let lastAt = time.now;
  const later: (() => void)[] = [];
  const close = (): void => {
    silent = true;
    open.delete(handle);
    for (const cancel of later) cancel();
  };
  const stream = new VirtualStream(close);
  const breaks = (): void => {
    close();
    world.broken.add(handle);
  };
  const deliver = (task: () => void): void => {
    lastAt = Math.max(lastAt, time.now + server.lag + world.latency());
    time.schedule(lastAt - time.now, () => {
      // What does not get through breaks the connection, and nobody is told.
      if (host.cut) breaks();
      else if (!silent) host.run(task);
    });
  };
  const send = (line: string): void => deliver(() => stream.push(`${line}\n`));
  const handle: OpenWatch = {
    name,
    silence: close,
    cut: () => deliver(() => stream.destroy(new Error('read ECONNRESET'))),
    reset: () => host.run(() => stream.destroy(new Error('read ETIMEDOUT'))),
    repeat: (count) => {
      for (const event of store.eventsOf(name).slice(-count)) send(lineOf(event));
    },
    expire: () => {
      send(GONE);
      deliver(() => stream.finish());
    },
  };
  open.add(handle);
  later.push(server.onEnd(() => handle.cut()));

  const current = store.peek(name);
  const from = query.resourceVersion;
  if (initial || from === undefined || from === '0') {
    if (current) send(`{"type":"ADDED","object":${jsonOf(current)}}`);
    if (initial) send(bookmark(store.revision, true));
  } else if (Number(from) < world.compactedBefore) {
    handle.expire();
  } else {
    for (const event of store.eventsOf(name)) {
      if (event.version > Number(from)) send(lineOf(event));
    }
  }
  later.push(store.subscribe(name, (event) => send(lineOf(event))));
  const beat = (): void => {
    later.push(time.schedule(BOOKMARK_EVERY_MS, beat));
    send(bookmark(store.revision, false));
  };
  later.push(time.schedule(BOOKMARK_EVERY_MS, beat));
  const lifetime = Number(query.timeoutSeconds ?? '1800') * 1_000;
  later.push(time.schedule(lifetime, () => deliver(() => stream.finish())));
  return done(stream, world.controlPlane.wall());
}

const GONE =
  '{"type":"ERROR","object":{"kind":"Status","code":410,"message":"too old resource version"}}';

function bookmark(revision: number, endsInitialState: boolean): string {
  const annotations = endsInitialState ? { 'k8s.io/initial-events-end': 'true' } : undefined;
  const metadata = { resourceVersion: String(revision), creationTimestamp: null, annotations };
  return JSON.stringify({ type: 'BOOKMARK', object: { kind: 'Lease', metadata } });
}
