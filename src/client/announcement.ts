import { randomBytes } from 'node:crypto';
import {
  closeSync,
  openSync,
  readlinkSync,
  rmSync,
  unlinkSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import type { AnnouncedSession, AnnouncedTerm, Announcer } from '../core/announcer.ts';
import type { Lease } from '../core/lease.ts';
import type { Cluster } from './cluster.ts';
import { leasePath, sealed } from './sealed-lease.ts';

/** Names the directory in which a supervisor looks for announcements: `<its pid>:<directory>`. */
export const SUPERVISOR_VARIABLE = 'LEASEHOLD_SUPERVISOR';

/** A file of these: one line of JSON at the beginning of each slot, empty when it is free. */
export const HEADER_BYTES = 8_192;
export const SLOT_BYTES = 1_024;
/** A Lease with more in it is read from the API server when it is needed. */
const MOST_LEASE_CHARACTERS = 65_536;

/** The header: who announces, and what it takes to reach the same API server. */
export interface AnnouncedProcess {
  readonly pid: number;
  readonly parent: number;
  /** Process ids mean something within one namespace only; undefined where there are none. */
  readonly pidNamespace: string | undefined;
  readonly server: string;
  readonly kubeconfig: string | undefined;
  readonly context: string | undefined;
  readonly namespace: string;
}

export type AnnouncedItem =
  | ({ readonly kind: 'session' } & AnnouncedSession)
  | {
      readonly kind: 'attempt';
      readonly session: string;
      readonly id: string;
      readonly lock: string;
    }
  | ({ readonly kind: 'term' } & AnnouncedTerm);

/**
 * What `leasehold run` has to know of this process, should it die: undefined when it has not been
 * started under it, or cannot announce anything. Then the ttl does it.
 */
export function announcementOf(env: NodeJS.ProcessEnv, cluster: Cluster): Announcement | undefined {
  const [, directory] = /^\d+:(.+)$/s.exec(env[SUPERVISOR_VARIABLE] ?? '') ?? [];
  if (directory === undefined || !cluster.choice) return undefined;
  const header: AnnouncedProcess = {
    pid: process.pid,
    parent: process.ppid,
    pidNamespace: pidNamespace(),
    server: cluster.access.server,
    kubeconfig: cluster.choice.kubeconfig,
    context: cluster.choice.context,
    namespace: cluster.namespace,
  };
  const text = line(header);
  if (Buffer.byteLength(text) > HEADER_BYTES) return undefined;
  const path = join(directory, `${String(process.pid)}-${randomBytes(4).toString('hex')}`);
  let file: number;
  try {
    file = openSync(path, 'wx', 0o600);
  } catch {
    // The supervisor is gone, or belongs to another user.
    return undefined;
  }
  return new Announcement(path, file, text);
}

/** The process id namespace of this process, where there is such a thing. */
export function pidNamespace(): string | undefined {
  try {
    return readlinkSync('/proc/self/ns/pid');
  } catch {
    return undefined;
  }
}

/**
 * A file that always says what this client's death would leave behind. A write to the page cache
 * takes microseconds, never waits for the supervisor, wakes nobody, and outlives its writer.
 */
export class Announcement implements Announcer {
  readonly #path: string;
  #file: number | undefined;
  readonly #sessions = new Map<string, number>();
  readonly #attempts = new Map<string, number>();
  readonly #sessionOf = new Map<string, string>();
  readonly #terms = new Map<string, number>();
  readonly #acquireTimes = new Map<string, string>();
  readonly #leases = new Set<number>();
  readonly #free: number[] = [];
  #slots = 0;

  constructor(path: string, file: number, header: string) {
    this.#path = path;
    this.#file = file;
    this.#write(header, 0);
  }

  sessionBegan({ name, uid, ttl }: AnnouncedSession): void {
    this.#put(this.#sessions, name, { kind: 'session', name, uid, ttl });
  }

  sessionEnded(session: string): void {
    this.#clear(this.#sessions, session);
    for (const [attempt, its] of this.#sessionOf) if (its === session) this.attemptSettled(attempt);
  }

  attemptBegan(session: string, attempt: string, lock: string): void {
    this.#sessionOf.set(attempt, session);
    this.#put(this.#attempts, attempt, { kind: 'attempt', session, id: attempt, lock });
  }

  attemptSettled(attempt: string): void {
    this.#sessionOf.delete(attempt);
    this.#clear(this.#attempts, attempt);
  }

  termBegan({ election, identity, acquireTime }: AnnouncedTerm): void {
    this.#acquireTimes.set(election, acquireTime);
    this.#put(this.#terms, election, { kind: 'term', election, identity, acquireTime });
  }

  termEnded(election: string, acquireTime: string): void {
    if (this.#acquireTimes.get(election) !== acquireTime) return;
    this.#acquireTimes.delete(election);
    this.#clear(this.#terms, election);
  }

  seen(key: string, lease: Lease | undefined): void {
    const slot = this.#attempts.get(key) ?? this.#terms.get(key);
    if (slot === undefined || this.#file === undefined) return;
    const text = lease && sealed(lease);
    if (!text || text.length > MOST_LEASE_CHARACTERS) {
      this.#forget(slot);
      return;
    }
    try {
      this.#leases.add(slot);
      writeFileSync(leasePath(this.#path, slot), text, { mode: 0o600 });
    } catch {
      // No room: the supervisor reads it from the API server.
    }
  }

  /** Leaves the file to the supervisor if a session or a term could not be ended. */
  close(): void {
    this.#end(this.#sessions.size + this.#terms.size === 0);
  }

  #write(text: string, position: number): void {
    if (this.#file === undefined) return;
    try {
      writeSync(this.#file, text, position);
    } catch {
      // No room, or the supervisor is gone: what is not known exactly is left to the ttl.
      this.#end(true);
    }
  }

  /** What is longer than a slot is left to the ttl. */
  #put(slots: Map<string, number>, key: string, item: AnnouncedItem): void {
    const text = line(item);
    if (Buffer.byteLength(text) > SLOT_BYTES) {
      this.#clear(slots, key);
      return;
    }
    const slot = slots.get(key) ?? this.#free.pop() ?? this.#slots++;
    slots.set(key, slot);
    this.#write(text, positionOf(slot));
  }

  #clear(slots: Map<string, number>, key: string): void {
    const slot = slots.get(key);
    if (slot === undefined) return;
    slots.delete(key);
    this.#free.push(slot);
    this.#write('\n', positionOf(slot));
    this.#forget(slot);
  }

  #forget(slot: number): void {
    if (!this.#leases.delete(slot)) return;
    try {
      rmSync(leasePath(this.#path, slot), { force: true });
    } catch {
      // It stays what it is: outdated.
    }
  }

  #end(removes: boolean): void {
    const file = this.#file;
    if (file === undefined) return;
    this.#file = undefined;
    try {
      if (!removes) return;
      for (const slot of this.#leases) this.#forget(slot);
      unlinkSync(this.#path);
    } catch {
      // Gone already.
    } finally {
      closeSync(file);
    }
  }
}

function positionOf(slot: number): number {
  return HEADER_BYTES + slot * SLOT_BYTES;
}

function line(value: unknown): string {
  return `${JSON.stringify(value)}\n`;
}
