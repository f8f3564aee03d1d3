import type { Outcome } from './outcome.ts';
import type { Requests } from './transport.ts';

/** All objects of a kind, in one namespace or in all. */
export interface Collection {
  /** Such as `/api/v1/namespaces/default/pods`. */
  readonly path: string;
  /** A label selector; all objects if undefined. */
  readonly selector?: string | undefined;
}

/** What every object has. */
export interface Listable {
  readonly metadata: { readonly resourceVersion?: string };
}

/** Objects as of one moment, or what was kept of each. */
export interface Collected<Kept> {
  readonly items: readonly Kept[];
  /** The server's clock when it answered first: milliseconds since the epoch. */
  readonly serverTime: number | undefined;
  /** From where a watch goes on. */
  readonly resourceVersion: string;
}

/** A list, read: what is none must not pass for an empty one. */
interface Page {
  readonly items: readonly Listable[];
  readonly resourceVersion: string;
  /** Where the next page begins; undefined after the last one. */
  readonly next: string | undefined;
}

/** As kubectl asks for: so much is in memory at a time, and an answer takes milliseconds. */
const PAGE_SIZE = 500;
const PAGE_DEADLINE_MS = 30_000;
/** A list that the server compacts away while it is read starts over, so many times. */
const MOST_RESTARTS = 3;
export const GONE = 410;

/**
 * Lists objects page by page and keeps of each what `keep` returns, so that not all of them are in
 * memory at a time. Sends one GET for 500 objects each.
 */
export async function collect<Kept>(
  requests: Requests,
  collection: Collection,
  keep: (item: Listable) => Kept,
  signal?: AbortSignal,
): Promise<Outcome<Collected<Kept>>> {
  for (let restarts = 0; ; restarts += 1) {
    const outcome = await collectOnce(requests, collection, keep, signal);
    const isExpired = outcome.kind === 'refused' && outcome.status === GONE;
    if (!isExpired || restarts === MOST_RESTARTS) return outcome;
  }
}

async function collectOnce<Kept>(
  requests: Requests,
  { path, selector }: Collection,
  keep: (item: Listable) => Kept,
  signal: AbortSignal | undefined,
): Promise<Outcome<Collected<Kept>>> {
  const items: Kept[] = [];
  let serverTime: number | undefined;
  let from: string | undefined;
  for (;;) {
    const outcome = await requests.request<unknown>({
      method: 'GET',
      path,
      query: {
        limit: String(PAGE_SIZE),
        ...(selector === undefined ? {} : { labelSelector: selector }),
        ...(from === undefined ? {} : { continue: from }),
      },
      deadline: PAGE_DEADLINE_MS,
      signal,
    });
    if (outcome.kind !== 'done') return outcome;
    serverTime ??= outcome.serverTime;
    try {
      const { resourceVersion, next, ...page } = pageOf(outcome.body);
      for (const item of page.items) items.push(keep(item));
      if (!next) return { kind: 'done', body: { items, serverTime, resourceVersion }, serverTime };
      if (next === from) throw new Error('a page of the list points to itself');
      from = next;
    } catch (error) {
      return { kind: 'unknown', sent: true, error, retryAfter: undefined };
    }
  }
}

/** @throws Error when it is no list */
function pageOf(body: unknown): Page {
  const { metadata, items } = body as { metadata?: unknown; items?: unknown };
  if (!isObject(metadata) || !(items === null || Array.isArray(items))) {
    throw new Error('what came is no list');
  }
  const { resourceVersion, continue: next = '' } = metadata;
  if (typeof resourceVersion !== 'string' || typeof next !== 'string') {
    throw new Error('the list does not tell its version');
  }
  const listed: readonly unknown[] = items ?? [];
  if (!listed.every(isListable)) throw new Error('the list contains what is no object');
  return { items: listed, resourceVersion, next: next === '' ? undefined : next };
}

function isListable(item: unknown): item is Listable {
  return isObject(item) && isObject(item.metadata);
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
