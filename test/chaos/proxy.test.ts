import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import type { AddressInfo, Server, Socket } from 'node:net';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { CLEAR, FaultProxy } from './proxy.ts';

let server: Server;
let proxy: FaultProxy;
const sockets: Socket[] = [];

beforeEach(async () => {
  server = createServer({ allowHalfOpen: true }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  proxy = await FaultProxy.start([(server.address() as AddressInfo).port]);
});

afterEach(async () => {
  proxy.close();
  for (const socket of sockets.splice(0)) socket.destroy();
  server.close();
  await once(server, 'close');
});

/** Both ends of one connection through the proxy. */
async function link(): Promise<{ client: Socket; served: Socket }> {
  const accepted = once(server, 'connection') as Promise<[Socket]>;
  const client = connect({ port: proxy.port, host: '127.0.0.1' });
  const [served] = await accepted;
  for (const socket of [client, served]) socket.on('error', () => undefined);
  sockets.push(client, served);
  return { client, served };
}

/** Also when it is reset, which is an error for `once`. */
function closeOf(socket: Socket): Promise<unknown> {
  return new Promise((resolve) => socket.once('close', resolve));
}

async function received(socket: Socket, text: string): Promise<void> {
  let so = '';
  for await (const bytes of socket.iterator({ destroyOnReturn: false })) {
    so += String(bytes);
    if (so === text) return;
  }
  throw new Error(`the connection ended after ${so}`);
}

// First, as it counts what is open.
test('a connection that is being shut down leaves nothing behind when it is reset', async () => {
  const open = (): number =>
    process.getActiveResourcesInfo().filter((resource) => resource === 'TCPSocketWrap').length;
  const before = open();
  const { client } = await link();
  proxy.set({ ...CLEAR, blocked: true }, CLEAR);
  client.end('last words');
  // The proxy has seen the end of the one before when it serves another.
  await link();
  proxy.heal();
  proxy.reset();
  for (const socket of sockets) socket.destroy();
  await vi.waitFor(() => expect(open()).toBeLessThanOrEqual(before), 30_000);
});

test('bytes that are held back arrive when the fault is over, and hold back none after it', async () => {
  const { client, served } = await link();
  const narrow = { ...CLEAR, bytesPerSecond: 0.000_1 };
  proxy.set(narrow, narrow);
  client.write('narrow');
  client.write(' pipe');
  proxy.heal();
  await received(served, 'narrow pipe');
  proxy.set({ ...CLEAR, latency: 1 }, CLEAR);
  client.write('late');
  await received(served, 'late');
});

test('what was sent before its sender went away arrives nevertheless', async () => {
  const { client, served } = await link();
  proxy.set({ ...CLEAR, blocked: true }, CLEAR);
  client.write('write');
  client.destroy();
  await once(client, 'close');
  proxy.heal();
  await received(served, 'write');
});

test('connections that are open when stranded stay silent, and new ones work', async () => {
  const old = await link();
  proxy.strand();
  const closed = closeOf(old.served);
  old.served.resume();
  old.client.write('nobody hears this');
  const fresh = await link();
  fresh.client.write('this arrives');
  await received(fresh.served, 'this arrives');
  expect(old.served.bytesRead).toBe(0);
  proxy.heal();
  await closed;
});
