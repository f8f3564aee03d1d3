import {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  connect,
  type IncomingHttpHeaders,
} from 'node:http2';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { type Endpoint, lineSplitter, type Transport } from './transport.ts';

interface Connection {
  readonly session: ClientHttp2Session;
  streams: number;
}

/** HTTP/2: all over one connection, and over another one only when the server's limit is reached. */
export function http2(endpoint: Endpoint): Transport {
  const connections: Connection[] = [];

  // Picks take turns: of a hundred requests at once the first connects, the others share with it.
  let lastPick: Promise<unknown> = Promise.resolve();

  async function pickConnection(): Promise<Connection> {
    const pick = lastPick.then(reserveStream);
    lastPick = pick;
    return pick;
  }

  async function reserveStream(): Promise<Connection> {
    let connection = connections.find(hasRoom);
    if (connection === undefined) {
      const session = connect(endpoint.url, { ca: endpoint.ca });
      session.on('error', () => undefined);
      connection = { session, streams: 0 };
      await once(session, 'remoteSettings');
      connections.push(connection);
    }
    connection.streams += 1;
    return connection;
  }

  async function send(
    method: string,
    path: string,
    body?: string,
  ): Promise<[ClientHttp2Stream, IncomingHttpHeaders]> {
    const connection = await pickConnection();
    const stream = connection.session.request({
      ':method': method,
      ':path': path,
      authorization: `Bearer ${endpoint.token}`,
      accept: 'application/json',
      ...(body !== undefined && { 'content-type': 'application/json' }),
    });
    stream.once('close', () => {
      connection.streams -= 1;
    });
    stream.end(body);
    const [headers] = (await once(stream, 'response')) as [IncomingHttpHeaders];
    return [stream, headers];
  }

  return {
    async put(path, body) {
      const [stream, headers] = await send('PUT', path, body);
      const answer = await text(stream);
      if (headers[':status'] !== (200 as unknown)) {
        throw new Error(`PUT: ${String(headers[':status'])} ${answer}`);
      }
      return answer;
    },
    async watch(path, onLine) {
      const [stream] = await send('GET', path);
      stream.setEncoding('utf8').on('data', lineSplitter(onLine));
      // Closing at the end of a measurement breaks the watches on purpose.
      stream.on('error', () => undefined);
    },
    connections: () => connections.length,
    maxConcurrentStreams: () => connections[0]?.session.remoteSettings.maxConcurrentStreams,
    close: () => {
      for (const { session } of connections) {
        session.destroy();
      }
    },
  };
}

function hasRoom({ session, streams }: Connection): boolean {
  return streams < (session.remoteSettings.maxConcurrentStreams ?? Infinity);
}
