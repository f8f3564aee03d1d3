import type { Entry } from '../core/entry.ts';
import type { Doubt } from './agreement.ts';
import type { ContainerEnd, Proof } from './death.ts';
import type { SessionRef } from './lock-index.ts';
import type { TermEnd } from './term-proof.ts';

/** A Pod to tell something to. */
export interface PodRef {
  readonly name: string;
  readonly uid: string;
}

/** What a queue stands behind: the session of the holder as it was read, or no holder. */
export type StuckBehind = 'alive' | 'silent' | 'blank' | 'missing' | 'nobody' | 'unreadable';

/** What the operator has done or found, for its logs, metrics and Events. */
export type Report =
  | {
      readonly type: 'revoked';
      readonly session: SessionRef;
      /** The kind of evidence. */
      readonly by: 'container-terminated' | 'silent';
      /** Of a container that terminated. */
      readonly proof: Proof | undefined;
      /** Milliseconds from the report of the death to the session being blank, on our clock. */
      readonly tookMs: number;
    }
  | {
      readonly type: 'settled';
      readonly namespace: string;
      readonly lock: string;
      readonly lockUid: string;
      /** Who holds it now; nobody if the lock is gone. */
      readonly holders: readonly Pick<Entry, 'id' | 'session'>[];
      /** For whose death, if that was the occasion. */
      readonly session: SessionRef | undefined;
      readonly proof: Proof | undefined;
      /** Whether the dead session held it; else it waited. */
      readonly held: boolean;
      readonly tookMs: number;
    }
  | {
      /** The Lease of an election, for its leader that has ended. */
      readonly type: 'released';
      readonly namespace: string;
      readonly lease: string;
      readonly leaseUid: string;
      readonly proof: TermEnd;
      readonly tookMs: number;
    }
  | {
      /** A Pod got the label of a leader, or lost it. */
      readonly type: 'leader-label';
      readonly change: 'set' | 'removed';
      readonly namespace: string;
      readonly pod: string;
      /** As the label's value has it. */
      readonly election: string;
    }
  /** A lock was granted after a long wait. */
  | {
      readonly type: 'acquired';
      readonly namespace: string;
      readonly lock: string;
      readonly lockUid: string;
      /** Its name. */
      readonly session: string;
      readonly pod: PodRef | undefined;
      readonly waitedMs: number;
    }
  /** A holder lost a lock that it had not released, by others than this operator. */
  | {
      readonly type: 'lost';
      /**
       * `expired`: its waiters had not seen its session renewed for a ttl. `ended`: so its supervisor
       * told. `stolen`: somebody took it away.
       */
      readonly how: 'expired' | 'ended' | 'stolen';
      /** The field manager of that write, where it is known. */
      readonly by: string;
      readonly namespace: string;
      readonly lock: string;
      readonly lockUid: string;
      readonly session: SessionRef;
      readonly pod: PodRef | undefined;
      readonly holders: readonly Pick<Entry, 'id' | 'session'>[];
    }
  /** A queue does not move. */
  | {
      readonly type: 'stuck';
      readonly namespace: string;
      readonly lock: string;
      readonly lockUid: string;
      /** The name of the session that is next. */
      readonly session: string;
      readonly pod: PodRef | undefined;
      readonly waiting: number;
      readonly standsMs: number;
      readonly behind: StuckBehind;
      /** The name of the session of the holder. */
      readonly holder: string | undefined;
    }
  /**
   * The container of a session, or of a leader, has ended, but the clocks of its node and of the server do
   * not agree: its duration decides.
   */
  | {
      readonly type: 'doubtful';
      readonly namespace: string;
      readonly lease: string;
      readonly holder: string;
      readonly why: Doubt;
      readonly proof: ContainerEnd;
    }
  | { readonly type: 'deleted'; readonly session: SessionRef }
  | { readonly type: 'failed'; readonly what: string; readonly error: unknown }
  | {
      readonly type: 'orphan';
      readonly namespace: string;
      readonly lease: string;
      readonly holder: string;
      readonly silentMs: number;
    };

export type Reporter = (report: Report) => void;
