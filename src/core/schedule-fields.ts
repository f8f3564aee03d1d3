/** Readers of the fields of an object of JSON that anybody may have edited: each throws when it is not so. */

export function objectOf(value: unknown): Readonly<Record<string, unknown>> {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return { ...value };
  throw new TypeError('it is no object');
}

export function text(value: unknown): string {
  if (typeof value === 'string' && value !== '') return value;
  throw new TypeError('it is no text');
}

export function whole(value: unknown): number {
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0) return value;
  throw new TypeError('it is no whole number');
}

/** Milliseconds since the epoch, of RFC 3339. */
export function moment(value: unknown): number {
  const time = Date.parse(text(value));
  if (!Number.isNaN(time)) return time;
  throw new TypeError('it is no moment');
}

export function optional<T>(value: unknown, read: (value: unknown) => T): T | undefined {
  return value === undefined || value === null ? undefined : read(value);
}
