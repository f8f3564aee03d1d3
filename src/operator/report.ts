import type { Entry } from '../core/entry.ts';
import type { Proof } from './death.ts';
import type { SessionRef } from './lock-index.ts';
import type { TermEnd } from './term-proof.ts';

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
