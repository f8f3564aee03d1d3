import { asLease } from './lease-shape.ts';
import { LineSplitter } from './lines.ts';
import { WatchEvent } from './watch-event.ts';

/** The state of one Lease, as a watch tells it. */
export interface WatchedState {
  /** Undefined when the Lease does not exist. */
  readonly event: WatchEvent | undefined;
  readonly version: bigint;
  /** The first state after (re)connecting: it holds whatever was known before. */
  readonly initial: boolean;
}

/** Reads the bytes of one connection of a watch. */
export class WatchReader {
  readonly #splitter = new LineSplitter();
  readonly #name: string;
  /** Whether the initial state is still being told. */
  #initial: boolean;
  #present: WatchEvent | undefined;

  /** @param name - of the Lease */
  constructor(name: string, initialExpected: boolean) {
    this.#name = name;
    this.#initial = initialExpected;
  }

  /**
   * The state after these bytes, if they tell one: of several events the last.
   *
   * @throws Error when they are no events, or tell of an error
   */
  read(bytes: Buffer): WatchedState | undefined {
    let last: WatchedState | undefined;
    for (const line of this.#splitter.push(bytes)) {
      const event = WatchEvent.of(line);
      if (event.type === 'ERROR') {
        const { code, message } = event.error();
        throw new Error(`the watch ended with ${String(code)}: ${message}`);
      }
      // Of what goes nothing is kept that is looked at later.
      if (event.type === 'DELETED') asLease(event.object(), this.#name);
      const state = this.#initial ? this.#readInitial(event) : readChange(event);
      if (state) last = { ...state, initial: state.initial || (last?.initial ?? false) };
    }
    return last;
  }

  #readInitial(event: WatchEvent): WatchedState | undefined {
    if (event.endsInitialState()) {
      this.#initial = false;
      const present = this.#present;
      return { event: present, version: present?.version() ?? event.version(), initial: true };
    }
    if (event.type !== 'BOOKMARK') this.#present = event.type === 'DELETED' ? undefined : event;
    return undefined;
  }
}

function readChange(event: WatchEvent): WatchedState | undefined {
  if (event.type === 'BOOKMARK') return undefined;
  const present = event.type === 'DELETED' ? undefined : event;
  return { event: present, version: event.version(), initial: false };
}
