import { MARGIN } from '../../core/validity.ts';
import { isSilent } from '../../repair/release.ts';
import type { SessionState } from '../../repair/session-state.ts';
import { durationText } from '../output/text.ts';

/** Of the server's times. */
const RESOLUTION_MS = 1_000;

/**
 * How a session is, in a few words.
 *
 * @param silent - whether it does not renew; by its age if undefined
 */
export function sessionText(session: SessionState | undefined, silent?: boolean): string {
  switch (session?.state) {
    case undefined:
      return 'unknown, as the entry cannot be read';
    case 'missing':
      return 'missing: its Lease was deleted';
    case 'foreign':
      return 'unknown: the Lease of that name is no session';
    case 'blank':
      return 'revoked: dead for everybody';
    case 'present': {
      if (session.renewedAgo === undefined) return 'there; the server does not tell since when';
      const ago = seconds(session.renewedAgo);
      if (!(silent ?? isSilent(session))) return `still renews, ${ago} ago`;
      return `silent for ${ago} (ttl ${seconds(session.ttl)})`;
    }
  }
}

/** What a session is called in results for programs. */
export function sessionResult(session: SessionState | undefined): object | undefined {
  if (!session) return undefined;
  if (!('lease' in session)) return { state: session.state };
  const isOverdue = session.renewedAgo !== undefined && session.renewedAgo > session.ttl;
  return {
    state: session.state === 'blank' ? 'blank' : isOverdue ? 'overdue' : 'live',
    name: session.lease.metadata.name,
    process: session.identity === '' ? null : session.identity,
    ttlSeconds: session.ttl / 1_000,
    renewedAgoSeconds: session.renewedAgo === undefined ? null : session.renewedAgo / 1_000,
  };
}

/**
 * For how much longer a process that is cut off, or paused, may count on its locks: milliseconds
 * from its last renewal, less what has passed.
 */
export function mayHoldFor(session: SessionState): number {
  if (session.state !== 'present') return 0;
  const left = session.ttl * (1 - MARGIN) - (session.renewedAgo ?? 0) + RESOLUTION_MS;
  return session.renewedAgo !== undefined && left <= 0 ? 0 : Math.max(RESOLUTION_MS, left);
}

export function seconds(milliseconds: number): string {
  return durationText(Math.ceil(milliseconds / 1_000));
}
