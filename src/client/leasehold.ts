import type { Barrier, BarrierOptions } from '../barrier/barrier.ts';
import type { Counter } from '../counter/counter.ts';
import type { Latch, LatchOptions } from '../latch/latch.ts';
import { Deaths } from '../session/deaths.ts';
import type { Announcer } from '../core/announcer.ts';
import { Sessions } from '../session/sessions.ts';
import type { Parts } from '../core/parts.ts';
import { Principal } from '../core/principal.ts';
import { leaseApi } from '../kube/lease-api.ts';
import type { Requests } from '../kube/transport.ts';
import { Election } from '../election/election.ts';
import { electionTimes } from '../election/options.ts';
import type { ElectionOptions } from '../election/options.ts';
import { electionPolicy } from '../election/policy.ts';
import type { Group } from '../group/group.ts';
import { Groups } from '../group/groups.ts';
import { HoldWatches } from '../lock/hold-watches.ts';
import type { LockAll } from '../lock/lock-all.ts';
import type { Lock } from '../lock/lock.ts';
import { Locks } from '../lock/locks.ts';
import { ReadWriteLock } from '../lock/read-write-lock.ts';
import type { Semaphore, SemaphoreOptions } from '../lock/semaphore.ts';
import { AllShards } from '../shards/all-shards.ts';
import type { Shards, ShardsOptions } from '../shards/shards.ts';
import { isPermits } from '../core/permits.ts';
import { LeaseholdError } from '../core/errors.ts';
import { leaseName } from '../core/names.ts';
import type { ScheduledJob } from '../schedule/job.ts';
import type { OnceOptions } from '../schedule/options.ts';
import { Schedules } from '../schedule/schedules.ts';
import { candidateIdentity } from './identity.ts';
import type { Identity } from './identity.ts';
import { LockRoster } from './roster.ts';
import { SharedState } from './shared-state.ts';

/** Below this a slow API server would make too many outcomes unknown. */
const SHORTEST_DEADLINE_MS = 2_000;

/** Locks and elections of one process in one namespace. Made by `connect`. */
export class Leasehold implements AsyncDisposable {
  /** Where the Leases are. */
  readonly namespace: string;
  /** The name under which this process appears in Leases. */
  readonly identity: string;
  readonly #requests: Requests;
  readonly #parts: Parts;
  readonly #principal: Principal;
  readonly #announcer: Announcer | undefined;
  readonly #sessions: Sessions;
  readonly #deaths: Deaths;
  readonly #locks: Locks;
  readonly #groups: Groups;
  readonly #shards: AllShards;
  readonly #shared: SharedState;
  readonly #elections = new Map<string, Election>();
  readonly #schedules: Schedules;
  readonly #onClosed: () => void;
  readonly #deadline: number;
  #closing: Promise<void> | undefined;

  /** @internal */
  constructor(
    requests: Requests,
    parts: Parts,
    settings: {
      namespace: string;
      identity: Identity;
      ttl: number;
      principal?: Principal;
      announcer?: Announcer | undefined;
    },
    onClosed: () => void,
  ) {
    const { namespace, identity, ttl, announcer } = settings;
    this.#principal = settings.principal ?? new Principal();
    this.#announcer = announcer;
    this.namespace = namespace;
    this.identity = identity.name;
    this.#requests = requests;
    this.#parts = parts;
    this.#onClosed = onClosed;
    // A request on a dead connection is given up in time to try another within the ttl.
    this.#deadline = Math.max(SHORTEST_DEADLINE_MS, (ttl * 1_000) / 3);
    const api = leaseApi(requests, namespace, this.#deadline);
    this.#sessions = new Sessions(api, parts, {
      identity: identity.name,
      ttl,
      owner: identity.owner,
      principal: this.#principal,
      container: identity.container,
      announcer,
    });
    this.#deaths = new Deaths(api, parts);
    const context = {
      api,
      parts,
      sessions: this.#sessions,
      deaths: this.#deaths,
      holdWatches: new HoldWatches(),
    };
    this.#locks = new Locks(context);
    this.#groups = new Groups(context);
    this.#shards = new AllShards({
      api,
      parts,
      group: (name) => this.#groups.group(name),
      lock: (name) => this.#locks.lock(name),
    });
    this.#schedules = new Schedules({
      api,
      parts,
      sessions: this.#sessions,
      deaths: this.#deaths,
      identity: identity.name,
    });
    this.#shared = new SharedState(api, {
      parts,
      sessions: this.#sessions,
      deaths: this.#deaths,
    });
  }

  /**
   * The lock of this name: any string of 1 to 1,024 characters. Sends nothing.
   *
   * @throws LeaseholdError `INVALID_ARGUMENT`
   */
  lock(name: string): Lock {
    return this.#locks.lock(name);
  }

  /**
   * The read-write lock of this name: any string of 1 to 1,024 characters. Its `write` is `lock(name)`.
   * Sends nothing.
   *
   * @throws LeaseholdError `INVALID_ARGUMENT`
   */
  readWriteLock(name: string): ReadWriteLock {
    const read = this.#locks.lock(name, { mode: 'shared' });
    return new ReadWriteLock(name, read, this.#locks.lock(name));
  }

  /**
   * The locks of these names, to be held together or not at all; the same locks as `lock(name)` are. A name
   * that is given twice counts once. Sends nothing.
   *
   * @throws LeaseholdError `INVALID_ARGUMENT`, also when there are no names
   */
  lockAll<const N extends string>(names: readonly N[]): LockAll<N> {
    return this.#locks.lockAll(names);
  }

  /**
   * The semaphore of this name: any string of 1 to 1,024 characters. All programs that use it have to state
   * the same number of permits; see `docs/semaphore.md` on how to change it. Sends nothing.
   *
   * @throws LeaseholdError `INVALID_ARGUMENT`
   */
  semaphore(name: string, { permits }: SemaphoreOptions): Semaphore {
    if (isPermits(permits)) return this.#locks.semaphore(name, permits);
    throw new LeaseholdError(
      'INVALID_ARGUMENT',
      `a semaphore has from 1 to 1,000,000 permits: it is ${String(permits)}`,
    );
  }

  /**
   * The group of this name: any string of 1 to 1,024 characters. Its Lease is named like a lock's: give locks
   * other names. Sends nothing.
   *
   * @throws LeaseholdError `INVALID_ARGUMENT`
   */
  group(name: string): Group {
    return this.#groups.group(name);
  }

  /**
   * The shards of this name; the same object for the same name. Their Leases are `<name>.members` and
   * `<name>.shard-<number>`. All programs have to state the same `count`; see `docs/shards.md`. Sends nothing.
   *
   * @throws LeaseholdError `INVALID_ARGUMENT`
   */
  shards(name: string, options: ShardsOptions): Shards {
    return this.#shards.shards(name, options);
  }

  /**
   * The counter of this name: any string of 1 to 1,024 characters. See `docs/counter.md`. Sends nothing.
   *
   * @throws LeaseholdError `INVALID_ARGUMENT`
   */
  counter(name: string): Counter {
    return this.#shared.counter(name);
  }

  /**
   * The count-down latch of this name: any string of 1 to 1,024 characters. All programs that use it have to
   * state the same count. See `docs/latch.md`. Sends nothing.
   *
   * @throws LeaseholdError `INVALID_ARGUMENT`
   */
  latch(name: string, options: LatchOptions): Latch {
    return this.#shared.latch(name, options);
  }

  /**
   * The cyclic barrier of this name: any string of 1 to 1,024 characters. All programs that use it have to
   * state the same number of parties. See `docs/barrier.md`. Sends nothing.
   *
   * @throws LeaseholdError `INVALID_ARGUMENT`
   */
  barrier(name: string, options: BarrierOptions): Barrier {
    return this.#shared.barrier(name, options);
  }

  /**
   * The election of this name; the same object for the same name. Sends nothing.
   *
   * @throws LeaseholdError `INVALID_ARGUMENT`; `UNSAFE_CONFIGURATION` with the inequality that does
   * not hold
   */
  election(name: string, options: ElectionOptions = {}): Election {
    const { lease } = leaseName(name);
    const times = electionTimes(options);
    const policy = electionPolicy(options, times);
    if (options.identity === '') {
      throw new LeaseholdError('INVALID_ARGUMENT', 'identity is empty: the Lease would look free');
    }
    let election = this.#elections.get(lease);
    if (!election) {
      if (this.#closing) throw closed();
      const identity = options.identity ?? candidateIdentity(this.identity);
      const api = leaseApi(this.#requests, this.namespace, this.#deadline);
      const { leaderLabel = false } = options;
      election = new Election(
        {
          api,
          parts: this.#parts,
          times,
          policy,
          enrol: (lease, candidate) =>
            new LockRoster({ parts: this.#parts, locks: this.#locks }, lease, candidate),
          principal: this.#principal,
          announcer: this.#announcer,
          leaderLabel,
        },
        name,
        identity,
      );
      this.#elections.set(lease, election);
    }
    return election;
  }

  /**
   * The job of this name: any string of 1 to 1,024 characters. Of all processes that run it one does, at each
   * tick of its schedule; see `docs/scheduled-work.md`. Sends nothing.
   *
   * @throws LeaseholdError `INVALID_ARGUMENT`
   */
  once(name: string, options: OnceOptions): ScheduledJob {
    return this.#schedules.once(name, options);
  }

  /**
   * Refuses all waiters (`CLOSED`), releases all locks, resigns, ends the session and closes all
   * connections. Work inside of `run` is told by its signal, and its lock is released when it has
   * ended; locks and terms of `acquire` are given up at once. Resolves when all is done; never
   * rejects.
   */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #close(): Promise<void> {
    const elections = [...this.#elections.values()].map((election) => election.close());
    const schedules = this.#schedules.close();
    const shared = this.#shared.close();
    // Handed over, which takes the locks and the membership that are given up after it.
    await this.#shards.close();
    await Promise.all([this.#locks.close(), this.#groups.close(), schedules, shared, ...elections]);
    this.#deaths.close();
    await this.#sessions.close();
    this.#requests.close();
    this.#onClosed();
  }
}

function closed(): LeaseholdError {
  return new LeaseholdError('CLOSED', 'this client was closed: make a new one with connect()');
}
