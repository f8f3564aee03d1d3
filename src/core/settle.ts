import { FORMAT_VERSION, sinceText, withField } from './entry.ts';
import type { Entry } from './entry.ts';
import type { Lease } from './lease.ts';
import { mayHoldBeside } from './mode.ts';
import { HOLDER_PREFIX, NEVER_LAPSES, QUEUE_PREFIX } from './record.ts';
import type { LockRecord } from './record.ts';

/** What to do to a lock record, always under the condition that it is still the one read. */
export type Settlement =
  | { readonly action: 'none' }
  | { readonly action: 'delete' }
  | {
      readonly action: 'write';
      /**
       * Annotations to set, or with null to remove. Those of `granted` lack `since`, as this function
       * has no clock.
       */
      readonly annotations: Readonly<Record<string, string | null>>;
      readonly holderIdentity: string;
      readonly granted: readonly Entry[];
      readonly dropped: readonly Entry[];
    };

/**
 * The next state of a lock: drops what is dead or leaving, grants from the head of the queue what
 * may be granted, and asks for deletion when nobody is left. A pure function, so that releaser,
 * waiter and operator arrive at the same state; the compare-and-swap on `record.version` then lets
 * exactly one of them write it.
 *
 * @param isDead - whether the entry's session is proven dead, or the entry is void
 * @param leaving - the attempt that gives up its own entry
 */
export function settle(
  record: LockRecord,
  isDead: (entry: Entry) => boolean,
  leaving?: string,
): Settlement {
  const goes = (entry: Entry): boolean =>
    entry.id === leaving || (entry.version <= FORMAT_VERSION && isDead(entry));
  const annotations: Record<string, string | null> = {};
  const dropped: Entry[] = [];
  const drop = (prefix: string, entry: Entry): void => {
    annotations[prefix + entry.id] = null;
    dropped.push(entry);
  };

  const holders: Entry[] = [];
  for (const entry of record.holders) {
    if (goes(entry)) drop(HOLDER_PREFIX, entry);
    else holders.push(entry);
  }

  const granted: Entry[] = [];
  let waiting = 0;
  const held = new Set(record.holders.map((entry) => entry.id));
  const blocked = record.unreadableHolders.length > 0;
  for (const entry of record.queue) {
    const isGranted = held.has(entry.id) && entry.version <= FORMAT_VERSION;
    if (isGranted || goes(entry)) {
      drop(QUEUE_PREFIX, entry);
    } else if (waiting === 0 && !blocked && mayHoldBeside(holders, entry, record.resized)) {
      annotations[QUEUE_PREFIX + entry.id] = null;
      holders.push(entry);
      granted.push(entry);
    } else {
      waiting += 1;
    }
  }

  if (holders.length === 0 && waiting === 0 && !blocked && !record.resized) {
    return { action: 'delete' };
  }
  if (Object.keys(annotations).length === 0) return { action: 'none' };
  for (const entry of granted) {
    // The version that this write will get is at least one more than the one it is conditioned on.
    const fence = String(record.version + 1n);
    const asked = withField(withField(entry.text, 'seen', undefined), 'since', undefined);
    annotations[HOLDER_PREFIX + entry.id] = withField(asked, 'fence', fence);
  }
  for (const entry of holders) {
    if (granted.includes(entry) || entry.fence !== undefined) continue;
    if (entry.version > FORMAT_VERSION) continue;
    // A creator does not know its fence when it writes; stamped here for people to read.
    annotations[HOLDER_PREFIX + entry.id] = withField(entry.text, 'fence', String(record.version));
  }
  return {
    action: 'write',
    annotations,
    holderIdentity: holderIdentityOf(holders),
    granted,
    dropped,
  };
}

/** The record as it was read, with what the settlement changes: all else on the Lease is kept. */
export function settledLease(
  record: LockRecord,
  settlement: Extract<Settlement, { action: 'write' }>,
  now: string,
): Lease {
  const { metadata, spec, ...rest } = record.lease;
  const annotations = { ...metadata.annotations };
  for (const [key, value] of Object.entries(settlement.annotations)) {
    if (value === null) Reflect.deleteProperty(annotations, key);
    else annotations[key] = value;
  }
  for (const { id } of settlement.granted) {
    const key = HOLDER_PREFIX + id;
    annotations[key] = withField(annotations[key] ?? '', 'since', sinceText(now));
  }
  const granted = settlement.granted.length > 0;
  return {
    ...rest,
    metadata: { ...metadata, annotations },
    spec: {
      ...spec,
      holderIdentity: settlement.holderIdentity,
      renewTime: now,
      ...(granted ? { acquireTime: now, leaseTransitions: (spec?.leaseTransitions ?? 0) + 1 } : {}),
    },
  };
}

/** The record with nobody in it. */
export function emptiedLease(record: LockRecord, now: string): Lease {
  const { metadata, spec, ...rest } = record.lease;
  const kept = Object.entries(metadata.annotations ?? {}).filter(
    ([key]) => !key.startsWith(HOLDER_PREFIX) && !key.startsWith(QUEUE_PREFIX),
  );
  return {
    ...rest,
    metadata: { ...metadata, annotations: Object.fromEntries(kept) },
    spec: { ...spec, holderIdentity: '', renewTime: now },
  };
}

/** What `kubectl get lease` shows: the first holder's session, and how many more there are. */
export function holderIdentityOf(holders: readonly Entry[]): string {
  const first = holders[0];
  if (!first) return '';
  return holders.length === 1 ? first.session : `${first.session} +${String(holders.length - 1)}`;
}

/** The spec of a lock that a creator holds. */
export function lockSpec(session: string, now: string): Record<string, string | number> {
  return {
    holderIdentity: session,
    leaseDurationSeconds: NEVER_LAPSES,
    acquireTime: now,
    renewTime: now,
    leaseTransitions: 0,
  };
}
