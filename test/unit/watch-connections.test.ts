import { once } from 'node:events';
import http2 from 'node:http2';
import https from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import type { Server } from 'node:tls';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { systemClock } from '../../src/client/system-clock.ts';
import { Transport } from '../../src/kube/transport.ts';
import type { WatchStream } from '../../src/kube/watch-stream.ts';
import { createAuthority, createServingCertificate } from '../cluster/certificates.ts';
import type { KeyPair } from '../cluster/certificates.ts';

const event = '{"type":"BOOKMARK","object":{}}\n';
const forbidden = JSON.stringify({ kind: 'Status', reason: 'Forbidden', message: 'no' });

interface Answer {
  writeHead(status: number, headers: Record<string, string>): unknown;
  write(text: string): unknown;
  end(text: string): unknown;
}

let authority: KeyPair;
let certificate: KeyPair;
const cleanups: (() => unknown)[] = [];

beforeAll(async () => {
  authority = await createAuthority();
  certificate = await createServingCertificate(authority);
});

afterEach(() => {
  for (const cleanup of cleanups.splice(0)) cleanup();
});

/** A server that streams one event to each watch, and counts its connections. */
async function serve(
  protocol: 'h2' | 'http/1.1',
  settings: { maxConcurrentStreams?: number } = {},
): Promise<{
  transport: Transport;
  sockets: Set<Socket>;
}> {
  const sockets = new Set<Socket>();
  const onRequest = (request: { url?: string | undefined }, answer: Answer): void => {
    const status = request.url?.includes('forbidden=') ? 403 : 200;
    answer.writeHead(status, { 'content-type': 'application/json' });
    if (status === 200) answer.write(event);
    else answer.end(forbidden);
  };
  const options = { key: certificate.key, cert: certificate.certificate };
  const server: Server =
    protocol === 'h2'
      ? http2.createSecureServer({ ...options, settings, allowHTTP1: true }, onRequest)
      : https.createServer(options, onRequest);
  server.on('secureConnection', (socket: Socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
    socket.on('error', () => undefined);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const transport = new Transport(
    {
      server: `https://127.0.0.1:${String(port)}/prefix`,
      namespace: 'default',
      source: 'test',
      tls: { ca: authority.certificate },
      authorization: () => 'Bearer token',
    },
    systemClock(),
  );
  cleanups.push(() => {
    transport.close();
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return { transport, sockets };
}

async function open(transport: Transport): Promise<WatchStream> {
  const opened = await transport.openWatch('/leases', {}, 10_000, new AbortController().signal);
  if (opened.kind !== 'done') throw new Error(`not opened: ${opened.kind}`);
  return opened.body;
}

const firstBytes = (stream: WatchStream): Promise<string> =>
  new Promise((resolve, reject) => {
    stream.read((bytes) => {
      resolve(bytes.toString());
    }, reject);
  });

describe('many watches', () => {
  it('share connections past the first few', async () => {
    const { transport, sockets } = await serve('h2');
    const streams = await Promise.all(Array.from({ length: 60 }, () => open(transport)));
    expect(await Promise.all(streams.map(firstBytes))).toEqual(streams.map(() => event));
    expect(sockets.size).toBe(17);
  });

  it('that come together open no more on a connection than the server allows', async () => {
    const { transport, sockets } = await serve('h2', { maxConcurrentStreams: 10 });
    await Promise.all(Array.from({ length: 16 }, () => open(transport)));
    const streams = await Promise.all(Array.from({ length: 44 }, () => open(transport)));
    expect(await Promise.all(streams.map(firstBytes))).toEqual(streams.map(() => event));
    expect(sockets.size).toBe(16 + 5);
  });

  it('have a connection each where the server does not speak HTTP/2', async () => {
    const { transport, sockets } = await serve('http/1.1');
    const streams = await Promise.all(Array.from({ length: 20 }, () => open(transport)));
    expect(await Promise.all(streams.map(firstBytes))).toEqual(streams.map(() => event));
    expect(sockets.size).toBe(20);
  });

  it('all end when their connections break, and can be opened again', async () => {
    const { transport, sockets } = await serve('h2');
    const streams = await Promise.all(Array.from({ length: 30 }, () => open(transport)));
    const ends = streams.map(
      (stream) =>
        new Promise<void>((resolve) => {
          stream.read(
            () => undefined,
            () => {
              resolve();
            },
          );
        }),
    );
    for (const socket of sockets) socket.destroy();
    await Promise.all(ends);
    const again = await Promise.all(Array.from({ length: 30 }, () => open(transport)));
    expect(await Promise.all(again.map(firstBytes))).toEqual(again.map(() => event));
  });

  it('free their place when closed', async () => {
    const { transport, sockets } = await serve('h2', { maxConcurrentStreams: 14 });
    const fill = async (): Promise<WatchStream[]> => {
      const own = await Promise.all(Array.from({ length: 16 }, () => open(transport)));
      return [...own, ...(await Promise.all(Array.from({ length: 14 }, () => open(transport))))];
    };
    for (const stream of await fill()) stream.close();
    // The shared connection stays for a while.
    await expect.poll(() => sockets.size).toBe(1);
    const streams = await fill();
    expect(await Promise.all(streams.map(firstBytes))).toEqual(streams.map(() => event));
    expect(sockets.size).toBe(16 + 1);
  });

  it('tell of a refusal, over either protocol', async () => {
    const { transport } = await serve('h2');
    const { signal } = new AbortController();
    for (let count = 0; count < 18; count += 1) {
      const refused = await transport.openWatch('/leases', { forbidden: '1' }, 10_000, signal);
      expect(refused).toMatchObject({ kind: 'refused', status: 403, reason: 'Forbidden' });
      await open(transport);
    }
  });

  it('are not opened once their signal has aborted', async () => {
    const { transport } = await serve('h2');
    await Promise.all(Array.from({ length: 16 }, () => open(transport)));
    const stopping = new AbortController();
    const opening = transport.openWatch('/leases', {}, 10_000, stopping.signal);
    stopping.abort();
    expect(await opening).toMatchObject({ kind: 'unknown' });
  });
});
