import { FORMAT_VERSION } from './entry.ts';
import type { Entry } from './entry.ts';
import type { Resizing } from './permits.ts';

/**
 * How an entry holds, or wants to: alone; together with all others that share; or with so many of a
 * semaphore's permits. A mode that this version does not know holds alone.
 */
export type Mode = 'exclusive' | 'shared' | 'permit';

/** Whether an entry may hold beside those who do. */
export function mayHoldBeside(
  holders: readonly Entry[],
  entry: Entry,
  resized: Resizing | undefined,
): boolean {
  if (entry.version > FORMAT_VERSION) return false;
  const isAlike = (other: Entry): boolean =>
    other.version <= FORMAT_VERSION && other.mode === entry.mode && other.of === entry.of;
  if (entry.mode === 'shared') return holders.every(isAlike);
  if (entry.mode !== 'permit') return holders.length === 0;
  return holders.every(isAlike) && weightOf([...holders, entry]) <= limitOf(entry, resized);
}

/** Whether a lock of this name is a semaphore to one of them, and to the other not, or one of other size. */
export function contradicts(
  ask: { readonly mode: Mode; readonly of?: number },
  entry: Entry,
): boolean {
  if (entry.version > FORMAT_VERSION) return false;
  if (ask.mode !== 'permit' && entry.mode !== 'permit') return false;
  return entry.mode !== ask.mode || entry.of !== ask.of;
}

/** How many permits there are for those who agree with this entry about that. */
export function limitOf({ of }: Pick<Entry, 'of'>, resized: Resizing | undefined): number {
  return resized && resized.stated === of ? resized.limit : (of ?? 0);
}

/** The sum of their permits. */
export function weightOf(entries: readonly Entry[]): number {
  return entries.reduce((sum, { weight }) => sum + weight, 0);
}
