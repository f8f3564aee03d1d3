import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Lease } from '../../src/core/lease.ts';
import type { ElectionView, LockView, SessionView, View } from '../../src/inspect/views.ts';
import { isEmbedded } from '../cluster/shared.ts';
import { useFixture } from '../cli/fixture.ts';
import { Program, hasTerminal } from '../cli/program.ts';
import { client, countLeaseRequests, inTurns, leasePath } from './world.ts';
import type { Client } from './world.ts';

const fixture = useFixture();
let holder: Client;
let waiter: Client;

const LOCK = 'nightly report / EU';
/** Nothing lapses while this machine is busy. */
const LONG_SECONDS = 90;

beforeAll(async () => {
  const { cluster, namespace } = fixture();
  holder = await client(cluster, namespace, { identity: 'holding', ttl: LONG_SECONDS * 1_000 });
  waiter = await client(cluster, namespace, { identity: 'waiting', ttl: LONG_SECONDS * 1_000 });
  await holder.leasehold.lock(LOCK).acquire();
  const ending = AbortSignal.any([]);
  void waiter.leasehold
    .lock(LOCK)
    .acquire({ signal: ending })
    .catch(() => undefined);
  await waiter.event('waiting');
  const times = { leaseDuration: LONG_SECONDS * 1_000, renewDeadline: 60_000 };
  await holder.leasehold.election('controller', { identity: 'leader', ...times }).acquire();
  await make('heartbeat', {
    spec: { holderIdentity: 'somebody', leaseDurationSeconds: 40, renewTime: now() },
  });
  await make('blocked', {
    labels: { 'leasehold.dev/role': 'lock' },
    annotations: { 'holder.leasehold.dev/x-1': 'garbled' },
  });
  await make('half-written');
});

afterAll(async () => {
  await holder.leasehold.close();
  await waiter.leasehold.close();
});

function now(): string {
  return new Date().toISOString().replace('Z', '000Z');
}

type Made = Pick<Lease, 'spec'> & Pick<Lease['metadata'], 'labels' | 'annotations'>;

async function make(name: string, { spec, ...metadata }: Made = {}): Promise<void> {
  const { cluster, namespace } = fixture();
  await cluster.client.expect('POST', leasePath(namespace), {
    apiVersion: 'coordination.k8s.io/v1',
    kind: 'Lease',
    metadata: { name, ...metadata },
    ...(spec ? { spec } : {}),
  });
}

async function json<T>(...words: readonly string[]): Promise<T> {
  const { code, output, errors } = await fixture().run(...words, '-o', 'json');
  expect({ code, errors }).toEqual({ code: 0, errors: '' });
  return JSON.parse(output) as T;
}

interface List {
  readonly apiVersion: string;
  readonly kind: string;
  readonly namespace: string | null;
  readonly items: readonly View[];
}

function of<Kind extends View['kind']>(
  { items }: List,
  kind: Kind,
): Extract<View, { kind: Kind }>[] {
  return items.filter((view): view is Extract<View, { kind: Kind }> => view.kind === kind);
}

describe('leasehold ls', () => {
  test('lists locks by their own names, elections and sessions', async () => {
    const { code, output, errors } = await fixture().run('ls');
    expect({ code, errors }).toEqual({ code: 0, errors: '' });
    expect(output).toMatch(/^LOCK +HOLDER +STATE +HELD +WAITERS +LONGEST$/m);
    expect(output).toMatch(/^nightly report \/ EU +holding-[0-9a-f]{8} +held +\d+s +1 +\d+s$/m);
    expect(output).toMatch(/^blocked +\? +unreadable +- +0 +-$/m);
    expect(output).toMatch(/^controller +leader +led +\d+s +0 +\d+s ago$/m);
    expect(output).toMatch(/^holding-[0-9a-f]{8} +live +\d+s +\d+s +1 +0$/m);
    expect(output).toMatch(/^waiting-[0-9a-f]{8} +live +\d+s +\d+s +0 +1$/m);
    expect(output).not.toMatch(/heartbeat|half-written|\u001b/);
  });

  test('tells programs the same, with what the names stand for', async () => {
    const list = await json<List>('ls');
    expect(list).toMatchObject({
      apiVersion: 'cli.leasehold.dev/v1',
      kind: 'List',
      namespace: fixture().namespace,
    });
    const [, lock] = of(list, 'Lock');
    expect(lock).toMatchObject({
      name: LOCK,
      lease: expect.stringMatching(/^nightly-report-eu-[0-9a-f]{16}$/) as string,
      state: 'held',
      holders: [{ process: 'holding', sessionState: 'live', mode: 'exclusive', void: false }],
      queue: [{ process: 'waiting', sessionState: 'live' }],
    });
    expect(lock?.holders[0]?.since).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.000Z$/);
    expect(lock?.queue[0]?.waitedSeconds).toBeGreaterThanOrEqual(0);
    expect(of(list, 'Session').map(({ holds, waitsFor }) => [holds, waitsFor])).toEqual([
      [[LOCK], []],
      [[], [LOCK]],
    ]);
  });

  test('shows one kind, or Leases of others too, or those that a selector chooses', async () => {
    const kinds = async (...words: string[]): Promise<string[]> =>
      (await json<List>('ls', ...words)).items.map(({ kind, lease }) => `${kind} ${lease}`);
    expect(await kinds('--kind', 'election')).toEqual(['Election controller']);
    expect(await kinds('--kind', 'all')).toEqual(
      expect.arrayContaining(['Other half-written', 'Other heartbeat', 'Lock blocked']),
    );
    const chosen = await json<List>('ls', '-l', 'leasehold.dev/role=lock');
    expect(of(chosen, 'Lock').map(({ state }) => state)).toEqual(['unreadable', 'held']);
    expect(chosen.items).toHaveLength(2);
  });

  test.skipIf(!hasTerminal)('has colours in a terminal, and none with NO_COLOR', async () => {
    const { namespace, environment } = fixture();
    const inTerminal = async (variables: Record<string, string>): Promise<string> => {
      const all = { ...environment, TERM: 'xterm', ...variables };
      const { output } = await Program.startInTerminal(['ls', '-n', namespace], all).finished;
      return output;
    };
    expect(await inTerminal({ NO_COLOR: '' })).toContain('\u001b[31munreadable');
    const plain = await inTerminal({ NO_COLOR: '1' });
    expect(plain).toContain('unreadable');
    expect(plain).not.toContain('\u001b');
  });

  test('lists all namespaces, and says when there is nothing', async () => {
    const { cluster, namespace, environment } = fixture();
    const all = await Program.start(['ls', '-A'], environment).finished;
    expect(all.output).toMatch(new RegExp(`^${namespace} +controller +leader`, 'm'));
    const empty = await cluster.createNamespace();
    const { code, output, errors } = await Program.start(['ls', '-n', empty], environment).finished;
    expect({ code, output, errors }).toEqual({
      code: 0,
      output: '',
      errors: `leasehold: no lock, election or session in namespace ${empty}\n`,
    });
    await cluster.deleteNamespace(empty);
  });

  test.skipIf(isEmbedded)('sends list requests and nothing else', async () => {
    const { cluster } = fixture();
    const counted = (counts: { total(labels: Record<string, string>): number }, verb: string) =>
      counts.total({ resource: 'leases', verb });
    const { counts, readsOfServer } = await countLeaseRequests(
      cluster,
      async () => {
        for (let time = 0; time < 3; time += 1) await fixture().run('ls');
      },
      (so) => counted(so, 'LIST') >= 3,
    );
    expect(counted(counts, 'LIST')).toBe(3);
    // Those of the sessions that the tests themselves keep alive are PUTs.
    for (const verb of ['POST', 'PATCH', 'DELETE']) expect(counted(counts, verb)).toBe(0);
    expect(counted(counts, 'GET')).toBeLessThanOrEqual(readsOfServer);
  });

  test('ends in silence when its reader does', async () => {
    const program = fixture().start('ls', '--kind', 'all');
    program.child.stdout?.destroy();
    expect(await program.finished).toMatchObject({ code: 141, errors: '' });
  });

  test('reads more than one page', async () => {
    const { cluster, environment } = fixture();
    const many = await cluster.createNamespace();
    const spec = { holderIdentity: 'x', leaseDurationSeconds: 15, leaseTransitions: 1 };
    const indexes = Array.from({ length: 600 }, (_, index) => index);
    await inTurns(indexes, (index) =>
      cluster.client.expect('POST', leasePath(many), {
        apiVersion: 'coordination.k8s.io/v1',
        kind: 'Lease',
        metadata: { name: `election-${String(index)}` },
        spec,
      }),
    );
    const { output } = await Program.start(['ls', '-n', many], environment).finished;
    expect(output.split('\n')).toHaveLength(602);
    await cluster.deleteNamespace(many);
  });
});

describe('leasehold describe', () => {
  test('tells of a lock its holder, session and queue, by either name', async () => {
    const { output } = await fixture().run('describe', LOCK);
    expect(output).toMatch(/^Lock +nightly report \/ EU$/m);
    expect(output).toMatch(/^Holder +holding-[0-9a-f]{8}$/m);
    expect(output).toMatch(/^ {2}Held +for \d+s, since 20\d\d-\d\d-\d\d \d\d:\d\d:\d\dZ$/m);
    expect(output).toMatch(/^ {2}Session +live: \d+s of its ttl left, \d+s old$/m);
    expect(output).toMatch(/^Queue +1 waiting, the longest for \d+s/m);
    expect(output).toMatch(/^ {2}1 +waiting-[0-9a-f]{8} +\d+s +live/m);
    const { lease } = await json<LockView>('describe', LOCK);
    expect(await json<LockView>('describe', lease)).toMatchObject({ kind: 'Lock', name: LOCK });
  });

  test('tells of an election, a session, and what is neither', async () => {
    expect(await json<ElectionView>('describe', 'controller')).toMatchObject({
      apiVersion: 'cli.leasehold.dev/v1',
      kind: 'Election',
      state: 'led',
      leader: 'leader',
      leaseDurationSeconds: LONG_SECONDS,
    });
    const [session] = (await json<LockView>('describe', LOCK)).holders;
    expect(await json<SessionView>('describe', session?.session ?? '')).toMatchObject({
      kind: 'Session',
      process: 'holding',
      ttlSeconds: LONG_SECONDS,
      holds: [LOCK],
    });
    for (const name of ['heartbeat', 'half-written']) {
      expect(await json<View>('describe', name)).toMatchObject({ kind: 'Other' });
    }
  });

  test('says how to unblock a lock whose holder cannot be read', async () => {
    const { output, code } = await fixture().run('describe', 'blocked');
    expect(code).toBe(0);
    expect(output).toMatch(/^Holder +unreadable: annotation holder\.leasehold\.dev\/x-1$/m);
    expect(output).toContain(
      `leasehold release blocked --force --attempt x-1 -n ${fixture().namespace}`,
    );
  });

  test('tells the Events about it', async () => {
    const { cluster, namespace } = fixture();
    await cluster.client.expect('POST', `/api/v1/namespaces/${namespace}/events`, {
      metadata: { name: 'controller.1' },
      involvedObject: { kind: 'Lease', name: 'controller', namespace },
      type: 'Normal',
      reason: 'LeaderElection',
      message: 'leader became leader',
      lastTimestamp: new Date().toISOString().replace(/\.\d+Z$/, 'Z'),
      source: { component: 'test' },
    });
    const { output } = await fixture().run('describe', 'controller');
    expect(output).toMatch(/LeaderElection: leader became leader/);
    expect(await json<{ events: unknown }>('describe', 'controller')).toMatchObject({
      events: [{ reason: 'LeaderElection', source: 'test', count: 1 }],
    });
  });

  test('suggests names when there is none such', async () => {
    expect(await fixture().run('describe', 'nightly')).toEqual({
      code: 66,
      signal: null,
      output: '',
      errors: `leasehold: no lock, election or session nightly in namespace ${fixture().namespace}; did you mean ${LOCK}?\n`,
    });
  });
});
