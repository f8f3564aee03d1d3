import { mkdtemp, readFile, readdir, rm } from 'node:fs/promises';
import { connect as connectTo } from 'node:net';
import { constants, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openCluster } from '../../src/client/cluster.ts';
import { Program, childrenOf, eventually, hasTerminal, isAlive } from '../cli/program.ts';

const RUN = fileURLToPath(new URL('../../demo/run.ts', import.meta.url));
/** Longer than any test: they end the demo when they have seen what they wait for. */
const LONG = ['--seconds', '3600', '--seed', '7'];

let directory: string;
let started: Program[];

beforeEach(async () => {
  started = [];
  directory = await mkdtemp(join(tmpdir(), 'leasehold-demo-test-'));
});

afterEach(async () => {
  // What a test that failed has left would be in the way of the next.
  for (const { child } of started) child.kill('SIGKILL');
  await Promise.all(started.map(({ finished }) => finished));
  await rm(directory, { recursive: true, force: true });
});

function start(...words: readonly string[]): Program {
  const demo = Program.spawn(process.execPath, [RUN, ...words], { TMPDIR: directory });
  started.push(demo);
  return demo;
}

async function portOf(program: Program): Promise<number> {
  const [, port] = await program.printed(/API server at https:\/\/127\.0\.0\.1:(\d+)/);
  return Number(port);
}

/** The same of one that prints a screen: from its kubeconfig. */
async function portInFiles(): Promise<number> {
  const files = await readdir(directory, { recursive: true });
  const kubeconfig = files.find((file) => file.endsWith('kubeconfig')) ?? '';
  const text = await readFile(join(directory, kubeconfig), 'utf8');
  return Number(/https:\/\/127\.0\.0\.1:(\d+)/.exec(text)?.[1]);
}

/**
 * Whether the process takes signals. It asks for SIGHUP last, of which Node has no handler of its own,
 * as it has of SIGINT from its start.
 */
async function takesSignals(pid: number): Promise<boolean> {
  const status = await readFile(`/proc/${String(pid)}/status`, 'latin1');
  const caught = BigInt(`0x${/^SigCgt:\s*([0-9a-f]+)$/m.exec(status)?.[1] ?? '0'}`);
  return (caught & (1n << BigInt(constants.signals.SIGHUP - 1))) !== 0n;
}

/** Its workers and its caretaker, by pid. */
async function processesOf(program: Program): Promise<number[]> {
  for (let worker = 1; worker <= 5; worker += 1) {
    await program.printed(new RegExp(`worker-${String(worker)} starts`));
  }
  return childrenOf(program.pid);
}

function isOpen(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connectTo(port, '127.0.0.1');
    socket.on('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.on('error', () => resolve(false));
  });
}

/** Those of a demo that has ended by itself are gone at once; those of a killed one soon. */
async function nothingIsLeft(pids: readonly number[], port: number): Promise<void> {
  await eventually('all processes to be gone', () => !pids.some(isAlive));
  await eventually('all files to be gone', async () => (await readdir(directory)).length === 0);
  expect(await isOpen(port)).toBe(false);
}

describe('npm run demo', () => {
  it('shows a crash, a freeze and a refused write, and no overlap', async () => {
    const demo = start(...LONG);
    const [, killed] = await demo.printed(/(worker-\d+) is killed \(SIGKILL\) while it holds/);
    await demo.printed(
      new RegExp(`RECOVERED in .*: the lock of ${String(killed)} goes to worker-`),
    );
    const [, frozen] = await demo.printed(/(worker-\d+) is frozen \(SIGSTOP\)/);
    await demo.printed(new RegExp(`REFUSED: the write of ${String(frozen)},`));
    await demo.printed(/RECOVERED in .*: the leadership of worker-\d+ goes to worker-/);
    demo.child.kill('SIGINT');
    const { code, output, errors } = await demo.finished;
    expect(errors).toBe('');
    expect(output).toMatch(/^ {2}[1-9]\d* handovers +median /m);
    expect(output).toMatch(/^ {2}[1-9]\d* crash(es)? +lock taken over after /m);
    expect(output).toMatch(/^ {2}[1-9]\d* refused /m);
    expect(output).toMatch(/^ {2}0 overlaps /m);
    expect(code).toBe(0);
  }, 180_000);

  it('ends by itself in time, and leaves nothing behind', async () => {
    const demo = start('--seconds', '2', '--seed', '1');
    const port = await portOf(demo);
    const { code, output, errors } = await demo.finished;
    expect({ code, errors }).toEqual({ code: 0, errors: '' });
    expect(output).toMatch(/0 overlaps/);
    await nothingIsLeft([], port);
  });

  it.each(['SIGINT', 'SIGTERM', 'SIGHUP'] as const)(
    'leaves nothing behind after %s',
    async (signal) => {
      const demo = start(...LONG);
      const port = await portOf(demo);
      const pids = await processesOf(demo);
      // The caretaker too, less one worker if the story has just killed it.
      expect(pids.length).toBeGreaterThanOrEqual(5);
      await demo.printed(/holds the lock/);
      demo.child.kill(signal);
      const { code, errors } = await demo.finished;
      expect({ code, errors }).toEqual({ code: 0, errors: '' });
      expect(pids.filter(isAlive)).toEqual([]);
      await nothingIsLeft(pids, port);
    },
  );

  it.each([
    ['while a worker is frozen', /is frozen \(SIGSTOP\)/, 1],
    ['while a lock waits for the ttl of a dead holder', /is killed \(SIGKILL\) while it holds/, 1],
    ['right after a recovery', /RECOVERED/, 1],
    ['twice in a row', /holds the lock/, 2],
  ])('leaves nothing behind when it is interrupted %s', async (_, moment, times) => {
    const demo = start(...LONG);
    const port = await portOf(demo);
    await demo.printed(moment);
    const pids = childrenOf(demo.pid);
    for (let time = 0; time < times; time += 1) demo.child.kill('SIGINT');
    const { code, errors } = await demo.finished;
    expect({ code, errors }).toEqual({ code: 0, errors: '' });
    expect(pids.filter(isAlive)).toEqual([]);
    await nothingIsLeft(pids, port);
  });

  it('can be interrupted before it has begun', async () => {
    const demo = start(...LONG);
    await eventually('its handlers', () => takesSignals(demo.pid));
    demo.child.kill('SIGINT');
    expect(await demo.finished).toMatchObject({ code: 0, errors: '' });
    expect(await readdir(directory)).toEqual([]);
  });

  it('can be interrupted when it has hardly begun', async () => {
    const sooner = start(...LONG);
    await eventually('the first file', async () => (await readdir(directory)).length > 0);
    const caretaker = childrenOf(sooner.pid);
    sooner.child.kill('SIGINT');
    expect(await sooner.finished).toMatchObject({ code: 0, errors: '' });
    await eventually('all processes to be gone', () => !caretaker.some(isAlive));
    expect(await readdir(directory)).toEqual([]);
    for (const begun of [/API server/, /worker-1 starts/, /worker-2 starts/]) {
      const demo = start(...LONG);
      const port = await portOf(demo);
      await demo.printed(begun);
      const pids = childrenOf(demo.pid);
      demo.child.kill('SIGINT');
      const { code, errors } = await demo.finished;
      expect({ code, errors }).toEqual({ code: 0, errors: '' });
      await nothingIsLeft(pids, port);
    }
  });

  it('leaves nothing behind when it is killed while a worker is frozen', async () => {
    const demo = start(...LONG);
    const port = await portOf(demo);
    await demo.printed(/is frozen \(SIGSTOP\)/);
    const pids = childrenOf(demo.pid);
    demo.child.kill('SIGKILL');
    await demo.finished;
    await nothingIsLeft(pids, port);
  });

  it('replaces a worker that somebody else kills', async () => {
    const demo = start(...LONG);
    const [, pid] = await demo.printed(/worker-5 starts, pid (\d+)/);
    process.kill(Number(pid), 'SIGKILL');
    await demo.printed(/worker-\d+ starts, pid \d+, for worker-5/);
    demo.child.kill('SIGINT');
    expect(await demo.finished).toMatchObject({ code: 0, errors: '' });
  });

  it('ends a worker in order when its Pod is deleted', async () => {
    const demo = start(...LONG);
    const [, kubeconfig = ''] = await demo.printed(/--kubeconfig (\S+) get leases/);
    // The story begins with two acts that spare whoever leads.
    const [, leader = ''] = await demo.printed(/(worker-\d+) leads/);
    const { transport, namespace } = await openCluster({ kubeconfig });
    await transport.request({
      method: 'DELETE',
      path: `/api/v1/namespaces/${namespace}/pods/${leader}`,
    });
    transport.close();
    await demo.printed(new RegExp(`${leader} ends in order`));
    await demo.printed(new RegExp(`worker-\\d+ starts, pid \\d+, for ${leader}\\n`));
    demo.child.kill('SIGINT');
    expect(await demo.finished).toMatchObject({ code: 0, errors: '' });
  });

  it('runs twice at the same time', async () => {
    const demos = [start(...LONG), start(...LONG)];
    const ports = await Promise.all(demos.map(portOf));
    expect(ports[0]).not.toBe(ports[1]);
    const pids = (await Promise.all(demos.map(processesOf))).flat();
    await Promise.all(demos.map((demo) => demo.printed(/holds the lock .* after worker-/)));
    for (const { child } of demos) child.kill('SIGINT');
    for (const { finished } of demos) expect(await finished).toMatchObject({ code: 0 });
    for (const port of ports) await nothingIsLeft(pids, port);
  });

  it('ends when nobody reads what it prints', async () => {
    const demo = start(...LONG);
    const port = await portOf(demo);
    const pids = await processesOf(demo);
    demo.child.stdout?.destroy();
    expect((await demo.finished).code).toBe(0);
    await nothingIsLeft(pids, port);
  });

  it('says in one line that it has no place for its files', async () => {
    const environment = { TMPDIR: join(directory, 'missing') };
    const demo = Program.spawn(process.execPath, [RUN], environment);
    const { code, errors } = await demo.finished;
    expect(code).toBe(1);
    expect(errors).toMatch(/^the demo cannot make a directory for its files in .*missing\n$/);
  });

  it('explains itself, and what it does not understand', async () => {
    expect(await start('--help').finished).toMatchObject({ code: 0, errors: '' });
    const { code, errors } = await start('--seconds', 'soon').finished;
    expect(code).toBe(64);
    expect(errors).toMatch(/^--seconds must be a whole number from 1 to 3600, not soon\n/);
    expect((await start('--fast').finished).code).toBe(64);
  });
});

describe.skipIf(!hasTerminal)('npm run demo in a terminal', () => {
  it('takes a screen of its own, and gives the old one back', async () => {
    const environment = { TMPDIR: directory, NO_COLOR: '1' };
    const demo = Program.spawnInTerminal([RUN, '--seconds', '3600'], environment);
    await demo.printed(/HOLDS THE LOCK/);
    const port = await portInFiles();
    expect(await isOpen(port)).toBe(true);
    // The terminal's own process has the demo as its child.
    const pids = childrenOf(demo.pid).flatMap((pid) => [pid, ...childrenOf(pid)]);
    expect(pids.length).toBeGreaterThanOrEqual(6);
    demo.write('\u0003');
    const { code, output } = await demo.finished;
    expect(code).toBe(0);
    const [before = '', after = ''] = output.split('\u001b[?1049l');
    expect(before).toContain('\u001b[?1049h\u001b[?25l');
    expect(before).toContain('\u001b[?25h');
    expect(after).toMatch(/0 overlaps/);
    expect(after).not.toContain('\u001b');
    await nothingIsLeft(pids, port);
  });
});
