/** The rules about time that this model can drop, each by its sentence in docs/protocol.md. */
export const RULES = {
  fromSending: 'Validity counts from before the renewal was sent, not from its answer',
  fromItsOwnSending: 'A renewal whose answer was lost counts from its own sending',
  margin: 'Validity is 20 % shorter than the ttl',
  monotonic: 'A stepped wall clock does not lengthen validity',
  suspension: 'Suspending the machine counts as time passed',
  wholeTtl: 'A session is dead when it was unseen for a ttl',
  largestTtl: 'The ttl is the largest of entry and session',
  fromFirstSight: 'The ttl counts from the first sight of the last renewal, not of the session',
  notTheVersion: 'Unseen is the heartbeat, not the resourceVersion',
  ttlFromMissing: 'A missing session is dead a ttl after a read that found it so',
  serverClockIsNoProof:
    'Unseen by the clock of the server is no proof, only worth the wait for one',
} as const;

export type Rule = keyof typeof RULES;
