import type { KubeObject } from './object.ts';
import { withMetadata } from './object.ts';
import { representChange } from './representation.ts';
import type { Representation } from './representation.ts';
import { onlyKey } from './selection.ts';
import type { Selection } from './selection.ts';
import type { Store, StoreEvent } from './store.ts';

/** The lines that one change has become so far: each is written once, however many watch. */
type Lines = Map<string, string>;

export interface Watcher {
  readonly selection: Selection;
  /** @param lines - shared by all that the same change is told to */
  tell(event: StoreEvent, lines: Lines): void;
}

/**
 * Tells every change to those who watch it, and asks nobody else: watches are found by the name, the
 * namespace or the resource that they are about.
 */
export class WatchHub {
  readonly #watchers = new Map<string, Set<Watcher>>();
  #count = 0;

  constructor(store: Store) {
    store.subscribe((event) => this.#tell(event));
  }

  /** How many watches are open. */
  get count(): number {
    return this.#count;
  }

  /** Tells `watcher` of changes until the returned function is called. */
  add(watcher: Watcher): () => void {
    const topic = topicOf(watcher.selection);
    const watchers = this.#watchers.get(topic) ?? new Set();
    this.#watchers.set(topic, watchers);
    watchers.add(watcher);
    this.#count += 1;
    return () => {
      if (!watchers.delete(watcher)) return;
      this.#count -= 1;
      if (watchers.size === 0 && this.#watchers.get(topic) === watchers) {
        this.#watchers.delete(topic);
      }
    };
  }

  #tell(event: StoreEvent): void {
    const { storage, key } = event;
    const slash = key.indexOf('/');
    const topics = [`${storage} ${key}`, `${storage} `];
    if (slash !== -1) topics.splice(1, 0, `${storage} ${key.slice(0, slash + 1)}`);
    const lines: Lines = new Map();
    for (const topic of topics) {
      for (const watcher of [...(this.#watchers.get(topic) ?? [])]) watcher.tell(event, lines);
    }
  }
}

function topicOf(selection: Selection): string {
  const { resource, namespace } = selection;
  const key = onlyKey(selection) ?? (namespace === undefined ? '' : `${namespace}/`);
  return `${resource.storage} ${key}`;
}

export type ChangeType = StoreEvent['type'];

/** A change as the selection sees it: what begins to match is added, what ceases to is deleted. */
export function changeFor(
  event: StoreEvent,
  selection: Selection,
): { type: ChangeType; object: KubeObject } | undefined {
  const { object, previous, revision } = event;
  const isIn = event.type !== 'DELETED' && selection.matches(object);
  const wasIn = previous !== undefined && selection.matches(previous);
  if (isIn) return { type: wasIn ? 'MODIFIED' : 'ADDED', object };
  if (!wasIn) return undefined;
  const last = event.type === 'DELETED' ? object : previous;
  return { type: 'DELETED', object: withMetadata(last, { resourceVersion: String(revision) }) };
}

export function lineOf(type: string, object: object): string {
  return `${JSON.stringify({ type, object })}\n`;
}

/** The line of a change in this representation, from `lines` if it is there already. */
export function sharedLine(
  change: { type: ChangeType; object: KubeObject },
  as: Representation,
  isFirst: boolean,
  now: number,
  lines: Lines,
): string {
  const key = `${change.type} ${as.resource.group} ${as.form} ${as.rowObject} ${String(isFirst)}`;
  let line = lines.get(key);
  if (line === undefined) {
    line = lineOf(change.type, representChange(change.object, as, isFirst, now));
    lines.set(key, line);
  }
  return line;
}
