import type { Mode } from './mode.ts';

/**
 * One attempt's line in a lock record: an annotation `holder.leasehold.dev/<attempt id>` or
 * `queue.leasehold.dev/<attempt id>` whose value is `key=value` pairs parted by single spaces.
 */
export interface Entry {
  /** The attempt id: the session's suffix and a counter. */
  readonly id: string;
  /** The format's version. An entry of a newer one is waited for and never touched. */
  readonly version: number;
  readonly session: string;
  readonly sessionUid: string;
  /** Seconds. */
  readonly ttl: number;
  readonly mode: string;
  /** How many permits it is for; 1 unless its mode is `permit`. */
  readonly weight: number;
  /** In mode `permit`: how many permits there are, as its owner has it. */
  readonly of: number | undefined;
  /** In a queue: the resourceVersion that its owner first read, which orders the queue. */
  readonly seen: bigint | undefined;
  /** In a holder: the fencing token; absent until the creator's entry is rewritten. */
  readonly fence: bigint | undefined;
  /**
   * Since when it waits, or holds, by the clock of who wrote that: milliseconds since the epoch. For
   * people; nothing depends on it.
   */
  readonly since: number | undefined;
  /** The value as it was read, so that keys of others are kept. */
  readonly text: string;
}

export const FORMAT_VERSION = 1;
const MOST_TTL = 2_147_483_647;
const ID = /^[0-9a-z]+-[0-9]+$/;

/** The attempt id of a session's n-th attempt. */
export function attemptId(sessionSuffix: string, counter: number): string {
  return `${sessionSuffix}-${String(counter)}`;
}

/** The value of the annotation of a new attempt that waits (`seen`) or holds. */
export function formatEntry(entry: {
  session: string;
  sessionUid: string;
  ttl: number;
  mode: Mode;
  weight?: number | undefined;
  of?: number | undefined;
  /** What the member of a group says of itself: JSON without a space. */
  data?: string | undefined;
  seen?: bigint;
  /** For the guard. */
  principal?: string | undefined;
  /** A MicroTime. */
  since: string;
}): string {
  const seen = entry.seen === undefined ? '' : ` seen=${String(entry.seen)}`;
  const weight = entry.weight === undefined ? '' : ` weight=${String(entry.weight)}`;
  const of = entry.of === undefined ? '' : ` of=${String(entry.of)}`;
  const data = entry.data === undefined ? '' : ` data=${entry.data}`;
  const principal = entry.principal === undefined ? '' : ` principal=${entry.principal}`;
  const since = ` since=${sinceText(entry.since)}`;
  return `v=${String(FORMAT_VERSION)} session=${entry.session} uid=${entry.sessionUid} ttl=${String(entry.ttl)} mode=${entry.mode}${weight}${of}${data}${principal}${seen}${since}`;
}

/** The value of `since` for a MicroTime: to the second, as each byte goes to all that watch the lock. */
export function sinceText(microTime: string): string {
  return `${microTime.slice(0, 19)}Z`;
}

/** The value with one pair set, or removed when `value` is undefined; all other pairs are kept. */
export function withField(text: string, key: string, value: string | undefined): string {
  const pairs = text.split(' ').filter((pair) => !pair.startsWith(`${key}=`));
  if (value !== undefined) pairs.push(`${key}=${value}`);
  return pairs.join(' ');
}

/** The entry of an annotation, or undefined when it cannot be read. */
export function parseEntry(id: string, text: string): Entry | undefined {
  const fields = new Map<string, string>();
  for (const pair of text.split(' ')) {
    const equals = pair.indexOf('=');
    if (equals <= 0) return undefined;
    const key = pair.slice(0, equals);
    if (fields.has(key)) return undefined;
    fields.set(key, pair.slice(equals + 1));
  }
  const version = positiveInteger(fields.get('v'));
  if (version === undefined || !ID.test(id)) return undefined;
  const session = fields.get('session') ?? '';
  const sessionUid = fields.get('uid') ?? '';
  const ttl = positiveInteger(fields.get('ttl'));
  const mode = fields.get('mode') ?? '';
  const permits = permitsOf(mode, fields.get('weight'), fields.get('of'));
  const seen = bigInteger(fields.get('seen'));
  const fence = bigInteger(fields.get('fence'));
  const since = Date.parse(fields.get('since') ?? '');
  const readable =
    session !== '' && sessionUid !== '' && ttl !== undefined && mode !== '' && permits;
  if (version <= FORMAT_VERSION && !readable) return undefined;
  if (seen === null || fence === null) return undefined;
  return {
    id,
    version,
    session,
    sessionUid,
    ttl: ttl ?? MOST_TTL,
    mode,
    ...(permits ?? { weight: 1, of: undefined }),
    seen,
    fence,
    since: Number.isNaN(since) ? undefined : since,
    text,
  };
}

/** Undefined when they are no numbers, or when there are not so many. */
function permitsOf(
  mode: string,
  weightText: string | undefined,
  ofText: string | undefined,
): Pick<Entry, 'weight' | 'of'> | undefined {
  if (mode !== 'permit') return { weight: 1, of: undefined };
  const weight = weightText === undefined ? 1 : positiveInteger(weightText);
  const of = positiveInteger(ofText);
  return weight !== undefined && of !== undefined && weight <= of ? { weight, of } : undefined;
}

function positiveInteger(text: string | undefined): number | undefined {
  if (text === undefined || !/^[1-9][0-9]{0,9}$/.test(text)) return undefined;
  const value = Number(text);
  return value <= MOST_TTL ? value : undefined;
}

/** Undefined when absent, null when it is there and no number. */
function bigInteger(text: string | undefined): bigint | undefined | null {
  if (text === undefined) return undefined;
  return /^[0-9]{1,20}$/.test(text) ? BigInt(text) : null;
}
