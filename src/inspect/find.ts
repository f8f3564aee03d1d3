import { leaseName } from '../core/names.ts';
import type { Facts } from './facts.ts';

const ORDER: readonly Facts['kind'][] = [
  'lock',
  'election',
  'schedule',
  'state',
  'session',
  'other',
];
const MOST_SUGGESTIONS = 3;

/** Whether people may mean this Lease by that name: its own, or what its users call it. */
export function isNamed(facts: Pick<Facts, 'name' | 'lease'>, name: string): boolean {
  return facts.name === name || facts.lease === name || facts.lease === leaseName(name).lease;
}

/** What has this name: a lock before an election before a session before anything else. */
export function findNamed(facts: readonly Facts[], name: string): Facts | undefined {
  const named = facts.filter((one) => isNamed(one, name));
  return named.sort((a, b) => ORDER.indexOf(a.kind) - ORDER.indexOf(b.kind))[0];
}

/** Names that may have been meant: of few other letters, or of which this one is a part. */
export function nearNames(facts: readonly Facts[], name: string): string[] {
  const wanted = name.toLowerCase();
  const near: { readonly name: string; readonly distance: number }[] = [];
  for (const one of facts) {
    const have = one.name.toLowerCase();
    const isPart = wanted.length > 2 && have.includes(wanted);
    const most = Math.max(1, Math.floor(wanted.length / 3));
    const distance = isPart ? 0 : editDistance(wanted, have, most);
    if (distance <= most && one.kind !== 'other') near.push({ name: one.name, distance });
  }
  near.sort((a, b) => a.distance - b.distance || a.name.length - b.name.length);
  return [...new Set(near.map((one) => one.name))].slice(0, MOST_SUGGESTIONS);
}

/** How many letters to insert, remove or replace; any number above `most` if it is more. */
function editDistance(a: string, b: string, most: number): number {
  if (Math.abs(a.length - b.length) > most) return most + 1;
  let previous = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let row = 1; row <= a.length; row += 1) {
    const current = [row];
    for (let column = 1; column <= b.length; column += 1) {
      const replaced = (previous[column - 1] ?? 0) + (a[row - 1] === b[column - 1] ? 0 : 1);
      const removed = (previous[column] ?? 0) + 1;
      const inserted = (current[column - 1] ?? 0) + 1;
      current.push(Math.min(replaced, removed, inserted));
    }
    previous = current;
  }
  return previous[b.length] ?? 0;
}
