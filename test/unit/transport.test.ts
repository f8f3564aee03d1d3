import { once } from 'node:events';
import { createServer } from 'node:http';
import type { ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, it, onTestFinished } from 'vitest';
import { MOST_SOCKETS } from '../../src/kube/connection.ts';
import { Transport } from '../../src/kube/transport.ts';

it('sends no write whose turn comes so late that its outcome would not be known', async () => {
  const answers: ServerResponse[] = [];
  const arrived = Promise.withResolvers<undefined>();
  const server = createServer((_, answer) => {
    answers.push(answer);
    if (answers.length === MOST_SOCKETS.requests) arrived.resolve(undefined);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  let now = 0;
  const transport = new Transport(
    {
      server: `http://127.0.0.1:${String(port)}`,
      namespace: 'default',
      source: 'a test',
      tls: {},
      authorization: () => undefined,
    },
    { now: () => now, wall: () => now, schedule: () => () => undefined },
  );
  onTestFinished(() => {
    transport.close();
    server.closeAllConnections();
    server.close();
  });
  const post = (deadline: number) =>
    transport.request({ method: 'POST', path: '/leases', body: {}, deadline });
  const early = Array.from({ length: MOST_SOCKETS.requests }, () => post(10_000));
  await arrived.promise;
  const late = post(1_000);
  now = 900;
  for (const answer of answers) answer.writeHead(201).end('{}');
  expect(await late).toMatchObject({ kind: 'unknown', sent: false });
  expect((await Promise.all(early)).every(({ kind }) => kind === 'done')).toBe(true);
  expect(answers).toHaveLength(MOST_SOCKETS.requests);
});

it('sends no write again whose connection broke, and a read once', async () => {
  const requests: string[] = [];
  const server = createServer((request, answer) => {
    requests.push(request.method ?? '');
    // The second one on a connection meets one that has just been closed.
    if (requests.length % 2 === 0) request.socket.destroy();
    else answer.writeHead(200).end('{}');
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const transport = new Transport(
    {
      server: `http://127.0.0.1:${String(port)}`,
      namespace: 'default',
      source: 'a test',
      tls: {},
      authorization: () => undefined,
    },
    { now: () => 0, wall: () => 0, schedule: () => () => undefined },
  );
  onTestFinished(() => {
    transport.close();
    server.closeAllConnections();
    server.close();
  });
  const send = (method: 'GET' | 'POST') =>
    transport.request({ method, path: '/leases', ...(method === 'POST' ? { body: {} } : {}) });
  expect(await send('GET')).toMatchObject({ kind: 'done' });
  expect(await send('POST')).toMatchObject({ kind: 'unknown', sent: true });
  expect(requests).toEqual(['GET', 'POST']);
  expect(await send('GET')).toMatchObject({ kind: 'done' });
  expect(await send('GET')).toMatchObject({ kind: 'done' });
  expect(requests).toEqual(['GET', 'POST', 'GET', 'GET', 'GET']);
});
