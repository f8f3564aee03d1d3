import { fileURLToPath } from 'node:url';
import { expect, onTestFinished, test } from 'vitest';
import { useFixture } from '../cli/fixture.ts';
import { Program } from '../cli/program.ts';
import { leaseNames } from './world.ts';

const APPLICATION = fileURLToPath(new URL('on-sigterm.ts', import.meta.url));
const fixture = useFixture();

/** The application in a namespace of its own, which works under its lock and is told to end. */
async function told(
  ...more: string[]
): Promise<{ program: Program; leases: () => Promise<string[]> }> {
  const { cluster, environment } = fixture();
  const namespace = await cluster.createNamespace();
  onTestFinished(() => cluster.deleteNamespace(namespace));
  const program = Program.spawn(process.execPath, [APPLICATION, namespace, ...more], environment);
  await program.printed(/works/);
  program.child.kill('SIGTERM');
  await program.printed(/stops: CLOSED/);
  return { program, leases: () => leaseNames(cluster, namespace) };
}

test('SIGTERM lets the work end, gives everything up, and then ends the process', async () => {
  const { program, leases } = await told();
  expect(await leases()).toContain('work');
  program.child.stdin?.end();
  expect(await program.finished).toMatchObject({ code: null, signal: 'SIGTERM', errors: '' });
  expect(program.output).toMatch(/stopped\n$/);
  expect(await leases()).toEqual([]);
});

test('an application that listens itself hears it once, and ends when it likes', async () => {
  const { program, leases } = await told('listens');
  program.child.stdin?.end();
  expect(await program.finished).toMatchObject({ code: 0, signal: null, errors: '' });
  expect(program.output.match(/heard/g)).toHaveLength(1);
  expect(program.output).toMatch(/stopped\nends by itself\n$/);
  expect(await leases()).toEqual([]);
});

test.each([['signal-exit 3'], ['signal-exit 4'], ['signal-exit 3', 'signal-exit 4']])(
  'SIGTERM does the same with %s, which is told of the end',
  async (...packages) => {
    const { program, leases } = await told('stays', ...packages);
    expect(await leases()).toContain('work');
    program.child.stdin?.end();
    expect(await program.finished).toMatchObject({ code: null, signal: 'SIGTERM', errors: '' });
    expect(program.output).toMatch(/stopped\n(ends by itself\n)?(is told of the end\n)+$/);
    expect(await leases()).toEqual([]);
  },
);

test.each([[], ['signal-exit 3', 'signal-exit 4']])(
  'a second SIGTERM ends the process at once, and its lock waits for the ttl',
  async (...packages) => {
    const { program, leases } = await told(...packages);
    // For a second it may be the first one, told twice.
    const telling = setInterval(() => program.child.kill('SIGTERM'), 100);
    expect(await program.finished).toMatchObject({ code: null, signal: 'SIGTERM' });
    clearInterval(telling);
    expect(program.output).not.toMatch(/stopped/);
    expect(await leases()).toContain('work');
  },
);
