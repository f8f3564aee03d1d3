/**
 * The rules of the protocol that this model can drop, each by its sentence in docs/protocol.md. A
 * rule that can be dropped without harm is not needed, or not modelled: its mutant must be found.
 */
export const RULES = {
  attemptId: 'I hold if my attempt id is among the holders, not any entry of my session',
  validNow: 'I hold if my session is valid now, after the reading',
  endOfValidity: 'A hold is not relied on past the validity of its session',
  version: 'A settlement is written by compare-and-swap on the version that it was computed from',
  uid: 'Every PUT names the uid, as a PUT without one creates a Lease that is missing',
  revokeAfterTtl: 'A session is revoked when its owner cannot rely on it any more, no earlier',
  lostForGood: 'A session that was lost is never renewed again',
  missingIsNoProof: 'A missing session counts as dead a ttl after a read that found it so',
  exclusive: 'If nobody holds, the head of the queue becomes the holder; nobody else beside it',
  others: 'Other modes wait until those that hold have left',
  permits: 'Permits are granted up to their number',
  spent: 'Once a release has been sent, the entry is spent: no turn of the process on it',
  withdrawalLeavesHolder: 'A withdrawal removes a queue entry, and never a holder entry',
  patchAfterRelease: 'Without a version only an attempt is patched out whose release was sent',
  patchBoth: 'That patch removes the holder and the queue entry',
  patchQueue: 'A release that finds only its queue entry removes that',
  joinOnce: 'A CREATE or a join is not sent a second time by itself',
  void: 'An attempt that had a request of unknown outcome is disowned when it is over',
  voidIsDead: 'Everybody treats a void entry as dead',
  ownStrays: 'A process that reads a non-current id of its own session voids it at once',
  challenge: 'A waiter that stands behind a living holder for 2 ttl asks its owner',
  currentBeforeGrant: 'An id is current from its allocation, not only while it holds',
  currentWhileRequesting: 'An id is current from before its first request',
  currentWhileWaiting: 'An id is current while it waits, though no request of it is on its way',
  currentUntilRelease: 'An id is current until its release or cancel has been sent',
  settleDead: 'Whoever finds a holder dead settles',
  settleFree: 'Whoever finds that nobody holds settles',
  trySettles: 'A client that tries only once settles for dead holders',
  fenceGrant: 'Who grants on version r writes the fence r + 1',
  fenceRecreation: 'Fences grow across deletion and re-creation',
  fenceTurns: 'A local turn has a fence of its own',
  fenceTurnsLimit: 'When the local turns are used up, the process releases',
  allocated: 'Questions about ids that were never given out are ignored',
  directChild: 'A supervisor acts on the death of the very process that has the session',
  supervisorVersion: 'The settlement of a supervisor is a compare-and-swap, too',
  operatorProof: 'The operator acts only on the reported end of the container',
  operatorRun: 'The operator revokes a session that began in that run of the container',
  guardEmpties: 'Where the guard refuses to delete, the record is first written without anybody',
} as const;

export type Rule = keyof typeof RULES;

/** Which rules hold: all, but for the one that a mutant drops. */
export type Rules = Readonly<Record<Rule, boolean>>;

export function rulesWithout(dropped?: Rule): Rules {
  const entries = Object.keys(RULES).map((rule) => [rule, rule !== dropped]);
  return Object.fromEntries(entries) as Rules;
}
