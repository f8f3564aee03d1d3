import { afterAll, describe, expect, test } from 'vitest';
import { Program, hasTerminal } from '../cli/program.ts';

let started: Program[] = [];

afterAll(() => {
  for (const { child } of started) child.kill('SIGKILL');
  started = [];
});

/** Starts a command under `leasehold run`, which has no locks. */
function run(command: readonly string[], environment: Record<string, string> = {}): Program {
  const program = Program.start(['run', '--', ...command], environment);
  started.push(program);
  return program;
}

describe('leasehold run is as good as its command', () => {
  test('passes on the exit code, stdin, stdout and stderr', async () => {
    const program = run(['sh', '-c', 'cat; echo bad >&2; exit 7']);
    program.child.stdin?.end('what came in\n');
    expect(await program.finished).toMatchObject({
      code: 7,
      output: 'what came in\n',
      errors: 'bad\n',
    });
  });

  test.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
    ['SIGHUP', 129],
    ['SIGQUIT', 131],
    ['SIGUSR1', 138],
    ['SIGUSR2', 140],
  ] as const)('passes on %s', async (signal, code) => {
    const program = run(['sh', '-c', 'ulimit -c 0; echo up; exec sleep 1000']);
    await program.printed(/up/);
    program.child.kill(signal);
    expect(await program.finished).toMatchObject({ code, errors: '' });
  });

  test('passes on SIGWINCH, which ends nothing by itself', async () => {
    const program = run(['sh', '-c', 'trap "exit 9" WINCH; echo up; read -r line']);
    await program.printed(/up/);
    program.child.kill('SIGWINCH');
    expect(await program.finished).toMatchObject({ code: 9, errors: '' });
  });

  test.skipIf(!hasTerminal)('lets it have the terminal, Ctrl-C once', async () => {
    const script =
      'trap "echo interrupted" INT; echo up; while ! read -r line; do :; done; echo "$line"; exit 5';
    const program = Program.startInTerminal(['run', '--', 'sh', '-c', script], {});
    started.push(program);
    await program.printed(/up/);
    program.write('\x03');
    await program.printed(/interrupted/);
    program.write('typed\n');
    const { code, output } = await program.finished;
    expect(code).toBe(5);
    expect(output).toMatch(/typed/);
    expect(output.match(/interrupted/g)).toHaveLength(1);
  });

  test('gives it the options of Node that are meant for it', async () => {
    const show = 'console.log(process.env.NODE_OPTIONS, process.env.LEASEHOLD_RUN_NODE_OPTIONS)';
    const program = run([process.execPath, '-e', show], { NODE_OPTIONS: '--stack-trace-limit=7' });
    expect(await program.finished).toMatchObject({
      code: 0,
      output: '--stack-trace-limit=7 undefined\n',
      errors: '',
    });
  });

  test('says as a shell does that a command is missing or cannot be executed', async () => {
    expect(await run(['no-such-command']).finished).toMatchObject({
      code: 127,
      errors: 'leasehold: no-such-command: command not found\n',
    });
    expect(await run(['/etc/passwd']).finished).toMatchObject({ code: 126 });
  });
});
