import { randomBytes } from 'node:crypto';
import { seeded } from '../sim/world/random.ts';
import { expect, it } from 'vitest';
import { Leasehold } from '../../src/client/leasehold.ts';
import { LineSplitter } from '../../src/kube/lines.ts';
import type { Outcome, Unknown } from '../../src/kube/outcome.ts';
import type { KubeRequest, Requests } from '../../src/kube/transport.ts';
import type { WatchStream } from '../../src/kube/watch-stream.ts';
import { ApiHandler } from '../../src/testing/api-server/handler.ts';
import { DirectRequests } from '../../src/testing/virtual/direct-requests.ts';
import { Host } from '../../src/testing/virtual/host.ts';
import { VirtualTime } from '../../src/testing/virtual/time.ts';

const TTL_SECONDS = 4;

/** Reads nothing about the holder's session, once its watch has told a line that nobody can read. */
class Blinded implements Requests {
  readonly #requests: Requests;
  isBlind = false;
  /** Told whenever a line was garbled. */
  garbled = 0;

  constructor(requests: Requests) {
    this.#requests = requests;
  }

  request<T>(request: KubeRequest): Promise<Outcome<T>> {
    const isRead = request.method === 'GET' && request.path.includes('/holder-');
    return this.isBlind && isRead ? Promise.resolve(away()) : this.#requests.request<T>(request);
  }

  async openWatch(...given: Parameters<Requests['openWatch']>): Promise<Outcome<WatchStream>> {
    const isSession = given[1].fieldSelector?.includes('holder-') ?? false;
    if (this.isBlind && isSession) return away();
    const opened = await this.#requests.openWatch(...given);
    if (opened.kind !== 'done' || !isSession) return opened;
    const splitter = new LineSplitter();
    const stream = opened.body;
    const read: WatchStream['read'] = (onBytes, onEnd) => {
      stream.read((bytes) => {
        for (const line of splitter.push(bytes)) onBytes(this.#line(line));
      }, onEnd);
    };
    return {
      ...opened,
      body: {
        read,
        pause: () => stream.pause(),
        resume: () => stream.resume(),
        close: () => stream.close(),
      },
    };
  }

  close(): void {
    this.#requests.close();
  }

  #line(line: Buffer): Buffer {
    const isRenewal = line.includes('"MODIFIED"');
    if (isRenewal) {
      this.isBlind = true;
      this.garbled += 1;
    }
    return Buffer.concat([line, Buffer.from(isRenewal ? '}\n' : '\n')]);
  }
}

function away(): Unknown {
  return { kind: 'unknown', sent: true, error: new Error('503'), retryAfter: undefined };
}

it('an event of a session that cannot be read is no proof that the session is gone', async () => {
  const time = new VirtualTime();
  const tokenKey = randomBytes(16).toString('hex');
  const handler = new ApiHandler({ clock: new Host(time), random: seeded(1), tokenKey });
  const host = new Host(time);
  const blinded = new Blinded(new DirectRequests(handler, host, handler.tokens.ofUser('waiter')));
  const client = (name: string, requests: Requests): Leasehold =>
    new Leasehold(
      requests,
      { clock: host, random: seeded(1), observe: () => undefined },
      { namespace: 'default', identity: { name, owner: undefined }, ttl: TTL_SECONDS },
      () => undefined,
    );
  const token = handler.tokens.ofUser('holder');
  const holder = client('holder', new DirectRequests(handler, host, token));
  const waiter = client('waiter', blinded);
  const held = await holder.lock('lock').acquire();
  let isGranted = false;
  const next = waiter.lock('lock').acquire();
  void next.then(() => (isGranted = true));

  await time.advance(20 * TTL_SECONDS * 1_000);
  expect(blinded.garbled).toBe(1);
  expect([held.valid, isGranted]).toEqual([true, false]);

  await time.settled(held.release());
  await time.settled(next);
  blinded.isBlind = false;
  await time.settled(Promise.all([holder.close(), waiter.close()]));
});
