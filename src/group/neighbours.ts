import { pause } from '../core/clock.ts';
import { FORMAT_VERSION } from '../core/entry.ts';
import type { Entry } from '../core/entry.ts';
import { parseRecord } from '../core/record.ts';
import type { LockRecord } from '../core/record.ts';
import { settle } from '../core/settle.ts';
import { isConflict, isMissing } from '../kube/outcome.ts';
import { waitAsked } from '../kube/status-error.ts';
import type { LockTarget } from '../lock/context.ts';
import { writeSettlement } from '../lock/writes.ts';

/** Each member follows the sessions of so many after it, so that a group of n costs 2n watches, not n times n. */
const FOLLOWED = 2;
/** Where some have died others may have died with them, as those of one node: then of so many and of as many again. */
const FOLLOWED_AFTER_DEATH = 16;
/** For how long after a death, in ttl: those who died with it are found within one. */
const AFTER_DEATH_TTLS = 3;
/** Members come and go in swarms: whom to follow is looked at this seldom. */
const LOOK_EVERY_MS = 1_000;
const RETRY_MS = 1_000;

/**
 * The members after this one in the order of their ids, in a ring: their sessions are followed, and who is
 * found dead is taken out of the record, by the settlement that waiters of a lock would write.
 */
export class Neighbours {
  readonly #target: LockTarget;
  readonly #me: string;
  readonly #followed = new Map<string, () => void>();
  readonly #unsubscribe: readonly (() => void)[];
  readonly #stopping = new AbortController();
  /** Whom it has found dead of late, and until when that counts. */
  readonly #found = new Set<string>();
  #foundUntil = 0;
  #cancelLook: (() => void) | undefined;
  #burying = false;

  /** @param me - the attempt by which this process is a member */
  constructor(target: LockTarget, me: string) {
    this.#target = target;
    this.#me = me;
    const { view, context } = target;
    this.#unsubscribe = [
      view.subscribe(() => this.#lookSoon()),
      context.deaths.subscribe(() => void this.#bury()),
    ];
    this.#lookSoon();
  }

  stop(): void {
    this.#stopping.abort();
    this.#cancelLook?.();
    for (const unsubscribe of this.#unsubscribe) unsubscribe();
    for (const unfollow of this.#followed.values()) unfollow();
    this.#followed.clear();
  }

  #lookSoon(): void {
    const { clock } = this.#target.context.parts;
    this.#cancelLook ??= clock.schedule(LOOK_EVERY_MS, () => {
      this.#cancelLook = undefined;
      this.#look();
    });
  }

  #look(): void {
    const record = this.#record();
    if (!record) return;
    const { deaths, sessions, parts } = this.#target.context;
    if (parts.clock.now() >= this.#foundUntil) this.#found.clear();
    const { size } = this.#found;
    const most = size === 0 ? FOLLOWED : FOLLOWED_AFTER_DEATH + size;
    const at = record.holders.findIndex(({ id }) => id === this.#me);
    const others = [...record.holders.slice(at + 1), ...record.holders.slice(0, at + 1)].filter(
      (entry) => entry.version <= FORMAT_VERSION && !sessions.ownerOf(entry)?.isCurrent(entry.id),
    );
    const wanted = new Map(others.slice(0, most).map((entry) => [entry.id, entry]));
    for (const [id, unfollow] of this.#followed) {
      if (wanted.has(id)) continue;
      unfollow();
      this.#followed.delete(id);
    }
    const group = this.#target.name.original;
    for (const [turn, entry] of [...wanted.values()].entries()) {
      if (!this.#followed.has(entry.id)) {
        this.#followed.set(entry.id, deaths.follow(entry, group, turn));
      }
    }
    if (size > 0) this.#lookSoon();
    // Brought back by a restore or by hand, it would be a member for as long as this process lives.
    for (const entry of record.holders) {
      const owner = sessions.ownerOf(entry);
      if (!owner?.isStray(entry.id)) continue;
      owner.voidAttempt(entry.id, 'found in the group after it had left');
    }
    void this.#bury();
  }

  async #bury(): Promise<void> {
    if (this.#burying) return;
    this.#burying = true;
    try {
      while (await this.#buryOnce());
    } finally {
      this.#burying = false;
    }
  }

  /** Whether there may be more to do. */
  async #buryOnce(): Promise<boolean> {
    const { context, view, name } = this.#target;
    const { deaths, parts } = context;
    const record = this.#record();
    const dead = record?.holders.filter(deaths.isDead) ?? [];
    if (!record || dead.length === 0) return false;
    this.#died(dead);
    const settlement = settle(record, deaths.isDead);
    if (settlement.action === 'none') return false;
    const outcome = await writeSettlement(this.#target, record, settlement);
    if (outcome.kind === 'done') {
      if (settlement.action === 'delete') return true;
      const dropped = settlement.dropped.map(({ id }) => id);
      const granted = settlement.granted.map(({ id }) => id);
      parts.observe({ type: 'settled', lock: name.original, dropped, granted });
      return true;
    }
    // Mostly another of its neighbours was first, and the watch has told so already.
    if (isConflict(outcome) && view.version > record.version) return true;
    // A guard has to see the session blank before.
    const wait = Math.max(RETRY_MS, waitAsked(outcome));
    if (!isConflict(outcome) && !isMissing(outcome)) {
      await pause(parts.clock, wait, this.#stopping.signal);
    }
    if (this.#stopping.signal.aborted) return false;
    const read = await view.read();
    if (read.kind !== 'done' && !isMissing(read)) {
      await pause(parts.clock, wait, this.#stopping.signal);
    }
    return true;
  }

  #died(dead: readonly Entry[]): void {
    if (dead.every(({ id }) => this.#found.has(id))) return;
    for (const { id } of dead) this.#found.add(id);
    const ttl = Math.max(...dead.map((entry) => entry.ttl)) * 1_000;
    this.#foundUntil = this.#target.context.parts.clock.now() + AFTER_DEATH_TTLS * ttl;
    this.#lookSoon();
  }

  #record(): LockRecord | undefined {
    if (this.#stopping.signal.aborted) return undefined;
    const lease = this.#target.view.state()?.lease;
    if (!lease) return undefined;
    try {
      return parseRecord(lease);
    } catch {
      // Somebody made another thing of the Lease.
      return undefined;
    }
  }
}
