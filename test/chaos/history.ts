import { closeSync, openSync, writeSync } from 'node:fs';
import type { LeaseholdEvent } from '../../src/index.ts';

/**
 * What a worker has done and seen, one JSON line each. Times are milliseconds of CLOCK_MONOTONIC,
 * which all processes of a machine share. `call` numbers the calls of one process.
 */
export type Line =
  | { readonly type: 'begin'; readonly at: number; readonly pid: number; readonly ttl: number }
  /** About to call acquire, tryAcquire or an election's acquire. */
  | {
      readonly type: 'wait';
      readonly at: number;
      readonly call: number;
      readonly lock: string;
      readonly how: string;
      /** When the caller gives up by itself, in milliseconds; undefined when never. */
      readonly timeout?: number | undefined;
    }
  /** Holds, and found it valid before `at`; claims to hold until `until`. */
  | {
      readonly type: 'held';
      readonly at: number;
      readonly call: number;
      readonly lock: string;
      readonly until: number;
      readonly fence: string;
    }
  /** Still valid while held: the claim reaches to `until` now. */
  | { readonly type: 'still'; readonly at: number; readonly call: number; readonly until: number }
  /** Is about to call release; claims nothing from here on. */
  | { readonly type: 'release'; readonly at: number; readonly call: number }
  | { readonly type: 'released'; readonly at: number; readonly call: number }
  | { readonly type: 'lost'; readonly at: number; readonly call: number; readonly reason: string }
  /** The call ended without a hold. */
  | {
      readonly type: 'unheld';
      readonly at: number;
      readonly call: number;
      readonly outcome: string;
      readonly detail?: string;
    }
  | { readonly type: 'event'; readonly at: number; readonly event: EventLine }
  | { readonly type: 'closing'; readonly at: number }
  | { readonly type: 'closed'; readonly at: number };

/** An event of the library, as JSON carries it. */
type EventLine = { readonly type: LeaseholdEvent['type'] } & Readonly<Record<string, unknown>>;

/** One process of a worker: a worker that was killed and started again has several. */
export interface ProcessHistory {
  /** Such as `w3.2`: the third start of worker 3. */
  readonly process: string;
  readonly ttl: number;
  readonly lines: readonly Line[];
  /** When it was killed by SIGKILL, if it was. */
  readonly killedAt?: number | undefined;
}

/** Something that the test did to the system. */
export interface Fault {
  readonly kind: string;
  /** A worker, a Lease (`lock:hot`), or the server. */
  readonly target: string;
  /** Before it was begun. */
  readonly at: number;
  /** When it was over; of an edit, when its answer had come. */
  readonly until: number;
  readonly detail?: string;
}

/** Now, on the clock that all processes of this machine share. */
export function monotonic(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}

/** Writes lines so that a SIGKILL right after the call loses none: the kernel has them. */
export class HistoryWriter {
  readonly #file: number;

  constructor(path: string) {
    this.#file = openSync(path, 'a');
  }

  write(line: Line): void {
    writeSync(this.#file, `${stringify(line)}\n`);
  }

  close(): void {
    closeSync(this.#file);
  }
}

export function parseHistory(text: string): Line[] {
  const lines: Line[] = [];
  for (const line of text.split('\n')) {
    // A kill may have cut the last line short.
    if (line.endsWith('}')) lines.push(JSON.parse(line) as Line);
  }
  return lines;
}

/** The identity under which a process connects: its sessions are called after it. */
export function identityOf(process: string): string {
  return process.replace('.', '-');
}

/** Whether the Lease of this name is a session of the process. */
export function isSessionOf(process: string, lease: string): boolean {
  return lease.replace(/-[0-9a-f]{8}$/, '') === identityOf(process);
}

function stringify(line: Line): string {
  return JSON.stringify(line, (_, value: unknown) =>
    typeof value === 'bigint' ? String(value) : value,
  );
}
