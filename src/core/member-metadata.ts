import type { Entry } from './entry.ts';

/** What a member of a group tells the others of itself, such as its address or version. */
export type MemberMetadata = Readonly<Record<string, string | number | boolean>>;

/**
 * What the entry of a member says of it; undefined of an entry that is no member's. What cannot be read of it
 * is left out.
 */
export function metadataOf({ text }: Entry): MemberMetadata | undefined {
  const field = text.split(' ').find((pair) => pair.startsWith('data='));
  if (field === undefined) return undefined;
  try {
    const parsed: unknown = JSON.parse(field.slice('data='.length));
    if (typeof parsed !== 'object' || parsed === null) return {};
    return Object.fromEntries(Object.entries(parsed).filter(([, value]) => isPlain(value)));
  } catch {
    return {};
  }
}

/** Whether it is an object of plain values. */
export function isMetadata(metadata: unknown): metadata is MemberMetadata {
  if (typeof metadata !== 'object' || metadata === null || Array.isArray(metadata)) return false;
  return Object.values(metadata).every(isPlain);
}

function isPlain(value: unknown): value is string | number | boolean {
  return typeof value === 'string' || typeof value === 'boolean' || Number.isFinite(value);
}
