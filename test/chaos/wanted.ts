/** What a call may be for. */
export type Wanted =
  | { readonly kind: 'lock' | 'read-write lock'; readonly name: string }
  | { readonly kind: 'semaphore'; readonly name: string; readonly permits: number };

/** The only name whose holds that are alone are writes. */
export const READ_WRITE_LOCK = 'catalogue';

/**
 * How often each is chosen: one lock that all want, some that few want, and one whose Lease has another name;
 * one that some read and some write, and permits of a few.
 */
export const WANTED: readonly (readonly [Wanted, number])[] = [
  [{ kind: 'lock', name: 'hot' }, 6],
  [{ kind: 'lock', name: 'warm' }, 4],
  [{ kind: 'lock', name: 'Invoices of März' }, 3],
  [{ kind: 'lock', name: 'cool' }, 2],
  [{ kind: 'lock', name: 'cold' }, 1],
  [{ kind: 'read-write lock', name: READ_WRITE_LOCK }, 5],
  [{ kind: 'semaphore', name: 'gpus', permits: 4 }, 4],
];
