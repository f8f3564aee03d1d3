import { pause } from '../core/clock.ts';
import {
  checkElection,
  isFree,
  released,
  resignRequest,
  termOf,
  withResignRequest,
} from '../core/election.ts';
import { LeaseholdError } from '../core/errors.ts';
import { microTime, ROLE_LABEL } from '../core/lease.ts';
import type { Lease } from '../core/lease.ts';
import { ASKER } from '../kube/lease-api.ts';
import { isMissing } from '../kube/outcome.ts';
import { errorOf, isTemporary } from '../kube/status-error.ts';
import { compareAndSwap } from './compare-and-swap.ts';
import type { Workshop } from './compare-and-swap.ts';

/** A term that somebody leads, as it was shown to whoever decides. */
export interface ShownTerm {
  readonly lease: Lease;
  /** Milliseconds since the server stored the last renewal, by its clock. */
  readonly serverTime: number | undefined;
}

export type FoundLeader =
  | { readonly kind: 'found'; readonly term: ShownTerm }
  /** No such Lease. */
  | { readonly kind: 'missing' }
  /** Nobody leads. */
  | { readonly kind: 'free'; readonly lease: Lease };

export type Asked =
  /** The Lease with the request, or given up by force. */
  | { readonly kind: 'written'; readonly lease: Lease }
  /** The term is over: `inDoubt` if that may be by this write, whose answer was lost. */
  | { readonly kind: 'over'; readonly lease: Lease | undefined; readonly inDoubt: boolean };

export type Awaited =
  | {
      readonly kind: 'resigned';
      /** Who leads now; undefined when nobody did until the end of the wait. */
      readonly lease: Lease | undefined;
    }
  | {
      readonly kind: 'still-leads';
      /** Whether it has renewed since it was asked. */
      readonly renewed: boolean;
    };

const LOOK_EVERY_MS = 200;

/**
 * Who leads. Sends one GET.
 *
 * @throws LeaseholdError `FOREIGN_LEASE` when it is a lock, a session, or an election that the API
 * server decides; or when it cannot be read
 */
export async function findLeader(workshop: Workshop, name: string): Promise<FoundLeader> {
  const read = await workshop.api.get(name);
  if (isMissing(read)) return { kind: 'missing' };
  if (read.kind !== 'done') throw errorOf(read, `read election ${name}`);
  const lease = read.body;
  const role = lease.metadata.labels?.[ROLE_LABEL];
  if (role !== undefined) {
    throw new LeaseholdError(
      'FOREIGN_LEASE',
      `Lease ${name} is a ${role} of leasehold and no election${role === 'lock' ? ': see leasehold release' : role === 'session' ? ': see leasehold revoke' : ''}`,
    );
  }
  checkElection(lease);
  if (typeof lease.spec?.leaseTransitions !== 'number') {
    throw new LeaseholdError(
      'FOREIGN_LEASE',
      `Lease ${name} does not count the changes of its leader (spec.leaseTransitions): it is the heartbeat of something, and no election`,
    );
  }
  if (isFree(lease)) return { kind: 'free', lease };
  return { kind: 'found', term: { lease, serverTime: read.serverTime } };
}

/**
 * Asks the leader of exactly this term to resign. By compare-and-swap: a later leader is not asked.
 *
 * @throws LeaseholdError when it cannot be done, or it is unknown whether it was
 */
export function askToResign(
  workshop: Workshop,
  term: ShownTerm,
  to: string | undefined,
): Promise<Asked> {
  return rewrite(workshop, term, (lease) => {
    const wanted = withResignRequest(lease, to);
    // Asked already, by an earlier try or by somebody else.
    const asked = resignRequest(lease);
    return asked && asked.transferTo === to ? undefined : wanted;
  });
}

/**
 * Gives up the Lease in the name of a leader, as client-go's own release does: without its knowing,
 * so that two may believe to lead until it notices.
 *
 * @throws LeaseholdError when it cannot be done, or it is unknown whether it was
 */
export function forceResign(
  workshop: Workshop,
  term: ShownTerm,
  to: string | undefined,
): Promise<Asked> {
  return rewrite(workshop, term, (lease) => released(lease, microTime(workshop.clock.wall()), to));
}

/**
 * Looks until the term is over, and then until somebody else leads. Sends a GET every 200 ms.
 *
 * @param asked - the Lease as it was after the request
 * @param timeout - milliseconds in all
 * @param settle - milliseconds for which a successor is waited for
 */
export async function awaitResignation(
  { api, clock }: Workshop,
  shown: ShownTerm,
  asked: Lease,
  times: { timeout: number; settle: number },
  signal?: AbortSignal,
): Promise<Awaited> {
  const until = clock.now() + times.timeout;
  let successorUntil: number | undefined;
  let renewed = false;
  for (;;) {
    const read = await api.get(asked.metadata.name, { signal });
    const now = clock.now();
    if (read.kind === 'done' && isSameTerm(read.body, shown.lease)) {
      renewed = read.body.spec?.renewTime !== asked.spec?.renewTime;
    } else if (read.kind === 'done' || isMissing(read)) {
      const lease = read.kind === 'done' ? read.body : undefined;
      successorUntil ??= Math.min(until, now + times.settle);
      const leads = lease !== undefined && !isFree(lease);
      if (leads || now >= successorUntil) {
        return { kind: 'resigned', lease: leads ? lease : undefined };
      }
    } else if (!isTemporary(read)) {
      throw errorOf(read, `read election ${asked.metadata.name}`);
    }
    if (signal?.aborted || now >= until) return { kind: 'still-leads', renewed };
    await pause(clock, Math.min(LOOK_EVERY_MS, Math.max(1, until - now)), signal);
  }
}

function rewrite(
  workshop: Workshop,
  { lease: shown }: ShownTerm,
  next: (lease: Lease) => Lease | undefined,
): Promise<Asked> {
  const { name } = shown.metadata;
  return compareAndSwap<Asked>(workshop, name, shown, (lease, inDoubt) => {
    if (!lease || !isSameTerm(lease, shown)) {
      return { result: { kind: 'over', lease, inDoubt } };
    }
    const wanted = next(lease);
    if (!wanted) return { result: { kind: 'written', lease } };
    return {
      write: () => workshop.api.replace(wanted, { fieldManager: ASKER }),
      done: (answer) => ({ kind: 'written', lease: answer as Lease }),
    };
  });
}

/** Of the same object, leader and turn: acquireTime tells two terms of a Lease made anew. */
function isSameTerm(lease: Lease, shown: Lease): boolean {
  return (
    lease.metadata.uid === shown.metadata.uid &&
    termOf(lease) === termOf(shown) &&
    lease.spec?.acquireTime === shown.spec?.acquireTime
  );
}
