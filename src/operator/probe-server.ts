import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { plainHttp } from '../kube/connection.ts';

export interface Probes {
  /** Whether all was read once: until then the operator knows nothing. */
  readonly isReady: () => boolean;
  readonly metrics: () => Promise<string>;
  readonly metricsType: string;
}

/** `/healthz`, `/readyz` and `/metrics`, over HTTP, for the kubelet and Prometheus. */
export class ProbeServer {
  readonly port: number;
  readonly #server: Server;

  private constructor(server: Server) {
    this.#server = server;
    this.port = (server.address() as AddressInfo).port;
  }

  /** @param port - any free one if 0 */
  static async start(probes: Probes, port: number): Promise<ProbeServer> {
    const server = plainHttp().createServer((request, response) => {
      const end = (status: number, type: string, body: string): void => {
        response.writeHead(status, { 'content-type': type }).end(body);
      };
      const path = (request.url ?? '').split('?')[0];
      if (path === '/healthz') end(200, 'text/plain', 'ok\n');
      else if (path === '/readyz') {
        const isReady = probes.isReady();
        end(isReady ? 200 : 503, 'text/plain', isReady ? 'ok\n' : 'not synced yet\n');
      } else if (path === '/metrics') {
        probes.metrics().then(
          (text) => end(200, probes.metricsType, text),
          (error: unknown) => end(500, 'text/plain', `${String(error)}\n`),
        );
      } else end(404, 'text/plain', 'see /healthz, /readyz and /metrics\n');
    });
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(port, resolve);
    });
    return new ProbeServer(server);
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}
