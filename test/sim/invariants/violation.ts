/** What must hold, each by its name. */
export type Invariant =
  /** Nobody relies on a lock, or leads, after somebody else was granted it. */
  | 'overlap'
  /** Each grant of one name has a greater fencing token than all before it. */
  | 'fence'
  /** A resource that checks fences accepts no writer after one that was granted later, and no other is refused. */
  | 'stale-write'
  /** A record names one holder. */
  | 'two-holders'
  /** Who is granted was first in the queue of those who stay in it. */
  | 'queue-order'
  /** Nobody removes an entry that a living process stands for. */
  | 'dropped'
  /** Nobody revokes a session on which its process still relies. */
  | 'revoked'
  /** What others have put on a Lease is kept. */
  | 'kept'
  /** An entry names a session whose creation was confirmed to its process. */
  | 'unconfirmed'
  /** An election counts each change of its leader, once. */
  | 'transitions'
  /** Whoever waits is served once nothing fails any more. */
  | 'stuck'
  /** Whose lock was taken by hand learns of it. */
  | 'steal-unnoticed'
  /** And soon, where little has failed. */
  | 'slow-recovery'
  /** What belongs to others is left alone. */
  | 'foreign'
  /** Only who was part of a deadlock is refused for one. */
  | 'refused'
  /** A leader ends its work when somebody asks for that who means its term, and for nobody else. */
  | 'asked'
  /** What is seen as a leader's value is what this leader has published in this term. */
  | 'foreign-value'
  /** No tick of a schedule is begun twice, nor one after a later one. */
  | 'tick-twice'
  /** While nothing fails no tick is left out. */
  | 'tick-missed'
  /** What is added to a counter, and counted down from a latch, is counted once. */
  | 'counted-once'
  /** Nobody passes a latch or a barrier before what it waits for has come about. */
  | 'passed-early'
  /** Nobody counts as arrived at a barrier who has given up. */
  | 'arrived-late'
  /** After its end a process leaves no Lease, no watch and no timer. */
  | 'left-behind';

/** Something that must hold does not. */
export class Violation extends Error {
  override readonly name = 'Violation';
  readonly invariant: Invariant;

  constructor(invariant: Invariant, message: string) {
    super(message);
    this.invariant = invariant;
  }
}
