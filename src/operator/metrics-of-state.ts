import { Counter, Gauge } from 'prom-client';
import type { Registry } from 'prom-client';
import type { IndexedLock } from './lock-index.ts';
import type { Operator } from './operator.ts';

/** The metrics that tell what is there at the moment in which they are asked for. */
export function observeState(registry: Registry, operator: Operator): void {
  observeLocks(registry, operator);
  observeSessions(registry, operator);
  observeWatches(registry, operator);
}

function observeLocks(registry: Registry, { locks, pods, stuck }: Operator): void {
  const registers = [registry];
  const gauge = (name: string, help: string, each: (lock: IndexedLock) => number): void => {
    new Gauge({
      name,
      help,
      labelNames: ['namespace'],
      registers,
      collect() {
        this.reset();
        const sums = new Map<string, number>();
        for (const lock of locks.all()) {
          sums.set(lock.namespace, (sums.get(lock.namespace) ?? 0) + each(lock));
        }
        for (const [namespace, sum] of sums) this.set({ namespace }, sum);
      },
    });
  };
  gauge('leasehold_locks', 'Locks that exist: held, or waited for.', () => 1);
  gauge('leasehold_holders', 'Attempts that hold a lock.', ({ holders }) => holders.length);
  gauge('leasehold_waiters', 'Attempts that wait for a lock.', ({ queue }) => queue.length);
  gauge('leasehold_unreadable_locks', 'Locks with an unreadable holder.', ({ isUnreadable }) =>
    isUnreadable ? 1 : 0,
  );
  new Gauge({
    name: 'leasehold_stuck_waiters',
    help: 'Queues that do not move, by whether the lock is held, free or unreadable.',
    labelNames: ['namespace', 'lock'],
    registers,
    collect() {
      this.reset();
      for (const { lock } of stuck.all()) {
        const held = lock.holders.length > 0 ? 'held' : 'free';
        this.inc({ namespace: lock.namespace, lock: lock.isUnreadable ? 'unreadable' : held });
      }
    },
  });
  new Gauge({
    name: 'leasehold_pods',
    help: 'Pods that are watched.',
    registers,
    collect() {
      this.set(pods.size);
    },
  });
}

function observeSessions(registry: Registry, operator: Operator): void {
  const registers = [registry];
  new Gauge({
    name: 'leasehold_sessions',
    help: 'Sessions as of the last sweep, by the leader: live, silent for over a ttl, or blank.',
    labelNames: ['state'],
    registers,
    collect() {
      for (const [state, sum] of Object.entries(operator.sessions.counts)) this.set({ state }, sum);
    },
  });
  new Gauge({
    name: 'leasehold_oldest_session_age_seconds',
    help: 'Since the last renewal of the session that has gone longest without, as of the last sweep.',
    registers,
    collect() {
      this.set(operator.sessions.oldestMs / 1_000);
    },
  });
  new Gauge({
    name: 'leasehold_sweep_timestamp_seconds',
    help: 'When this operator last read all sessions; 0 if it never led.',
    registers,
    collect() {
      this.set((operator.sessions.at ?? 0) / 1_000);
    },
  });
}

function observeWatches(registry: Registry, { watches }: Operator): void {
  const registers = [registry];
  const labelNames = ['resource'];
  new Gauge({
    name: 'leasehold_watch_heard_timestamp_seconds',
    help: 'When the watch last said something; 0 before. Bookmarks come about once a minute.',
    labelNames,
    registers,
    collect() {
      for (const { kind, heardAt = 0 } of watches.all()) {
        this.set({ resource: kind }, heardAt / 1_000);
      }
    },
  });
  new Counter({
    name: 'leasehold_watch_lists_total',
    help: 'How often all was read anew: at the start, and when changes may have been missed.',
    labelNames,
    registers,
    collect() {
      this.reset();
      for (const { kind, lists } of watches.all()) this.inc({ resource: kind }, lists);
    },
  });
  new Counter({
    name: 'leasehold_watch_interruptions_total',
    help: 'How often a watch ended by a failure.',
    labelNames,
    registers,
    collect() {
      this.reset();
      for (const { kind, interruptions } of watches.all()) {
        this.inc({ resource: kind }, interruptions);
      }
    },
  });
}
