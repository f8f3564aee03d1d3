import type * as http2 from 'node:http2';
import type { ClientHttp2Session, ClientHttp2Stream } from 'node:http2';
import { isIP } from 'node:net';
import { connect } from 'node:tls';
import type { ConnectionOptions, TLSSocket } from 'node:tls';
import type { Clock } from '../core/clock.ts';
import type { ClusterAccess } from './connection.ts';
import type { RequestHeaders } from './endpoint.ts';

/** A connection that has not answered for so long is dead. */
const PING_EVERY_MS = 15_000;
const CONNECT_DEADLINE_MS = 10_000;
/** Said by servers that know of protocols, but not of HTTP/2. */
const NO_COMMON_PROTOCOL = 'ERR_SSL_TLSV1_ALERT_NO_APPLICATION_PROTOCOL';

interface Connection {
  readonly session: ClientHttp2Session;
  /** Until the server has told how many it takes, nobody may open one. */
  isReady: boolean;
  streams: number;
}

/** Not imported: whoever opens few watches does without it. */
const loadHttp2 = (): typeof http2 => process.getBuiltinModule('node:http2');

/**
 * HTTP/2 connections to one API server, each of which carries as many streams as the server allows.
 */
export class SharedConnections {
  readonly #access: ClusterAccess;
  readonly #clock: Clock;
  readonly #connections = new Set<Connection>();
  #connecting: Promise<Connection | undefined> | undefined;
  #supported: boolean;

  constructor(access: ClusterAccess, clock: Clock) {
    this.#access = access;
    this.#clock = clock;
    // An agent leads through a proxy, and speaks HTTP/1.1 only.
    this.#supported = access.server.startsWith('https:') && !access.agent;
  }

  /**
   * Begins a GET, which may still fail. An Error when there is no connection; undefined when the
   * server, or a proxy on the way, does not speak HTTP/2.
   */
  async get(path: string, headers: RequestHeaders): Promise<ClientHttp2Stream | Error | undefined> {
    const connection = await this.#reserve();
    if (!connection) {
      return this.#supported ? new Error('the API server cannot be reached') : undefined;
    }
    try {
      const stream = connection.session.request(
        { ':method': 'GET', ':path': path, ...headers },
        { endStream: true },
      );
      stream.once('close', () => {
        connection.streams -= 1;
      });
      return stream;
    } catch (error) {
      // It was closed just now.
      connection.streams -= 1;
      return error instanceof Error ? error : new Error(String(error));
    }
  }

  close(): void {
    this.#supported = false;
    for (const { session } of this.#connections) session.destroy();
  }

  /** A place on a connection, taken at once: of a thousand that come together each sees the others. */
  async #reserve(): Promise<Connection | undefined> {
    for (;;) {
      if (!this.#supported) return undefined;
      for (const connection of this.#connections) {
        if (!hasRoom(connection)) continue;
        connection.streams += 1;
        return connection;
      }
      this.#connecting ??= this.#connect().finally(() => {
        this.#connecting = undefined;
      });
      if (!(await this.#connecting)) return undefined;
    }
  }

  async #connect(): Promise<Connection | undefined> {
    const socket = await this.#handshake();
    if (!socket || !this.#supported) {
      socket?.destroy();
      return undefined;
    }
    const session = loadHttp2().connect(this.#access.server, { createConnection: () => socket });
    // Each of its streams tells.
    session.on('error', () => undefined);
    const connection: Connection = { session, isReady: false, streams: 0 };
    this.#connections.add(connection);
    session.once('close', () => this.#connections.delete(connection));
    this.#keepAlive(connection);
    const isReady = await new Promise<boolean>((resolve) => {
      session.once('remoteSettings', () => {
        resolve(true);
      });
      session.once('close', () => {
        resolve(false);
      });
    });
    connection.isReady = isReady;
    return isReady ? connection : undefined;
  }

  #handshake(): Promise<TLSSocket | undefined> {
    const { hostname, port } = new URL(this.#access.server);
    const host = hostname.replace(/^\[|\]$/g, '');
    return new Promise((resolve) => {
      const socket = connect({
        host,
        port: Number(port || 443),
        ...(isIP(host) === 0 ? { servername: host } : {}),
        ...(this.#access.tls as ConnectionOptions),
        ALPNProtocols: ['h2'],
      });
      const settle = (result: TLSSocket | undefined): void => {
        cancel();
        resolve(result);
      };
      const cancel = this.#clock.schedule(CONNECT_DEADLINE_MS, () => {
        socket.destroy();
        settle(undefined);
      });
      socket.on('error', (error: NodeJS.ErrnoException) => {
        if (error.code === NO_COMMON_PROTOCOL) this.#supported = false;
        settle(undefined);
      });
      socket.once('secureConnect', () => {
        if (socket.alpnProtocol === 'h2') {
          settle(socket);
          return;
        }
        this.#supported = false;
        socket.destroy();
        settle(undefined);
      });
    });
  }

  /** Ends the connection when it no longer answers, and when nobody needs it. */
  #keepAlive(connection: Connection): void {
    const { session } = connection;
    let isAnswered = true;
    const beat = (): void => {
      if (session.destroyed) return;
      if (connection.streams === 0) {
        session.close();
      } else if (!isAnswered) {
        session.destroy(new Error('the connection is dead: it did not answer a ping'));
      } else {
        isAnswered = false;
        session.ping(() => {
          isAnswered = true;
        });
        cancel = this.#clock.schedule(PING_EVERY_MS, beat);
      }
    };
    let cancel = this.#clock.schedule(PING_EVERY_MS, beat);
    session.once('close', () => {
      cancel();
    });
  }
}

function hasRoom({ session, isReady, streams }: Connection): boolean {
  if (!isReady || session.closed || session.destroyed) return false;
  return streams < (session.remoteSettings.maxConcurrentStreams ?? Number.POSITIVE_INFINITY);
}
