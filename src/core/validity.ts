/** The part of a ttl that is left unused, so that a holder's work can stop in time. */
export const MARGIN = 0.2;

/**
 * Until when, on the holder's own monotonic clock, a Lease may be relied on: counted from before
 * its last successful renewal was sent, less the margin.
 */
export function validUntil(sentAt: number, ttl: number, margin = ttl * MARGIN): number {
  return sentAt + ttl - margin;
}
