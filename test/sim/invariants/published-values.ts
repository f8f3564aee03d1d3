import type { Lease } from '../../../src/core/lease.ts';
import type { Leader } from '../../../src/election/observe.ts';
import { Violation } from './violation.ts';

/** Which value was of which term, and who is told what. Values are `<identity>#<turn>[.<change>]`. */
export class PublishedValues {
  readonly #turns = new Map<string, number>();
  /** How many leaders were seen with a value. */
  seen = 0;

  /** A term has begun, by this Lease, and with values of this turn. */
  began({ spec }: Lease, turn: number): void {
    this.#turns.set(`${spec?.holderIdentity ?? ''} ${timeOf(spec?.acquireTime ?? '')}`, turn);
  }

  /** @throws Violation `foreign-value` when the value is of another leader, or of another term */
  look({ identity, since, value }: Leader): void {
    if (value === undefined) return;
    this.seen += 1;
    const [owner, rest = ''] = value.split('#');
    const turn = this.#turns.get(`${identity} ${String(since?.getTime())}`);
    // Its leader may not know yet that it has won.
    const isOfTerm = turn === undefined || Number(rest.split('.')[0]) === turn;
    if (owner === identity && isOfTerm) return;
    const term = turn === undefined ? '' : ` in its turn ${String(turn)}`;
    throw new Violation('foreign-value', `${value} was seen as the value of ${identity}${term}`);
  }
}

function timeOf(microTime: string): string {
  return String(new Date(microTime).getTime());
}
