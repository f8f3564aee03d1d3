import { LeaseholdError } from './errors.ts';
import { ROLE_LABEL } from './lease.ts';
import type { Lease } from './lease.ts';

/** What a Lease of role `state` says, as `key=value` pairs parted by single spaces. */
export const STATE_ANNOTATION = 'leasehold.dev/state';
/** Of each writer its last write: `applied.leasehold.dev/<writer>`. */
const APPLIED_PREFIX = 'applied.leasehold.dev/';
/** Who has arrived at a barrier: `party.leasehold.dev/<attempt id>`. */
export const PARTY_PREFIX = 'party.leasehold.dev/';
export const STATE_ROLE = 'state';
/** So many writers are remembered in the record at most. */
const MOST_APPLIED = 64;

const STATE_VERSION = 1;
const OF_ANY_KIND: readonly string[] = ['v', 'kind', 'writes', 'forgotten'];

/** What one writer has written last, kept so that it finds out itself when its answer was lost. */
export interface Applied {
  /** The writer's own count of its writes. */
  readonly sequence: number;
  /** Which write of the record it was. */
  readonly at: number;
  /** The state before it, in the short form of its kind: results are worked out from it again. */
  readonly from: string;
}

/** A Lease of role `state`, read. */
export interface StateRecord {
  readonly lease: Lease;
  readonly uid: string;
  /** `counter`, `latch`, `barrier`, ... */
  readonly kind: string;
  /** All pairs, also those that are not known. */
  readonly fields: ReadonlyMap<string, string>;
  /** How often it was written since it was made. */
  readonly writes: number;
  /** Of writers whose last write was this one or an earlier one, nothing may be remembered. */
  readonly forgotten: number;
  readonly applied: ReadonlyMap<string, Applied>;
}

/**
 * Reads a state.
 *
 * @throws LeaseholdError `FOREIGN_LEASE` when the Lease is none of leasehold; `UNREADABLE_RECORD` when
 * it is one that cannot be read
 */
export function parseState(lease: Lease): StateRecord {
  const { name, uid = '', labels, annotations = {} } = lease.metadata;
  const role = labels?.[ROLE_LABEL];
  if (role !== STATE_ROLE || lease.spec?.strategy) {
    throw new LeaseholdError(
      'FOREIGN_LEASE',
      `Lease ${name} exists and belongs to something else (${role === undefined ? `no label ${ROLE_LABEL}=${STATE_ROLE}` : `${ROLE_LABEL}=${role}`}): use another name, or delete that Lease if nobody needs it`,
    );
  }
  const fields = pairsOf(annotations[STATE_ANNOTATION] ?? '');
  const version = count(fields?.get('v'));
  if (version !== undefined && version > STATE_VERSION) {
    throw unreadable(name, 'was written by a newer version of leasehold: update this program');
  }
  const kind = fields?.get('kind') ?? '';
  const writes = count(fields?.get('writes') ?? '0');
  const forgotten = count(fields?.get('forgotten') ?? '0');
  if (!fields || version === undefined || kind === '') throw unreadableState(name);
  if (writes === undefined || forgotten === undefined) throw unreadableState(name);
  const applied = new Map<string, Applied>();
  let isGarbled = false;
  for (const [key, text] of Object.entries(annotations)) {
    if (!key.startsWith(APPLIED_PREFIX)) continue;
    const entry = parseApplied(text);
    if (entry) applied.set(key.slice(APPLIED_PREFIX.length), entry);
    else isGarbled = true;
  }
  // Whose write it was is not known any more: nobody may conclude that it was not its own.
  return { lease, uid, kind, fields, writes, forgotten: isGarbled ? writes : forgotten, applied };
}

/** Whether it is meant to be one; not whether it can be read. */
export function isState({ metadata }: Lease): boolean {
  const isMeant = metadata.annotations?.[STATE_ANNOTATION] !== undefined;
  return isMeant && metadata.labels?.[ROLE_LABEL] === STATE_ROLE;
}

/** In words, for people: such as `counter`, `42`. */
export function describeState({ kind, fields, lease }: StateRecord): string {
  const field = (key: string): string => fields.get(key) ?? '?';
  switch (kind) {
    case 'counter':
      return field('value');
    case 'latch':
      return fields.get('left') === '0' ? 'open' : `${field('left')} of ${field('count')} left`;
    case 'barrier': {
      if (fields.get('broken') === '1') return 'broken';
      const keys = Object.keys(lease.metadata.annotations ?? {});
      const arrived = keys.filter((key) => key.startsWith(PARTY_PREFIX)).length;
      return `${String(arrived)} of ${field('parties')} arrived`;
    }
    default:
      return textOf(new Map([...fields].filter(([key]) => !OF_ANY_KIND.includes(key))));
  }
}

/**
 * The annotations of the record after one more write of `writer`.
 *
 * @param fields - what its kind says now; other pairs are kept
 * @param entries - the annotations below `prefix`, in place of those that are there
 */
export function writtenState(
  record: StateRecord,
  fields: Readonly<Record<string, string>>,
  entries: { readonly prefix: string; readonly texts: ReadonlyMap<string, string> } | undefined,
  writer: string,
  write: Omit<Applied, 'at'>,
): Record<string, string> {
  const at = record.writes + 1;
  const kept = new Map(record.applied).set(writer, { ...write, at });
  let { forgotten } = record;
  if (kept.size > MOST_APPLIED) {
    const oldest = [...kept].sort(([, a], [, b]) => a.at - b.at).slice(0, kept.size - MOST_APPLIED);
    for (const [dropped, entry] of oldest) {
      kept.delete(dropped);
      forgotten = Math.max(forgotten, entry.at);
    }
  }
  const others = Object.entries(record.lease.metadata.annotations ?? {}).filter(
    ([key]) => !key.startsWith(APPLIED_PREFIX) && !(entries && key.startsWith(entries.prefix)),
  );
  const pairs = new Map(record.fields);
  for (const [key, value] of Object.entries(fields)) pairs.set(key, value);
  pairs.set('writes', String(at)).set('forgotten', String(forgotten));
  const applied = [...kept].map(
    ([id, entry]) => [APPLIED_PREFIX + id, appliedText(entry)] as const,
  );
  const own = [...(entries?.texts ?? [])].map(([id, text]) => [
    `${entries?.prefix ?? ''}${id}`,
    text,
  ]);
  return Object.fromEntries([
    ...others,
    [STATE_ANNOTATION, textOf(pairs)],
    ...own,
    ...applied,
  ]) as Record<string, string>;
}

/** The value of the annotation of a state that nobody has written yet. */
export function newStateText(kind: string, fields: Readonly<Record<string, string>>): string {
  const head = { v: String(STATE_VERSION), kind };
  return textOf(new Map(Object.entries({ ...head, ...fields, writes: '0', forgotten: '0' })));
}

/** A whole number from 0 on that JavaScript can count to; undefined if it is none. */
export function count(text: string | undefined): number | undefined {
  if (text === undefined || !/^[0-9]{1,16}$/.test(text)) return undefined;
  const value = Number(text);
  return Number.isSafeInteger(value) ? value : undefined;
}

export function unreadableState(name: string): LeaseholdError {
  return unreadable(
    name,
    `cannot be read: correct its annotation ${STATE_ANNOTATION}, or delete the Lease to begin anew`,
  );
}

function unreadable(name: string, why: string): LeaseholdError {
  return new LeaseholdError('UNREADABLE_RECORD', `the state in Lease ${name} ${why}`);
}

function parseApplied(text: string): Applied | undefined {
  const pairs = pairsOf(text);
  const sequence = count(pairs?.get('seq'));
  const at = count(pairs?.get('at'));
  const from = pairs?.get('from');
  if (sequence === undefined || at === undefined || from === undefined) return undefined;
  return { sequence, at, from };
}

function appliedText({ sequence, at, from }: Applied): string {
  return `seq=${String(sequence)} at=${String(at)} from=${from}`;
}

function pairsOf(text: string): Map<string, string> | undefined {
  const pairs = new Map<string, string>();
  for (const pair of text.split(' ')) {
    const equals = pair.indexOf('=');
    const key = pair.slice(0, equals);
    if (equals <= 0 || pairs.has(key)) return undefined;
    pairs.set(key, pair.slice(equals + 1));
  }
  return pairs;
}

function textOf(pairs: ReadonlyMap<string, string>): string {
  return [...pairs].map(([key, value]) => `${key}=${value}`).join(' ');
}
