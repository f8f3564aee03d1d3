import { formatEntry } from '../core/entry.ts';
import { isLeaseholdError, LeaseholdError } from '../core/errors.ts';
import { microTime } from '../core/lease.ts';
import type { Parts } from '../core/parts.ts';
import type { Deaths } from '../session/deaths.ts';
import type { Session } from '../session/session.ts';
import type { Sessions } from '../session/sessions.ts';
import { untilOver } from '../state/patience.ts';
import type { Patience } from '../state/patience.ts';
import type { StateCell } from '../state/state-cell.ts';
import { brokenBarrier, fateOf } from './barrier-kind.ts';
import type { BarrierOperation, BarrierState, Fate, Joined } from './barrier-kind.ts';
import { Witness } from './witness.ts';

export type BarrierCell = StateCell<BarrierState, BarrierOperation, Joined>;

export interface BarrierContext {
  readonly parts: Parts;
  readonly sessions: Sessions;
  readonly deaths: Deaths;
}

/**
 * One party that arrives and waits for the others.
 *
 * Nothing here depends on when it is told: whether the generation has passed or is broken stands in the
 * record, and is asked of it again when this party gives up.
 */
export class Arrival {
  readonly #context: BarrierContext;
  readonly #name: string;
  readonly #cell: BarrierCell;
  readonly #patience: Patience;

  constructor(context: BarrierContext, name: string, cell: BarrierCell, patience: Patience) {
    this.#context = context;
    this.#name = name;
    this.#cell = cell;
    this.#patience = patience;
  }

  /**
   * Resolves when all parties have arrived. When it gives up, it first breaks the generation for all.
   *
   * @throws LeaseholdError `BROKEN`, `STATE_DISAGREES`, `LOST`, or for what the patience came to an end
   */
  async run(): Promise<void> {
    const { signal } = this.#patience;
    const session = await untilOver(this.#context.sessions.current(), signal);
    const id = session.allocate(this.#cell.name.lease);
    const onLost = (): void => {
      this.#patience.giveUp(
        new LeaseholdError(
          'LOST',
          `the session of this process was lost while it waited at barrier ${this.#name}: the generation is broken`,
        ),
      );
    };
    session.signal.addEventListener('abort', onLost, { once: true });
    if (session.signal.aborted) onLost();
    try {
      await this.#pass(session, id);
      session.confirmSettled(id);
    } catch (error) {
      session.spend(id);
      // The record may still name it where that could not be found out.
      if (!isLeaseholdError(error, 'UNKNOWN_OUTCOME')) session.confirmSettled(id);
      throw error;
    } finally {
      session.signal.removeEventListener('abort', onLost);
    }
  }

  async #pass(session: Session, id: string): Promise<void> {
    const text = formatEntry({
      session: session.name,
      sessionUid: session.uid,
      ttl: session.ttl,
      mode: 'shared',
      principal: session.principal,
      since: microTime(this.#context.parts.clock.wall()),
    });
    const { signal } = this.#patience;
    const joined = await this.#cell.submit({ do: 'arrive', id, text }, signal, {
      isSeenThrough: true,
    });
    const fate = await this.#fate(session, id, joined);
    if (fate === 'broken') throw brokenBarrier(this.#name);
  }

  async #fate(session: Session, id: string, joined: Joined): Promise<Fate> {
    const { deaths, parts } = this.#context;
    const own = { id, session };
    const witness = new Witness({ deaths, clock: parts.clock }, this.#name, own, (dead) => {
      // If it cannot be written, that is what this party learns itself as it goes on.
      this.#break(dead, joined).catch(() => undefined);
    });
    try {
      return await this.#cell.follow(
        (state) => {
          const fate = fateOf(state, id, joined);
          if (fate !== 'waiting') return fate;
          witness.see(state.arrived);
          return undefined;
        },
        this.#patience.signal,
        (fate) => fate === 'broken',
      );
    } catch (error) {
      // Nobody waits for whoever gives up; unless all had arrived by then.
      await this.#break(id, joined);
      const { state } = await this.#cell.read(new AbortController().signal);
      if (fateOf(state, id, joined) === 'passed') return 'passed';
      throw error;
    } finally {
      witness.stop();
    }
  }

  async #break(id: string, joined: Joined): Promise<void> {
    await this.#cell.submit({ do: 'break', id, ...joined });
  }
}
