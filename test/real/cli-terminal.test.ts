import { describe, expect, test } from 'vitest';
import { useFixture } from '../cli/fixture.ts';
import { Program, eventually, hasTerminal, isAlive } from '../cli/program.ts';

const fixture = useFixture();

function start(lock: string, script: string): Program {
  const { namespace, environment } = fixture();
  const words = ['exec', lock, '-n', namespace, '--', 'sh', '-c', script];
  return Program.startInTerminal(words, environment);
}

describe.skipIf(!hasTerminal)('in a terminal', () => {
  test('the command has the terminal, and Ctrl-C is for it alone', async () => {
    const script =
      'trap "echo interrupted; exit 5" INT; test -t 0 && test -t 1 && echo up; read line';
    const program = start('ctrl-c', script);
    await program.printed(/up/);
    program.write('\u0003');
    expect(await program.finished).toMatchObject({ code: 5 });
    expect(program.output.match(/interrupted/g)).toHaveLength(1);
  });

  test('the command reads from the terminal, in a process group of its own', async () => {
    const script =
      'set -- $(cat /proc/$$/stat); echo "leader $(($1 == $5)) foreground $(($5 == $8))"; read line; echo "got $line"';
    const program = start('reads', script);
    await program.printed(/leader 1 foreground 1/);
    program.write('words\r');
    await program.printed(/got words/);
    expect(await program.finished).toMatchObject({ code: 0 });
  });

  test('a deleted Lease ends the command there too', async () => {
    const program = start('lost', 'echo "pid $$"; exec sleep 1000');
    const [, id] = await program.printed(/pid (\d+)/);
    await fixture().deleteLease('lost');
    expect(await program.finished).toMatchObject({ code: 79 });
    expect(isAlive(Number(id))).toBe(false);
  });

  test('the command ends when the terminal is closed', async () => {
    const program = start('closed', 'echo "pid $$"; exec sleep 1000');
    const [, id] = await program.printed(/pid (\d+)/);
    program.child.kill('SIGKILL');
    await eventually('the end of the command', () => !isAlive(Number(id)));
    await eventually('the release', async () => (await fixture().lease('closed')) === undefined);
  });
});
