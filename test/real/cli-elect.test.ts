import { expect, test } from 'vitest';
import { useFixture } from '../cli/fixture.ts';
import { childrenOf, eventually, isAlive, sayIfAlive } from '../cli/program.ts';

const fixture = useFixture();
const SHOW = 'echo "pid $$ $LEASEHOLD_ELECTION $LEASEHOLD_IDENTITY $LEASEHOLD_FENCE"';

test('runs the command while it leads, resigns, and ends with its exit code', async () => {
  const script = `${SHOW}; read line; exit 6`;
  const words = ['elect', 'simple', '--identity', 'me', '--', 'sh', '-c', script];
  const program = fixture().start(...words);
  await program.printed(/pid \d+ simple me [1-9]\d*\n/);
  expect((await fixture().lease('simple'))?.spec?.holderIdentity).toBe('me');
  program.child.stdin?.end('go\n');
  expect(await program.finished).toMatchObject({ code: 6, errors: '' });
  expect((await fixture().lease('simple'))?.spec?.holderIdentity).toBe('');
});

test('one leads, and the next one takes over when it is told to end', async () => {
  const words = ['elect', 'two', '--', 'sh', '-c', `${SHOW}; exec sleep 1000`];
  const programs = [fixture().start(...words), fixture().start(...words)] as const;
  const led = (): boolean[] => programs.map((program) => program.output.includes('pid'));
  await eventually('a leader', () => led().includes(true));
  const leader = programs[led()[0] ? 0 : 1];
  const other = programs[led()[0] ? 1 : 0];
  const before = await leader.printed(/ (\d+)\n/);
  leader.child.kill('SIGTERM');
  expect(await leader.finished).toMatchObject({ code: 143 });
  const after = await other.printed(/ (\d+)\n/);
  expect(BigInt(after[1] ?? 0)).toBeGreaterThan(BigInt(before[1] ?? 0));
  other.child.kill('SIGTERM');
  expect(await other.finished).toMatchObject({ code: 143 });
});

test('ends the command when the term is lost, and starts it again with the next term', async () => {
  const words = ['elect', 'lost', '--', 'sh', '-c', `${SHOW}; exec sleep 1000`];
  const program = fixture().start(...words);
  const [, first, fence] = await program.printed(/pid (\d+) \S+ \S+ (\d+)\n/);
  await fixture().deleteLease('lost');
  const [, second, nextFence] = await program.printed(/\npid (\d+) \S+ \S+ (\d+)\n/);
  expect(isAlive(Number(first))).toBe(false);
  expect(isAlive(Number(second))).toBe(true);
  expect(BigInt(nextFence ?? 0)).toBeGreaterThan(BigInt(fence ?? 0));
  program.child.kill('SIGTERM');
  const ended = await program.finished;
  expect(ended.code).toBe(143);
  expect(ended.errors).toMatch(
    /^leasehold: leadership of lost was lost: .*; the command was ended\n$/,
  );
});

test('a signal ends the campaign of a candidate that does not lead', async () => {
  const leader = fixture().start('elect', 'taken', '--', 'sh', '-c', `${SHOW}; read line`);
  await leader.printed(/pid/);
  const candidate = fixture().start('elect', 'taken', '--', 'echo', 'no');
  // Its watchdog is started when it begins to stand.
  await eventually('the campaign', () => childrenOf(candidate.pid).length === 1);
  candidate.child.kill('SIGINT');
  expect(await candidate.finished).toMatchObject({ code: 130, output: '' });
  leader.child.stdin?.end('go\n');
  expect(await leader.finished).toMatchObject({ code: 0 });
});

test('the command of a killed candidate is gone before another can lead', async () => {
  const stubborn = `trap "" TERM; ${SHOW}; while :; do sleep 0.05; done`;
  const times = ['--lease-duration', '6s', '--renew-deadline', '4s', '--retry-period', '500ms'];
  const leader = fixture().start('elect', 'killed', ...times, '--', 'sh', '-c', stubborn);
  const [, id] = await leader.printed(/pid (\d+)/);
  const probe = `${sayIfAlive(Number(id))}; echo mine`;
  const next = fixture().start('elect', 'killed', ...times, '--', 'sh', '-c', probe);
  leader.child.kill('SIGKILL');
  expect(await next.finished).toMatchObject({ code: 0, output: 'mine\n' });
});

test('a better candidate is handed over to, and describe tells of all', async () => {
  const times = ['--lease-duration', '3s', '--renew-deadline', '2s', '--retry-period', '300ms'];
  const stand = (identity: string, priority: string) => {
    const own = ['--identity', identity, '--priority', priority, '--value', `at ${identity}`];
    const words = [
      'elect',
      'rated',
      ...times,
      ...own,
      '--',
      'sh',
      '-c',
      `${SHOW}; exec sleep 1000`,
    ];
    return fixture().start(...words);
  };
  const low = stand('low', '1');
  await low.printed(/pid \d+ rated low/);
  const high = stand('high', '2');
  await high.printed(/pid \d+ rated high/);
  expect(low.errors).toContain('was asked to resign');
  const { output } = await fixture().run('describe', 'rated');
  expect(output).toMatch(/^Value +at high$/m);
  expect(output).toMatch(/^Priority +2$/m);
  expect(output).toMatch(/^Candidates +2 with a priority, the best first$/m);
  expect(output).toMatch(
    /^ {2}high: priority 2, leads, session .+\n {2}low: priority 1, session /m,
  );
  for (const program of [low, high]) program.child.kill('SIGTERM');
  for (const program of [low, high]) expect(await program.finished).toMatchObject({ code: 143 });
});

test('a priority that is no number is refused', async () => {
  for (const priority of ['high', '']) {
    const words = ['elect', 'rated', '--priority', priority, '--', 'true'];
    expect(await fixture().run(...words)).toMatchObject({ code: 64 });
  }
});
