import { closeSync, openSync, writeSync } from 'node:fs';
import type { LeaseholdEvent } from '../../src/index.ts';

/**
 * What a worker has done and seen, one JSON line each. Times are milliseconds of CLOCK_MONOTONIC,
 * which all processes of a machine share, whatever the worker's own clock says. `call` numbers the
 * calls of one process.
 */
export type Line =
  | { readonly type: 'begin'; readonly at: number; readonly pid: number; readonly ttl: number }
  /** About to call acquire, tryAcquire, an election's acquire, or downgrade. */
  | {
      readonly type: 'wait';
      readonly at: number;
      readonly call: number;
      readonly lock: string;
      readonly how: string;
      readonly beside?: Company | undefined;
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
      readonly beside?: Company | undefined;
    }
  /** Still valid while held: the claim reaches to `until` now. */
  | { readonly type: 'still'; readonly at: number; readonly call: number; readonly until: number }
  /** Is about to call release, or downgrade; claims nothing from here on. */
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
  /** About to write to the protected resource, the `number`th time in this process. */
  | { readonly type: 'write'; readonly at: number; readonly call: number; readonly number: number }
  /** What the protected resource said; `accepted` is undefined when the connection broke. */
  | {
      readonly type: 'written';
      readonly at: number;
      readonly call: number;
      readonly number: number;
      readonly accepted?: boolean | undefined;
    }
  | { readonly type: 'event'; readonly at: number; readonly event: EventLine }
  | { readonly type: 'closing'; readonly at: number }
  | { readonly type: 'closed'; readonly at: number };

/** Whom a hold may have beside it: other readers, or other permits. One without any is alone. */
export type Company =
  | { readonly mode: 'shared' }
  | { readonly mode: 'permit'; readonly weight: number; readonly limit: number };

/** An event of the library, as JSON carries it. */
type EventLine = { readonly type: LeaseholdEvent['type'] } & Readonly<Record<string, unknown>>;

/** How a process was ended by SIGKILL. */
export interface Killed {
  /** Before the signal was sent. */
  readonly at: number;
  /** `supervised`: its parent, `leasehold run`, was there to see it. */
  readonly how: 'alone' | 'supervised' | 'with its supervisor';
}

/** One process of a worker: a worker that was killed and started again has several. */
export interface WorkerProcess {
  /** Such as `w3.2`: the third start of worker 3. */
  readonly process: string;
  /** Of its session, in milliseconds. */
  readonly ttl: number;
  readonly killed?: Killed | undefined;
}

/** Something that the test did to the system. */
export interface Fault {
  readonly kind: string;
  /** A worker, a Lease (`hot`, `election:...`), or a server (`server:...`). */
  readonly target: string;
  /** Before it was begun. */
  readonly at: number;
  /** When it was over; of an edit, when its answer had come. */
  readonly until: number;
  readonly detail?: string;
  /** Of an edit, when it is known which one it was. */
  readonly version?: VersionRange | undefined;
}

/** Between which resourceVersions an edit was stored: not before the first, nor after the last. */
export interface VersionRange {
  readonly first: bigint;
  readonly last: bigint;
}

/** A line of a process, or what the protected resource has stored. */
export type Entry =
  | { readonly from: WorkerProcess; readonly line: Line }
  | { readonly from: undefined; readonly line: StoreRow };

/** One write, as the protected resource has logged it. */
export interface StoreRow {
  readonly type: 'row';
  readonly at: number;
  readonly lock: string;
  readonly fence: string;
  readonly process: string;
  readonly number: number;
  /** How many writes of this lock it had accepted with this one; undefined when it refused it. */
  readonly version?: number | undefined;
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

  write(line: Line | StoreRow): void {
    writeSync(this.#file, `${stringify(line)}\n`);
  }

  close(): void {
    closeSync(this.#file);
  }
}

/** The identity under which a process connects: its sessions are called after it. */
export function identityOf(process: string): string {
  return process.replace('.', '-');
}

/** Whether the Lease of this name is a session of the process. */
export function isSessionOf(process: string, lease: string): boolean {
  return lease.replace(/-[0-9a-f]{8}$/, '') === identityOf(process);
}

/** Which worker a process is a start of. */
export function workerOf(process: string): string {
  return process.split('.')[0] ?? process;
}

function stringify(line: object): string {
  return JSON.stringify(line, (_, value: unknown) =>
    typeof value === 'bigint' ? String(value) : value,
  );
}
