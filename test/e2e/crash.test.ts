import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { isBlank } from '../../src/core/session-lease.ts';
import { installOperator, leadingOperator, revocations } from './operator.ts';
import { LONG_TTL, expectNoTtl, holderAndWaiter, nextHolder } from './succession.ts';
import { World } from './world.ts';

let world: World;

beforeEach(async () => {
  world = await World.create();
});

afterEach(async () => {
  await world.end();
});

function report(what: string, from: number, to: number): void {
  process.stdout.write(`${what}: ${String(to - from)} ms\n`);
}

describe('a process that is killed in its container', () => {
  test('passes its lock on by its supervisor, long before the ttl', async () => {
    const { holder, waiter } = await holderAndWaiter(world, LONG_TTL);
    const killedAt = await world.killProcess(holder.pod, holder.pid);
    const next = await nextHolder(world, holder);
    report('from SIGKILL to the next holder, by the supervisor', killedAt, next.at);

    expect(next.pod).toBe(waiter);
    expectNoTtl(world);
    const [said] = await world.story.until('what was passed on', ({ text }) =>
      text.includes('died without closing its client'),
    );
    expect(said.pod).toBe(holder.pod);
    expect(said.text).toMatch(/revoked 1 session\(s\), settled 1 lock\(s\), 1 of them passed on/);
    // The container starts again, and waits as a new process.
    const [again] = await world.story.until(
      'a new wait',
      ({ pod, event, at }) => pod === holder.pod && event === 'waiting' && at > killedAt,
    );
    expect(again.pod).toBe(holder.pod);
  });
});

describe('a container that is killed', () => {
  test('passes its lock on by the operator, and what starts in it is not touched', async () => {
    await installOperator(world);
    const { holder, waiter } = await holderAndWaiter(world, LONG_TTL);
    const { metadata } = await world.pod(holder.pod);
    const killedAt = await world.killContainer(holder.pod);
    const next = await nextHolder(world, holder);
    report('from SIGKILL to the next holder, by the operator', killedAt, next.at);

    expect(next.pod).toBe(waiter);
    expectNoTtl(world);
    const before = await revocations(world, 1);
    expect(before.map(({ text }) => text)).toEqual([expect.stringContaining('containerd://')]);

    // Killed once more, while its process from the restart waits: only what has ended is revoked.
    await world.story.until(
      'a new wait',
      ({ pod, event, at }) => pod === holder.pod && event === 'waiting' && at > killedAt,
    );
    await world.killContainer(waiter);
    const third = await nextHolder(world, next);
    expect(third.pod).toBe(holder.pod);
    expectNoTtl(world);
    const live = (await world.sessionsOf(metadata.uid)).filter((session) => !isBlank(session));
    expect(live).toHaveLength(1);
    expect(await revocations(world, 2)).toHaveLength(2);
  });

  test('passes its lock on, too, when the leader of the operators dies with it', async () => {
    await installOperator(world);
    const { holder, waiter } = await holderAndWaiter(world, LONG_TTL);
    const leader = await leadingOperator(world);
    const [, killedAt] = await Promise.all([
      world.killContainer(leader),
      world.killContainer(holder.pod),
    ]);
    const next = await nextHolder(world, holder);
    report('from SIGKILL of both to the next holder', killedAt, next.at);

    expect(next.pod).toBe(waiter);
    expectNoTtl(world);
    await revocations(world, 1);
  });
});
