import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';
import type { Entry, Line, StoreRow, WorkerProcess } from './history.ts';

/** A process, and the file of its history. */
export interface RecordedProcess extends WorkerProcess {
  readonly history: string;
}

/**
 * How much later than it says a write of the protected resource comes in the order of all: its
 * clock is the wall clock, and the lines of the worker that sent it must come first.
 */
export const STORE_LAG_MS = 1_000;

/**
 * All that was recorded, in the order of time, read from the files line by line: memory does not grow
 * with the length of the run.
 *
 * @param slots - the processes of each worker, which ran one after the other
 */
export async function* merged(
  slots: readonly (readonly RecordedProcess[])[],
  store?: string,
): AsyncGenerator<Entry, void> {
  const sources = [...slots.map(linesOf), ...(store === undefined ? [] : [rowsOf(store)])];
  const heads: { entry: Entry; due: number; source: AsyncGenerator<Entry, void> }[] = [];
  const advance = async (source: AsyncGenerator<Entry, void>): Promise<void> => {
    const next: IteratorResult<Entry, void> = await source.next();
    if (next.done) return;
    const entry = next.value;
    const due = entry.line.at + (entry.from ? 0 : STORE_LAG_MS);
    heads.push({ entry, due, source });
  };
  for (const source of sources) await advance(source);
  while (heads.length > 0) {
    const first = heads.reduce((least, head) => (head.due < least.due ? head : least));
    heads.splice(heads.indexOf(first), 1);
    yield first.entry;
    await advance(first.source);
  }
}

async function* linesOf(processes: readonly RecordedProcess[]): AsyncGenerator<Entry, void> {
  for (const from of processes) {
    for await (const line of parsed<Line>(from.history)) yield { from, line };
  }
}

async function* rowsOf(path: string): AsyncGenerator<Entry, void> {
  for await (const line of parsed<StoreRow>(path)) yield { from: undefined, line };
}

async function* parsed<T>(path: string): AsyncGenerator<T, void> {
  const input = createReadStream(path);
  for await (const text of createInterface({ input, crlfDelay: Infinity })) {
    // A kill may have cut the last line short.
    if (text.endsWith('}')) yield JSON.parse(text) as T;
  }
}
