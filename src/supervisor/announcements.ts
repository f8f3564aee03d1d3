import { mkdtempSync, readdirSync, readFileSync, rmSync, watch } from 'node:fs';
import type { FSWatcher } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  HEADER_BYTES,
  SLOT_BYTES,
  SUPERVISOR_VARIABLE,
  pidNamespace,
} from '../client/announcement.ts';
import type { AnnouncedItem, AnnouncedProcess } from '../client/announcement.ts';
import { leasePath, unsealed } from '../client/sealed-lease.ts';
import type { AnnouncedSession, AnnouncedTerm } from '../core/announcer.ts';
import type { Lease } from '../core/lease.ts';

/** One attempt of a session: the lock may name it. */
export interface AnnouncedAttempt {
  readonly id: string;
  readonly lock: string;
  /** The lock's record as the process last saw it, if it held the lock for a while. */
  readonly seen?: Lease | undefined;
}

/** A term that the election's Lease may name. */
export interface LastTerm extends AnnouncedTerm {
  /** The Lease as the process last saw it. */
  readonly seen?: Lease | undefined;
}

/** What one client in one process has left to be done, should that process be dead. */
export interface Announced {
  readonly process: AnnouncedProcess;
  readonly sessions: readonly (AnnouncedSession & {
    readonly attempts: readonly AnnouncedAttempt[];
  })[];
  readonly terms: readonly LastTerm[];
}

/** Memory where there is such a file system: also where the root file system is read-only. */
const DIRECTORIES = ['/dev/shm', tmpdir()];
const OWN_PID_NAMESPACE = pidNamespace();

/** Where the processes below a supervisor announce themselves: one file for each client. */
export class Announcements {
  readonly #directory: string;
  #watcher: FSWatcher | undefined;

  private constructor(directory: string) {
    this.#directory = directory;
  }

  /** Undefined when there is no directory that can be written to. */
  static open(): Announcements | undefined {
    for (const parent of DIRECTORIES) {
      try {
        return new Announcements(mkdtempSync(join(parent, 'leasehold-')));
      } catch {
        // The next one may do.
      }
    }
    return undefined;
  }

  /** For the environment of the command. */
  get variables(): Record<string, string> {
    return { [SUPERVISOR_VARIABLE]: `${String(process.pid)}:${this.#directory}` };
  }

  /**
   * Calls `listener` with the first process that announces itself, and then watches no more: an
   * application that works must not wake its supervisor. Best effort, as a node may have run out of
   * watches.
   */
  onFirst(listener: (first: AnnouncedProcess) => void): void {
    try {
      this.#watcher = watch(this.#directory, { persistent: false }, () => {
        const first = this.#first();
        if (!first) return;
        this.#stopWatching();
        listener(first.process);
      });
      this.#watcher.on('error', () => {
        this.#stopWatching();
      });
    } catch {
      // Then everything is found out in the end.
    }
  }

  /** What is announced now. */
  read(): Announced[] {
    return readdirSync(this.#directory).flatMap((name) => {
      const announced = name.includes('.') ? undefined : this.#readOne(name);
      return announced ? [announced] : [];
    });
  }

  close(): void {
    this.#stopWatching();
    rmSync(this.#directory, { recursive: true, force: true });
  }

  /** What it throws would end the process, and the command with it. */
  #first(): Announced | undefined {
    try {
      return this.read()[0];
    } catch {
      return undefined;
    }
  }

  /** Undefined when its writer has just taken it back, or does not let others read it. */
  #readOne(name: string): Announced | undefined {
    try {
      const path = join(this.#directory, name);
      return parse(readFileSync(path), (slot) => readLease(leasePath(path, slot)));
    } catch {
      return undefined;
    }
  }

  #stopWatching(): void {
    this.#watcher?.close();
    this.#watcher = undefined;
  }
}

/** Whether the process that announced itself is the one that this process started as `child`. */
export function isChild(announced: AnnouncedProcess, child: number): boolean {
  return (
    announced.pid === child &&
    announced.parent === process.pid &&
    announced.pidNamespace === OWN_PID_NAMESPACE
  );
}

/** Undefined while the header is still being written. */
function parse(file: Buffer, leaseOf: (slot: number) => Lease | undefined): Announced | undefined {
  const header = lineAt(file, 0) as AnnouncedProcess | undefined;
  if (!header) return undefined;
  const items: (AnnouncedItem & { readonly seen?: Lease | undefined })[] = [];
  for (let at = HEADER_BYTES, slot = 0; at < file.length; at += SLOT_BYTES, slot += 1) {
    const item = lineAt(file, at) as AnnouncedItem | undefined;
    if (item) items.push(item.kind === 'session' ? item : { ...item, seen: leaseOf(slot) });
  }
  const sessions = items.flatMap((session) => {
    if (session.kind !== 'session') return [];
    const attempts = items.filter(
      (item) => item.kind === 'attempt' && item.session === session.name,
    );
    return [{ ...session, attempts }];
  });
  const terms = items.filter((item) => item.kind === 'term');
  return { process: header, sessions, terms } as Announced;
}

function readLease(path: string): Lease | undefined {
  try {
    return unsealed(readFileSync(path, 'utf8'));
  } catch {
    // None was seen, or it cannot be read: the API server has it.
    return undefined;
  }
}

function lineAt(file: Buffer, position: number): unknown {
  const end = file.indexOf('\n', position);
  // A slot that was never written is a hole: zeros.
  if (end <= position || file[position] === 0) return undefined;
  try {
    return JSON.parse(file.toString('utf8', position, end));
  } catch {
    return undefined;
  }
}
