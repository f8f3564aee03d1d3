import { Checker } from './checker.ts';
import type { Evidence } from './evidence.ts';
import type { Company, Entry, Line, StoreRow, WorkerProcess } from './history.ts';
import { STORE_LAG_MS } from './merge.ts';

const FENCE_SCALE = 65_536;

export interface Recorded {
  readonly process: WorkerProcess;
  readonly lines: readonly Line[];
}

interface Run extends Partial<Omit<Evidence, 'processes'>> {
  readonly rows?: readonly StoreRow[];
}

/** A history from a few words: what one call did and when; alone unless told. */
export function hold(
  call: number,
  version: number,
  from: number,
  until: number,
  release?: number,
  beside?: Company,
): Line[] {
  const fence = fenceOf(version);
  return [
    { type: 'wait', at: from - 1, call, lock: 'a', how: 'patient', beside },
    { type: 'held', at: from, call, lock: 'a', until, fence, beside },
    ...(release === undefined ? [] : [{ type: 'release', at: release, call } as const]),
  ];
}

export function fenceOf(version: number): string {
  return String(version * FENCE_SCALE);
}

export function history(process: string, ...lines: Line[][]): Recorded {
  return { process: { process, ttl: 2_000 }, lines: lines.flat() };
}

export function killed(recorded: Recorded, at: number, how: 'alone' | 'supervised'): Recorded {
  return { ...recorded, process: { ...recorded.process, killed: { at, how } } };
}

/** Has the histories read in the order of time, and returns the checker and what it has found. */
export function read(
  recorded: readonly Recorded[],
  run: Run = {},
): { checker: Checker; found: string[] } {
  const {
    rows = [],
    faults = [],
    storms = [{ at: 0, until: 100_000, single: false }],
    ...rest
  } = run;
  const processes = recorded.map(({ process }) => process);
  const checker = new Checker({
    ...{ processes, faults, storms, leases: [], stored: [], ttl: 2_000 },
    ...rest,
  });
  const entries: Entry[] = [
    ...recorded.flatMap(({ process, lines }) => lines.map((line) => ({ from: process, line }))),
    ...rows.map((line) => ({ from: undefined, line })),
  ];
  const due = ({ from, line }: Entry): number => line.at + (from ? 0 : STORE_LAG_MS);
  for (const entry of entries.toSorted((a, b) => due(a) - due(b))) checker.see(entry);
  return { checker, found: checker.finish().map((violation) => violation.rule) };
}

export function rules(recorded: readonly Recorded[], run?: Run): string[] {
  return read(recorded, run).found;
}
