import { linked, unlessAborted } from '../core/abort.ts';
import { LeaseholdError, isLeaseholdError } from '../core/errors.ts';
import type { MemberMetadata } from '../core/member-metadata.ts';
import { Wakeup } from '../core/wakeup.ts';
import { Acquisition } from '../lock/acquire.ts';
import type { Grant } from '../lock/context.ts';
import { closed } from '../lock/until-held.ts';
import { formatMetadata } from './member.ts';
import type { Member } from './member.ts';
import { EnteredMembership } from './membership.ts';
import type { Membership } from './membership.ts';
import type { Roster } from './roster.ts';

export interface JoinOptions {
  /**
   * What the others are told, such as an address: at most 256 characters as JSON, of which a space counts as
   * 6. It stays as it is until the member leaves. Nothing by default.
   */
  readonly metadata?: MemberMetadata;
  /** Gives up while the API server cannot be reached. */
  readonly signal?: AbortSignal;
}

export interface ObserveOptions {
  /** Ends the observation. */
  readonly signal?: AbortSignal;
}

/** A group as it is now, and what is new since the last time that one was told. */
export interface GroupState {
  /** In the order of their ids. */
  readonly members: readonly Member[];
  readonly joined: readonly Member[];
  /** Left, lost or died. */
  readonly left: readonly Member[];
}

/**
 * Processes that know of one another: who is there, by the liveness of its session. Made by
 * `Leasehold.group`.
 */
export class Group {
  /** The group's name, as given. */
  readonly name: string;
  readonly #roster: Roster;
  readonly #memberships = new Set<EnteredMembership>();
  readonly #joining = new Set<Promise<unknown>>();
  readonly #closing = new AbortController();

  /** @internal */
  constructor(name: string, roster: Roster) {
    this.name = name;
    this.#roster = roster;
  }

  /**
   * Becomes a member. While the API server cannot be reached it keeps trying. Leave with
   * {@link Membership.leave}, or declare it with `await using`. A process may be a member several times.
   *
   * Sends one PUT, or one CREATE as the first member; if others come at the same time, another PUT or two and
   * one PATCH to queue. While a member it holds one watch of the group and one of the sessions of the next two
   * members, and sends one GET a minute.
   *
   * @example
   * ```ts
   * await using membership = await leasehold.group('workers').join({
   *   metadata: { address: '10.0.0.7:8080' },
   * });
   * membership.signal.addEventListener('abort', () => console.error('not a member any more'));
   * ```
   * @throws LeaseholdError `INVALID_ARGUMENT`, `ABORTED`, `CLOSED`, `FOREIGN_LEASE`, `UNREADABLE_RECORD`,
   * `FORBIDDEN`, `NAMESPACE_NOT_FOUND`, `NAMESPACE_TERMINATING` or `API_ERROR`
   */
  async join({ metadata = {}, signal }: JoinOptions = {}): Promise<Membership> {
    const copy = Object.freeze({ ...metadata });
    const data = formatMetadata(metadata);
    if (this.#closing.signal.aborted) throw closed();
    const joining = this.#join(data, copy, signal);
    const over = joining.catch(() => undefined).finally(() => this.#joining.delete(over));
    this.#joining.add(over);
    return joining;
  }

  /**
   * Who is a member now. One that died is listed until somebody has found that out: a ttl, or at once under
   * the operator or `leasehold run`.
   *
   * Sends one GET.
   *
   * @throws LeaseholdError `API_UNREACHABLE`, `CLOSED`, `FOREIGN_LEASE`, `FORBIDDEN`, `NAMESPACE_NOT_FOUND` or
   * `API_ERROR`
   */
  async members({ signal }: ObserveOptions = {}): Promise<readonly Member[]> {
    if (this.#closing.signal.aborted) throw closed();
    return this.#roster.read(signal);
  }

  /**
   * The members now, and then each change; of several that come together only the last state. Ends when
   * `signal` aborts, when the client is closed, or when the loop is left. One need not be a member.
   *
   * Holds one watch, which all of this process share, and sends one GET a minute.
   *
   * @example
   * ```ts
   * for await (const { members, joined, left } of leasehold.group('workers').observe()) {
   *   console.log(`${members.length} members, ${joined.length} new, ${left.length} gone`);
   * }
   * ```
   * @throws LeaseholdError `FORBIDDEN`, `NAMESPACE_NOT_FOUND` or `API_ERROR`
   */
  async *observe({ signal }: ObserveOptions = {}): AsyncGenerator<GroupState, void, undefined> {
    const { signal: end, unlink } = linked(
      signal ? [signal, this.#closing.signal] : [this.#closing.signal],
    );
    const wakeup = new Wakeup();
    const unsubscribe = this.#roster.subscribe(wakeup.wake);
    end.addEventListener('abort', wakeup.wake);
    const unuse = this.#roster.use();
    let told: readonly Member[] | undefined;
    try {
      while (!end.aborted) {
        const { members, refusal } = this.#roster;
        if (!members && refusal) throw refusal;
        if (members && members !== told) {
          const change = changeBetween(told ?? [], members);
          const isNew = told === undefined || change.joined.length + change.left.length > 0;
          told = members;
          if (isNew) {
            yield change;
            continue;
          }
        }
        await wakeup.wait();
      }
    } finally {
      unlink();
      unsubscribe();
      end.removeEventListener('abort', wakeup.wake);
      unuse();
    }
  }

  /** @internal Follows the group, until the returned function is called. */
  follow(listener: () => void): () => void {
    const unsubscribe = this.#roster.subscribe(listener);
    const unuse = this.#roster.use();
    return () => {
      unsubscribe();
      unuse();
    };
  }

  /** @internal Who is in it as far as is known, while it is followed. */
  get known(): readonly Member[] | undefined {
    return this.#roster.members;
  }

  /** @internal Leaves it. */
  async close(): Promise<void> {
    this.#closing.abort();
    await Promise.all(this.#joining);
    await Promise.all([...this.#memberships].map((membership) => membership.leave()));
  }

  async #join(
    data: string,
    metadata: MemberMetadata,
    signal: AbortSignal | undefined,
  ): Promise<Membership> {
    const closing = this.#closing.signal;
    const { signal: stop, unlink } = linked(signal ? [signal, closing] : [closing]);
    const unuse = this.#roster.use();
    const target = this.#roster.targetOf(data);
    try {
      let grant: Grant | undefined;
      while (!grant) {
        const session = await unlessAborted(target.context.sessions.current(), stop);
        if (!session || stop.aborted) throw new LeaseholdError('ABORTED', 'it was given up');
        grant = await new Acquisition(target, session).run(stop);
      }
      const membership = new EnteredMembership(target, grant, metadata, () => {
        this.#memberships.delete(membership);
        unuse();
      });
      this.#memberships.add(membership);
      return membership;
    } catch (error) {
      unuse();
      if (closing.aborted && !signal?.aborted) throw closed();
      if (!isLeaseholdError(error, 'ABORTED')) throw error;
      const cause: unknown = signal?.reason;
      throw new LeaseholdError('ABORTED', `joining group ${this.name} was aborted`, { cause });
    } finally {
      unlink();
    }
  }
}

function changeBetween(before: readonly Member[], members: readonly Member[]): GroupState {
  const was = new Set(before.map(({ id }) => id));
  const is = new Set(members.map(({ id }) => id));
  return {
    members,
    joined: members.filter(({ id }) => !was.has(id)),
    left: before.filter(({ id }) => !is.has(id)),
  };
}
