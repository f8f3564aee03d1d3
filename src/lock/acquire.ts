import { LeaseholdError } from '../core/errors.ts';
import { parseRecord } from '../core/record.ts';
import type { LockRecord } from '../core/record.ts';
import { isConflict, isMissing } from '../kube/outcome.ts';
import type { Session } from '../session/session.ts';
import { checkUndisputed, isDisputed } from './agreement.ts';
import type { Attempt, Grant, LockTarget } from './context.ts';
import { FarWaiter, MOST_REST_MS, NEAR } from './far-waiter.ts';
import { FullQueue, MOST_WAITING } from './full-queue.ts';
import { Observation } from './observation.ts';
import { concerns, place } from './place.ts';
import type { Place } from './place.ts';
import { Trouble } from './trouble.ts';
import { Wakeup } from '../core/wakeup.ts';
import { withdraw } from './withdraw.ts';
import { createHeld, entering, join, leaveQueue, writeSettlement } from './writes.ts';

/** The safety net under the watch: whoever is next would hold up all others by missing its grant. */
const POLL_MS = 60_000;
const POLL_NEXT_MS = 12_000;
const POLL_PER_PLACE_MS = 1_000;
/** How long a watch may take to show what a refusal has told, before it is looked up. */
const REREAD_MS = 1_000;
/**
 * Who wanted to enter and met others who came at the same time queues with them after so many conflicts: one
 * write lets them all in, where each of n would try n times.
 */
const MOST_ENTER_CONFLICTS = 2;

/**
 * Waits for the lock: the loop of a waiter, level-triggered. Each round looks at the record as it
 * is last known and does the one thing that it calls for; whatever was seen wrongly is refused by
 * the API server and seen again.
 *
 *     missing          create it, naming only myself
 *     I am a holder    hold
 *     I am not in it   join the queue
 *     somebody dead, or capacity free    settle
 *     otherwise        wait for a change
 */
export class Acquisition {
  readonly #target: LockTarget;
  readonly #attempt: Attempt;
  readonly #wakeup = new Wakeup();
  readonly #observation: Observation;
  readonly #fullQueue: FullQueue;
  readonly #farWaiter: FarWaiter;
  readonly #trouble: Trouble;
  /** Under which uid the record has, or may have, an entry of this attempt. */
  #joinedUid: string | undefined;
  #seen: bigint | undefined;
  #tried = false;
  #enterConflicts = 0;
  /** What was known when a CREATE was refused: it cannot be acted on again. */
  #refusedAt: number | undefined;
  readonly #changesAtStart: number;
  #current = false;
  #readAt: number;
  #signal: AbortSignal | undefined;

  constructor(target: LockTarget, session: Session) {
    this.#target = target;
    this.#attempt = { session, id: session.allocate(target.name.lease), doubtful: false };
    this.#changesAtStart = target.view.changes;
    this.#readAt = target.context.parts.clock.now();
    this.#observation = new Observation(target, this.#attempt, this.#wakeup.wake);
    this.#fullQueue = new FullQueue(target);
    this.#farWaiter = new FarWaiter(target);
    this.#trouble = new Trouble(target, (delay) => this.#sleep(delay));
  }

  /** The attempt's id. */
  get id(): string {
    return this.#attempt.id;
  }

  /**
   * Resolves with the grant, or with undefined when the session was lost: try with a new one.
   * Rejects when `signal` aborts, after the entry was taken back.
   *
   * @throws LeaseholdError `ABORTED`, `FOREIGN_LEASE`, `UNREADABLE_RECORD`, or of a refusal
   */
  async run(signal: AbortSignal): Promise<Grant | undefined> {
    const { view } = this.#target;
    const { session } = this.#attempt;
    const wake = this.#wakeup.wake;
    this.#signal = signal;
    const unsubscribe = view.subscribe(wake);
    session.signal.addEventListener('abort', wake);
    signal.addEventListener('abort', wake);
    try {
      for (;;) {
        if (signal.aborted) throw new LeaseholdError('ABORTED', 'the wait was given up');
        if (!isValid(session)) return undefined;
        const grant = await this.#round();
        if (!grant) continue;
        // Looked at after the record was read: only now does the record count.
        if (isValid(session)) return grant;
      }
    } catch (error) {
      await withdraw(this.#target, this.#attempt, this.#joinedUid);
      throw error;
    } finally {
      unsubscribe();
      session.signal.removeEventListener('abort', wake);
      signal.removeEventListener('abort', wake);
      this.#observation.stop();
    }
  }

  async #round(): Promise<Grant | undefined> {
    const { view } = this.#target;
    if (!view.watching && !view.lease && !this.#tried) {
      // As far as is known it is free, as most locks are, and then this is all that it takes.
      this.#tried = true;
      return this.#create();
    }
    view.startWatch();
    if (!view.known || view.changes === this.#refusedAt || !this.#isCurrent()) {
      const isKnown = view.known || this.#refusedAt !== undefined;
      await this.#sleep(isKnown ? REREAD_MS : POLL_MS);
      this.#trouble.checkWatch();
      if (view.changes === this.#refusedAt || (view.known && !this.#isCurrent())) {
        const read = await view.read();
        if (read.kind === 'unknown') {
          await this.#trouble.wait(read, 'read');
        } else {
          this.#refusedAt = undefined;
          this.#current = true;
        }
      }
      return undefined;
    }
    const found = await this.#placeNow();
    if (!found) return undefined;
    this.#observation.look(found);
    switch (found.kind) {
      case 'missing':
        return this.#create();
      case 'holding':
        return { attempt: this.#attempt, version: found.version, how: 'granted' };
      case 'absent':
        return this.#joinOrStayOut(found);
      case 'waiting':
        return this.#waitInQueue(found);
    }
  }

  /** Whether anything was learnt since the wait began: by what it saw before, it would pass those who came since. */
  #isCurrent(): boolean {
    const { view } = this.#target;
    this.#current ||= view.synced || view.changes !== this.#changesAtStart;
    return this.#current;
  }

  /** Where the attempt stands; what is known may be old, so an error is worth a look. */
  async #placeNow(): Promise<Place | undefined> {
    const { view } = this.#target;
    try {
      return view.state() && place(view, this.#attempt);
    } catch {
      const read = await view.read();
      if (read.kind !== 'unknown') return place(view, this.#attempt);
      await this.#trouble.wait(read, 'read');
      return undefined;
    }
  }

  async #create(): Promise<Grant | undefined> {
    const { view } = this.#target;
    const { changes } = view;
    const outcome = await createHeld(this.#target, this.#attempt);
    if (outcome.kind === 'done') {
      view.wrote(outcome.body, changes);
      const version = BigInt(outcome.body.metadata.resourceVersion ?? '0');
      return { attempt: this.#attempt, version, how: 'created' };
    }
    if (outcome.kind === 'unknown' && outcome.sent) this.#doubt('create', outcome.error);
    if (isConflict(outcome)) {
      // Somebody holds it: the watch tells who, and often has done so already.
      this.#refusedAt = changes;
      return undefined;
    }
    await this.#trouble.wait(outcome, 'create');
    return undefined;
  }

  async #joinOrStayOut(found: Place & { kind: 'absent' }): Promise<Grant | undefined> {
    this.#seen ??= found.version;
    if (isDisputed(this.#target, found.record)) {
      await checkUndisputed(this.#target, found.record, this.#signal);
    }
    if (await this.#settleIfDue(found)) return undefined;
    if (await this.#enter(found.record)) return undefined;
    const waiting = found.record.queue.length;
    if (waiting >= MOST_WAITING) this.#fullQueue.stayOut(waiting);
    if (this.#fullQueue.outFor > 0 && waiting > 0) {
      this.#target.view.rest(MOST_REST_MS);
      await this.#sleep(Math.min(this.#fullQueue.outFor, POLL_MS));
      return undefined;
    }
    return this.#join(found.record.uid);
  }

  /** Joins those who hold already, if they let it, by one write; whether that was tried. */
  async #enter(record: LockRecord): Promise<boolean> {
    if (this.#enterConflicts >= MOST_ENTER_CONFLICTS) return false;
    const settlement = entering(this.#target, this.#attempt, record);
    if (!settlement) return false;
    // As after a join: whoever gives up meanwhile takes it out.
    this.#joinedUid = record.uid;
    const outcome = await writeSettlement(this.#target, record, settlement);
    if (outcome.kind === 'done') return true;
    if (outcome.kind === 'unknown' && outcome.sent) this.#doubt('enter', outcome.error);
    if (isConflict(outcome) || isMissing(outcome)) {
      this.#enterConflicts += 1;
      await this.#lookAgain();
    } else {
      await this.#trouble.wait(outcome, 'join the holders of');
    }
    return true;
  }

  async #join(uid: string): Promise<Grant | undefined> {
    const { view } = this.#target;
    this.#joinedUid = uid;
    const outcome = await join(this.#target, this.#attempt, uid, this.#seen ?? 0n);
    if (outcome.kind === 'done') {
      this.#trouble.over();
      view.wrote(outcome.body);
      const found = place(view, this.#attempt);
      const waiting = parseRecord(outcome.body).queue.length;
      if (found.kind === 'waiting') await this.#afterJoin(found, waiting);
      return undefined;
    }
    if (outcome.kind === 'unknown' && outcome.sent) this.#doubt('join', outcome.error);
    if (isMissing(outcome) || isConflict(outcome)) await this.#lookAgain();
    else await this.#trouble.wait(outcome, 'join the queue of');
    return undefined;
  }

  /**
   * @param waiting - how many waited when it had joined: of those who come together, each later one
   * sees one more
   */
  async #afterJoin(found: Place & { kind: 'waiting' }, waiting: number): Promise<void> {
    const { parts } = this.#target.context;
    parts.observe({
      type: 'waiting',
      lock: this.#target.name.original,
      attempt: this.#attempt.id,
      position: found.index,
    });
    if (waiting <= MOST_WAITING) return;
    this.#fullQueue.stayOut(waiting);
    const outcome = await leaveQueue(this.#target, this.#attempt, found.record.uid);
    if (outcome.kind === 'done') this.#target.view.wrote(outcome.body);
    else await this.#target.view.read();
  }

  async #waitInQueue(found: Place & { kind: 'waiting' }): Promise<Grant | undefined> {
    if (await this.#settleIfDue(found)) return undefined;
    this.#farWaiter.rest(found.index);
    const { clock } = this.#target.context.parts;
    const poll = Math.min(POLL_MS, POLL_NEXT_MS + found.index * POLL_PER_PLACE_MS);
    const untilPoll = Math.max(0, this.#readAt + poll - clock.now());
    const until = clock.now() + this.#observation.untilNextLook(untilPoll);
    // Woken by events that concern only others, goes back to sleep without parsing them.
    do await this.#sleep(until - clock.now());
    while (clock.now() < until && found.index <= NEAR && !this.#isConcerned());
    if (clock.now() >= this.#readAt + poll) {
      await this.#target.view.read();
      this.#readAt = clock.now();
    }
    return undefined;
  }

  #isConcerned(): boolean {
    if (this.#signal?.aborted || !this.#attempt.session.valid) return true;
    if (this.#observation.changed || !this.#target.view.known) return true;
    // Where several may hold, any change may let it in, as when whoever is before it gives up.
    if (this.#target.ask.mode !== 'exclusive') return true;
    return concerns(this.#target.view, this.#attempt.id);
  }

  /** Whether something had to be settled, and was tried. */
  async #settleIfDue(found: Place & { kind: 'absent' | 'waiting' }): Promise<boolean> {
    const settlement = this.#observation.due(found);
    if (!settlement) return false;
    const outcome = await writeSettlement(this.#target, found.record, settlement);
    if (outcome.kind === 'done') {
      this.#trouble.over();
      if (settlement.action === 'write') {
        this.#target.context.parts.observe({
          type: 'settled',
          lock: this.#target.name.original,
          dropped: settlement.dropped.map((entry) => entry.id),
          granted: settlement.granted.map((entry) => entry.id),
        });
      }
    } else if (isConflict(outcome) || isMissing(outcome)) {
      await this.#lookAgain();
    } else {
      await this.#trouble.wait(outcome, 'settle');
    }
    return true;
  }

  /** After a conflict, which would be met again and again if it could not be looked into. */
  async #lookAgain(): Promise<void> {
    const read = await this.#target.view.read();
    if (read.kind !== 'done' && !isMissing(read)) await this.#trouble.wait(read, 'read');
  }

  #doubt(request: string, error: unknown): void {
    this.#attempt.doubtful = true;
    this.#target.context.parts.observe({
      type: 'doubt',
      lock: this.#target.name.original,
      attempt: this.#attempt.id,
      request,
      error: error instanceof Error ? error.message : String(error),
    });
  }

  async #sleep(delay: number): Promise<void> {
    const cancel = this.#target.context.parts.clock.schedule(Math.max(0, delay), this.#wakeup.wake);
    await this.#wakeup.wait();
    cancel();
  }
}

/** Asked anew after each await, as the compiler takes an earlier answer for lasting. */
function isValid(session: Session): boolean {
  return session.valid;
}
