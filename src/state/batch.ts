import type { StateRecord } from '../core/state.ts';
import type { StateKind } from './kind.ts';
import { unknownOutcome } from './errors.ts';

/** One operation that somebody waits for. */
export interface Pending<Operation, Result> {
  readonly operation: Operation;
  /** When its caller gives up after it was sent: it is seen through, rather than left in the dark. */
  readonly isSeenThrough: boolean;
  /** Whether a write that contains it may have been done. */
  isSent: boolean;
  /** Why its caller has given up meanwhile. */
  givenUp: Error | undefined;
  /** Whether its caller has been answered. */
  isOver: boolean;
  resolve(result: Result): void;
  reject(error: unknown): void;
}

/** What becomes of a state, and what is to be told then to those who wait. */
interface Applied<State> {
  readonly state: State;
  readonly settle: readonly (() => void)[];
}

/**
 * The operations that go into one write together. While a write of them may have been done, they stay
 * the same: the record says of the whole that it was applied.
 */
export class Batch<State, Operation, Result> {
  readonly sequence: number;
  #members: Pending<Operation, Result>[] = [];
  /** The object that a write of unknown outcome was meant for, and as which of its writes. */
  #doubt: { readonly uid: string; readonly at: number } | undefined;

  constructor(sequence: number) {
    this.sequence = sequence;
  }

  get isInDoubt(): boolean {
    return this.#doubt !== undefined;
  }

  /** Whether nobody waits for it any more. */
  get isOver(): boolean {
    return this.#members.every(({ isOver }) => isOver);
  }

  /**
   * Takes in what waits, and leaves out what was given up.
   *
   * @param most - as many as there may be in it
   * @returns whether there is anything that was not in it before
   */
  take(waiting: Pending<Operation, Result>[], most: number): boolean {
    this.#members = this.#members.filter(({ isOver }) => !isOver);
    const added = waiting.splice(0, most - this.#members.length).filter(({ isOver }) => !isOver);
    this.#members.push(...added);
    return added.length > 0;
  }

  applyTo(kind: StateKind<State, Operation, Result>, before: State): Applied<State> {
    let state = before;
    const settle = this.#members.map((member) => {
      try {
        const step = kind.apply(state, member.operation);
        ({ state } = step);
        return () => {
          member.resolve(step.result);
        };
      } catch (error) {
        return () => {
          member.reject(error);
        };
      }
    });
    return { state, settle };
  }

  sending(): void {
    for (const member of this.#members) member.isSent = true;
  }

  /** The write was surely not done. */
  notSent(): void {
    if (this.isInDoubt) return;
    for (const member of this.#members) {
      member.isSent = false;
      if (member.givenUp) member.reject(member.givenUp);
    }
  }

  /** The write may have been done, as the next one of this record. */
  doubt({ uid, writes }: StateRecord): void {
    this.#doubt ??= { uid, at: writes + 1 };
  }

  /**
   * Why it cannot be found out any more whether it was written; undefined when this record tells.
   *
   * @param record - undefined when there is no Lease
   */
  lostTrack(record: StateRecord | undefined): string | undefined {
    if (!this.#doubt) return undefined;
    if (record?.uid !== this.#doubt.uid) return 'it was deleted while a write was on its way';
    // The earliest write in doubt: if that is remembered, so are the later ones.
    if (record.forgotten < this.#doubt.at) return undefined;
    return 'too many others have written since an answer was lost';
  }

  reject(name: string, error: unknown): void {
    const isUnknown = this.isInDoubt && (error as { code?: unknown }).code !== 'UNKNOWN_OUTCOME';
    for (const member of this.#members) {
      member.reject(isUnknown ? unknownOutcome(name, 'it was given up', error) : error);
    }
  }
}
