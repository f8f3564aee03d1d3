import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { preloadArguments, stripped } from './plain.ts';
import type { Figure } from './report.ts';
import { Site } from './site.ts';
import { median } from './statistics.ts';

const run = promisify(execFile);
const root = join(import.meta.dirname, '..');
const build = pathToFileURL(join(root, 'dist/index.js')).href;
const program = join(root, 'dist/cli/main.js');
const runs = 9;
const processes = 3;
const heldLocks = 1_000;
/** A process that has just started is still busy with itself. */
const settleMilliseconds = 3_000;
/** What a released lock leaves in the process is gone by then. */
const lingerMilliseconds = 7_000;

/** What the built package costs a process: time to load, memory and connections. */
export async function measure(): Promise<Figure[]> {
  await run('tsc', ['-p', 'tsconfig.build.json'], { cwd: root, shell: true });
  await using site = await Site.open();
  const environment = await site.podEnvironment();
  const memories: Memory[] = [];
  for (let count = 0; count < processes; count += 1) memories.push(await memory(environment));
  const bare = median(memories.map((one) => one.bare));
  const idle = median(memories.map((one) => one.idle));
  const figures: Figure[] = [
    {
      name: 'addedMiB',
      value: median(memories.map((one) => one.idle - one.bare)),
      atMost: 25,
      meaning: `resident: a session and an election (${idle.toFixed(1)}) over bare Node (${bare.toFixed(1)})`,
    },
    {
      name: 'heldMiB',
      value: median(memories.map((one) => one.again - one.released)),
      atMost: 20,
      meaning: `resident: ${String(heldLocks)} held locks over the client that has taken and released as many`,
    },
    {
      name: 'firstHeldMiB',
      value: median(memories.map((one) => one.holding - one.idle)),
      meaning: `resident: the first ${String(heldLocks)} locks over the idle client, with what the engine compiles and grows by for so many requests`,
    },
    {
      name: 'connections',
      value: Math.max(...memories.map((one) => one.connections)),
      atMost: 40,
      meaning: `with ${String(heldLocks)} held locks`,
    },
    { name: 'importMs', value: await importTime(), atMost: 100, meaning: "import 'leasehold'" },
  ];
  if (existsSync(program)) {
    const meaning = 'leasehold --help, from start to exit';
    figures.push({ name: 'helpMs', value: await helpTime(), atMost: 250, meaning });
  }
  return figures;
}

interface Memory {
  readonly bare: number;
  readonly idle: number;
  /** With the first locks held. */
  readonly holding: number;
  /** After their release. */
  readonly released: number;
  /** With as many held again. */
  readonly again: number;
  readonly connections: number;
}

async function memory(environment: Record<string, string>): Promise<Memory> {
  // With the same preload, which is the bench's and not the library's.
  const idle = ['--input-type=module', '--eval', 'setInterval(() => {}, 1000)'];
  const bare = spawn('node', [...preloadArguments(), ...idle], { cwd: root });
  const client = spawn('node', [...preloadArguments(), ...stripped('start-client.ts')], {
    cwd: root,
    env: { ...environment, LEASEHOLD_BUILD: build, HELD_LOCKS: String(heldLocks) },
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const exited = once(client, 'exit');
  try {
    await said(client, 'idle');
    await sleep(settleMilliseconds);
    const idle = resident(client);
    const bareResident = resident(bare);
    client.stdin.write('hold\n');
    await said(client, 'holding');
    await sleep(settleMilliseconds);
    const holding = resident(client);
    client.stdin.write('release\n');
    await said(client, 'released');
    await sleep(lingerMilliseconds);
    const released = resident(client);
    client.stdin.write('hold\n');
    await said(client, 'again');
    await sleep(settleMilliseconds);
    const again = resident(client);
    return { bare: bareResident, idle, holding, released, again, connections: sockets(client) };
  } finally {
    bare.kill();
    client.stdin.end('close\n');
    await exited;
  }
}

async function said(child: ChildProcess, word: string): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    child.stdout?.on('data', (text: Buffer) => {
      if (text.toString().includes(word)) resolve();
    });
    child.once('exit', () => {
      reject(new Error('the client has ended'));
    });
  });
}

/** Resident memory in MiB. */
function resident({ pid }: ChildProcess): number {
  const status = readFileSync(`/proc/${String(pid)}/status`, 'utf8');
  return Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1]) / 1_024;
}

/** Established TCP connections of the process. */
function sockets({ pid }: ChildProcess): number {
  const process = `/proc/${String(pid)}`;
  const own = new Set(
    readdirSync(`${process}/fd`).map((fd) => /\d+/.exec(readLink(`${process}/fd/${fd}`))?.[0]),
  );
  const established = '01';
  const lines = readFileSync(`${process}/net/tcp`, 'utf8').split('\n').slice(1);
  return lines.filter((line) => {
    const fields = line.trim().split(/\s+/);
    return fields[3] === established && own.has(fields[9]);
  }).length;
}

/** What a file descriptor is, such as `socket:[4711]`; nothing when it has just been closed. */
function readLink(file: string): string {
  try {
    return readlinkSync(file);
  } catch {
    return '';
  }
}

async function importTime(): Promise<number> {
  const program = `const start = performance.now(); await import('leasehold'); console.log(performance.now() - start)`;
  const times: number[] = [];
  for (let count = 0; count < runs; count += 1) {
    const { stdout } = await run('node', ['--input-type=module', '--eval', program], { cwd: root });
    times.push(Number(stdout));
  }
  return median(times);
}

async function helpTime(): Promise<number> {
  const times: number[] = [];
  for (let count = 0; count < runs; count += 1) {
    const start = performance.now();
    await run('node', [program, '--help']);
    times.push(performance.now() - start);
  }
  return median(times);
}
