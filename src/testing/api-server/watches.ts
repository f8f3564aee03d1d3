import type { Context } from './context.ts';
import { decode } from './decode.ts';
import { typed } from './body.ts';
import { parseVersion } from './lists.ts';
import type { KubeObject } from './object.ts';
import { withMetadata } from './object.ts';
import type { ListOptions } from './options.ts';
import { representChange } from './representation.ts';
import type { Representation } from './representation.ts';
import type { WatchSink } from './request.ts';
import { keyPrefix, onlyKey } from './selection.ts';
import type { Selection } from './selection.ts';
import { expired, StatusError, versionTooLarge } from './status.ts';
import type { StoreEvent } from './store.ts';
import { changeFor, lineOf, sharedLine } from './watch-hub.ts';
import type { WatchHub } from './watch-hub.ts';

const BOOKMARK_EVERY_MS = 60_000;
/** The last bookmark comes so long before the server ends the watch. */
const LAST_BOOKMARK_MS = 2_000;
/** Of a watch that names none: seconds, and up to twice as much. */
const SHORTEST_LIFETIME_SECONDS = 1_800;

export interface WatchRequest {
  readonly selection: Selection;
  readonly options: ListOptions;
  readonly as: Representation;
}

/**
 * Checks a watch before its answer begins; the returned function opens it.
 *
 * @throws StatusError when the resourceVersion is none
 */
export function prepareWatch(
  context: Context,
  hub: WatchHub,
  request: WatchRequest,
): (sink: WatchSink) => () => void {
  const from = parseVersion(request.options.resourceVersion, (why) => {
    return new StatusError(500, undefined, why);
  });
  return (sink) => {
    const watch = new Watch(context, hub, request, sink);
    watch.open(from);
    return () => watch.close();
  };
}

/** The server's side of one watch. */
class Watch {
  readonly #context: Context;
  readonly #hub: WatchHub;
  readonly #request: WatchRequest;
  readonly #sink: WatchSink;
  /** What was told already, or is not asked for. */
  #seen = 0;
  #isFirst = true;
  #over = false;
  readonly #endings: (() => void)[] = [];
  #cancelBookmark = (): void => undefined;

  constructor(context: Context, hub: WatchHub, request: WatchRequest, sink: WatchSink) {
    this.#context = context;
    this.#hub = hub;
    this.#request = request;
    this.#sink = sink;
  }

  open(from: number): void {
    const { store, clock, random } = this.#context;
    const { selection, options } = this.#request;
    const tellsInitialState = this.#tellsInitialState(from);
    if (tellsInitialState && from > store.revision) {
      this.#refuse(versionTooLarge(from, store.revision));
      return;
    }
    if (tellsInitialState) {
      this.#tellInitialState();
      this.#seen = store.revision;
    } else if (from > 0 && from < store.compacted) {
      const versions = `${String(from)} (${String(store.compacted)})`;
      this.#refuse(expired(`too old resource version: ${versions}`));
      return;
    } else {
      this.#seen = from > 0 ? from : store.revision;
      if (from > 0) this.#replay(from);
    }
    const lifetime = (options.timeoutSeconds ?? SHORTEST_LIFETIME_SECONDS * (1 + random())) * 1_000;
    const endsAt = clock.now() + lifetime;
    this.#endings.push(
      clock.schedule(lifetime, () => this.#end()),
      this.#hub.add({ selection, tell: (event, lines) => this.#tell(event, lines) }),
    );
    if (options.allowWatchBookmarks) this.#scheduleBookmark(endsAt);
  }

  close(): void {
    if (this.#over) return;
    this.#over = true;
    this.#cancelBookmark();
    for (const end of this.#endings) end();
  }

  #end(): void {
    if (this.#over) return;
    this.close();
    this.#sink.end();
  }

  #tellsInitialState(from: number): boolean {
    const { sendInitialEvents } = this.#request.options;
    return sendInitialEvents ?? from === 0;
  }

  #tellInitialState(): void {
    const { store } = this.#context;
    const { selection, options } = this.#request;
    const key = onlyKey(selection);
    const { storage } = selection.resource;
    const known = key === undefined ? undefined : store.get(storage, key);
    const candidates =
      key === undefined ? store.list(storage, keyPrefix(selection)) : known ? [known] : [];
    for (const object of candidates) {
      if (selection.matches(object)) this.#write('ADDED', object);
    }
    // Also of a watch without a version that does not ask for it.
    if (options.allowWatchBookmarks) {
      this.#bookmark({ annotations: { 'k8s.io/initial-events-end': 'true' } });
    }
  }

  #replay(from: number): void {
    const { selection } = this.#request;
    const prefix = onlyKey(selection) ?? keyPrefix(selection);
    for (const event of this.#context.store.since(from)) {
      const { storage, key } = event;
      if (storage !== selection.resource.storage || !key.startsWith(prefix)) continue;
      const change = changeFor(event, selection);
      if (change) this.#write(change.type, change.object);
    }
  }

  #tell(event: StoreEvent, lines: Map<string, string>): void {
    if (this.#over || event.revision <= this.#seen) return;
    const { selection, as } = this.#request;
    const change = changeFor(event, selection);
    if (!change) return;
    const now = this.#context.clock.wall();
    this.#sink.write(sharedLine(change, as, this.#isFirst, now, lines));
    this.#isFirst = false;
  }

  #write(type: string, object: KubeObject): void {
    const now = this.#context.clock.wall();
    const shown = representChange(object, this.#request.as, this.#isFirst, now);
    this.#sink.write(lineOf(type, shown));
    this.#isFirst = false;
  }

  /** Tells the current version, so that the client can go on from there. */
  #bookmark(extra: object = {}): void {
    const { resource } = this.#request.selection;
    const empty = typed(decode({}, resource.definition).value, resource);
    const resourceVersion = String(this.#context.store.revision);
    const object = withMetadata({ ...empty, metadata: {} }, { resourceVersion, ...extra });
    this.#write('BOOKMARK', object);
  }

  #scheduleBookmark(endsAt: number): void {
    const { clock } = this.#context;
    const left = endsAt - LAST_BOOKMARK_MS - clock.now();
    if (left <= 0) return;
    this.#cancelBookmark = clock.schedule(Math.min(left, BOOKMARK_EVERY_MS), () => {
      this.#bookmark();
      this.#scheduleBookmark(endsAt);
    });
  }

  /** The answer has begun: what is wrong becomes an event. */
  #refuse({ status }: StatusError): void {
    this.#sink.write(lineOf('ERROR', status));
    this.#end();
  }
}
