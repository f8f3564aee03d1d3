import { createServer } from 'node:net';
import { randomInt } from 'node:crypto';

// Below the range from which kernels take the ports of outgoing connections (Linux: 32768 and up):
// a port that is free now then stays free while the API server is down for a restart.
const firstPort = 20_000;
const lastPort = 30_000;

/** A port of the loopback interface on which nothing listens. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = randomInt(firstPort, lastPort);
    if (await isFree(port)) {
      return port;
    }
  }
}

async function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => {
      resolve(false);
    });
    server.listen(port, '127.0.0.1', () => {
      server.close(() => {
        resolve(true);
      });
    });
  });
}
