import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { isEmbedded } from '../cluster/shared.ts';
import { useFixture } from '../cli/fixture.ts';
import { Program, eventually, hasTerminal } from '../cli/program.ts';
import type { Finished } from '../cli/program.ts';
import { locksOf } from './locks.ts';
import { client } from './world.ts';

const fixture = useFixture();
const SHOW = 'echo "pid $$ $LEASEHOLD_FENCE"';

/** A process that holds the lock until it is told to end; resolves once it does. */
async function holder(lock: string, ...options: readonly string[]): Promise<Program> {
  const program = fixture().start('exec', lock, ...options, '--', 'sh', '-c', `${SHOW}; read line`);
  await program.printed(/pid \d+ \d+\n/);
  return program;
}

async function sessionOf(lock: string): Promise<string> {
  return (await fixture().mustLease(lock)).spec?.holderIdentity ?? '';
}

function result(finished: Finished): Record<string, unknown> {
  return JSON.parse(finished.output) as Record<string, unknown>;
}

describe('release', () => {
  test('takes the lock from its holder, which ends its command, and grants to the next', async () => {
    const first = await holder('taken');
    const next = fixture().start('exec', 'taken', '--', 'sh', '-c', `${SHOW}; read line`);
    await eventually('a waiter', async () => {
      const { annotations = {} } = (await fixture().mustLease('taken')).metadata;
      return Object.keys(annotations).some((key) => key.startsWith('queue.'));
    });
    const released = await fixture().run('release', 'taken', '--force', '--yes');
    expect(released).toMatchObject({ code: 0, errors: '' });
    expect(released.output).toMatch(/WARNING: this is a steal/);
    expect(released.output).toMatch(/Lock taken was released; granted to /);
    await next.printed(/pid/);
    expect(await first.finished).toMatchObject({ code: 79 });
    expect(await fixture().eventsAbout('taken')).toEqual(['ReleasedByForce']);
    next.write('end\n');
    expect(await next.finished).toMatchObject({ code: 0 });
  });

  test('does nothing without --force, without a yes, and in a dry run', async () => {
    const program = await holder('kept');
    const before = await fixture().mustLease('kept');
    const unforced = await fixture().run('release', 'kept');
    expect(unforced).toMatchObject({ code: 80 });
    expect(unforced.errors).toMatch(/needs --force\n$/);
    const unasked = await fixture().run('release', 'kept', '--force');
    expect(unasked).toMatchObject({ code: 80 });
    expect(unasked.errors).toMatch(/stdin is no terminal, .*add --yes\n$/);
    const dry = await fixture().run('release', 'kept', '--force', '--dry-run', '-o', 'json');
    expect(dry.code).toBe(0);
    expect(result(dry)).toMatchObject({
      apiVersion: 'cli.leasehold.dev/v1',
      kind: 'Release',
      lock: 'kept',
      result: 'dry-run',
      session: { state: 'live', ttlSeconds: 15 },
    });
    expect((await fixture().mustLease('kept')).metadata.resourceVersion).toBe(
      before.metadata.resourceVersion,
    );
    expect(await fixture().eventsAbout('kept')).toEqual([]);
    program.write('end\n');
    expect(await program.finished).toMatchObject({ code: 0 });
  });

  test('says what there is to say in one line, with an exit code of its own', async () => {
    const { namespace, environment, cluster } = fixture();
    const free = await fixture().run('release', 'Nobody / 1', '--force', '--yes');
    expect(free.code).toBe(66);
    expect(free.errors).toMatch(/^leasehold: lock Nobody \/ 1 is free: [^\n]*\n$/);
    await cluster.client.expect(
      'POST',
      `/apis/coordination.k8s.io/v1/namespaces/${namespace}/leases`,
      { metadata: { name: 'foreign' }, spec: { holderIdentity: 'me' } },
    );
    const foreign = await fixture().run('release', 'foreign', '--force', '--yes');
    expect(foreign).toMatchObject({ code: 73, output: '' });
    expect(foreign.errors.trim().split('\n')).toHaveLength(1);
    const nowhere = await Program.start(['release', 'x', '-n', namespace, '--force', '--yes'], {
      ...environment,
      KUBECONFIG: '/nonexistent',
    }).finished;
    expect(nowhere).toMatchObject({ code: 78, output: '' });
    expect((await fixture().run('release')).code).toBe(64);
  });

  test.skipIf(isEmbedded)('tells what is not permitted', async () => {
    const { cluster, namespace } = fixture();
    await cluster.createPod(namespace, 'reader', 'reader');
    const token = await cluster.podToken(namespace, 'reader', 'reader');
    const directory = await mkdtemp(join(tmpdir(), 'leasehold-'));
    const kubeconfig = join(directory, 'kubeconfig');
    await writeFile(kubeconfig, cluster.kubeconfig({ token }));
    try {
      for (const words of [
        ['release', 'x', '--force'],
        ['revoke', 'x'],
        ['resign', 'x'],
        ['resize', 'x', '--permits', '1'],
      ]) {
        const finished = await Program.start(
          [...words, '--yes', '-n', namespace, '--kubeconfig', kubeconfig],
          {},
        ).finished;
        expect(finished).toMatchObject({ code: 77, output: '' });
        expect(finished.errors).toMatch(/^leasehold: cannot [^\n]*not permitted [^\n]*\n$/);
      }
    } finally {
      await rm(directory, { recursive: true });
    }
  });

  test('removes a holder that cannot be read, by its name', async () => {
    const { cluster, namespace } = fixture();
    await cluster.client.expect(
      'POST',
      `/apis/coordination.k8s.io/v1/namespaces/${namespace}/leases`,
      { metadata: { name: 'garbled', annotations: { 'holder.leasehold.dev/0a-1': 'v=1 x' } } },
    );
    const words = ['release', 'garbled', '--force', '--yes', '--attempt'];
    expect(await fixture().run(...words, '0b-1')).toMatchObject({ code: 81 });
    expect(await fixture().run(...words, '0a-1')).toMatchObject({ code: 0 });
    expect(await fixture().lease('garbled')).toBeUndefined();
  });
});

describe.skipIf(!hasTerminal)('in a terminal', () => {
  test('asks, and takes only a yes for a yes', async () => {
    const { namespace, environment } = fixture();
    const program = await holder('asked');
    const words = ['release', 'asked', '-n', namespace, '--force'];
    for (const answer of ['n', '', 'yesterday', '\u0004']) {
      const asked = Program.startInTerminal(words, environment);
      await asked.printed(/Take the lock from it\? \[y\/N\]/);
      asked.write(answer === '\u0004' ? answer : `${answer}\r`);
      expect(await asked.finished).toMatchObject({ code: 80 });
      expect(asked.output).toMatch(/nothing was changed\s*$/);
    }
    const interrupted = Program.startInTerminal(words, environment);
    await interrupted.printed(/\[y\/N\]/);
    interrupted.write('\u0003');
    expect(await interrupted.finished).toMatchObject({ code: 130 });
    const asked = Program.startInTerminal(words, environment);
    await asked.printed(/\[y\/N\]/);
    asked.write('y\r');
    expect(await asked.finished).toMatchObject({ code: 0 });
    expect(await program.finished).toMatchObject({ code: 79 });
  });
});

describe('revoke', () => {
  test('frees all locks of a process that was killed, long before its ttl', async () => {
    const { cluster, namespace } = fixture();
    const dead = await client(cluster, namespace, { ttl: '3600s' });
    await dead.leasehold.lock('one').acquire();
    await dead.leasehold.lock('two').acquire();
    const session = await sessionOf('one');
    const waiting = fixture().start('exec', 'one', '--', 'true');
    const revoked = await fixture().run('revoke', session, '--now', '--yes', '-o', 'json');
    expect(revoked.code).toBe(0);
    expect(result(revoked)).toMatchObject({
      kind: 'Revocation',
      session: { name: session },
      holds: ['one', 'two'],
      result: 'revoked',
      eventWritten: true,
    });
    expect(await waiting.finished).toMatchObject({ code: 0 });
    expect(await fixture().lease('two')).toBeUndefined();
    expect((await fixture().mustLease(session)).spec?.holderIdentity).toBe('');
    expect(await fixture().eventsAbout(session)).toEqual(['SessionRevoked']);
    const again = await fixture().run('revoke', session, '--yes', '-o', 'json');
    expect(again.code).toBe(0);
    expect(result(again)).toMatchObject({ result: 'already', settled: [] });
    await dead.leasehold.close();
  });

  test('looks whether the session renews, and says so', async () => {
    const program = await holder('living');
    const session = await sessionOf('living');
    const words = ['revoke', session, '--yes', '-o', 'json'];
    const dry = await fixture().run(...words, '--dry-run');
    expect(result(dry)).toMatchObject({ seenRenewing: true, result: 'dry-run' });
    expect(dry.errors).toMatch(/WARNING: its process lives/);
    expect(result(await fixture().run(...words))).toMatchObject({ result: 'revoked' });
    expect(await program.finished).toMatchObject({ code: 79 });
  });

  test('leaves alone what is no session', async () => {
    const program = await holder('a-lock');
    const lock = await fixture().run('revoke', 'a-lock', '--yes');
    expect(lock.code).toBe(73);
    expect(lock.errors).toMatch(/it is a lock/);
    expect((await fixture().run('revoke', 'nothing', '--yes')).code).toBe(66);
    program.write('end\n');
    expect(await program.finished).toMatchObject({ code: 0 });
  });
});

describe('resize', () => {
  test('lets waiters in, and says what it does before that', async () => {
    const { cluster, namespace } = fixture();
    const { locks, close } = await locksOf(cluster, namespace, 'worker');
    const semaphore = locks.semaphore('gpu', 2);
    const held = await semaphore.acquire({ permits: 2 });
    const waiting = semaphore.acquire();
    await eventually('a waiter', async () => {
      const { annotations = {} } = (await fixture().mustLease('gpu')).metadata;
      return Object.keys(annotations).some((key) => key.startsWith('queue.'));
    });
    const dry = await fixture().run('resize', 'gpu', '--permits', '0', '--dry-run');
    expect(dry).toMatchObject({ code: 0, errors: '' });
    expect(dry.output).toMatch(/permits +2 now, 0 after this\n +stated +2 by its programs\n/);
    expect(dry.output).toMatch(/held +2 by 1 holder\n +queue +1 waiting, the first for 1 permit\n/);
    expect(dry.output).toMatch(/ +back +leasehold resize gpu --permits 2\n/);
    expect(dry.output).toMatch(/^Nobody is let in any more until the number is raised\./m);
    expect(dry.output.split('\n').filter((line) => line.length > 80)).toEqual([]);
    const unasked = await fixture().run('resize', 'gpu', '--permits', '3');
    expect(unasked).toMatchObject({ code: 80 });
    expect(await fixture().eventsAbout('gpu')).toEqual([]);
    const resized = await fixture().run('resize', 'gpu', '--permits', '3', '--yes');
    expect(resized).toMatchObject({ code: 0, errors: '' });
    expect(resized.output).toMatch(/Semaphore gpu has 3 permits now; its programs state 2\.\n$/);
    const next = await waiting;
    expect([held.valid, next.valid]).toEqual([true, true]);
    expect(await fixture().eventsAbout('gpu')).toEqual(['Resized']);
    await Promise.all([held.release(), next.release()]);
    await close();
    const { metadata } = await fixture().mustLease('gpu');
    expect(metadata.annotations).toEqual({ 'leasehold.dev/permits': 'limit=3 stated=2' });
  });

  test('makes the Lease where nobody is in it, and takes all of it back', async () => {
    const words = ['resize', 'Gpu / EU', '--yes', '-o', 'json', '--permits'];
    const unstated = await fixture().run(...words, '5');
    expect(unstated).toMatchObject({ code: 66, output: '' });
    expect(unstated.errors).toMatch(/^leasehold: [^\n]* add --stated N [^\n]*\n$/);
    const resized = await fixture().run(...words, '5', '--stated', '3');
    expect(resized.code).toBe(0);
    expect(result(resized)).toMatchObject({
      kind: 'Resizing',
      semaphore: 'Gpu / EU',
      permits: 5,
      before: 3,
      stated: 3,
      held: 0,
      result: 'resized',
      created: true,
      deleted: false,
      confirmed: true,
      eventWritten: true,
    });
    expect(result(await fixture().run(...words, '5'))).toMatchObject({ result: 'already' });
    expect(result(await fixture().run(...words, '3'))).toMatchObject({ deleted: true });
    expect((await fixture().run(...words, '3')).code).toBe(66);
  });

  test('refuses what is no number, and what is no semaphore', async () => {
    const program = await holder('mutex');
    const lock = await fixture().run('resize', 'mutex', '--permits', '3', '--yes');
    expect(lock).toMatchObject({ code: 73, output: '' });
    expect(lock.errors).toMatch(/mutex is no semaphore: /);
    program.write('end\n');
    expect(await program.finished).toMatchObject({ code: 0 });
    for (const permits of ['', '-1', '1.5', '1e3', '1000001']) {
      const finished = await fixture().run('resize', 'mutex', `--permits=${permits}`, '--yes');
      expect(finished).toMatchObject({ code: 64, output: '' });
    }
    expect(await fixture().run('resize', 'mutex', '--yes')).toMatchObject({ code: 64 });
  });
});
