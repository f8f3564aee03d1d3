import type { Mode } from '../core/mode.ts';
import type { LeaseName } from '../core/names.ts';
import type { Parts } from '../core/parts.ts';
import type { Session } from '../session/session.ts';
import type { Sessions } from '../session/sessions.ts';
import type { Deaths } from '../session/deaths.ts';
import type { LeaseApi } from '../kube/lease-api.ts';
import type { LeaseView } from '../kube/lease-view.ts';
import type { HoldWatches } from './hold-watches.ts';
import type { Progress } from './progress.ts';
import type { ToldDeadlocks } from './told-deadlocks.ts';

/** What the locks of one namespace share. */
export interface LockContext {
  readonly api: LeaseApi;
  readonly parts: Parts;
  readonly sessions: Sessions;
  readonly deaths: Deaths;
  readonly holdWatches: HoldWatches;
  readonly toldDeadlocks: ToldDeadlocks;
}

/** How a lock is to be held. */
export interface Ask {
  readonly mode: Mode;
  /** Of a semaphore: so many permits, of so many. */
  readonly weight?: number;
  readonly of?: number;
  /** What else its entry says: `key=value` pairs, parted by single spaces. */
  readonly more?: string;
}

/** One lock as this process sees it, and wants to hold it. */
export interface LockTarget {
  readonly context: LockContext;
  readonly name: LeaseName;
  readonly ask: Ask;
  readonly view: LeaseView;
  readonly progress: Progress;
}

/** One attempt to hold a lock: a session and an id of it that is used once. */
export interface Attempt {
  readonly session: Session;
  readonly id: string;
  /** A CREATE or join of unknown outcome was sent: it may take effect at any later time. */
  doubtful: boolean;
}

/** The right to hold: the record names the attempt as a holder. */
export interface Grant {
  readonly attempt: Attempt;
  /** The resourceVersion that the fencing token is made of. */
  readonly version: bigint;
  readonly how: 'created' | 'granted' | 'downgraded';
  /** How many local turns it has had, under another mode. */
  readonly turns?: bigint;
}
