import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { useFixture } from '../cli/fixture.ts';
import { childrenOf, eventually, isAlive, sayIfAlive } from '../cli/program.ts';
import type { Program } from '../cli/program.ts';

const fixture = useFixture();
const TTL_MS = 15_000;

/** Nothing but SIGKILL ends it, nor its child. */
const STUBBORN =
  'trap "" TERM; sh -c \'while :; do sleep 0.05; done\' & echo "pid $$ $!"; while :; do sleep 0.05; done';

/** Starts it, and resolves with the ids of the command and of its child. */
async function startStubborn(
  lock: string,
  ttlMs = TTL_MS,
): Promise<{ program: Program; ids: number[] }> {
  const ttl = `${String(ttlMs)}ms`;
  const program = fixture().start('exec', lock, '--ttl', ttl, '--', 'sh', '-c', STUBBORN);
  const [, command, child] = await program.printed(/pid (\d+) (\d+)\n/);
  return { program, ids: [Number(command), Number(child)] };
}

/** When the session that holds the lock was last renewed: milliseconds since the epoch. */
async function lastRenewal(lock: string): Promise<number> {
  const session = (await fixture().lease(lock))?.spec?.holderIdentity ?? '';
  return Date.parse((await fixture().lease(session))?.spec?.renewTime ?? '');
}

function isStopped(id: number): boolean {
  const stat = readFileSync(`/proc/${String(id)}/stat`, 'latin1');
  return stat.slice(stat.lastIndexOf(')') + 2).startsWith('T');
}

const allGone = (ids: readonly number[]) => (): boolean => !ids.some(isAlive);

test('the command and its children are gone within the ttl after exec was killed', async () => {
  const { program, ids } = await startStubborn('killed');
  program.child.kill('SIGKILL');
  await eventually('the end of the command', allGone(ids));
  const gone = Date.now();
  // Nobody renews any more: what is there is the last one.
  expect(gone - (await lastRenewal('killed'))).toBeLessThan(TTL_MS);
  expect((await program.finished).errors).toMatch(/^leasehold: leasehold itself is gone: .*\n$/);
});

test('a command that heeds SIGTERM ends at once when exec was killed', async () => {
  const script = 'trap "echo cleaning; exit" TERM; echo up; while :; do sleep 0.05; done';
  // By the ttl it would end long after this test.
  const program = fixture().start('exec', 'heeds', '--ttl', '3600s', '--', 'sh', '-c', script);
  await program.printed(/up/);
  program.child.kill('SIGKILL');
  await program.finished;
  expect(program.output).toBe('up\ncleaning\n');
});

test('a stopped exec loses its command before another can have the lock', async () => {
  const { program, ids } = await startStubborn('stopped', 2_000);
  const probe = `${ids.map(sayIfAlive).join('; ')}; echo mine`;
  const next = fixture().start('exec', 'stopped', '--', 'sh', '-c', probe);
  program.child.kill('SIGSTOP');
  await eventually('the end of the command', allGone(ids));
  expect(await next.finished).toMatchObject({ code: 0, output: 'mine\n' });
  program.child.kill('SIGCONT');
  const ended = await program.finished;
  expect(ended.code).toBe(79);
  expect(ended.errors).toMatch(/^leasehold: .*; the command was ended\n$/);
});

test('a deleted Lease ends the command with SIGTERM, and the exit code says lost', async () => {
  const script = 'trap "echo cleaning; exit 3" TERM; echo up; while :; do sleep 0.05; done';
  const program = fixture().start('exec', 'deleted', '--', 'sh', '-c', script);
  await program.printed(/up/);
  await fixture().deleteLease('deleted');
  const ended = await program.finished;
  // The shell may comment on the end of its own child.
  expect(ended).toMatchObject({ code: 79, output: 'up\ncleaning\n' });
  expect(`\n${ended.errors}`).toMatch(
    /\nleasehold: lock deleted was lost: .*; the command was ended\n$/,
  );
});

test('a deleted Lease ends even a command that ignores SIGTERM', async () => {
  const { program, ids } = await startStubborn('deleted-stubborn', 2_000);
  await fixture().deleteLease('deleted-stubborn');
  expect(await program.finished).toMatchObject({ code: 79 });
  expect(ids.some(isAlive)).toBe(false);
});

test('exec ends the command when the watchdog was killed, and gives the lock back', async () => {
  const { program, ids } = await startStubborn('unwatched');
  const [watchdog = 0] = childrenOf(program.pid);
  process.kill(watchdog, 'SIGKILL');
  const ended = await program.finished;
  expect(ended).toMatchObject({ code: 70 });
  expect(ended.errors).toBe('leasehold: the watchdog was killed, so the command was ended\n');
  expect(ids.some(isAlive)).toBe(false);
  expect(await fixture().lease('unwatched')).toBeUndefined();
});

test('the watchdog does not end by the signals that are sent to everybody', async () => {
  const script = 'trap "echo cleaning; exit 4" TERM; echo "pid $$"; while :; do sleep 0.05; done';
  const program = fixture().start('exec', 'everybody', '--', 'sh', '-c', script);
  const [, command] = await program.printed(/pid (\d+)/);
  const [watchdog = 0] = childrenOf(program.pid);
  for (const id of [watchdog, Number(command), program.pid]) process.kill(id, 'SIGTERM');
  expect(await program.finished).toMatchObject({ code: 4 });
});

test('Ctrl-Z suspends the command too, and it goes on together with exec', async () => {
  const script = 'i=0; while :; do i=$((i+1)); echo "tick $i"; sleep 0.02; done';
  const program = fixture().start('exec', 'suspended', '--', 'sh', '-c', script);
  await program.printed(/tick 3\n/);
  const [watchdog = 0] = childrenOf(program.pid);
  const [command = 0] = childrenOf(watchdog);
  program.child.kill('SIGTSTP');
  await eventually(
    'the stop of exec and command',
    () => isStopped(program.pid) && isStopped(command),
  );
  const ticks = program.output.split('\n').length;
  program.child.kill('SIGCONT');
  await program.printed(new RegExp(`tick ${String(ticks + 3)}\n`));
  program.child.kill('SIGTERM');
  expect(await program.finished).toMatchObject({ code: 143 });
});

test('--try gets the lock of a holder that was killed, though nobody waits for it', async () => {
  const { program, ids } = await startStubborn('abandoned', 2_000);
  program.child.kill('SIGKILL');
  await eventually('the end of the command', allGone(ids));
  const first = await fixture().run('exec', 'abandoned', '--try', '--', 'echo', 'mine');
  expect([0, 75]).toContain(first.code);
  await eventually('a try that succeeds', async () => {
    const next = await fixture().run('exec', 'abandoned', '--try', '--', 'echo', 'mine');
    expect([0, 75]).toContain(next.code);
    return next.code === 0 && next.output === 'mine\n';
  });
  expect(await fixture().lease('abandoned')).toBeUndefined();
});
