import { mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { isEmbedded } from '../cluster/shared.ts';
import { useFixture } from '../cli/fixture.ts';
import { Program, eventually, isAlive } from '../cli/program.ts';

const fixture = useFixture();
let directory = '';

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'leasehold-cli-'));
});

afterAll(async () => {
  await rm(directory, { recursive: true });
});

/** Prints its process id, and goes on until it is ended. */
const SLEEP = 'echo "pid $$"; exec sleep 1000';

describe('leasehold exec', () => {
  test('passes on the exit code, stdin, stdout and stderr', async () => {
    const program = fixture().start('exec', 'pass', '--', 'sh', '-c', 'cat; echo bad >&2; exit 7');
    program.child.stdin?.end('what came in\n');
    expect(await program.finished).toEqual({
      code: 7,
      signal: null,
      output: 'what came in\n',
      errors: 'bad\n',
    });
  });

  test('passes on arguments as they are', async () => {
    const words = ['--timeout', '--', 'a b', '', '$x', "'"];
    const { output, code } = await fixture().run(
      ...['exec', 'words', '--timeout', '30s', '--', 'printf', '[%s]', ...words],
    );
    expect({ output, code }).toEqual({ code: 0, output: "[--timeout][--][a b][][$x][']" });
  });

  test('tells the command which lock it holds, with a fence that grows', async () => {
    const show = ['--', 'sh', '-c', 'echo "$LEASEHOLD_LOCK $LEASEHOLD_FENCE"'];
    const first = await fixture().run('exec', 'Any name / at all', ...show);
    const second = await fixture().run('exec', 'Any name / at all', ...show);
    const [, one] = /^Any name \/ at all (\d+)\n$/.exec(first.output) ?? [];
    const [, two] = /^Any name \/ at all (\d+)\n$/.exec(second.output) ?? [];
    expect(BigInt(two ?? 0)).toBeGreaterThan(BigInt(one ?? 0));
    expect(BigInt(one ?? 0)).toBeGreaterThan(0n);
  });

  test.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
    ['SIGHUP', 129],
    ['SIGQUIT', 131],
    ['SIGUSR1', 128 + 10],
    ['SIGUSR2', 128 + 12],
  ] as const)('passes on %s, and ends with %i if the command dies of it', async (signal, code) => {
    const program = fixture().start(
      'exec',
      `signal-${signal.toLowerCase()}`,
      '--',
      'sh',
      '-c',
      SLEEP,
    );
    await program.printed(/pid (\d+)/);
    program.child.kill(signal);
    expect(await program.finished).toMatchObject({ code, signal: null, errors: '' });
    expect(await fixture().lease(`signal-${signal.toLowerCase()}`)).toBeUndefined();
  });

  test('leaves it to the command what to do on a signal', async () => {
    const script = 'trap "echo cleaning; exit 3" TERM; echo up; while :; do sleep 0.05; done';
    const program = fixture().start('exec', 'trap', '--', 'sh', '-c', script);
    await program.printed(/up/);
    program.child.kill('SIGTERM');
    expect(await program.finished).toMatchObject({ code: 3, output: 'up\ncleaning\n' });
  });

  test('says as a shell does that a command is missing or cannot be executed', async () => {
    expect(await fixture().run('exec', 'no-command', '--', 'no-such-command')).toMatchObject({
      code: 127,
      errors: 'leasehold: no-such-command: command not found\n',
    });
    expect(await fixture().run('exec', 'no-command', '--', '/etc/passwd')).toMatchObject({
      code: 126,
    });
    expect(await fixture().lease('no-command')).toBeUndefined();
  });

  test('lets one of five run at a time', async () => {
    const file = join(directory, 'log');
    await writeFile(file, '');
    const script = `echo "in $$" >> ${file}; sleep 0.05; echo "out $$" >> ${file}`;
    const programs = [1, 2, 3, 4, 5].map(() =>
      fixture().start('exec', 'exclusive', '--', 'sh', '-c', script),
    );
    const codes = await Promise.all(programs.map(async (program) => (await program.finished).code));
    expect(codes).toEqual([0, 0, 0, 0, 0]);
    const lines = (await readFile(file, 'utf8')).trim().split('\n');
    expect(lines).toHaveLength(10);
    for (let index = 0; index < lines.length; index += 2) {
      expect(lines[index + 1]).toBe(lines[index]?.replace('in', 'out'));
    }
  });

  test('--try and --timeout give up, a signal ends a wait, and the next one gets it', async () => {
    const holder = fixture().start('exec', 'held', '--', 'sh', '-c', 'echo up; read line');
    await holder.printed(/up/);
    expect(await fixture().run('exec', 'held', '--try', '--', 'echo', 'no')).toEqual({
      code: 75,
      signal: null,
      output: '',
      errors: 'leasehold: lock held is taken\n',
    });
    const late = await fixture().run('exec', 'held', '--timeout', '200ms', '--', 'echo', 'no');
    expect(late).toMatchObject({ code: 76, output: '' });
    expect(late.errors).toMatch(/^leasehold: lock held was not granted within 200 ms: .*\n$/);

    const waiting = (): Promise<number> =>
      fixture()
        .lease('held')
        .then((lease) => Object.keys(lease?.metadata.annotations ?? {}))
        .then((keys) => keys.filter((key) => key.startsWith('queue.')).length);
    for (const [signal, code] of [
      ['SIGINT', 130],
      ['SIGTERM', 143],
    ] as const) {
      const waiter = fixture().start('exec', 'held', '--', 'echo', 'no');
      await eventually('a queue entry', async () => (await waiting()) === 1);
      waiter.child.kill(signal);
      expect(await waiter.finished).toEqual({ code, signal: null, output: '', errors: '' });
      expect(await waiting()).toBe(0);
    }

    const next = fixture().start('exec', 'held', '--', 'echo', 'mine');
    await eventually('a queue entry', async () => (await waiting()) === 1);
    holder.child.stdin?.end('go\n');
    expect(await holder.finished).toMatchObject({ code: 0 });
    expect(await next.finished).toMatchObject({ code: 0, output: 'mine\n' });
  });

  test('gives the lock back only when the whole process group has ended', async () => {
    const script = 'sleep 1000 & echo "pid $!"; exit 5';
    const program = fixture().start('exec', 'leftovers', '--', 'sh', '-c', script);
    const { code, output, errors } = await program.finished;
    expect(code).toBe(5);
    expect(errors).toMatch(/^leasehold: ended what the command had left running.*\n$/);
    expect(isAlive(Number(/pid (\d+)/.exec(output)?.[1]))).toBe(false);
  });

  test('waits for the last of a pipeline', async () => {
    // It waits for the end of the first, at which the pipe has no writer any more.
    const pipe = join(directory, 'pipe');
    const script = `mkfifo ${pipe}; { read nothing; echo last; } < ${pipe} & exec 3> ${pipe}; exit 0`;
    expect(await fixture().run('exec', 'pipeline', '--', 'sh', '-c', script)).toEqual({
      code: 0,
      signal: null,
      output: 'last\n',
      errors: '',
    });
  });

  test('--verbose logs what happens as JSON lines', async () => {
    const { errors, code } = await fixture().run('exec', 'verbose', '--verbose', '--', 'true');
    const lines = errors.trim().split('\n');
    const types = lines.map((line) => (JSON.parse(line) as { type: string }).type);
    expect(code).toBe(0);
    expect(types).toEqual(['session-started', 'acquired', 'released', 'session-ended']);
  });
});

describe('when something is wrong, leasehold says so in one line', () => {
  const oneLine = /^leasehold: .+\n$/;

  test('an API server that cannot be reached', async () => {
    const path = join(directory, 'unreachable');
    const text = fixture()
      .cluster.kubeconfig()
      .replace(/127\.0\.0\.1:\d+/, '127.0.0.1:1');
    await writeFile(path, text);
    for (const command of ['exec', 'elect']) {
      const ended = await fixture().run(command, 'x', '--kubeconfig', path, '--', 'true');
      expect(ended).toMatchObject({ code: 69, output: '' });
      expect(ended.errors).toMatch(oneLine);
      expect(ended.errors).toContain('ECONNREFUSED');
    }
  });

  test('a kubeconfig that is missing, broken, or has no such context', async () => {
    const path = join(directory, 'broken');
    await writeFile(path, 'not: [yaml');
    const wrong = [
      ['--kubeconfig', join(directory, 'missing')],
      ['--kubeconfig', path],
      ['--context', 'nowhere'],
    ];
    for (const flags of wrong) {
      const ended = await fixture().run('exec', 'x', ...flags, '--', 'true');
      expect(ended.code).toBe(78);
      expect(ended.errors).toMatch(oneLine);
    }
  });

  test.skipIf(isEmbedded)('a user who may not, and one who is not known', async () => {
    const { cluster } = fixture();
    const path = join(directory, 'user');
    await writeFile(path, cluster.kubeconfig(await cluster.clientCertificate('nobody')));
    const ended = await fixture().run('exec', 'x', '--kubeconfig', path, '--', 'true');
    expect(ended.code).toBe(77);
    expect(ended.errors).toMatch(oneLine);
    expect(ended.errors).toContain('coordination.k8s.io');

    await writeFile(path, cluster.kubeconfig({ token: 'wrong' }));
    const unknown = await fixture().run('exec', 'x', '--kubeconfig', path, '--', 'true');
    expect(unknown.code).toBe(77);
    expect(unknown.errors).toMatch(oneLine);
  });

  test('a namespace that does not exist', async () => {
    const ended = await Program.start(
      ['exec', 'x', '-n', 'nowhere', '--', 'true'],
      fixture().environment,
    ).finished;
    expect(ended.code).toBe(73);
    expect(ended.errors).toMatch(oneLine);
  });

  test('wrong usage', async () => {
    const wrong = [
      ['exec'],
      ['exec', 'x'],
      ['exec', 'x', '--ttl', '1s', '--', 'true'],
      ['exec', 'x', '--timeout', 'soon', '--', 'true'],
      ['exec', 'x', '--try', '--timeout', '1s', '--', 'true'],
      ['elect', 'x', '--renew-deadline', '20s', '--', 'true'],
    ];
    for (const words of wrong) {
      const ended = await fixture().run(...words);
      expect(ended).toMatchObject({ code: 64, output: '' });
      expect(ended.errors).toMatch(/^leasehold: .+\n(leasehold: see .+\n)?$/);
    }
  });
});

describe('leasehold --help', () => {
  test('loads nothing that takes long', async () => {
    const coverage = join(directory, 'coverage');
    const help = await Program.start(['--help'], { NODE_V8_COVERAGE: coverage }).finished;
    expect(help).toMatchObject({ code: 0, errors: '' });
    const [file = ''] = await readdir(coverage);
    const { result } = JSON.parse(await readFile(join(coverage, file), 'utf8')) as {
      result: { url: string }[];
    };
    const loaded = result.map(({ url }) => url);
    expect(loaded.some((url) => url.endsWith('src/cli/commands.ts'))).toBe(true);
    const packages = loaded.flatMap(
      (url) => /.*node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(url)?.[1] ?? [],
    );
    expect(new Set(packages)).toEqual(new Set(['commander']));
    expect(loaded.filter((url) => /src\/(lock|election|kube|client\/connect)/.test(url))).toEqual(
      [],
    );
  });

  test('is printed by each command, and so is the version', async () => {
    const manual = await Program.start(['exec', '--help'], {}).finished;
    expect(manual).toMatchObject({ code: 0, errors: '' });
    expect(manual.output).toMatch(/Examples\n/);
    expect(await Program.start(['--version'], {}).finished).toMatchObject({ code: 0 });
  });
});
