import type { IncomingMessage } from 'node:http';
import { Agent, request } from 'node:https';
import { text } from 'node:stream/consumers';
import { type Endpoint, lineSplitter, type Transport } from './transport.ts';

/** HTTP/1.1 with keep-alive: one connection per request in flight, so one per watch. */
export function http1(endpoint: Endpoint): Transport {
  const agent = new Agent({ ca: endpoint.ca, keepAlive: true });
  const send = async (method: string, path: string, body?: string): Promise<IncomingMessage> =>
    new Promise((resolve, reject) => {
      request(`${endpoint.url}${path}`, {
        method,
        agent,
        headers: {
          authorization: `Bearer ${endpoint.token}`,
          accept: 'application/json',
          ...(body !== undefined && {
            'content-type': 'application/json',
            'content-length': Buffer.byteLength(body),
          }),
        },
      })
        .on('response', resolve)
        .on('error', reject)
        .end(body);
    });
  return {
    async put(path, body) {
      const response = await send('PUT', path, body);
      const answer = await text(response);
      if (response.statusCode !== 200) {
        throw new Error(`PUT: ${String(response.statusCode)} ${answer}`);
      }
      return answer;
    },
    async watch(path, onLine) {
      const response = await send('GET', path);
      response.setEncoding('utf8').on('data', lineSplitter(onLine));
      // Closing at the end of a measurement breaks the watches on purpose.
      response.on('error', () => undefined);
    },
    connections: () => countSockets(agent.sockets) + countSockets(agent.freeSockets),
    maxConcurrentStreams: () => undefined,
    close: () => {
      agent.destroy();
    },
  };
}

function countSockets(sockets: NodeJS.ReadOnlyDict<unknown[]>): number {
  return Object.values(sockets).reduce((sum, list) => sum + (list?.length ?? 0), 0);
}
