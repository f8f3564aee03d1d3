import fc from 'fast-check';
import { expect } from 'vitest';
import { attemptId, formatEntry } from '../../src/core/entry.ts';
import type { Entry } from '../../src/core/entry.ts';
import type { Lease } from '../../src/core/lease.ts';
import type { Ask } from '../../src/lock/context.ts';
import { HOLDER_PREFIX, QUEUE_PREFIX, parseRecord } from '../../src/core/record.ts';
import type { LockRecord } from '../../src/core/record.ts';
import { lockSpec, settle, settledLease } from '../../src/core/settle.ts';

/** What an attempt is, whatever the record says of it. */
interface Attempt {
  readonly id: string;
  readonly session: string;
  /** Its process lives, its session does, and it has not been given up. */
  isLive: boolean;
  /** Its release or cancel was sent. */
  isSpent: boolean;
  readonly ask: Ask;
  fence: bigint | undefined;
}

const ALONE: Ask = { mode: 'exclusive' };
/** How an attempt wants to hold; most of them in a way that lets others do so, too. */
const asks: fc.Arbitrary<Ask> = fc.oneof(
  fc.constant(ALONE),
  fc.constant<Ask>({ mode: 'shared' }),
  fc.integer({ min: 1, max: 3 }).map((weight): Ask => ({ mode: 'permit', weight, of: 3 })),
  fc.constant<Ask>({ mode: 'permit', weight: 1, of: 2 }),
);

/** Whether they may all hold, said anew. */
export function mayHoldTogether(holders: readonly Attempt[]): boolean {
  const [first] = holders;
  if (!first || holders.length === 1) return true;
  const { mode, of } = first.ask;
  if (mode === 'exclusive') return false;
  if (holders.some(({ ask }) => ask.mode !== mode || ask.of !== of)) return false;
  const sum = holders.reduce((total, { ask }) => total + (ask.weight ?? 0), 0);
  return mode === 'shared' || sum <= (of ?? 0);
}

/** What one settler has last read, and may write by. */
interface Reading {
  readonly record: LockRecord;
  readonly dead: ReadonlySet<string>;
}

const NOW = '2026-01-01T00:00:00.000000Z';
const SESSIONS = 5;
const SETTLERS = 3;

/**
 * One lock Lease as an API server keeps it, those who write it, and what they must never do. Settlers
 * read at one time and write at another, by compare-and-swap, and know of the deaths that they were told.
 */
export class SharedLock {
  #lease: Lease | undefined;
  #version = 10;
  #uids = 0;
  #attempts = 0;
  readonly attempts = new Map<string, Attempt>();
  /** Sessions that are dead. */
  readonly dead = new Set<string>();
  /** What each settler knows of them, and of the attempts that are void. */
  readonly known = Array.from({ length: SETTLERS }, () => new Set<string>());
  readonly readings: (Reading | undefined)[] = Array.from({ length: SETTLERS }, () => undefined);
  #highestFence = 0n;
  #last: Attempt | undefined;

  get record(): LockRecord | undefined {
    return this.#lease && parseRecord(this.#lease);
  }

  begin(sessionNumber: number, ask: Ask): void {
    const session = `s${String(sessionNumber)}`;
    if (this.dead.has(session)) return;
    this.#attempts += 1;
    const id = attemptId(`0${String(sessionNumber)}`, this.#attempts);
    const attempt: Attempt = { id, session, isLive: true, isSpent: false, ask, fence: undefined };
    this.attempts.set(id, attempt);
    const fields = { session, sessionUid: `u-${session}`, ttl: 15, since: NOW } as const;
    const record = this.record;
    if (!record) {
      this.#uids += 1;
      this.#store({
        metadata: {
          name: 'x',
          uid: `uid-${String(this.#uids)}`,
          labels: { 'leasehold.dev/role': 'lock' },
          annotations: { [HOLDER_PREFIX + id]: formatEntry({ ...fields, ...ask }) },
        },
        spec: lockSpec(session, NOW),
      });
      this.#granted(attempt, BigInt(this.#version));
      return;
    }
    const seen = record.version;
    this.annotate(QUEUE_PREFIX + id, `${formatEntry({ ...fields, ...ask, seen })} x=kept`);
  }

  /** A write of anybody, without a resourceVersion. */
  annotate(key: string, value: string | undefined): void {
    if (!this.#lease) return;
    const { metadata } = this.#lease;
    const { [key]: before, ...others } = metadata.annotations ?? {};
    if (before === value) return;
    const annotations = value === undefined ? others : { ...others, [key]: value };
    this.#store({ ...this.#lease, metadata: { ...metadata, annotations } });
  }

  die(session: string): void {
    this.dead.add(session);
    for (const attempt of this.attempts.values()) {
      if (attempt.session === session) attempt.isLive = false;
    }
  }

  /** An attempt is void once it was given up: its owner says so. */
  learnVoid(settler: number): void {
    for (const { id, isSpent } of this.attempts.values()) {
      if (isSpent) this.known[settler]?.add(id);
    }
  }

  look(settler: number): void {
    const { record } = this;
    const dead = new Set(this.known[settler]);
    this.readings[settler] = record && { record, dead };
  }

  /** Writes what follows from what it last read; by its own release, if `leaving` names its attempt. */
  write(settler: number, leaving?: string): void {
    const reading = this.readings[settler];
    this.readings[settler] = undefined;
    if (!reading) return;
    const { record, dead } = reading;
    const isDead = (entry: Entry): boolean => dead.has(entry.session) || dead.has(entry.id);
    const settlement = settle(record, isDead, leaving);
    const isCurrent =
      this.#lease?.metadata.uid === record.uid && BigInt(this.#version) === record.version;
    if (!isCurrent || settlement.action === 'none') return;
    const before = this.record;
    if (settlement.action === 'delete') this.#lease = undefined;
    else this.#store(settledLease(record, settlement, NOW));
    this.#checkWrite(before, leaving);
    if (settlement.action !== 'write') return;
    for (const { id } of settlement.granted) {
      const fence = this.record?.holders.find((one) => one.id === id)?.fence;
      expect(fence).toBeDefined();
      this.#granted(this.attempts.get(id), fence ?? 0n);
    }
    // The same knowledge has nothing to add to it.
    const after = this.record;
    if (after) expect(settle(after, isDead)).toEqual({ action: 'none' });
  }

  /** Whoever lives and was not given up, as the record names them. */
  live(entries: readonly Entry[]): Attempt[] {
    return entries.flatMap(({ id }) => {
      const attempt = this.attempts.get(id);
      return attempt?.isLive && !attempt.isSpent ? [attempt] : [];
    });
  }

  check(): void {
    const { record } = this;
    if (!record) return;
    expect(mayHoldTogether(this.live(record.holders))).toBe(true);
    expect(record.unreadableHolders).toEqual([]);
    expect(record.lease.metadata.labels).toEqual({ 'leasehold.dev/role': 'lock' });
    for (const entry of record.queue) expect(entry.text).toMatch(/ x=kept$/);
  }

  /** Who lived before this write of a settler is there after it, unless it was the one to leave. */
  #checkWrite(before: LockRecord | undefined, leaving: string | undefined): void {
    const { record } = this;
    const holders = this.live(before?.holders ?? []).filter(({ id }) => id !== leaving);
    const waiters = this.live(before?.queue ?? []).filter(({ id }) => id !== leaving);
    const held = new Set(record?.holders.map(({ id }) => id));
    const queued = new Set(record?.queue.map(({ id }) => id));
    for (const { id } of holders) expect(held).toContain(id);
    for (const { id } of waiters) expect(held.has(id) || queued.has(id)).toBe(true);
    // Nobody overtakes: who was granted came before all who live and still wait.
    const order = before?.queue.map(({ id }) => id) ?? [];
    const granted = order.filter((id) => held.has(id));
    const [firstLeft] = order.filter((id) => queued.has(id) && this.attempts.get(id)?.isLive);
    for (const id of granted) {
      if (firstLeft !== undefined) expect(order.indexOf(id)).toBeLessThan(order.indexOf(firstLeft));
    }
  }

  #granted(attempt: Attempt | undefined, fence: bigint): void {
    // Those who may hold together may have the same.
    const isTogether = this.#last && attempt && mayHoldTogether([this.#last, attempt]);
    if (isTogether) expect(fence).toBeGreaterThanOrEqual(this.#highestFence);
    else expect(fence).toBeGreaterThan(this.#highestFence);
    this.#highestFence = fence;
    this.#last = attempt;
    if (attempt) attempt.fence = fence;
  }

  #store(lease: Lease): void {
    this.#version += 1;
    const metadata = { ...lease.metadata, resourceVersion: String(this.#version) };
    this.#lease = { ...lease, metadata };
  }
}

type Step = fc.Command<object, SharedLock>;

function step(name: string, run: (lock: SharedLock) => void): Step {
  return {
    check: () => true,
    run: (_, lock) => {
      run(lock);
      lock.check();
    },
    toString: () => name,
  };
}

const session = fc.nat({ max: SESSIONS - 1 });
const settler = fc.nat({ max: SETTLERS - 1 });
const place = fc.nat({ max: 3 });

/** What may happen, in any order. */
export const steps: fc.Arbitrary<Step>[] = [
  fc
    .tuple(session, asks)
    .map(([one, ask]) =>
      step(`begin(${String(one)}, ${JSON.stringify(ask)})`, (lock) => lock.begin(one, ask)),
    ),
  session.map((one) => step(`begin(${String(one)})`, (lock) => lock.begin(one, ALONE))),
  settler.map((one) => step(`look(${String(one)})`, (lock) => lock.look(one))),
  settler.map((one) => step(`write(${String(one)})`, (lock) => lock.write(one))),
  settler.map((one) =>
    step(`settle(${String(one)})`, (lock) => {
      lock.look(one);
      lock.write(one);
    }),
  ),
  session.map((one) => step(`die(${String(one)})`, (lock) => lock.die(`s${String(one)}`))),
  fc.tuple(settler, session).map(([one, of]) =>
    step(`learn(${String(one)}, ${String(of)})`, (lock) => {
      if (lock.dead.has(`s${String(of)}`)) lock.known[one]?.add(`s${String(of)}`);
    }),
  ),
  settler.map((one) =>
    step(`learn of void attempts (${String(one)})`, (lock) => lock.learnVoid(one)),
  ),
  settler.map((one) =>
    step(`release by ${String(one)}`, (lock) => {
      const holder = lock.live(lock.record?.holders ?? []).at(-1);
      if (!holder) return;
      holder.isSpent = true;
      lock.look(one);
      lock.write(one, holder.id);
    }),
  ),
  // Whoever meets conflicts all the time takes its own keys out, and leaves the rest to others.
  fc.constant(
    step('patch out the holder', (lock) => {
      const [holder] = lock.live(lock.record?.holders ?? []);
      if (!holder) return;
      holder.isSpent = true;
      lock.annotate(HOLDER_PREFIX + holder.id, undefined);
    }),
  ),
  place.map((index) =>
    step(`cancel(${String(index)})`, (lock) => {
      const waiter = lock.live(lock.record?.queue ?? [])[index];
      if (!waiter) return;
      waiter.isSpent = true;
      lock.annotate(QUEUE_PREFIX + waiter.id, undefined);
    }),
  ),
  // A join that was on its way for long: its attempt was granted, released or cancelled since.
  place.map((index) =>
    step(`late join(${String(index)})`, (lock) => {
      const spent = [...lock.attempts.values()].filter(({ isSpent }) => isSpent)[index];
      if (!spent) return;
      const { weight, of } = spent.ask;
      const permits = weight && of ? ` weight=${String(weight)} of=${String(of)}` : '';
      const entry = `v=1 session=${spent.session} uid=u-${spent.session} ttl=15 mode=${spent.ask.mode}${permits} seen=1 x=kept`;
      lock.annotate(QUEUE_PREFIX + spent.id, entry);
    }),
  ),
  fc.constant(
    step('label', (lock) => lock.annotate('note', `${String(lock.attempts.size)} of others`)),
  ),
];
