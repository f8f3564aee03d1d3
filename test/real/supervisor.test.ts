import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pipeline } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { ClusterAccess } from '../cluster/access.ts';
import { sharedCluster } from '../cluster/shared.ts';
import { Program, childrenOf, eventually, isAlive } from '../cli/program.ts';
import { client, leaseNames, readLease } from './world.ts';
import type { Client } from './world.ts';

const APPLICATION = fileURLToPath(new URL('supervised.ts', import.meta.url));
/** Shorter than the ttl of 60 s: whoever gets the lock within it did not wait for the ttl. */
const timeout = '50s';

let cluster: ClusterAccess;
let namespace: string;
let next: Client;
let started: Program[] = [];

beforeAll(async () => {
  cluster = await sharedCluster();
  namespace = await cluster.createNamespace();
  next = await client(cluster, namespace, { identity: 'next', ttl: '60s' });
  return async () => {
    await next.leasehold.close();
    await cluster.deleteNamespace(namespace);
    cluster.close();
  };
});

afterAll(() => {
  for (const { child } of started) child.kill('SIGKILL');
  started = [];
});

/** Starts a command under `leasehold run`. */
function run(command: readonly string[], environment: Record<string, string> = {}): Program {
  const program = Program.start(['run', '--', ...command], {
    KUBECONFIG: cluster.kubeconfigPath,
    NAMESPACES: namespace,
    ...environment,
  });
  started.push(program);
  return program;
}

function application(...words: readonly string[]): string[] {
  return [process.execPath, APPLICATION, ...words];
}

async function holding(program: Program): Promise<{ pid: number; fence: bigint }> {
  const [, pid, fence] = await program.printed(/held (\d+) (\d+)/);
  return { pid: Number(pid), fence: BigInt(fence ?? 0) };
}

/** Nobody but the supervisor may have found the session dead. */
function expectNobodyRevoked(): void {
  expect(next.events.filter(({ type }) => type === 'session-revoked')).toEqual([]);
}

async function sessions(inNamespace = namespace): Promise<string[]> {
  return (await leaseNames(cluster, inNamespace)).filter((name) => name.startsWith('supervised-'));
}

describe('leasehold run passes the locks of a dead application on', () => {
  test('that was killed, to one who has just come', async () => {
    const program = run(application('live', 'killed'));
    const { pid, fence } = await holding(program);
    const waiting = next.leasehold.lock('killed').acquire({ timeout });
    await next.event('waiting');
    process.kill(pid, 'SIGKILL');
    const held = await waiting;
    expect(held.fence).toBeGreaterThan(fence);
    expectNobodyRevoked();
    const { code, errors } = await program.finished;
    expect(code).toBe(137);
    expect(errors).toMatch(/revoked 1 session\(s\), settled 1 lock\(s\), 1 of them passed on/);
    await held.release();
    expect(await sessions()).toEqual([]);
  });

  test('that led: another leads', async () => {
    const program = run(application('live', 'led'), { ELECTION: 'led-election' });
    const { pid } = await holding(program);
    const campaign = next.leasehold.election('led-election').acquire();
    const lease = await readLease(cluster, namespace, 'led-election');
    process.kill(pid, 'SIGKILL');
    const term = await campaign;
    // Given up, not run out: then the last holder would still stand in it until the take-over.
    expect((await program.finished).errors).toMatch(/gave up 1 leadership\(s\)/);
    const after = await readLease(cluster, namespace, 'led-election');
    expect(lease?.spec?.leaseTransitions).toBe(0);
    expect(after?.spec).toMatchObject({ holderIdentity: term.identity, leaseTransitions: 1 });
    await term.resign();
  });

  test.each([
    ['abort', 134],
    ['exit', 3],
  ])('that ended by %s', async (ending, code) => {
    const program = run(application(ending, `ended-by-${ending}`));
    expect(await program.finished).toMatchObject({ code });
    expect(await leaseNames(cluster, namespace)).not.toContain(`ended-by-${ending}`);
    expect(await sessions()).toEqual([]);
  });

  test('that waited: it is out of the queue', async () => {
    const held = await next.leasehold.lock('queue').acquire();
    const program = run(application('live', 'queue'));
    await program.printed(/waiting queue/);
    const [pid = 0] = childrenOf(program.pid);
    process.kill(pid, 'SIGKILL');
    expect(await program.finished).toMatchObject({ code: 137 });
    const lease = await readLease(cluster, namespace, 'queue');
    expect(JSON.stringify(lease?.metadata.annotations)).not.toContain('queue.leasehold.dev');
    await held.release();
  });

  test('that held a hundred, in two namespaces', async () => {
    const second = await cluster.createNamespace();
    const locks = Array.from({ length: 100 }, (_, index) => `many-${String(index)}`);
    const program = run(application('live', ...locks), { NAMESPACES: `${namespace} ${second}` });
    const { pid } = await holding(program);
    process.kill(pid, 'SIGKILL');
    expect((await program.finished).errors).toMatch(
      /revoked 2 session\(s\), settled 200 lock\(s\)/,
    );
    for (const one of [namespace, second]) {
      expect((await leaseNames(cluster, one)).filter((name) => name.startsWith('many-'))).toEqual(
        [],
      );
      expect(await sessions(one)).toEqual([]);
    }
    await cluster.deleteNamespace(second);
  });

  test('that uses a kubeconfig of its own', async () => {
    const program = run(application('live', 'own-kubeconfig'), {
      KUBECONFIG: '/nonexistent/kubeconfig',
      OWN_KUBECONFIG: cluster.kubeconfigPath,
    });
    const { pid } = await holding(program);
    process.kill(pid, 'SIGKILL');
    expect((await program.finished).errors).toMatch(/settled 1 lock/);
    expect(await readLease(cluster, namespace, 'own-kubeconfig')).toBeUndefined();
  });

  test('again and again', async () => {
    let last = 0n;
    for (let start = 0; start < 3; start += 1) {
      const program = run(application('live', 'restarts'));
      const { pid, fence } = await holding(program);
      expect(fence).toBeGreaterThan(last);
      last = fence;
      process.kill(pid, 'SIGKILL');
      expect(await program.finished).toMatchObject({ code: 137 });
    }
    expect(await sessions()).toEqual([]);
  });

  test('that had become another program: when that ends', async () => {
    const program = run(application('exec', 'replaced'));
    const { pid } = await holding(program);
    await program.printed(/replaced/);
    expect(await readLease(cluster, namespace, 'replaced')).toBeDefined();
    process.kill(pid, 'SIGKILL');
    expect(await program.finished).toMatchObject({ code: 137 });
    expect(await readLease(cluster, namespace, 'replaced')).toBeUndefined();
  });
});

describe('leasehold run leaves alone', () => {
  test('an application that has closed its client', async () => {
    const program = run(application('close', 'closed'));
    expect(await program.finished).toMatchObject({ code: 4, errors: '' });
    expect(await sessions()).toEqual([]);
  });

  test('the session of another process than the command, and says so at once', async () => {
    const program = run(['sh', '-c', `"$0" "$@"; exit 9`, ...application('live', 'wrapped')]);
    const { pid } = await holding(program);
    await eventually('the remedy', () => /exec node app\.js/.test(program.errors));
    process.kill(pid, 'SIGKILL');
    expect(await program.finished).toMatchObject({ code: 9 });
    expect(program.errors.match(/is not the command itself/g)).toHaveLength(1);
    expect(program.errors).not.toMatch(/revoked/);
    const [session = ''] = await sessions();
    expect((await readLease(cluster, namespace, session))?.spec?.holderIdentity).toBe('supervised');
    expect(await readLease(cluster, namespace, 'wrapped')).toBeDefined();
  });

  test('the same behind npm start', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'leasehold-supervisor-'));
    const start = application('live', 'behind-npm').map((word) => JSON.stringify(word));
    const manifest = JSON.stringify({ scripts: { start: start.join(' ') } });
    await writeFile(join(directory, 'package.json'), manifest);
    const program = run(['npm', '--prefix', directory, 'start'], {
      npm_config_update_notifier: 'false',
    });
    const { pid } = await holding(program);
    await eventually('the remedy', () => /is not the command itself/.test(program.errors));
    process.kill(pid, 'SIGKILL');
    const { errors } = await program.finished;
    expect(errors.match(/its locks then wait for their ttl/g)).toHaveLength(1);
    expect(errors).not.toMatch(/revoked/);
    expect(await readLease(cluster, namespace, 'behind-npm')).toBeDefined();
    await rm(directory, { recursive: true });
  });

  test('nothing when the script has used exec', async () => {
    const program = run(['sh', '-c', `exec "$0" "$@"`, ...application('live', 'exec-form')]);
    const { pid } = await holding(program);
    process.kill(pid, 'SIGKILL');
    expect(await program.finished).toMatchObject({ code: 137 });
    expect(await readLease(cluster, namespace, 'exec-form')).toBeUndefined();
  });

  test('the application when it is itself killed', async () => {
    const program = run(application('live', 'orphaned'));
    const { pid } = await holding(program);
    const environment = await readFile(`/proc/${String(pid)}/environ`, 'utf8').catch(() => '');
    program.child.kill('SIGKILL');
    await eventually('the end of leasehold run', () => program.child.signalCode !== null);
    expect(isAlive(pid)).toBe(true);
    process.kill(pid, 'SIGKILL');
    expect(await readLease(cluster, namespace, 'orphaned')).toBeDefined();
    // Nobody was left to remove it.
    const directory = /LEASEHOLD_SUPERVISOR=\d+:([^\0]+)/.exec(environment)?.[1];
    if (directory !== undefined) await rm(directory, { recursive: true });
  });
});

describe('leasehold run gives up', () => {
  test('when the API server does not answer, and passes the exit code on', async () => {
    const { hostname, port } = new URL(cluster.url);
    const relay = createServer((near) => {
      const far = connect(Number(port), hostname);
      pipeline(near, far, near, () => undefined);
      relay.once('close', () => near.destroy());
    });
    const directory = await mkdtemp(join(tmpdir(), 'leasehold-supervisor-'));
    relay.listen(0, hostname);
    await once(relay, 'listening');
    const url = `https://${hostname}:${String((relay.address() as AddressInfo).port)}`;
    const kubeconfig = await readFile(cluster.kubeconfigPath, 'utf8');
    await writeFile(join(directory, 'config'), kubeconfig.replaceAll(cluster.url, url));
    const program = run(application('live', 'unreachable'), {
      KUBECONFIG: join(directory, 'config'),
    });
    const { pid } = await holding(program);
    relay.close();
    relay.emit('close');
    process.kill(pid, 'SIGKILL');
    const { code, errors } = await program.finished;
    expect(code).toBe(137);
    expect(errors).toMatch(/^leasehold: the locks of the command wait for their ttl: .*\n$/);
    expect(await readLease(cluster, namespace, 'unreachable')).toBeDefined();
    await rm(directory, { recursive: true });
  });
});

describe('leasehold run and its command', () => {
  test('kills it at the second SIGTERM, and passes its locks on', async () => {
    const program = run(application('drain', 'drained'));
    await holding(program);
    program.child.kill('SIGTERM');
    await program.printed(/draining/);
    program.child.kill('SIGTERM');
    expect(await program.finished).toMatchObject({ code: 137 });
    expect(await readLease(cluster, namespace, 'drained')).toBeUndefined();
  });
});
