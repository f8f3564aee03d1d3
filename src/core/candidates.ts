import type { Entry } from './entry.ts';

/** Who stands for an election, or leads, and has said so: with the option `priority`. */
export interface Candidate {
  /** As it stands in the Lease while this candidate leads. */
  readonly identity: string;
  readonly priority: number;
}

/**
 * The record in which the candidates of an election are listed: a lock that they all share, so that
 * whatever sees to the entries of dead sessions sees to theirs.
 *
 * @param lease - the name of the election's Lease
 */
export function candidatesOf(lease: string): string {
  return `candidates of ${lease}`;
}

/** What the entry of a candidate says of it. */
export function candidateFields({ identity, priority }: Candidate): string {
  return `candidate=${encodeURIComponent(identity.toWellFormed())} priority=${String(priority)}`;
}

/** The candidate of an entry; undefined if it tells of none. */
export function candidateOf({ text }: Entry): Candidate | undefined {
  const fields = new Map<string, string>();
  for (const pair of text.split(' ')) {
    const equals = pair.indexOf('=');
    fields.set(pair.slice(0, equals), pair.slice(equals + 1));
  }
  const identity = decoded(fields.get('candidate') ?? '');
  const priority = Number(fields.get('priority') ?? Number.NaN);
  return identity && Number.isInteger(priority) ? { identity, priority } : undefined;
}

function decoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}

/** The best first. */
export function byPriority(a: Candidate, b: Candidate): number {
  return b.priority - a.priority || (a.identity < b.identity ? -1 : 1);
}
