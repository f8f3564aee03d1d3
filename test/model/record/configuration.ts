import { rulesWithout } from '../rules.ts';
import { RULES } from './rules.ts';
import type { Rule } from './rules.ts';

export type Mode = 'exclusive' | 'shared' | 'permit';

/** What may happen and need not. A configuration bounds how often. */
export const EVENTS = [
  /** A process ends without a word. What it had sent may still take effect. */
  'crashes',
  /** The Pod's container is started again, with a session of its own. */
  'restarts',
  /** The validity of a session runs out, and its process does not notice yet. */
  'pauses',
  /** An answer is lost, or a request is given up that still takes effect later. */
  'losses',
  /** The garbage collector, or somebody, deletes a session. */
  'sessionDeletions',
  'cancels',
  /** A waiter leaves the full queue, and comes back. */
  'withdrawals',
  /** A release gives up the compare-and-swap after many conflicts. */
  'patchOuts',
  /** Turns on a held lock within the process. */
  'localTurns',
  'lockDeletions',
  'lockLabels',
  /** Somebody removes a queue entry. */
  'queueEdits',
  /** An entry of an attempt that is over comes back, by a restore or by hand. */
  'restoredHolders',
  'restoredWaiters',
  /** A challenge of an attempt that is allocated, by whoever and whenever. */
  'strayChallenges',
  /** A restore takes the published list of void attempts back. */
  'lostVoids',
  /** The guard refuses a settlement because its copy of the sessions is old. */
  'hesitations',
] as const;

export type Event = (typeof EVENTS)[number];

/** Bounds of what is explored; within them, everything is. */
export interface Configuration {
  readonly name: string;
  readonly about: string;
  /** One process each. Those of one mode and role are interchangeable. */
  readonly modes: readonly Mode[];
  /** How many processes, the last ones, never queue but try until it works. */
  readonly triers?: number;
  /** How many may hold a permit at a time. */
  readonly permits?: number;
  /** How often each process wants the lock; 1 if not said. */
  readonly acquisitions?: number;
  /** How many sessions a process may have, one after the other; 1 if not said. */
  readonly sessions?: number;
  /** Whether waiters ask holders that live; needed where entries come back. */
  readonly challenge?: boolean;
  readonly supervisor?: boolean;
  readonly operator?: boolean;
  readonly guarded?: boolean;
  readonly events?: Partial<Readonly<Record<Event, number>>>;
}

/** A configuration, worked out, with the rules that hold in it. */
export class World {
  readonly configuration: Configuration;
  readonly rules: Readonly<Record<Rule, boolean>>;
  readonly processes: number;
  /** How many attempt ids a process may need: one for each acquisition and each new session. */
  readonly ids: number;
  readonly sessions: number;
  readonly acquisitions: number;
  readonly permits: number;
  /** By the index of {@link EVENTS}. */
  readonly budget: readonly number[];
  /** Whether a process queues, or only tries. */
  readonly queues: readonly boolean[];
  /** All entries of a process, as a set of bits. */
  readonly entriesOf: readonly number[];
  /** Entries by mode. */
  readonly exclusive: number;
  readonly shared: number;
  readonly permit: number;

  constructor(configuration: Configuration, dropped?: Rule) {
    this.configuration = configuration;
    this.rules = rulesWithout(RULES, dropped);
    const { modes, triers = 0, acquisitions = 1, sessions = 1, permits = 1 } = configuration;
    this.processes = modes.length;
    this.acquisitions = acquisitions;
    this.sessions = sessions;
    this.permits = permits;
    this.ids = acquisitions + sessions - 1;
    if (this.processes * this.ids > 8) throw new Error('a set of entries has eight bits');
    this.budget = EVENTS.map((event) => configuration.events?.[event] ?? 0);
    this.queues = modes.map((_, index) => index < modes.length - triers);
    this.entriesOf = modes.map((_, index) => ((1 << this.ids) - 1) << (index * this.ids));
    const having = (mode: Mode): number =>
      this.entriesOf.reduce((set, all, index) => set | (modes[index] === mode ? all : 0), 0);
    this.exclusive = having('exclusive');
    this.shared = having('shared');
    this.permit = having('permit');
  }

  /** The entry of a process's attempt, as a set of one. */
  entry(process: number, id: number): number {
    return 1 << (process * this.ids + id);
  }

  ownerOf(entry: number): number {
    return Math.floor((31 - Math.clz32(entry)) / this.ids);
  }

  idOf(entry: number): number {
    return (31 - Math.clz32(entry)) % this.ids;
  }

  /** Whether these processes are the same to the protocol, so that exchanging them changes nothing. */
  alike(a: number, b: number): boolean {
    const { modes } = this.configuration;
    return modes[a] === modes[b] && this.queues[a] === this.queues[b];
  }
}
