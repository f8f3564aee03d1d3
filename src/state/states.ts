import { leaseName } from '../core/names.ts';
import type { Parts } from '../core/parts.ts';
import type { LeaseApi } from '../kube/lease-api.ts';
import type { StateKind } from './kind.ts';
import { StateCell } from './state-cell.ts';

/** So many states are remembered at most; one that is forgotten costs a read when it is used again. */
const MOST_REMEMBERED = 1_000;

/** The states of role `state` that one process uses in one namespace. */
export class States {
  readonly #parts: { readonly api: LeaseApi; readonly parts: Parts };
  readonly #cells = new Map<string, StateCell<never, never, never>>();
  readonly #closing = new AbortController();

  constructor(api: LeaseApi, parts: Parts) {
    this.#parts = { api, parts };
  }

  /**
   * The state of this name.
   *
   * @param key - tells kinds apart that are not the same to the same program
   * @throws LeaseholdError `INVALID_ARGUMENT`
   */
  cell<State, Operation, Result>(
    original: string,
    key: string,
    kind: StateKind<State, Operation, Result>,
  ): () => StateCell<State, Operation, Result> {
    const name = leaseName(original);
    return () => this.#cell(`${key} ${name.lease}`, () => new StateCell(this.#parts, name, kind));
  }

  #cell<State, Operation, Result>(
    key: string,
    make: () => StateCell<State, Operation, Result>,
  ): StateCell<State, Operation, Result> {
    // Whoever asks by the same key means the same kind.
    const cell =
      (this.#cells.get(key) as StateCell<State, Operation, Result> | undefined) ?? make();
    if (this.#closing.signal.aborted) void cell.close();
    // The map keeps the order of use: the first are the ones used longest ago.
    this.#cells.delete(key);
    this.#cells.set(key, cell as unknown as StateCell<never, never, never>);
    this.#forget();
    return cell;
  }

  /** Refuses all who wait. Resolves when no write is on its way. */
  async close(): Promise<void> {
    this.#closing.abort();
    await Promise.all([...this.#cells.values()].map((cell) => cell.close()));
  }

  #forget(): void {
    if (this.#cells.size <= MOST_REMEMBERED) return;
    for (const [key, cell] of this.#cells) {
      if (!cell.isIdle) continue;
      this.#cells.delete(key);
      return;
    }
  }
}
