import { HOLDER_PREFIX, QUEUE_PREFIX } from '../core/record.ts';
import type { Attempt, Grant, LockTarget } from './context.ts';
import { downgrade } from './downgrade.ts';
import { release } from './release.ts';

/** A hold that lasts is watched, so that its release knows who waits. */
const WATCH_AFTER_MS = 1_000;
/** So that a busy queue is not written down at each of its changes, nor a short hold at all. */
const SEEN_AFTER_MS = 100;
const MOST_LOCAL_TURNS = 65_535n;
const FENCE_SCALE = 65_536n;

/**
 * The holder entry of this process in the record: what local turns on the lock stand on. Ends by
 * release, or is lost together with the session, or when the record no longer names it.
 */
export class Holding {
  readonly #target: LockTarget;
  readonly #grant: Grant;
  readonly #onLost: (reason: string) => void;
  readonly #isWatchNeeded: () => boolean;
  readonly #since: number;
  readonly #unsubscribe: () => void;
  #cancelWatch: () => void = () => undefined;
  #cancelSeen: (() => void) | undefined;
  #ownsWatch = false;
  #turns: bigint;
  #over = false;

  /** @param isWatchNeeded - whether others in this process need the watch of the record */
  constructor(
    target: LockTarget,
    grant: Grant,
    onLost: (reason: string) => void,
    isWatchNeeded: () => boolean = () => false,
  ) {
    this.#target = target;
    this.#grant = grant;
    this.#onLost = onLost;
    this.#isWatchNeeded = isWatchNeeded;
    this.#since = target.context.parts.clock.now();
    this.#turns = grant.turns ?? 0n;
    this.#unsubscribe = target.view.subscribe(this.#look);
    const lost = grant.attempt.session.signal;
    lost.addEventListener('abort', this.#sessionLost, { once: true });
    grant.attempt.session.onChallenge(this.id, () => void this.#lookAgain());
    // Lost on the way here: no event will tell it.
    if (lost.aborted) queueMicrotask(this.#sessionLost);
    // What was learnt between the grant and its answer, as of a steal, no event will tell again.
    queueMicrotask(this.#look);
    this.#cancelWatch = target.context.parts.clock.schedule(WATCH_AFTER_MS, () => this.watch());
    this.#seen();
  }

  get attempt(): Attempt {
    return this.#grant.attempt;
  }

  get id(): string {
    return this.#grant.attempt.id;
  }

  get how(): Grant['how'] {
    return this.#grant.how;
  }

  get valid(): boolean {
    return !this.#over && this.#grant.attempt.session.valid && !this.#isOver();
  }

  get validUntil(): number {
    return this.#grant.attempt.session.validUntil;
  }

  get heldFor(): number {
    return this.#target.context.parts.clock.now() - this.#since;
  }

  /** Whether another local turn gets a fence of its own. */
  get hasTurnsLeft(): boolean {
    return this.#turns < MOST_LOCAL_TURNS;
  }

  /** The fencing token of the next local turn. */
  nextFence(): bigint {
    const fence = this.#grant.version * FENCE_SCALE + this.#turns;
    this.#turns += 1n;
    return fence;
  }

  /** Follows the record while held, within the limit of watches for held locks. */
  watch(): void {
    this.#cancelWatch();
    if (this.#over || this.#ownsWatch) return;
    if (this.#target.context.holdWatches.take()) {
      this.#ownsWatch = true;
      this.#target.view.startWatch();
    } else if (!this.#isWatchNeeded()) {
      // Also the watch of the wait before it: a thousand waits must not leave a thousand of them.
      this.#target.view.stopWatch();
      this.#grant.attempt.session.seen(this.id, undefined);
    }
  }

  /** Whether others wait in the queue; undefined when that is not known without a request. */
  get othersWait(): boolean | undefined {
    const { view } = this.#target;
    if (!view.synced) return undefined;
    return view.mentions(`"${QUEUE_PREFIX}`);
  }

  /** The same, as of a second ago at most. */
  get othersWaitedLately(): boolean | undefined {
    const { view } = this.#target;
    const isOld = !view.synced && this.heldFor >= WATCH_AFTER_MS;
    return isOld || !view.known ? undefined : view.mentions(`"${QUEUE_PREFIX}`);
  }

  /** Gives the entry up; see {@link release}. */
  async release(): Promise<boolean> {
    if (this.#over) return true;
    this.#end();
    return release(this.#target, this.#grant.attempt);
  }

  /**
   * Lets others share; see {@link downgrade}. Then this is over, and what it stood on is a grant to read.
   * Undefined when it is lost.
   */
  async downgrade(): Promise<Grant | undefined> {
    const isShared = await downgrade(this.#target, this.#grant.attempt);
    // Looked at after the answer: the process may have stood still while it was on its way.
    if (!isShared || !this.valid) return undefined;
    this.#end();
    return { ...this.#grant, how: 'downgraded', turns: this.#turns };
  }

  readonly #look = (): void => {
    const { view } = this.#target;
    if (this.#over || !view.known) return;
    if (view.mentions(`"${HOLDER_PREFIX}${this.id}":`)) {
      this.#seen();
      return;
    }
    // Nothing is lost by an event that cannot be read.
    if (!view.state()) return;
    this.#lose('the record no longer names it as a holder: somebody deleted or edited the Lease');
  };

  /** If this process dies, its supervisor settles the record as it was last seen here. */
  #seen(): void {
    const { context, view } = this.#target;
    const { session } = this.#grant.attempt;
    if (!session.tellsWhatIsSeen) return;
    this.#cancelSeen ??= context.parts.clock.schedule(SEEN_AFTER_MS, () => {
      this.#cancelSeen = undefined;
      // Else it may be outdated, and to find that out would take one request more.
      if (view.synced) session.seen(this.id, view.lease);
    });
  }

  /** Somebody may have taken the entry out, which a hold that is not watched would not notice. */
  async #lookAgain(): Promise<void> {
    if (this.#over) return;
    await this.#target.view.read();
    // Also where that was known: then nobody is told of a change.
    this.#look();
  }

  /** The entry is still in the record: others must learn that the session is dead. */
  readonly #sessionLost = (): void => {
    if (this.#over) return;
    this.#end();
    this.#grant.attempt.session.spend(this.id);
    this.#onLost('its session was lost');
  };

  #lose(reason: string): void {
    if (this.#over) return;
    this.#end();
    const { session, id, doubtful } = this.#grant.attempt;
    if (doubtful) session.voidAttempt(id, reason);
    session.confirmSettled(id);
    this.#onLost(reason);
  }

  #end(): void {
    this.#over = true;
    this.#cancelWatch();
    this.#cancelSeen?.();
    this.#unsubscribe();
    const { session } = this.#grant.attempt;
    session.signal.removeEventListener('abort', this.#sessionLost);
    session.onChallenge(this.id, undefined);
    if (this.#ownsWatch) this.#target.context.holdWatches.release();
    this.#ownsWatch = false;
  }

  #isOver(): boolean {
    return this.#over;
  }
}
