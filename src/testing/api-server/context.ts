import type { Clock, Random } from '../../core/clock.ts';
import type { Store } from './store.ts';

/** What requests work on. */
export interface Context {
  readonly store: Store;
  readonly clock: Clock;
  readonly random: Random;
}

export function randomUuid(random: Random): string {
  const digit = (): string => Math.floor(random() * 16).toString(16);
  const digits = (count: number): string => Array.from({ length: count }, digit).join('');
  const variant = '89ab'[Math.floor(random() * 4)] ?? '8';
  return `${digits(8)}-${digits(4)}-4${digits(3)}-${variant}${digits(3)}-${digits(12)}`;
}

const SUFFIX_CHARACTERS = 'bcdfghjklmnpqrstvwxz2456789';

/** The five characters that make a name of `generateName`. */
export function randomSuffix(random: Random): string {
  const character = (): string =>
    SUFFIX_CHARACTERS[Math.floor(random() * SUFFIX_CHARACTERS.length)] ?? 'x';
  return Array.from({ length: 5 }, character).join('');
}
