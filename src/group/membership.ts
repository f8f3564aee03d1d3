import { LeaseholdError } from '../core/errors.ts';
import type { MemberMetadata } from '../core/member-metadata.ts';
import type { Grant, LockTarget } from '../lock/context.ts';
import { Holding } from '../lock/holding.ts';
import { Neighbours } from './neighbours.ts';

/** One's own place in a group, until one leaves or loses it. */
export interface Membership extends AsyncDisposable {
  /** The group's name, as given. */
  readonly group: string;
  /** By which the others know this member. */
  readonly id: string;
  readonly metadata: MemberMetadata;
  /** Whether one is still a member, by this process's own clock; computed when asked. */
  readonly valid: boolean;
  /**
   * Aborts with a {@link LeaseholdError} `LOST` when the membership is lost: with the session, or because
   * somebody deleted or edited the record. It does not come back by itself: join again, as another member.
   */
  readonly signal: AbortSignal;
  /**
   * Leaves the group. Resolves when the API server has confirmed it, or when the session has ended; never
   * rejects. Leaving again does nothing.
   *
   * Sends one PATCH, or one DELETE as the last member.
   */
  leave(): Promise<void>;
}

/** A membership that stands on a holder entry of its own. */
export class EnteredMembership implements Membership {
  readonly group: string;
  readonly metadata: MemberMetadata;
  readonly #target: LockTarget;
  readonly #holding: Holding;
  readonly #neighbours: Neighbours;
  readonly #lost = new AbortController();
  readonly #onOver: () => void;
  #leaving: Promise<void> | undefined;

  /** @param onOver - it was left or lost */
  constructor(target: LockTarget, grant: Grant, metadata: MemberMetadata, onOver: () => void) {
    this.group = target.name.original;
    this.metadata = metadata;
    this.#target = target;
    this.#onOver = onOver;
    this.#holding = new Holding(
      target,
      grant,
      (reason) => this.#lose(reason),
      // The group is followed by whoever uses it.
      () => true,
    );
    this.#neighbours = new Neighbours(target, this.id);
    this.#observe({ type: 'member-joined', group: this.group, member: this.id });
  }

  get id(): string {
    return this.#holding.id;
  }

  get valid(): boolean {
    return this.#leaving === undefined && !this.#lost.signal.aborted && this.#holding.valid;
  }

  get signal(): AbortSignal {
    return this.#lost.signal;
  }

  leave(): Promise<void> {
    this.#leaving ??= this.#leave();
    return this.#leaving;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.leave();
  }

  async #leave(): Promise<void> {
    if (this.#lost.signal.aborted) return;
    this.#neighbours.stop();
    const confirmed = await this.#holding.release();
    this.#observe({ type: 'member-left', group: this.group, member: this.id, confirmed });
    this.#onOver();
  }

  #lose(reason: string): void {
    if (this.#leaving) return;
    this.#neighbours.stop();
    this.#observe({ type: 'membership-lost', group: this.group, member: this.id, reason });
    this.#lost.abort(
      new LeaseholdError(
        'LOST',
        `the membership of group ${this.group} was lost: ${reason}; join again to be a member anew`,
      ),
    );
    this.#onOver();
  }

  get #observe() {
    return this.#target.context.parts.observe;
  }
}
