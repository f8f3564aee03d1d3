/** The number of permits of a semaphore, where it was changed in the record. */
export interface Resizing {
  /** How many may be held at a time. */
  readonly limit: number;
  /** What the programs say that it is, which they go on saying. */
  readonly stated: number;
}

const MOST_PERMITS = 1_000_000;

/** The value of the annotation. */
export function formatResizing({ limit, stated }: Resizing): string {
  return `limit=${String(limit)} stated=${String(stated)}`;
}

/** Undefined when it cannot be read. */
export function parseResizing(text: string): Resizing | undefined {
  const [, limit, stated] = /^limit=([0-9]{1,7}) stated=([1-9][0-9]{0,6})$/.exec(text) ?? [];
  if (limit === undefined || stated === undefined) return undefined;
  const resized = { limit: Number(limit), stated: Number(stated) };
  return Math.max(resized.limit, resized.stated) <= MOST_PERMITS ? resized : undefined;
}

/** Whether a semaphore can have so many permits, or one of its holders. */
export function isPermits(value: number | undefined): value is number {
  return Number.isSafeInteger(value) && Number(value) >= 1 && Number(value) <= MOST_PERMITS;
}

/** Whether the number of a semaphore's permits can be changed to this: to none, too. */
export function isLimit(value: number): boolean {
  return value === 0 || isPermits(value);
}

/** Whether both change the number alike, or neither does. */
export function isSameResizing(a: Resizing | undefined, b: Resizing | undefined): boolean {
  return a?.limit === b?.limit && a?.stated === b?.stated;
}
