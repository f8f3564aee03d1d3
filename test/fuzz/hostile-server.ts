import { once } from 'node:events';
import { createServer } from 'node:net';
import type { AddressInfo, Server, Socket } from 'node:net';
import type { ClusterAccess } from '../../src/kube/connection.ts';

/** One request, as far as it has to be understood to answer it. */
interface HostileRequest {
  readonly method: string;
  readonly path: string;
  readonly body: string;
}

/** How one request is answered: by any bytes. */
export type Respond = (request: HostileRequest, socket: Socket) => void;

/** Listens for HTTP/1.1, and answers with whatever bytes it is told to. */
export class HostileServer implements AsyncDisposable {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  respond: Respond;

  private constructor(respond: Respond) {
    this.respond = respond;
    this.#server = createServer((socket) => {
      this.#accept(socket);
    });
  }

  static async start(respond: Respond): Promise<HostileServer> {
    const server = new HostileServer(respond);
    server.#server.listen(0, '127.0.0.1');
    await once(server.#server, 'listening');
    return server;
  }

  get access(): ClusterAccess {
    const { port } = this.#server.address() as AddressInfo;
    return {
      server: `http://127.0.0.1:${String(port)}`,
      namespace: 'default',
      source: 'a test',
      tls: {},
      authorization: () => undefined,
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
    await once(this.#server, 'close');
  }

  #accept(socket: Socket): void {
    this.#sockets.add(socket);
    socket.on('close', () => this.#sockets.delete(socket));
    socket.on('error', () => undefined);
    let arrived = '';
    socket.setEncoding('latin1');
    socket.on('data', (text: string) => {
      arrived += text;
      for (let request = take(); request; request = take()) this.respond(request, socket);
    });
    const take = (): HostileRequest | undefined => {
      const end = arrived.indexOf('\r\n\r\n');
      if (end < 0) return undefined;
      const head = arrived.slice(0, end);
      const length = Number(/content-length: (\d+)/i.exec(head)?.[1] ?? 0);
      if (arrived.length < end + 4 + length) return undefined;
      const body = arrived.slice(end + 4, end + 4 + length);
      arrived = arrived.slice(end + 4 + length);
      const [method = '', path = ''] = head.split(' ', 2);
      return { method, path, body };
    };
  }
}

/** A whole answer, in order. */
export function answer(status: number, body: string | Buffer, headers: string[] = []): Buffer {
  const bytes = Buffer.from(body);
  const head = [
    `HTTP/1.1 ${String(status)} Whatever`,
    'Content-Type: application/json',
    `Content-Length: ${String(bytes.length)}`,
    ...headers,
  ];
  return Buffer.concat([Buffer.from(`${head.join('\r\n')}\r\n\r\n`), bytes]);
}

/** The beginning of an answer whose body comes in chunks. */
export const CHUNKED = 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n';

export function chunk(bytes: string | Buffer): Buffer {
  const body = Buffer.from(bytes);
  return Buffer.concat([Buffer.from(`${body.length.toString(16)}\r\n`), body, Buffer.from('\r\n')]);
}
