import { FORMAT_VERSION } from '../core/entry.ts';
import type { Entry } from '../core/entry.ts';
import { LeaseholdError } from '../core/errors.ts';
import { microTime, NAME_ANNOTATION, PERMITS_ANNOTATION, ROLE_LABEL } from '../core/lease.ts';
import type { Lease } from '../core/lease.ts';
import { limitOf } from '../core/mode.ts';
import { leaseName } from '../core/names.ts';
import type { LeaseName } from '../core/names.ts';
import { formatResizing, isLimit, isPermits, isSameResizing } from '../core/permits.ts';
import type { Resizing } from '../core/permits.ts';
import { parseRecord } from '../core/record.ts';
import type { LockRecord } from '../core/record.ts';
import { lockSpec } from '../core/settle.ts';
import { isMissing } from '../kube/outcome.ts';
import { removeRecord } from '../kube/remove-record.ts';
import { errorOf } from '../kube/status-error.ts';
import { compareAndSwap } from './compare-and-swap.ts';
import type { Workshop } from './compare-and-swap.ts';
import { isKnownDead, readSession } from './session-state.ts';

/** A semaphore, as it was shown to whoever decides about its permits. */
export interface ShownSemaphore {
  readonly name: LeaseName;
  /** Undefined when there is no such Lease: nobody holds or waits. */
  readonly record: LockRecord | undefined;
  /** How many permits its programs say that there are. */
  readonly stated: number;
  /** How many there are for those programs. */
  readonly limit: number;
}

export type Resized =
  | {
      readonly kind: 'resized';
      /** As it is now, or, if it is gone, as it was. */
      readonly lease: Lease;
      /** There was no Lease. */
      readonly created: boolean;
      /** Its programs are right again and nobody is in it: the Lease is gone. */
      readonly deleted: boolean;
      /** False when the answer was lost: the number is that, by this or otherwise. */
      readonly confirmed: boolean;
    }
  /** It was so before. */
  | { readonly kind: 'already' }
  /** Somebody else has changed the number since it was shown: nothing was changed. */
  | { readonly kind: 'changed'; readonly resized: Resizing | undefined };

/** Not one by which the operator takes a write for the end of somebody's hold. */
const RESIZER = 'leasehold-resize';

/**
 * A semaphore, and what its programs state. Sends one GET; where those in it state different numbers,
 * GETs of sessions until it is known which of the numbers are those of the living.
 *
 * @param name - as its programs call it
 * @param stated - what they state, where the record does not tell, or where they disagree
 * @returns undefined when there is no such Lease and `stated` is not given
 * @throws LeaseholdError `INVALID_ARGUMENT` when `stated` is out of range, or is needed and not given;
 * `FOREIGN_LEASE` when it is no semaphore; or when it cannot be read
 */
export async function findSemaphore(
  workshop: Pick<Workshop, 'api'>,
  name: string,
  stated?: number,
): Promise<ShownSemaphore | undefined> {
  if (stated !== undefined && !isPermits(stated)) {
    throw outOfRange('what its programs state', 1, stated);
  }
  const named = leaseName(name);
  const read = await workshop.api.get(named.lease);
  if (isMissing(read)) {
    return stated === undefined
      ? undefined
      : { name: named, record: undefined, stated, limit: stated };
  }
  if (read.kind !== 'done') throw errorOf(read, `read semaphore ${name}`);
  const record = semaphoreOf(read.body, name);
  const of = stated ?? (await statedIn(workshop, record, name));
  return { name: named, record, stated: of, limit: limitOf({ of }, record.resized) };
}

/**
 * Changes how many permits of a semaphore may be held at a time. Takes nothing from those who hold, and
 * grants nothing: whoever waits watches the record and goes in when there is room.
 *
 * Sends one PUT, CREATE or DELETE, and nothing where the number is that already.
 *
 * @param permits - from 0, which lets nobody in any more, to 1,000,000; what its programs state takes
 * the change back
 * @throws LeaseholdError `INVALID_ARGUMENT`; `FOREIGN_LEASE` when it became something else meanwhile;
 * or when it cannot be done, or it is unknown whether it was
 */
export async function resize(
  workshop: Workshop,
  shown: ShownSemaphore,
  permits: number,
): Promise<Resized> {
  if (!isLimit(permits)) throw outOfRange('the number of permits', 0, permits);
  const { name, stated } = shown;
  const wanted = permits === stated ? undefined : { limit: permits, stated };
  return compareAndSwap<Resized>(workshop, name.lease, shown.record?.lease, (lease, inDoubt) => {
    const record = lease && semaphoreOf(lease, name.original);
    if (hasPermits(record, stated, permits)) {
      if (!inDoubt) return { result: { kind: 'already' } };
      return { result: outcomeOf(shown.record, lease, false) };
    }
    if (!isSameResizing(record?.resized, shown.record?.resized)) {
      return { result: { kind: 'changed', resized: record?.resized } };
    }
    return {
      write: () => write(workshop, name, record, wanted),
      done: (answer) => outcomeOf(record, isVanishing(record, wanted) ? undefined : answer, true),
    };
  });
}

/** Whether a semaphore already has so many permits for programs that state so many. */
export function hasPermits(
  record: LockRecord | undefined,
  stated: number,
  permits: number,
): boolean {
  const text = record?.lease.metadata.annotations?.[PERMITS_ANNOTATION];
  if (text === undefined || !record) return permits === stated;
  if (permits !== stated) return isSameResizing(record.resized, { limit: permits, stated });
  // One that cannot be read changes nothing, and goes; one for other programs is left to them.
  return record.resized !== undefined && record.resized.stated !== stated;
}

function write(
  workshop: Workshop,
  { lease, original }: LeaseName,
  record: LockRecord | undefined,
  wanted: Resizing | undefined,
) {
  const { api, clock } = workshop;
  const limits = { fieldManager: RESIZER };
  const changed = wanted ? { [PERMITS_ANNOTATION]: formatResizing(wanted) } : {};
  if (!record) {
    const named = lease === original ? {} : { [NAME_ANNOTATION]: original };
    const metadata = {
      name: lease,
      namespace: api.namespace,
      labels: { [ROLE_LABEL]: 'lock' },
      annotations: { ...changed, ...named },
    };
    return api.create({ metadata, spec: lockSpec('', microTime(clock.wall())) }, limits);
  }
  if (isVanishing(record, wanted)) {
    return removeRecord(workshop, record, RESIZER).then(({ outcome }) => outcome);
  }
  const { metadata } = record.lease;
  const { [PERMITS_ANNOTATION]: _, ...others } = metadata.annotations ?? {};
  const annotations = { ...others, ...changed };
  return api.replace({ ...record.lease, metadata: { ...metadata, annotations } }, limits);
}

/** Whether nothing is left that the record is there for. */
function isVanishing(record: LockRecord | undefined, wanted: Resizing | undefined): boolean {
  if (!record || wanted) return false;
  return record.holders.length + record.queue.length + record.unreadableHolders.length === 0;
}

/** @param answer - the Lease as it is now; undefined when there is none */
function outcomeOf(before: LockRecord | undefined, answer: unknown, confirmed: boolean): Resized {
  const now = answer as Lease | undefined;
  const lease = now ?? before?.lease;
  // What was neither there before nor is there now was not changed.
  if (!lease) return { kind: 'already' };
  return { kind: 'resized', lease, created: !before, deleted: !now, confirmed };
}

/** @throws LeaseholdError `FOREIGN_LEASE` when it is none */
function semaphoreOf(lease: Lease, name: string): LockRecord {
  const record = parseRecord(lease);
  const entries = entriesOf(record).filter(({ version }) => version <= FORMAT_VERSION);
  const [other] = entries;
  if (other && !entries.some(({ mode }) => mode === 'permit')) {
    throw new LeaseholdError(
      'FOREIGN_LEASE',
      `${name} is no semaphore: whoever is in it holds it, or waits for it, in mode ${other.mode}; only a semaphore has permits`,
    );
  }
  return record;
}

/** What the programs of a semaphore state, as far as its record tells. */
async function statedIn(
  workshop: Pick<Workshop, 'api'>,
  record: LockRecord,
  name: string,
): Promise<number> {
  const numbers = new Map<number, Entry[]>();
  for (const entry of entriesOf(record)) {
    if (entry.of !== undefined) numbers.set(entry.of, [...(numbers.get(entry.of) ?? []), entry]);
  }
  const [first, ...others] = numbers.keys();
  if (first !== undefined && others.length === 0) return first;
  if (first === undefined) {
    if (record.resized) return record.resized.stated;
    throw new LeaseholdError(
      'INVALID_ARGUMENT',
      `nobody in semaphore ${name} says how many permits its programs state: name that number (--stated)`,
    );
  }
  const living: { readonly of: number; readonly entry: Entry }[] = [];
  for (const [of, entries] of numbers) {
    const entry = await firstLiving(workshop, entries);
    if (entry) living.push({ of, entry });
  }
  const [only, another] = living;
  if (only && !another) return only.of;
  const told = living.map(({ of, entry }) => `${String(of)} (${entry.session})`);
  const known = told.length > 0 ? told : [...numbers.keys()].map(String);
  throw new LeaseholdError(
    'INVALID_ARGUMENT',
    `the programs of semaphore ${name} state different numbers of permits, ${known.join(' and ')}: name the one for which it is to be changed (--stated)`,
  );
}

async function firstLiving(
  workshop: Pick<Workshop, 'api'>,
  entries: readonly Entry[],
): Promise<Entry | undefined> {
  for (const entry of entries) {
    const session = await readSession(workshop, entry.session, entry.sessionUid);
    if (session.state === 'present' && !isKnownDead(session, entry.id)) return entry;
  }
  return undefined;
}

function entriesOf({ holders, queue }: LockRecord): Entry[] {
  return [...holders, ...queue];
}

function outOfRange(what: string, least: number, value: number): LeaseholdError {
  return new LeaseholdError(
    'INVALID_ARGUMENT',
    `${what} has to be a whole number from ${String(least)} to 1,000,000: it is ${String(value)}`,
  );
}
