import { describe, expect, it } from 'vitest';
import type { Clock } from '../../src/core/clock.ts';
import type { Lease } from '../../src/core/lease.ts';
import type { Facts } from '../../src/inspect/facts.ts';
import { Follower } from '../../src/inspect/follow.ts';
import type { Listed } from '../../src/inspect/list.ts';
import type { Outcome } from '../../src/kube/outcome.ts';
import type { Requests } from '../../src/kube/transport.ts';
import type { WatchStream } from '../../src/kube/watch-stream.ts';

type Step =
  | { readonly list: Outcome<never> }
  | { readonly watch: Outcome<never> }
  /** A watch that tells these lines, and then ends, with an error or in order, or stays silent. */
  | { readonly lines: readonly object[]; readonly end?: Error | 'silence' };

/** A server that answers as it is told to, in this order, and after that has nothing to say. */
function follow(...steps: Step[]): Promise<{ requests: string[]; told: string[] }> {
  const requests: string[] = [];
  const told: string[] = [];
  const stopping = new AbortController();
  const next = (): Step | undefined => {
    const step = steps.shift();
    if (!step) stopping.abort();
    return step;
  };
  const server: Requests = {
    request: () => {
      requests.push('list');
      const step = next();
      return Promise.resolve(step && 'list' in step ? step.list : unknown('no such step'));
    },
    openWatch: (_, query) => {
      requests.push(`watch ${query.resourceVersion ?? ''}`);
      const step = next();
      if (step && 'watch' in step) return Promise.resolve(step.watch);
      if (!step || !('lines' in step)) return Promise.resolve(unknown('no such step'));
      return Promise.resolve(done(streamOf(step)));
    },
    close: () => undefined,
  };
  // Whatever is waited for has passed at once, but for a silence that is to be one.
  const clock: Clock = {
    now: () => 0,
    wall: () => 0,
    schedule: (delay, task) => {
      if (delay === 90_000) {
        silence = task;
        return () => (silence = undefined);
      }
      const timer = setImmediate(task);
      return () => clearImmediate(timer);
    },
  };
  let silence: (() => void) | undefined;
  const streamOf = (step: Extract<Step, { lines: unknown }>): WatchStream => ({
    read(onBytes, onEnd) {
      setImmediate(() => {
        for (const line of step.lines) onBytes(Buffer.from(`${JSON.stringify(line)}\n`));
        if (step.end === 'silence') silence?.();
        else onEnd(step.end);
      });
    },
    pause: () => undefined,
    resume: () => undefined,
    close: () => undefined,
  });
  const name = ({ lease }: Facts): string => lease;
  const follower = new Follower(
    server,
    { clock, random: () => 0.5 },
    { namespace: 'ns' },
    {
      listed: ({ facts }: Listed) => told.push(`listed ${facts.map(name).join(' ')}`),
      written: (facts) => told.push(`written ${name(facts)}`),
      deleted: (facts) => told.push(`deleted ${name(facts)}`),
      interrupted: () => told.push('interrupted'),
      resumed: () => told.push('resumed'),
    },
  );
  return follower.run(stopping.signal).then(() => ({ requests, told }));
}

function lease(name: string, version: number): Lease {
  return { metadata: { name, namespace: 'ns', uid: 'uid', resourceVersion: String(version) } };
}

function list(version: number, ...names: string[]): Step {
  const items = names.map((name) => lease(name, version));
  const body = { metadata: { resourceVersion: String(version) }, items };
  // Whoever asks says what it takes the answer for.
  return { list: done(body as never) };
}

function done<T>(body: T): Outcome<T> {
  return { kind: 'done', body, serverTime: 0 };
}

function unknown(message: string): Outcome<never> {
  return { kind: 'unknown', sent: true, error: new Error(message), retryAfter: undefined };
}

function refused(status: number): Outcome<never> {
  return { kind: 'refused', status, reason: '', message: 'no', causes: [], retryAfter: undefined };
}

const added = (name: string, version: number): object => ({
  type: 'ADDED',
  object: lease(name, version),
});
const bookmark = (version: number): object => ({ type: 'BOOKMARK', object: lease('', version) });
const expired = { type: 'ERROR', object: { kind: 'Status', code: 410, message: 'too old' } };

describe('following', () => {
  it('lists, and goes on from the last version that a watch has told, bookmarks included', async () => {
    const { requests, told } = await follow(
      list(5, 'a'),
      { lines: [added('b', 6), { type: 'DELETED', object: lease('a', 7) }] },
      { lines: [bookmark(9)] },
    );
    expect(requests).toEqual(['list', 'watch 5', 'watch 7', 'watch 9']);
    expect(told).toEqual(['listed a', 'written b', 'deleted a']);
  });

  it('goes on where it was after a reset, and says so', async () => {
    const { requests, told } = await follow(
      list(5),
      { lines: [added('b', 6)], end: new Error('ECONNRESET') },
      { watch: unknown('ECONNREFUSED') },
      { lines: [added('c', 7)] },
    );
    expect(requests).toEqual(['list', 'watch 5', 'watch 6', 'watch 6', 'watch 7']);
    expect(told).toEqual([
      'listed ',
      'written b',
      'interrupted',
      'interrupted',
      'resumed',
      'written c',
    ]);
  });

  it.each([
    ['an event of 410', { lines: [expired] }],
    ['an answer of 410', { watch: refused(410) }],
  ] as [string, Step][])('lists again after %s', async (_, step) => {
    const { requests, told } = await follow(list(5, 'a'), step, list(9, 'b'), { lines: [] });
    expect(requests.slice(0, 4)).toEqual(['list', 'watch 5', 'list', 'watch 9']);
    expect(told).toEqual(['listed a', 'listed b']);
  });

  it.each([
    ['a silence, as after a restore of etcd', { lines: [], end: 'silence' }],
    ['an event that cannot be read', { lines: [{ type: 'ODD' }] }],
    ['an error of the server', { lines: [{ type: 'ERROR', object: { code: 500 } }] }],
  ] as [string, Step][])(
    'says that it was interrupted, and lists again, after %s',
    async (_, step) => {
      const { requests, told } = await follow(list(5, 'a'), step, list(9, 'b'), { lines: [] });
      expect(requests.slice(0, 4)).toEqual(['list', 'watch 5', 'list', 'watch 9']);
      expect(told).toEqual(['listed a', 'interrupted', 'listed b']);
    },
  );

  it.each([
    ['the first list', [{ list: unknown('ECONNREFUSED') }], 'API_UNREACHABLE'],
    ['a list that is not permitted', [{ list: refused(403) }], 'FORBIDDEN'],
    ['a watch that is not permitted', [list(5), { watch: refused(403) }], 'FORBIDDEN'],
  ] as [string, Step[], string][])('fails with %s', async (_, steps, code) => {
    await expect(follow(...steps)).rejects.toMatchObject({ name: 'LeaseholdError', code });
  });
});
