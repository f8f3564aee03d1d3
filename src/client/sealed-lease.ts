import { crc32 } from 'node:zlib';
import type { Lease } from '../core/lease.ts';

/**
 * Where an announcement keeps the Lease that names what is in a slot of it.
 *
 * @param path - of the announcement
 */
export function leasePath(path: string, slot: number): string {
  return `${path}.${String(slot)}`;
}

/**
 * A Lease as a file of its own. Its writer may be killed in the middle of that: what is left of two
 * versions must not be read as one, or what the later one has would be lost in the next write.
 */
export function sealed(lease: Lease): string {
  const text = JSON.stringify(lease);
  return `${String(crc32(text))}\n${text}`;
}

/** Undefined when it was not written to its end. */
export function unsealed(file: string): Lease | undefined {
  const end = file.indexOf('\n');
  const text = file.slice(end + 1);
  return end > 0 && file.slice(0, end) === String(crc32(text))
    ? (JSON.parse(text) as Lease)
    : undefined;
}
